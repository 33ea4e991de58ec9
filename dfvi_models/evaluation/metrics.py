"""Scores of one frame or one flow map against the truth: PSNR, SSIM, end-point error, warping error."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.bilinear import sample_bilinear

PEAK = 255.0  # largest value of a uint8 frame
SSIM_WINDOW = 65  # pixels, a box; the convention of E2FGVI, ProPainter and others, far wider than the usual 7 or 11
HOLE_SSIM_WINDOW = 11  # pixels; holes are too small for SSIM_WINDOW to see them alone
BOUNDARY = 1.0  # pixels: flow that changes by more within 5 pixels is at a motion boundary
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
GRADIENT_CONSTANT = 170 / 9  # Xue's, for Prewitt's operator divided by 3; Sobel's by 4 here
SSIM_K1, SSIM_K2 = 0.01, 0.03


def psnr(frame: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio of a whole frame in dB; inf if the frames are equal.

    frame, truth : (H, W, 3) uint8.
    Source       : E2FGVI's and ProPainter's evaluation: one mean squared error over all pixels and channels.
    """
    _check_frames(frame, truth)
    return _decibels(_squared_difference(frame, truth).mean())


def psnr_in_hole(frame: NDArray[np.uint8], truth: NDArray[np.uint8], hole: NDArray[np.bool_]) -> float:
    """Return the ratio as `psnr`, over the pixels of `hole` (H, W) alone; nan if it is empty."""
    _check_frames(frame, truth, hole)
    return _decibels(_squared_difference(frame[hole], truth[hole]).mean()) if hole.any() else float("nan")


