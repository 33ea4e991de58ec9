"""Perceptual metrics: LPIPS compares two images, VFID two sets of videos.

LPIPS as published: Zhang et al., arXiv:1801.03924, version 0.1, net `alex`. VFID as E2FGVI and ProPainter compute it:
I3D on images in [0, 1] at their own size, the whole clip at once, what its classifier would see averaged over place
and time. Both need published weights (`weights.catalogue.NETWORKS`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.networks.runtime import Runtime, choose_device
from dfvi_models.protocols import Frames
from dfvi_models.weights.loading import load_networks

SMALLEST = 31  # pixels of a side; AlexNet pools away less
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of R, G and B in [-1, 1]
TINY = 1e-10

FEATURES = 1024  # numbers I3D makes of a video
SHORTEST = 2  # frames of one


class Lpips:
    """Measures how different two images look, by LPIPS.

    alexnet, lpips : networks with their weights loaded; `from_weights` reads them from files.
    """

    def __init__(self, alexnet: nn.Module, lpips: nn.Module, *, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or Runtime()
        self.device = choose_device(self.runtime.device)
        self.features = self.runtime.place(alexnet.get_submodule("features"))
        self.lpips = self.runtime.place(lpips)

    @classmethod
    def from_weights(
        cls, paths: Sequence[Path], *, names: Sequence[str] = ("alexnet", "lpips"), runtime: Runtime | None = None
    ) -> "Lpips":
        """Build both networks with the weights stored at `paths` (see `weights.find_weights`)."""
        alexnet, lpips = load_networks(names, paths)
        return cls(alexnet, lpips, runtime=runtime)

    def distance(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
        """Return the LPIPS of two images; 0: they look the same.

        first, second : (H, W, 3) uint8 RGB.
        Raises        : ShapeError if they differ in size, or a side is under SMALLEST pixels.
        """
        if first.shape != second.shape or first.ndim != 3 or min(first.shape[:2]) < SMALLEST:
            raise ShapeError(
                f"LPIPS compares images (H, W, 3) of one size, at least {SMALLEST} pixels each way; "
                f"got {first.shape} and {second.shape}"
            )
        with torch.inference_mode(), self.runtime.autocast():
            pairs = zip(self._unit_features(first), self._unit_features(second), self.lpips.children(), strict=True)
            return float(sum(weigh((a - b) ** 2).mean() for a, b, weigh in pairs))

    def _unit_features(self, image: NDArray[np.uint8]) -> list[Tensor]:
        """Return the features behind each of AlexNet's five ReLUs, as vectors of length 1."""
        shift, scale = (torch.tensor(numbers, device=self.device) for numbers in (SHIFT, SCALE))
        inputs = torch.from_numpy(np.ascontiguousarray(image)).to(self.device).float() / 127.5 - 1
        x, found = ((inputs - shift) / scale).permute(2, 0, 1)[None], []
        for layer in self.features.children():
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                found.append(x / (x.norm(dim=1, keepdim=True) + TINY))
        return found


class VideoFeatures:
    """Encodes videos as feature vectors, by I3D.

    network : an `I3d` with its weights loaded; `from_weights` reads them from a file.
    """

    def __init__(self, network: nn.Module, *, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or Runtime()
        self.device = choose_device(self.runtime.device)
        self.network = self.runtime.place(network)

    @classmethod
    def from_weights(
        cls, paths: Sequence[Path], *, names: Sequence[str] = ("i3d",), runtime: Runtime | None = None
    ) -> "VideoFeatures":
        """Build the network with the weights stored at `paths` (see `weights.find_weights`)."""
        (network,) = load_networks(names, paths)
        return cls(network, runtime=runtime)

    def describe(self, frames: Frames) -> NDArray[np.float32]:
        """Return the features (FEATURES,) float32 of a whole clip, which the memory has to hold.

        frames : T of (H, W, 3) uint8 RGB.
        Raises : ShapeError for a clip of fewer than SHORTEST frames: it has no motion.
        """
        if len(frames) < SHORTEST:
            raise ShapeError(f"a clip needs at least {SHORTEST} frames to be described; got {len(frames)}")
        video = np.stack([np.asarray(frames[t]) for t in range(len(frames))])
        inputs = torch.from_numpy(video).to(self.device).permute(3, 0, 1, 2)[None].float() / 255
        with torch.inference_mode(), self.runtime.autocast():
            features: NDArray[np.float32] = self.network(inputs)[0].float().cpu().numpy()
        return features


def frechet_distance(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the Fréchet distance of two sets of features taken as normal distributions; of `VideoFeatures`: VFID.

    first, second : (N, D), a row for each video.
    Returns       : nan for N < 2, where there is no covariance.
    Raises        : ShapeError if their shapes differ.
    Source        : |m1 - m2|² + Tr(S1 + S2 - 2 (S1 S2)^½), Heusel et al., arXiv:1706.08500. The trace of the root is
                    the sum of the singular values of the N x N matrix of products of both sets, exactly.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ShapeError(f"two sets (N, D) of as many features are compared; got {first.shape} and {second.shape}")
    count = len(first)
    if count < 2:
        return float("nan")
    sets = [np.asarray(rows, np.float64) for rows in (first, second)]
    means = [rows.mean(axis=0) for rows in sets]
    centred = [rows - mean for rows, mean in zip(sets, means, strict=True)]
    spread = sum((rows**2).sum() for rows in centred)
    common = np.linalg.norm(centred[0] @ centred[1].T, "nuc")
    return float(((means[0] - means[1]) ** 2).sum() + (spread - 2 * common) / (count - 1))
