"""Robust merging: traced candidates are fused to one colour a pixel (`fusion`) and blended (`poisson_blending`)."""

import numpy as np
from numpy.typing import NDArray

from dfvi_models.merging.fusion import ConfidenceModel, fuse, fuse_colours
from dfvi_models.merging.poisson_blending import SCREEN, blend
from dfvi_models.numerics.clip_checks import check_frame
from dfvi_models.types import KNOWN, NO_SOURCE, Candidates, Merged


def merge_robust(
    frame: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    t: int,
    forward: Candidates,
    backward: Candidates,
    *,
    blending: bool = True,
    screen: float = SCREEN,
    model: ConfidenceModel | None = None,
) -> Merged:
    """Fuse the candidates of each hole pixel and blend the result into the frame.

    frame    : (H, W, 3) uint8 RGB; hole pixels are not read.
    hole     : (H, W) bool, True = replace.
    t        : number of this frame.
    forward  : candidates from earlier frames, any K.
    backward : candidates from later frames, any K.
    blending : False writes the fused colours as they are.
    screen   : see `blend`.
    model    : how confidence is computed, see `fuse`.
    Returns  : Merged; pixels outside the hole are bit-equal to `frame`, pixels nothing reached hold 0 and stay hole.
               They do take part in the blending, so that the others do not show where they begin.
    Raises   : ShapeError if sizes differ or the candidates are not as many as the hole's pixels.
    """
    check_frame(frame, hole)
    if blending:
        fused = fuse(frame, hole, t, forward, backward, model=model)
        filled, came_from = blend(frame, hole, fused.colour, fused.confidence, screen=screen), fused.source
    else:
        agreed = fuse_colours(hole, t, forward, backward)
        filled, came_from = np.array(frame, np.uint8, order="C"), agreed.source
        filled[hole] = np.clip(np.rint(agreed.colour), 0, 255)
    left = np.zeros(hole.shape, np.bool_)
    left[hole] = came_from == NO_SOURCE
    filled[left] = 0
    source = np.full(hole.shape, KNOWN, np.int32)
    source[hole] = np.where(came_from == NO_SOURCE, KNOWN, came_from)
    return Merged(frame=filled, hole=left, source=source)
