"""Choosing between a colour carried along flow and one from registered frames, by what speaks for each."""

from dataclasses import astuple, dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.registration.distant_fusion import DistantColours
from dfvi_models.registration.views import working_scale
from dfvi_models.types import NO_SOURCE, Merged

WINDOW = 11
"""Working pixels of the square over which evidence is averaged; what one pixel says may be chance."""

SEAM = 5
"""Working pixels over which one choice passes into the other."""

LEAST_CONFIDENCE = 1e-3
AGREEMENT_SCALE = 20.0


@dataclass(frozen=True)
class ChoiceModel:
    """Log-odds that registered frames come nearer to the truth than what flow carried.

    Fitted on holes in natural clips, none of them an evaluation clip.
    """

    offset: float = 0.16
    confidence: float = -0.36
    """Per unit of the carried colour's own log-odds, see `ConfidenceModel`."""
    agreement: float = 0.62
    """Per e-fold of 1 + AGREEMENT_SCALE times the registered frames' agreement, see `DistantColours`."""
    shift: float = -1.75
    """Per e-fold of 1 + the flow still left after registration: another plane, or something that moves."""
    flow_error: float = -1.57
    """Per e-fold of 1 + the forward-backward error of that flow: nothing alike, or nothing to hold on to."""

    def shifted(self, by: float) -> "ChoiceModel":
        """The same with other log-odds throughout: more registered colours if `by` is positive."""
        return replace(self, offset=self.offset + by)


def choice_signs(
    confidence: NDArray[np.float32], hole: NDArray[np.bool_], distant: DistantColours, times: int
) -> NDArray[np.float32]:
    """Return what the choice looks at: (N, F), a column for each field of `ChoiceModel`, in that order.

    confidence : (N,) 0..1, how far what flow carried is trusted; 0 where it carried nothing.
    hole       : (H, W) bool, with N pixels.
    times      : pixels of the frame on a working pixel, to each side.
    """

    def mean_around(values: NDArray[Any]) -> NDArray[np.float32]:
        return mean_in_hole(values.astype(np.float32), hole, WINDOW * times)

    trusted = np.clip(mean_around(confidence), LEAST_CONFIDENCE, 1 - LEAST_CONFIDENCE)
    columns = {
        "offset": np.ones(len(confidence)),
        "confidence": np.log(trusted / (1 - trusted)),
        "agreement": np.log1p(AGREEMENT_SCALE * mean_around(distant.agreement)),
        "shift": np.log1p(distant.shift),
        "flow_error": np.log1p(distant.flow_error),
    }
    return np.stack([np.asarray(columns[one.name], np.float32) for one in fields(ChoiceModel)], axis=1)


def choose(
    merged: Merged,
    hole: NDArray[np.bool_],
    confidence: NDArray[np.float32],
    distant: DistantColours,
    *,
    model: ChoiceModel | None = None,
) -> tuple[Merged, NDArray[np.bool_]]:
    """Lay registered colours over what flow carried, as far as they are likely to be nearer to the truth.

    merged     : what flow carried into the hole; its own `hole` is what it did not reach.
    hole       : (H, W) bool, the whole hole, N pixels.
    confidence : (N,) 0..1, how far the carried colours are trusted (see `fuse`).
    distant    : what registered frames show there.
    Returns    : Merged, and (H, W) bool where most of a colour is a registered one. Pixels outside the hole are
                 bit-equal. Where flow reached, both colours are mixed by how likely each is; where it did not, a
                 registered colour is taken if it is likelier than invention.
    Raises     : ShapeError if the numbers of pixels differ.
    """
    count = int(np.count_nonzero(hole))
    if merged.hole.shape != hole.shape or not len(confidence) == len(distant.source) == count:
        raise ShapeError(
            f"the hole has {count} pixels of {hole.shape}; got {len(confidence)} confidences, "
            f"{len(distant.source)} registered colours and a merged frame of {merged.hole.shape}"
        )
    registered = np.zeros(hole.shape, np.bool_)
    if count == 0:
        return merged, registered
    left, carried = merged.hole[hole], merged.frame[hole].astype(np.float32)
    times = working_scale(*hole.shape)
    signs = choice_signs(confidence, hole, distant, times)
    odds = signs @ np.array(astuple(model or ChoiceModel()), np.float32)
    shown = distant.source != NO_SOURCE
    share = np.where(shown, 1 / (1 + np.exp(-odds)), 0).astype(np.float32)
    share = mean_in_hole(share, hole, SEAM * times) * shown
    taken = share > 0.5
    weight = np.where(left, taken, share)[:, None]
    frame, source, still_left = merged.frame.copy(), merged.source.copy(), merged.hole.copy()
    frame[hole] = np.clip(np.rint(carried + weight * (distant.colour - carried)), 0, 255)
    source[hole] = np.where(taken, distant.source, source[hole])
    still_left[hole] = left & ~taken
    registered[hole] = taken
    return Merged(frame=frame, hole=still_left, source=source), registered


def mean_in_hole(values: NDArray[np.float32], hole: NDArray[np.bool_], window: int) -> NDArray[np.float32]:
    """Return the mean of values (N,) over the hole's pixels within a square of about `window` pixels."""
    side = 2 * (window // 2) + 1
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    box = hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    plane = np.zeros(box.shape, np.float32)
    plane[box] = values
    border = cv2.BORDER_CONSTANT
    total, count = (
        cv2.boxFilter(one, -1, (side, side), normalize=False, borderType=border)[box]
        for one in (plane, box.astype(np.float32))
    )
    return np.asarray(total / count, np.float32)
