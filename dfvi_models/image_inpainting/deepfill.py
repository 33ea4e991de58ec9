"""DeepFill v1 as an ImageInpainter: fills the hole of single frames, whatever their size."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.dfc_inputs import Size, resize_hole
from dfvi_models.networks.deepfill_net import MULTIPLE
from dfvi_models.networks.runtime import Runtime, choose_device
from dfvi_models.numerics.clip_checks import check_planes, wanted_numbers
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.protocols import Frames, Holes
from dfvi_models.weights.loading import load_networks

GREY_LEVELS = 127.5  # half of the range: 0 .. 255 <-> -1 .. 1


def picture_to_tensor(frame: NDArray[np.uint8], size: Size | None = None) -> Tensor:
    """The network's door: (H, W, 3) uint8 RGB -> (1, 3, h, w) float32 BGR in [-1, 1], bilinear to `size` if given."""
    picture = frame[..., ::-1].astype(np.float32) / np.float32(GREY_LEVELS) - 1
    if size is not None and size != frame.shape[:2]:
        picture = np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR))
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]


def hole_to_tensor(hole: NDArray[np.bool_], size: Size | None = None, *, nearest: bool = False) -> Tensor:
    """(H, W) bool -> (1, 1, h, w) float32, 1 = hole.

    nearest : True samples single pixels of another size, as the reference does; False marks every pixel the hole
              touches, so that no known pixel is mixed with what stands in the hole.
    """
    fitted = hole if size is None else resize_hole(hole, size, nearest=nearest)
    return torch.from_numpy(np.ascontiguousarray(fitted, np.float32))[None, None]


def tensor_to_grey_levels(picture: Tensor, size: Size) -> NDArray[np.float32]:
    """(1, 3, h, w) BGR in [-1, 1] -> (H, W, 3) float32 RGB, 0..255, not rounded; bilinear where sizes differ."""
    levels = np.ascontiguousarray(picture[0].cpu().numpy().transpose(1, 2, 0)[..., ::-1])
    if levels.shape[:2] != size:
        levels = np.asarray(cv2.resize(levels, size[::-1], interpolation=cv2.INTER_LINEAR))
    return np.asarray((levels + 1) * np.float32(GREY_LEVELS), np.float32)


def pad_to_multiple(tensor: Tensor, multiple: int = MULTIPLE) -> Tensor:
    """Repeat the last row and column until both sides are multiples; a hole at the edge goes on outside."""
    height, width = tensor.shape[-2:]
    return F.pad(tensor, (0, -width % multiple, 0, -height % multiple), mode="replicate")


class DeepFillInpainter:
    """Fills key frames by DeepFill v1.

    network      : a `DeepFill` with weights loaded; `DeepFillInpainter.from_weights` reads them from a file.
    working_size : (h, w) for the network, as the paper's `img_shape`; None: the frames' own. Padded to multiples of 8.
    """

    def __init__(self, network: nn.Module, *, working_size: Size | None = None, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or Runtime()
        self.network = self.runtime.place(network)
        self.device = choose_device(self.runtime.device)
        self.working_size = working_size

    @classmethod
    def from_weights(
        cls,
        paths: Sequence[Path],
        *,
        names: Sequence[str] = ("deepfill",),
        working_size: Size | None = None,
        runtime: Runtime | None = None,
    ) -> "DeepFillInpainter":
        """Build the network called `names[0]` with the weights stored at `paths[0]` (see `weights.find_weights`)."""
        (network,) = load_networks(names, paths)
        return cls(network, working_size=working_size, runtime=runtime)

    def inpaint(
        self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """See `ImageInpainter`. Frames ahead are read on `threads` threads meanwhile."""
        check_planes(len(frames), holes, "holes")

        def read(t: int) -> tuple[int, NDArray[np.uint8], NDArray[np.bool_]]:
            return t, frames[t], holes[t]

        for t, frame, hole in ordered_map(read, wanted_numbers(wanted, len(frames), "frames"), threads):
            yield t, self.fill(frame, hole)

    def fill(self, frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """One frame with its hole filled: (H, W, 3) uint8 RGB, a copy."""
        _check(frame, hole)
        filled = frame.copy()
        if hole.any():
            levels = self._run(frame, hole)
            filled[hole] = np.clip(np.rint(levels[hole]), 0, 255).astype(np.uint8)
        return filled

    def _run(self, frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        picture = picture_to_tensor(frame, self.working_size).to(self.device)
        region = hole_to_tensor(hole, self.working_size).to(self.device)
        height, width = picture.shape[-2:]
        with torch.inference_mode(), self.runtime.autocast():
            _, refined = self.network(pad_to_multiple(picture), pad_to_multiple(region))
        refined = refined[..., :height, :width] * region + picture * (1 - region)
        return tensor_to_grey_levels(refined, (frame.shape[0], frame.shape[1]))


def _check(frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> None:
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ShapeError(f"a frame must be (H, W, 3) uint8 RGB; got {frame.shape} {frame.dtype}")
    if hole.shape != frame.shape[:2] or hole.dtype != np.bool_:
        raise ShapeError(
            f"the hole of a {frame.shape[:2]} frame must be bool of that size; got {hole.shape} {hole.dtype}"
        )
