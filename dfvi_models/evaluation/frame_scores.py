"""Scores of an inpainted clip against the clip without holes: a row of numbers for each frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation import metrics
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.numerics.resizing import resize_flow
from dfvi_models.protocols import Flows, Frames, Holes

COLUMNS = (
    "psnr",
    "ssim",
    "hole_psnr",
    "hole_ssim",
    "detail",
    "flicker",
    "warping_error",
    "true_warping_error",
    "flow_epe",
    "propagated",
)
EXACT = 100.0  # dB that stand for a hole filled without any error, so that means stay finite


@dataclass(frozen=True)
class TrueClip:
    """The clip without holes."""

    frames: Frames
    """T of (H, W, 3) uint8."""
    flow_fw: Flows
    """T-1 of (h, w, 2) float32, pixels of their own grid, t -> t+1."""
    flow_bw: Flows
    """T-1 of (h, w, 2) float32, likewise, t+1 -> t."""


@dataclass(frozen=True)
class FilledResult:
    """A filled clip, with what its method tells of itself."""

    frames: Frames
    """T of (H, W, 3) uint8, holes filled."""
    source: Sequence[NDArray[np.int32]] | None = None
    """T of (H, W): 0 and above where another frame showed the pixel; None where the method does not tell."""
    flow_fw: Flows | None = None
    """T-1 of (h, w, 2) float32, pixels, completed; None where there is no flow."""
    flow_bw: Flows | None = None
    """Likewise, t+1 -> t."""


def score_frames(
    result: FilledResult, truth: TrueClip, holes: Holes, *, wanted: Sequence[int], threads: int = 1
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Score the wanted frames, in ascending order.

    holes   : T of (H, W) bool: what was to be filled.
    wanted  : frame numbers, 0..T-1.
    threads : frames scored at once; the result is the same for every number.
    Yields  : (t, row): one number for each of COLUMNS, nan where it has no meaning:
              psnr, ssim    of the whole frame; hole_psnr, hole_ssim of the hole; dB, dB capped at EXACT
              detail        0 to 1, in the hole: similarity of the strength of edges; smoke scores low
              flicker       grey levels, in the holes of t and t+1: how much the error changes between them
              warping_error in the hole of t against frame t+1, times 1000; true_warping_error that of the true clip
              itself there, below which a result is steadier than the truth
              flow_epe      pixels, in the hole of t: mean of the flow to t+1 and the flow to t-1
              propagated    share of the hole that other frames showed
              A frame without hole gives nan throughout: it has nothing to score.
    Raises  : ShapeError if lengths or sizes differ.
    """
    count = len(truth.frames)
    if not len(result.frames) == len(holes) == count or len(truth.flow_fw) != max(count - 1, 0):
        raise ShapeError(
            f"{count} true frames need as many filled ones, holes, and one flow less; got {len(result.frames)}, "
            f"{len(holes)} and {len(truth.flow_fw)}"
        )

    def one_frame(t: int) -> tuple[int, NDArray[np.float64]]:
        return t, _score(result, truth, holes, t)

    return ordered_map(one_frame, sorted(set(wanted)), threads)


def mean_scores(rows: Sequence[NDArray[np.float64]]) -> dict[str, float | None]:
    """Return the mean of each of COLUMNS over the frames where it has a meaning; None if there is none.

    >>> mean_scores([np.full(len(COLUMNS), 2.0), np.full(len(COLUMNS), np.nan)])["flow_epe"]
    2.0
    """
    table = np.stack(rows)
    known = ~np.isnan(table)
    return {name: float(table[known[:, i], i].mean()) if known[:, i].any() else None for i, name in enumerate(COLUMNS)}


def _score(result: FilledResult, truth: TrueClip, holes: Holes, t: int) -> NDArray[np.float64]:
    hole = holes[t]
    if not hole.any():
        return np.full(len(COLUMNS), np.nan)
    frame, true_frame = result.frames[t], truth.frames[t]
    numbers = {
        "psnr": min(metrics.psnr(frame, true_frame), EXACT),
        "ssim": metrics.ssim(frame, true_frame),
        "hole_psnr": min(metrics.psnr_in_hole(frame, true_frame, hole), EXACT),
        "hole_ssim": metrics.ssim_in_hole(frame, true_frame, hole),
        "detail": metrics.gradient_similarity(frame, true_frame, hole),
        "flicker": _flicker(result.frames, truth.frames, holes, t),
        "warping_error": _warping_error(result.frames, truth, hole, t),
        "true_warping_error": _warping_error(truth.frames, truth, hole, t),
        "flow_epe": _flow_epe(result, truth, hole, t),
        "propagated": float((result.source[t][hole] >= 0).mean()) if result.source is not None else np.nan,
    }
    return np.array([numbers[name] for name in COLUMNS], np.float64)


def _flicker(frames: Frames, truths: Frames, holes: Holes, t: int) -> float:
    if t + 1 == len(truths):
        return float("nan")
    pair = (t, t + 1)
    return metrics.flicker([frames[i] for i in pair], [truths[i] for i in pair], holes[t] & holes[t + 1])


def _warping_error(frames: Frames, truth: TrueClip, hole: NDArray[np.bool_], t: int) -> float:
    if t + 1 == len(truth.frames):
        return float("nan")
    flow_fw, flow_bw = (resize_flow(flow[t], *hole.shape) for flow in (truth.flow_fw, truth.flow_bw))
    return 1000 * metrics.warping_error(frames[t], frames[t + 1], flow_fw, flow_bw, hole)


def _flow_epe(result: FilledResult, truth: TrueClip, hole: NDArray[np.bool_], t: int) -> float:
    if result.flow_fw is None or result.flow_bw is None:
        return float("nan")
    pairs = [(result.flow_fw, truth.flow_fw, t)] if t + 1 < len(truth.frames) else []
    pairs += [(result.flow_bw, truth.flow_bw, t - 1)] if t else []
    on_grid = [(resize_flow(flow[i], *hole.shape), resize_flow(true[i], *hole.shape)) for flow, true, i in pairs]
    errors = [metrics.end_point_error(flow, true, hole) for flow, true in on_grid]
    return float(np.mean(errors)) if errors else float("nan")
