"""Fusion: one colour for each hole pixel from several candidates, and a confidence in its detail.

The colour is a robust mean of the candidates, the confidence a logistic regression on signs that something went wrong.
Source: own experiments on natural clips; the weights are those of Geman and McClure. Not part of the paper.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.merging.boundary_evidence import boundary_evidence
from dfvi_models.numerics.compiled import compiled
from dfvi_models.types import INVENTED, NO_SOURCE, Candidates

COLOUR_SCALE = 15.0  # grey levels: candidates that lie farther from the others count little
MEDOID_CUT = 90.0  # grey levels summed over the channels: from here on, wrong is wrong
ERROR_FLOOR = 0.05  # pixels: no flow is better known than this
ERROR_PER_FRAME = 0.01  # pixels a frame: of equal candidates the nearer one looks more alike

WINDOW = 5
"""Side of the square, in pixels, over which earlier and later candidates are compared. One may agree by chance."""


@dataclass(frozen=True)
class ConfidenceModel:
    """Coefficients of the log-odds that a traced gradient is true: confidence falls with signs that it is not.

    Fitted on 30 holes in 22 natural clips, none of them an evaluation clip, so that the gradient of the fused colours
    times the confidence (of the two pixels the lower one) comes as near to the true gradient as it can.
    """

    offset: float = 1.89
    """Log-odds with an error of 1 px one frame away, seen from one side only, without a jump at the boundary."""
    error: float = -1.2
    """Per e-fold of the consistency error summed along the path (+ ERROR_FLOOR)."""
    lag: float = -0.62
    """Per e-fold of the distance in time."""
    both_sides: float = 6.0
    """Added where earlier and later frames both show the pixel and agree perfectly."""
    gap: float = -1.82
    """Per e-fold of 1 + their difference in grey levels, mean over WINDOW."""
    jump: float = -0.86
    """Per e-fold of 1 + the jump at the hole's boundary in grey levels, see `boundary_evidence`."""
    step: float = 0.29
    """Per e-fold of 1 + the frame's own steps beside the boundary: where it varies much, a jump says little."""

    invented: float = 3.0
    """Added for colours that an inpainter made: they cannot be true, only sharp, and consistent over time."""

    def shifted(self, detail_bias: float) -> "ConfidenceModel":
        """Return a model whose log-odds are all higher by `detail_bias`: above 0 more detail is kept, below 0 less."""
        return replace(self, offset=self.offset + detail_bias)


@dataclass(frozen=True)
class Fused:
    """Fused colours of the N hole pixels of one frame, in row-major order."""

    colour: NDArray[np.float32]
    """(N, 3) RGB, 0..255, not rounded; 0 where there was no candidate."""
    confidence: NDArray[np.float32]
    """(N,) 0..1: share of the colour's detail that is likely true; 0 where there was no candidate."""
    source: NDArray[np.int32]
    """(N,) frame of the candidate that counted most; INVENTED if that one was, NO_SOURCE where there was none."""


@dataclass(frozen=True)
class Agreed:
    """The colour that most candidates of each of N hole pixels agree on, and what its confidence is made of."""

    colour: NDArray[np.float32]
    """(N, 3), see `Fused`."""
    source: NDArray[np.int32]
    """(N,), see `Fused`."""
    least_error: NDArray[np.float32]
    """(N,) of the candidates, pixels."""
    least_lag: NDArray[np.int32]
    """(N,) of the candidates, frames."""
    gap: NDArray[np.float32]
    """(N,) grey levels between the best earlier and the best later candidate; negative where one of them is missing."""


def fuse(
    frame: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    t: int,
    forward: Candidates,
    backward: Candidates,
    *,
    model: ConfidenceModel | None = None,
) -> Fused:
    """Return the robust mean of the candidates of both directions, and a confidence in it.

    frame    : (H, W, 3) uint8; hole pixels are not read. The rest shows how well the colours meet it.
    hole     : (H, W) bool, the N pixels the candidates stand for.
    t        : number of this frame.
    forward  : candidates from earlier frames, any K.
    backward : candidates from later frames, any K.
    model    : how confidence is computed; None = ConfidenceModel().
    Returns  : Fused.
    Raises   : ShapeError if the candidates are not as many as the hole's pixels.
    """
    agreed = fuse_colours(hole, t, forward, backward)
    reached = agreed.source != NO_SOURCE
    evidence = boundary_evidence(frame, hole, agreed.colour, reached)
    confidence = np.where(reached, _confidence(hole, agreed, evidence, model or ConfidenceModel()), 0)
    return Fused(agreed.colour, confidence.astype(np.float32), agreed.source)


