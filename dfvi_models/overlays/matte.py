"""How far what was laid over a picture stands out from it, rebuilt from the edges that stay."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError

SHARES = np.arange(0.12, 0.5, 0.04)
"""Of the matte's own height at which its outline is looked for."""

FAINTEST = 3.0  # grey levels that a logo must stand out


def standing_out(mean: NDArray[np.float32], still: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return by how many grey levels each pixel stands out from what surrounds the still edges.

    mean    : (h, w, 3) float32, the mean of many frames, in which what moves is blurred.
    still   : (h, w) bool, where the picture's edges stay; elsewhere none count.
    Returns : (h, w) float32, of the channel that stands out most.
    Raises  : ShapeError if the two do not fit.
    Source  : Dekel et al., "On the Effectiveness of Visible Watermarks" (CVPR 2017): a watermark is rebuilt by
              Poisson's equation from the gradients that all images share. Solved by the discrete cosine transform.
    """
    if mean.shape != (*still.shape, 3):
        raise ShapeError(f"mean must be {(*still.shape, 3)}, as still is {still.shape}; got {mean.shape}")
    height, width = still.shape
    even = np.pad(mean, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")  # OpenCV's transform wants even sides
    counts = np.pad(still, ((0, height % 2), (0, width % 2)), mode="edge")
    surfaces = [_integrated(channel, counts) for channel in np.moveaxis(even, -1, 0)]
    away = ~cv2.dilate(counts.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    border = np.zeros_like(counts)
    border[[0, -1]] = border[:, [0, -1]] = True
    beyond = border & away if (border & away).any() else border
    heights = [np.abs(surface - np.median(surface[beyond])) for surface in surfaces]
    return np.asarray(np.max(heights, axis=0)[:height, :width], np.float32)


def _integrated(channel: NDArray[np.float32], counts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The surface whose gradients are nearest to those of a channel where they count, and to 0 elsewhere."""
    across = np.diff(channel, axis=1) * (counts[:, :-1] | counts[:, 1:])
    down = np.diff(channel, axis=0) * (counts[:-1] | counts[1:])
    source = np.zeros(channel.shape, np.float64)
    source[:, :-1] += across
    source[:, 1:] -= across
    source[:-1] += down
    source[1:] -= down
    height, width = channel.shape
    rows = 2 * np.cos(np.pi * np.arange(height) / height) - 2
    columns = 2 * np.cos(np.pi * np.arange(width) / width) - 2
    scale = rows[:, None] + columns
    scale[0, 0] = 1  # the surface is known but for a constant
    return np.asarray(cv2.idct(cv2.dct(source) / scale), np.float64)


def outlined(matte: NDArray[np.float32], amplitude: NDArray[np.float32], still: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what a matte marks: above the share of its height at which its outline runs along the strongest edges.

    matte     : (h, w) float32, as standing_out makes it.
    amplitude : (h, w) float32, strength of the edges that stay.
    still     : (h, w) bool, where they are.
    Returns   : (h, w) bool.
    """
    height = float(np.quantile(matte[still], 0.9)) if still.any() else 0.0
    if height < FAINTEST:
        return np.zeros_like(still)
    marked = [np.asarray(matte > max(share * height, FAINTEST), np.bool_) for share in SHARES]
    return marked[int(np.argmax([_edge_along(one, amplitude) for one in marked]))]


def _edge_along(marked: NDArray[np.bool_], amplitude: NDArray[np.float32]) -> float:
    ring = cv2.morphologyEx(marked.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)).view(np.bool_)
    return float(amplitude[ring].mean()) if ring.any() else 0.0
