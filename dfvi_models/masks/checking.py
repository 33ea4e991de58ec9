"""What is odd about a mask, judged from the measures of its frames: the warnings that a person who looks would give."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfvi_models.masks.lateness import frames_late
from dfvi_models.masks.measures import FrameMeasure

INVERTED_SHARE, INVERTED_BORDER = 0.5, 0.6  # of the frame, and of its border
LARGE_SHARE = 0.4  # of the frame
LONGEST_GAP = 12  # frames without a mask between frames that have one
APART = 0.35  # intersection over union with the frame before
BACK = 0.2  # by which a mask is more like that of two frames before
OF_USUAL = 0.5  # of the usual overlap with the frame before
NEIGHBOURS = 6  # frames on either side that tell what is usual
CUT = 12.0  # grey levels between small copies of neighbouring frames
SEVERAL = 0.05  # of the marked frames that must have gaps or specks

Kind = Literal["empty", "inverted", "large", "missing", "jump", "late", "gaps", "specks"]


@dataclass(frozen=True)
class Finding:
    """One thing that is odd."""

    kind: Kind
    frames: tuple[int, ...]
    """Where; empty if it is of the whole mask."""
    amount: float
    """inverted, large: share of the frame; late: frames, below 0 where the mask is ahead; gaps, specks: pixels of the
    frame that has most; jump: overlap with the frame before; 0 otherwise."""


def judge_masks(measures: Sequence[FrameMeasure]) -> list[Finding]:
    """Return what is odd about a mask, the gravest first.

    measures : of all frames of a clip, in order.
    """
    marked = np.array([measure.marked for measure in measures])
    if not marked.any():
        return [Finding("empty", (), 0.0)]
    found = [*_extent(measures), *_missing(marked), *_jumps(measures)]
    late = frames_late([measure.edges for measure in measures if measure.edges is not None])
    if late:
        found.append(Finding("late", (), float(late)))
    for kind, sizes in (("gaps", [m.gaps for m in measures]), ("specks", [m.specks for m in measures])):
        frames = tuple(t for t, size in enumerate(sizes) if size)
        if len(frames) > SEVERAL * np.count_nonzero(marked):
            found.append(Finding(kind, frames, float(max(sizes))))  # type: ignore[arg-type]  # of the two names above
    return found


def _extent(measures: Sequence[FrameMeasure]) -> list[Finding]:
    """Whether the mask is inverted, or marks much of the picture."""
    with_mask = [measure for measure in measures if measure.marked]
    share = float(np.mean([measure.share for measure in with_mask]))
    border = float(np.mean([measure.on_border for measure in with_mask]))
    if share > INVERTED_SHARE and border > INVERTED_BORDER:
        return [Finding("inverted", (), share)]
    return [Finding("large", (), share)] if share > LARGE_SHARE else []


def _missing(marked: NDArray[np.int64]) -> list[Finding]:
    """Frames without a mask, few in a row, with marked ones on both sides."""
    runs = [list(run) for empty, run in groupby(range(len(marked)), lambda t: marked[t] == 0) if empty]
    inner = [run for run in runs if run[0] > 0 and run[-1] < len(marked) - 1 and len(run) <= LONGEST_GAP]
    frames = tuple(t for run in inner for t in run)
    return [Finding("missing", frames, 0.0)] if frames else []


def _jumps(measures: Sequence[FrameMeasure]) -> list[Finding]:
    """Frames whose mask is unlike that of the frame before, where neighbours are alike and the picture goes on."""
    overlap = np.array([measure.overlap for measure in measures])
    both = np.array([False, *(one.marked > 0 and two.marked > 0 for one, two in pairwise(measures))])
    found = []
    for t in map(int, np.flatnonzero(both & (overlap < APART))):
        near = [k for k in range(max(t - NEIGHBOURS, 1), min(t + NEIGHBOURS + 1, len(measures))) if k != t and both[k]]
        usual = float(np.median(overlap[near])) if near else 0.0
        comes_back = t + 1 < len(measures) and _goes_back(measures[t + 1])
        if _goes_back(measures[t]) or measures[t].picture_change > CUT:
            continue
        if comes_back or overlap[t] < OF_USUAL * usual:
            found.append(t)
    return [Finding("jump", tuple(found), float(overlap[found].min()))] if found else []


def _goes_back(measure: FrameMeasure) -> bool:
    """Whether the mask is where it was two frames before, and not where it was one frame before."""
    return measure.overlap_beyond > measure.overlap + BACK