def ssim(frame: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Return the structural similarity of a whole frame, -1 to 1, mean over pixels and channels.

    frame, truth : (H, W, 3) uint8. Frames narrower than SSIM_WINDOW are scored with the largest odd window that fits.
    Source       : Wang et al. 2004, as scikit-image computes it with win_size=65, data_range=255, float64: uniform
                   window, sample covariance, half a window cut off at each border.
    """
    _check_frames(frame, truth)
    window = min(SSIM_WINDOW, *frame.shape[:2])
    return float(_ssim_map(frame, truth, window - 1 + window % 2).mean())


def ssim_in_hole(frame: NDArray[np.uint8], truth: NDArray[np.uint8], hole: NDArray[np.bool_]) -> float:
    """Return the structural similarity over windows centred on pixels of `hole` (H, W) alone; nan if it is empty.

    frame, truth : (H, W, 3) uint8, mirrored at their borders.
    Source       : as `ssim`, with windows of HOLE_SSIM_WINDOW pixels: a wide one would mostly see what is outside.
    """
    _check_frames(frame, truth, hole)
    half = HOLE_SSIM_WINDOW // 2
    border = ((half, half), (half, half), (0, 0))
    similarity = _ssim_map(np.pad(frame, border, "symmetric"), np.pad(truth, border, "symmetric"), HOLE_SSIM_WINDOW)
    return float(similarity[hole].mean()) if hole.any() else float("nan")


def gradient_similarity(frame: NDArray[np.uint8], truth: NDArray[np.uint8], hole: NDArray[np.bool_]) -> float:
    """Mean similarity of the strength of edges in `hole` (H, W), 0 to 1; nan if it is empty.

    A blurred fill scores low where the truth has detail, however near it is on the mean, and a sharp one that is
    slightly displaced scores high: what PSNR tells the other way round.
    frame, truth : (H, W, 3) uint8.
    Source       : gradient magnitude similarity, Xue et al., arXiv:1308.3052, with Sobel's operator and no halving.
    """
    _check_frames(frame, truth, hole)
    if not hole.any():
        return float("nan")
    grey = [np.asarray(picture @ LUMA, np.float32) for picture in (frame, truth)]
    a, b = (np.hypot(cv2.Sobel(x, -1, 1, 0), cv2.Sobel(x, -1, 0, 1)) / 4 for x in grey)
    similarity = (2 * a * b + GRADIENT_CONSTANT) / (a**2 + b**2 + GRADIENT_CONSTANT)
    return float(similarity[hole].mean())


def flicker(frames: Sequence[NDArray[np.uint8]], truths: Sequence[NDArray[np.uint8]], hole: NDArray[np.bool_]) -> float:
    """Root mean square change of a result's error from one frame to the next, in grey levels; nan without pixels.

    It needs no flow: what the scene itself changes by is in both, and cancels.
    frames, truths : two of (H, W, 3) uint8, of neighbouring times.
    hole           : (H, W) bool, the pixels that are hole in both.
    """
    for frame, truth in zip(frames, truths, strict=True):
        _check_frames(frame, truth, hole)
    if not hole.any():
        return float("nan")
    before, after = (frame[hole].astype(np.float64) - truth[hole] for frame, truth in zip(frames, truths, strict=True))
    return float(np.sqrt(np.mean((after - before) ** 2)))


def end_point_error(flow: NDArray[np.float32], truth: NDArray[np.float32], hole: NDArray[np.bool_]) -> float:
    """Return the mean distance in pixels of two flows (H, W, 2) over the pixels of `hole`; nan if it is empty."""
    if flow.shape != truth.shape or flow.ndim != 3 or flow.shape[2] != 2 or hole.shape != flow.shape[:2]:
        raise ShapeError(
            f"flows must be (H, W, 2) and the hole (H, W); got {flow.shape}, {truth.shape} and {hole.shape}"
        )
    if not hole.any():
        return float("nan")
    return float(np.linalg.norm(flow[hole].astype(np.float64) - truth[hole], axis=-1).mean())


def motion_boundary(flow: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the pixels at motion boundaries, where things that move differently meet.

    flow    : (H, W, 2) float32, pixels.
    Returns : (H, W) bool: a component changes by more than BOUNDARY within 5 x 5 pixels.
    """
    square = np.ones((5, 5), np.uint8)
    flow = np.ascontiguousarray(flow)
    return np.asarray((cv2.dilate(flow, square) - cv2.erode(flow, square)).max(axis=-1) > BOUNDARY)


def warping_error(
    frame: NDArray[np.uint8],
    next_frame: NDArray[np.uint8],
    flow_fw: NDArray[np.float32],
    flow_bw: NDArray[np.float32],
    region: NDArray[np.bool_],
) -> float:
    """Return how much a result flickers: the mean squared difference of a frame and the next one warped back to it.

    frame, next_frame : (H, W, 3) uint8, neighbours of the inpainted clip.
    flow_fw, flow_bw  : (H, W, 2) float32, pixels, between them, of the clip *without* holes.
    region            : (H, W) bool, pixels of `frame` that count, usually the hole.
    Returns           : with colours 0..1, over pixels and channels; papers print it times 1000. Pixels that leave the
                        frame or are occluded do not count; nan if none is left.
    Source            : Lai et al., arXiv:1808.00449, occlusion after Sundaram et al.: |fw + bw|² >=
                        0.01 (|fw|² + |bw|²) + 0.5.
    """
    _check_frames(frame, next_frame, region)
    if flow_fw.shape != (*region.shape, 2) or flow_bw.shape != flow_fw.shape:
        raise ShapeError(f"flows must be {(*region.shape, 2)}; got {flow_fw.shape} and {flow_bw.shape}")
    y, x = np.nonzero(region)
    to_next = flow_fw[y, x].astype(np.float64)
    at_y, at_x = y + to_next[:, 1], x + to_next[:, 0]
    inside = (at_y >= 0) & (at_y <= region.shape[0] - 1) & (at_x >= 0) & (at_x <= region.shape[1] - 1)
    y, x, at_y, at_x, to_next = y[inside], x[inside], at_y[inside], at_x[inside], to_next[inside]
    from_next = sample_bilinear(flow_bw, at_y, at_x)
    motion = (to_next**2).sum(axis=1) + (from_next**2).sum(axis=1)
    visible = ((to_next + from_next) ** 2).sum(axis=1) < 0.01 * motion + 0.5
    if not visible.any():
        return float("nan")
    warped = sample_bilinear(next_frame, at_y[visible], at_x[visible])
    return float((((frame[y, x][visible] - warped) / PEAK) ** 2).mean())


def _ssim_map(frame: NDArray[np.uint8], truth: NDArray[np.uint8], window: int) -> NDArray[np.float64]:
    """Return the similarity (H - window + 1, W - window + 1, 3) of every whole window; `window` is odd."""
    mean = _box_mean(window)
    a, b = frame.astype(np.float64), truth.astype(np.float64)
    mean_a, mean_b = mean(a), mean(b)
    unbiased = window**2 / max(window**2 - 1, 1)
    variances = unbiased * (mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2)
    covariance = unbiased * (mean(a * b) - mean_a * mean_b)
    c1, c2 = (SSIM_K1 * PEAK) ** 2, (SSIM_K2 * PEAK) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return np.asarray(luminance * (2 * covariance + c2) / (variances + c2), np.float64)


def _check_frames(frame: NDArray[np.uint8], truth: NDArray[np.uint8], hole: NDArray[np.bool_] | None = None) -> None:
    if frame.shape != truth.shape or frame.ndim != 3 or frame.dtype != np.uint8 or truth.dtype != np.uint8:
        raise ShapeError(
            f"frames must be (H, W, 3) uint8 and alike; got {frame.shape} {frame.dtype} and {truth.shape} {truth.dtype}"
        )
    if hole is not None and hole.shape != frame.shape[:2]:
        raise ShapeError(f"hole must be {frame.shape[:2]}; got {hole.shape}")


def _squared_difference(frame: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.square(frame.astype(np.float64) - truth)


def _decibels(mean_squared_error: np.floating) -> float:
    return float(10 * np.log10(PEAK**2 / mean_squared_error)) if mean_squared_error > 0 else float("inf")


def _box_mean(window: int) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return a function that takes the mean over every whole window of an image (H, W, C)."""
    half = window // 2

    def mean(image: NDArray[np.float64]) -> NDArray[np.float64]:
        height, width = image.shape[:2]
        blurred = cv2.blur(image, (window, window))
        return np.asarray(blurred, np.float64)[half : height - half, half : width - half]

    return mean