def fuse_colours(hole: NDArray[np.bool_], t: int, forward: Candidates, backward: Candidates) -> Agreed:
    """Return the robust mean of the candidates: the weighted medoid, reweighted three times (Geman, McClure).

    Arguments and errors as in `fuse`.
    """
    count = int(np.count_nonzero(hole))
    for name, candidates in (("forward", forward), ("backward", backward)):
        if candidates.source.shape[1:] != (count,):
            raise ShapeError(
                f"frame {t} has {count} hole pixels, its {name} candidates are {candidates.source.shape}; "
                "trace this hole again"
            )
    agreed = Agreed(
        colour=np.zeros((count, 3), np.float32),
        source=np.full(count, NO_SOURCE, np.int32),
        least_error=np.zeros(count, np.float32),
        least_lag=np.zeros(count, np.int32),
        gap=np.zeros(count, np.float32),
    )
    _fuse(
        t,
        len(forward.source),
        np.concatenate([forward.colour, backward.colour]),
        np.concatenate([forward.source, backward.source]),
        np.concatenate([forward.error, backward.error]),
        np.concatenate([forward.invented, backward.invented]),
        (agreed.colour, agreed.source, agreed.least_error, agreed.least_lag, agreed.gap),
    )
    return agreed


def _confidence(
    hole: NDArray[np.bool_], agreed: Agreed, evidence: NDArray[np.float32], model: ConfidenceModel
) -> NDArray[np.float64]:
    """Return the confidence (N,), 0..1; evidence: (N, 2) from `boundary_evidence`."""
    gap, both = agreed.gap, agreed.gap >= 0
    planes = np.zeros((2, *hole.shape), np.float64)
    planes[0][hole], planes[1][hole] = np.where(both, gap, 0), both
    summed = [cv2.boxFilter(plane, -1, (WINDOW, WINDOW), normalize=False)[hole] for plane in planes]
    mean_gap = np.maximum(summed[0], 0) / np.maximum(summed[1], 1)
    odds = model.offset + model.error * np.log(agreed.least_error.astype(np.float64) + ERROR_FLOOR)
    odds += model.lag * np.log(np.maximum(agreed.least_lag, 1))
    odds += model.jump * evidence[:, 0] + model.step * evidence[:, 1]
    odds += np.where(agreed.source == INVENTED, model.invented, 0)
    odds += np.where(both, model.both_sides + model.gap * np.log1p(mean_gap), 0)
    return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


@compiled
def _fuse(
    t: int,
    from_earlier: int,
    colours: NDArray[np.uint8],
    sources: NDArray[np.int32],
    errors: NDArray[np.float32],
    invented: NDArray[np.bool_],
    result: tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]],
) -> None:
    """Fill the fields of `Agreed` in place. The first `from_earlier` rows of the candidates are of earlier frames."""
    colour, source, least_error, least_lag, gap = result
    most = len(sources)
    weight, final, mean = np.zeros(most), np.zeros(most), np.zeros(3)
    for n in range(sources.shape[1]):
        # The best candidate of each side, and what all weigh.
        earlier, later = -1, -1
        least_error[n], least_lag[n], gap[n] = 1e3, 2**31 - 1, -1.0
        for k in range(most):
            weight[k] = 0.0
            if sources[k, n] < 0:
                continue
            lag = abs(sources[k, n] - t)
            weight[k] = (ERROR_FLOOR + errors[k, n] + ERROR_PER_FRAME * lag) ** -1.2
            least_error[n] = min(least_error[n], errors[k, n])
            least_lag[n] = min(least_lag[n], lag)
            if k < from_earlier:
                if earlier < 0 or weight[k] > weight[earlier]:
                    earlier = k
            elif later < 0 or weight[k] > weight[later]:
                later = k
        if earlier < 0 and later < 0:
            continue
        if earlier >= 0 and later >= 0:
            gap[n] = 0.0
            for c in range(3):
                gap[n] += abs(float(colours[earlier, n, c]) - float(colours[later, n, c])) / 3.0
        medoid, medoid_cost = -1, np.inf
        for k in range(most):
            if weight[k] == 0.0:
                continue
            cost = 0.0
            for j in range(most):
                if weight[j] > 0.0:
                    apart = 0.0
                    for c in range(3):
                        apart += abs(float(colours[k, n, c]) - float(colours[j, n, c]))
                    cost += weight[j] * min(apart, MEDOID_CUT)
            if cost < medoid_cost:
                medoid, medoid_cost = k, cost
        for c in range(3):
            mean[c] = colours[medoid, n, c]
        for _ in range(3):
            red, green, blue, total = 0.0, 0.0, 0.0, 0.0
            for k in range(most):
                final[k] = 0.0
                if weight[k] == 0.0:
                    continue
                apart = 0.0
                for c in range(3):
                    apart += (colours[k, n, c] - mean[c]) ** 2
                final[k] = weight[k] * (1.0 + apart / (3.0 * COLOUR_SCALE**2)) ** -2
                total += final[k]
                red += final[k] * colours[k, n, 0]
                green += final[k] * colours[k, n, 1]
                blue += final[k] * colours[k, n, 2]
            mean[0], mean[1], mean[2] = red / total, green / total, blue / total
        heaviest = medoid
        for k in range(most):
            if final[k] > final[heaviest]:
                heaviest = k
        for c in range(3):
            colour[n, c] = mean[c]
        source[n] = INVENTED if invented[heaviest, n] else sources[heaviest, n]
