"""Image inpainting by DeepFill v1: fills the hole of single frames of any size, as the paper fills key frames.

Source: Yu et al., arXiv:1801.07892; the network is `networks.deepfill_net`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.flow_completion.dfc_inputs import Size
from dfvi_models.networks.deepfill_net import MULTIPLE
from dfvi_models.networks.runtime import Runtime, choose_device
from dfvi_models.numerics.clip_checks import check_frame, check_planes, wanted_numbers
from dfvi_models.numerics.holes import resize_hole_for_bilinear, resize_hole_nearest
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.protocols import Frames, Holes
from dfvi_models.weights.loading import load_networks

GREY_LEVELS = 127.5  # half of the range: 0 .. 255 <-> -1 .. 1


def image_to_tensor(frame: NDArray[np.uint8], size: Size | None = None) -> Tensor:
    """Return a frame as the network takes it: (H, W, 3) uint8 RGB -> (1, 3, h, w) float32 BGR in [-1, 1].

    size : (h, w) to resize to, bilinear; None keeps the size.
    """
    image = frame[..., ::-1].astype(np.float32) / np.float32(GREY_LEVELS) - 1
    if size is not None and size != frame.shape[:2]:
        image = np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR))
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def hole_to_tensor(hole: NDArray[np.bool_], size: Size | None = None, *, nearest: bool = False) -> Tensor:
    """Return a hole as the network takes it: (H, W) bool -> (1, 1, h, w) float32, 1 = hole.

    nearest : where sizes differ, True samples single pixels, as the reference does; False marks every pixel the hole
              touches, so that no known pixel is mixed with what stands in the hole.
    """
    resize = resize_hole_nearest if nearest else resize_hole_for_bilinear
    fitted = hole if size is None else resize(hole, *size)
    return torch.from_numpy(np.ascontiguousarray(fitted, np.float32))[None, None]


def tensor_to_grey_levels(image: Tensor, size: Size) -> NDArray[np.float32]:
    """Return an image of the network in grey levels: (1, 3, h, w) BGR in [-1, 1] -> (H, W, 3) float32 RGB.

    size    : (H, W), bilinear where it differs.
    Returns : 0..255, not rounded.
    """
    levels = np.ascontiguousarray(image[0].cpu().numpy().transpose(1, 2, 0)[..., ::-1])
    if levels.shape[:2] != size:
        levels = np.asarray(cv2.resize(levels, size[::-1], interpolation=cv2.INTER_LINEAR))
    return np.asarray((levels + 1) * np.float32(GREY_LEVELS), np.float32)


def pad_to_multiple(tensor: Tensor, multiple: int = MULTIPLE) -> Tensor:
    """Repeat the last row and column until both sides are multiples; a hole at the edge goes on outside."""
    height, width = tensor.shape[-2:]
    return F.pad(tensor, (0, -width % multiple, 0, -height % multiple), mode="replicate")


class DeepFillInpainter:
    """Fills single frames, meant for key frames, by DeepFill v1.

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
        """Fill the wanted frames, in ascending order; arguments and errors as in `ImageInpainter`.

        Frames ahead are read on `threads` threads meanwhile.
        """
        check_planes(len(frames), holes, "holes")

        def read(t: int) -> tuple[int, NDArray[np.uint8], NDArray[np.bool_]]:
            return t, frames[t], holes[t]

        for t, frame, hole in ordered_map(read, wanted_numbers(wanted, len(frames), "frames"), threads):
            yield t, self.fill(frame, hole)

    def fill(self, frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return a frame (H, W, 3) uint8 RGB with its hole filled, a copy."""
        check_frame(frame, hole)
        filled = frame.copy()
        if hole.any():
            levels = self._run(frame, hole)
            filled[hole] = np.clip(np.rint(levels[hole]), 0, 255).astype(np.uint8)
        return filled

    def _run(self, frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        image = image_to_tensor(frame, self.working_size).to(self.device)
        region = hole_to_tensor(hole, self.working_size).to(self.device)
        height, width = image.shape[-2:]
        with torch.inference_mode(), self.runtime.autocast():
            _, refined = self.network(pad_to_multiple(image), pad_to_multiple(region))
        refined = refined[..., :height, :width] * region + image * (1 - region)
        return tensor_to_grey_levels(refined, (frame.shape[0], frame.shape[1]))
