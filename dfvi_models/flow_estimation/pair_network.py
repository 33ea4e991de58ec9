"""Optical flow of a whole clip by a network for single pairs, in batches, both directions and any frame size."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.networks.runtime import Runtime, choose_device, run_in_batches
from dfvi_models.numerics.clip_checks import wanted_numbers
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.protocols import Frames, Holes
from dfvi_models.types import FlowPair
from dfvi_models.weights.loading import load_networks

PairFlow = Callable[[Tensor, Tensor], Tensor]


def frame_to_tensor(frame: NDArray[np.uint8], working_size: tuple[int, int] | None = None) -> Tensor:
    """Return a frame as a tensor: (H, W, 3) uint8 RGB -> (3, h, w) uint8, which is made float32 on the device.

    working_size : (h, w) to resize to, bilinear on uint8 as the reference does; None keeps the size.
    Raises       : ShapeError for anything but (H, W, 3) uint8.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ShapeError(f"a frame must be (H, W, 3) uint8 RGB; got {frame.shape} {frame.dtype}")
    if working_size is not None and working_size != frame.shape[:2]:
        frame = np.asarray(cv2.resize(frame, working_size[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)))


def flow_of_any_size(
    network: PairFlow, frame_a: Tensor, frame_b: Tensor, *, multiple: int, smallest: int = 1
) -> Tensor:
    """Return the flow a -> b of frames of any size: padded for the network by their last row and column, then cut.

    frame_a, frame_b : (B, 3, H, W).
    multiple         : what height and width must be multiples of, inside the network.
    smallest         : the least height and width the network takes.
    Returns          : (B, 2, H, W), pixels. Padding at the right and bottom only, so positions keep their numbers.
    """
    height, width = frame_a.shape[-2:]
    padding = (0, _missing(width, multiple, smallest), 0, _missing(height, multiple, smallest))
    if any(padding):
        frame_a, frame_b = (F.pad(frame, padding, mode="replicate") for frame in (frame_a, frame_b))
    return network(frame_a, frame_b)[..., :height, :width]


def _missing(length: int, multiple: int, smallest: int) -> int:
    """Return the pixels to add so that a length is at least `smallest` and a multiple of `multiple`."""
    target = max(length, smallest)
    return -(-target // multiple) * multiple - length


class LearnedEstimator:
    """Estimates flow by a network for single pairs. A subclass says what its network needs.

    network      : (frames a, frames b), both (B, 3, h, w) float32 RGB 0..255 -> flow a -> b (B, 2, h, w), pixels.
    working_size : (h, w) the frames are resized to for the network; None: their own size. Flow comes out on that grid,
                   in its pixels.
    """

    multiple = 1
    """What h and w must be multiples of, inside the network; other sizes are padded."""
    smallest = 1
    """The least h and w."""
    bytes_per_pixel = 1
    """Device memory of one pair and direction beyond the weights, for the batch size."""

    def __init__(
        self, network: nn.Module, *, working_size: tuple[int, int] | None = None, runtime: Runtime | None = None
    ) -> None:
        self.runtime = runtime or Runtime()
        self.network = self.runtime.place(network)
        self.device = choose_device(self.runtime.device)
        self.working_size = working_size

    @classmethod
    def from_weights(
        cls,
        paths: Sequence[Path],
        *,
        names: Sequence[str],
        working_size: tuple[int, int] | None = None,
        runtime: Runtime | None = None,
    ) -> Self:
        """Build the network called `names[0]` with the weights stored at `paths[0]` (see `weights.find_weights`)."""
        (network,) = load_networks(names, paths)
        return cls(network, working_size=working_size, runtime=runtime)

    def estimate(
        self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[tuple[int, FlowPair]]:
        """Estimate the flow of the wanted pairs, in ascending order; arguments and errors as in `FlowEstimator`.

        As in the paper, the holes are not read: the next stage discards the flow in them.

        Whole batches at fixed places are computed, so that the bits of a result do not depend on what else is wanted.
        The next frames are read and resized on `threads` threads meanwhile.
        """
        del holes
        numbers_wanted = wanted_numbers(wanted, len(frames) - 1, "pairs")
        if not numbers_wanted:
            return
        size = frames[0].shape[:2]
        batch = self._pairs_per_batch(size)
        starts = sorted({t // batch * batch for t in numbers_wanted})
        batches = [range(start, min(start + batch, len(frames) - 1) + 1) for start in starts]
        loaded = ordered_map(lambda t: self._load(frames, t, size), chain.from_iterable(batches), threads)
        for numbers in batches:
            tensors = torch.stack(list(islice(loaded, len(numbers))))
            for t, pair in zip(numbers[:-1], self._estimate_batch(tensors, batch), strict=True):
                if t in numbers_wanted:
                    yield t, pair

    def _pairs_per_batch(self, size: tuple[int, int]) -> int:
        height, width = (n + _missing(n, self.multiple, self.smallest) for n in self.working_size or size)
        return self.runtime.batch_size(2 * height * width * self.bytes_per_pixel)

    def _load(self, frames: Frames, t: int, size: tuple[int, int]) -> Tensor:
        frame = frames[t]
        if frame.shape[:2] != size:
            raise ShapeError(f"frame {t} is {frame.shape[:2]}, frame 0 is {size}; all frames must have one size")
        return frame_to_tensor(frame, self.working_size)

    def _estimate_batch(self, tensors: Tensor, batch: int) -> Iterator[FlowPair]:
        """Yield the n flow pairs of n + 1 frames; forward and backward run in one batch."""
        tensors = tensors.to(self.device).float()
        first, second = tensors[:-1], tensors[1:]
        with torch.inference_mode(), self.runtime.autocast():
            flow = run_in_batches(self._flow, (torch.cat((first, second)), torch.cat((second, first))), 2 * batch)
        arrays = flow.permute(0, 2, 3, 1).contiguous().float().cpu().numpy()
        for fw, bw in zip(*np.split(arrays, 2), strict=True):
            yield FlowPair(fw=fw, bw=bw)

    def _flow(self, frame_a: Tensor, frame_b: Tensor) -> Tensor:
        return flow_of_any_size(self.network, frame_a, frame_b, multiple=self.multiple, smallest=self.smallest)
