"""How much two clips of the same size and length differ, frame by frame; no flow is needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from dfvi_models.evaluation import metrics
from dfvi_models.evaluation.frame_scores import EXACT
from dfvi_models.numerics.ordered_map import ordered_map


@dataclass(frozen=True)
class FramePair:
    """The same frame of two clips."""

    frame: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    truth: NDArray[np.uint8]
    """(H, W, 3) RGB of the clip it is compared with."""
    hole: NDArray[np.bool_] | None = None
    """(H, W) where they are expected to differ; None where nobody says."""


@dataclass(frozen=True)
class FrameDifference:
    """How much one frame differs. A number without meaning is None."""

    frame: int
    psnr: float
    """dB, of the whole frame; at most EXACT, which stands for equal frames."""
    ssim: float
    """-1 to 1, of the whole frame."""
    hole_psnr: float | None
    """dB, inside the hole; likewise."""
    hole_ssim: float | None
    """-1 to 1, inside the hole."""
    detail: float | None
    """0 to 1: likeness of the strength of edges inside the hole; smoke scores low."""
    flicker: float | None
    """Grey levels: how much the difference changes to the next frame, inside the hole if there is one."""
    changed: float
    """Share of the frame's pixels that differ at all."""
    changed_outside: int | None
    """Pixels outside the hole that differ at all."""


def compare_frames(pairs: Iterator[FramePair], *, threads: int = 1) -> Iterator[FrameDifference]:
    """Compare clips frame by frame, in order; two frames of each are held for each thread.

    threads : frames compared at once; the result is the same for every number.
    Raises  : ShapeError if sizes differ.
    """
    numbered = enumerate(pairwise(chain(pairs, [None])))
    return ordered_map(lambda item: _difference(item[0], *item[1]), numbered, threads)


def _difference(t: int, pair: FramePair | None, later: FramePair | None) -> FrameDifference:
    if pair is None:
        raise ValueError("a clip has no frame")
    frame, truth, hole = pair.frame, pair.truth, pair.hole
    psnr = min(metrics.psnr(frame, truth), EXACT)
    differs = (frame != truth).any(axis=-1)
    inside = None if hole is None or not hole.any() else hole
    return FrameDifference(
        frame=t,
        psnr=psnr,
        ssim=metrics.ssim(frame, truth),
        hole_psnr=None if inside is None else min(metrics.psnr_in_hole(frame, truth, inside), EXACT),
        hole_ssim=None if inside is None else metrics.ssim_in_hole(frame, truth, inside),
        detail=None if inside is None else metrics.gradient_similarity(frame, truth, inside),
        flicker=None if later is None else _flicker(pair, later),
        changed=float(differs.mean()),
        changed_outside=None if hole is None else int(np.count_nonzero(differs & ~hole)),
    )


def _flicker(pair: FramePair, later: FramePair) -> float | None:
    everywhere = np.ones(pair.frame.shape[:2], np.bool_)
    both = everywhere if pair.hole is None or later.hole is None else pair.hole & later.hole
    changed = metrics.flicker([pair.frame, later.frame], [pair.truth, later.truth], both)
    return None if np.isnan(changed) else changed
