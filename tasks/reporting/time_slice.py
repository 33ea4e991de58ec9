"""The x-t slice of a report: one row through the hole over all frames, before and after."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.review.framing import view_of_holes
from dfvi_models.review.slices import row_through_holes, stack_rows
from tasks.reporting.clip_review import FrameReview
from tasks.reporting.frame_pictures import encode_jpeg
from tasks.reporting.run_results import ShownResults

LOOKED_AT = 9  # frames, evenly spread, whose holes say where to cut
LEAST_HEIGHT = 160  # pixels of the picture

Rows = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""A row before and after, (W, 3) uint8 each."""


@dataclass(frozen=True)
class Cut:
    """Where frames are cut."""

    row: int
    columns: slice

    def of(self, review: FrameReview) -> Rows:
        """Return the pixels of the row before and after, (W, 3) uint8 each."""
        return review.before[self.row, self.columns].copy(), review.after[self.row, self.columns].copy()


@dataclass(frozen=True)
class TimeSlice:
    """One row of all frames that were counted."""

    row: int
    before: bytes
    """JPEG; time goes down."""
    after: bytes


def choose_cut(results: ShownResults) -> Cut | None:
    """Return the row that crosses most of the holes of some frames, and the columns around these; None without one.

    Raises : DamagedStoreError if a frame cannot be read.
    """
    taken = results.taken
    spread = sorted({int(t) for t in np.linspace(taken.start, taken.stop - 1, LOOKED_AT).round()})
    holes = [results.shown.holes[t] for t in spread]
    row = row_through_holes(holes)
    return None if row is None else Cut(row, view_of_holes(holes)[1])


def picture_slice(cut: Cut, rows: Sequence[Rows]) -> TimeSlice:
    """Make the pictures of a row of all frames, before and after each."""
    before, after = (encode_jpeg(stack_rows(part, LEAST_HEIGHT), "hole") for part in zip(*rows, strict=True))
    return TimeSlice(cut.row, before, after)
