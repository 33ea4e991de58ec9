"""Construction and checks of `Candidates`, which compiled loops read without bounds checks."""

import numpy as np

from dfvi_models.errors import ShapeError
from dfvi_models.types import NO_SOURCE, Candidates


def empty_candidates(count: int) -> Candidates:
    """Return room for one candidate for each of `count` hole pixels, not written yet."""
    return Candidates(
        colour=np.empty((1, count, 3), np.uint8),
        source=np.empty((1, count), np.int32),
        error=np.empty((1, count), np.float32),
        invented=np.empty((1, count), np.bool_),
    )


def no_candidates(count: int) -> Candidates:
    """Return the candidates of `count` hole pixels that nothing reached."""
    candidates = empty_candidates(count)
    candidates.source[:] = NO_SOURCE
    for nothing in (candidates.colour, candidates.error, candidates.invented):
        nothing[:] = 0
    return candidates


def check_candidates(candidates: Candidates, count: int, name: str) -> None:
    """Raise ShapeError unless there is at least one candidate (K >= 1) for each of `count` hole pixels.

    name : what to call them in the message, such as "forward candidates of frame 4".
    """
    shape = (len(candidates.source), count)
    fields = (candidates.source, candidates.error, candidates.invented, candidates.colour[..., 0])
    if shape[0] < 1 or any(field.shape != shape for field in fields) or candidates.colour.shape != (*shape, 3):
        raise ShapeError(
            f"{name} are {candidates.source.shape} with colours {candidates.colour.shape}, but the hole has {count} "
            "pixels: they belong to another hole; propagate again"
        )
