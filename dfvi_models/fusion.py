"""Fusion: one colour for each hole pixel from several candidates, and how far it can be trusted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.compiled import compiled
from dfvi_models.errors import ShapeError
from dfvi_models.types import INVENTED, NO_SOURCE, Candidates


@dataclass(frozen=True)
class Fused:
    """What the N hole pixels of one frame were given, in row-major order."""

    colour: NDArray[np.float32]
    """(N, 3) RGB, 0..255, not rounded; 0 where there was no candidate."""
    confidence: NDArray[np.float32]
    """(N,) 0..1; 0 where there was no candidate."""
    source: NDArray[np.int32]
    """(N,) frame of the candidate that counted most; INVENTED if that one was, NO_SOURCE where there was none."""


def fuse(
    t: int,
    forward: Candidates,
    backward: Candidates,
    *,
    colour_scale: float = 15.0,
    error_scale: float = 3.0,
    one_sided: float = 0.8,
    per_step: bool = True,
) -> Fused:
    """Robust mean of the candidates of both directions.

    t            : number of this frame.
    forward      : candidates from earlier frames.
    backward     : candidates from later frames.
    colour_scale : grey levels; candidates that differ by more count less, and so does a pixel's confidence.
    error_scale  : pixels of consistency error at which confidence halves.
    one_sided    : factor of the confidence where only one direction has candidates.
    Returns      : Fused.
    """
    if forward.source.shape[1] != backward.source.shape[1]:
        raise ShapeError(
            f"frame {t}: {forward.source.shape[1]} forward and {backward.source.shape[1]} backward pixels; "
            "trace both with the same hole"
        )
    count = forward.source.shape[1]
    fused = Fused(
        np.zeros((count, 3), np.float32), np.zeros(count, np.float32), np.full(count, NO_SOURCE, np.int32)
    )
    sides = np.repeat([0, 1], [len(forward.source), len(backward.source)])
    _fuse(
        t,
        np.concatenate([forward.colour, backward.colour]),
        np.concatenate([forward.source, backward.source]),
        np.concatenate([forward.error, backward.error]),
        np.concatenate([forward.invented, backward.invented]),
        sides, float(colour_scale), float(error_scale), float(one_sided), per_step,
        fused.colour, fused.confidence, fused.source,
    )  # fmt: skip
    return fused


@compiled
def _fuse(
    t: int,
    colours: NDArray[np.uint8],
    sources: NDArray[np.int32],
    errors: NDArray[np.float32],
    invented: NDArray[np.bool_],
    sides: NDArray[np.int64],
    colour_scale: float,
    error_scale: float,
    one_sided: float,
    per_step: bool,
    colour: NDArray[np.float32],
    confidence: NDArray[np.float32],
    source: NDArray[np.int32],
) -> None:
    most = len(sources)
    weight, final = np.zeros(most), np.zeros(most)
    mean = np.zeros(3)
    for n in range(sources.shape[1]):
        total, least_error = 0.0, np.inf
        seen_before, seen_after = False, False
        for k in range(most):
            weight[k] = 0.0
            if sources[k, n] < 0:
                continue
            e = errors[k, n]
            if per_step:
                e = e / max(abs(sources[k, n] - t), 1) ** 0.5
            weight[k] = 1.0 / (0.1 + e + 0.02 * abs(sources[k, n] - t))
            total += weight[k]
            least_error = min(least_error, e)
            if sides[k] == 0:
                seen_before = True
            else:
                seen_after = True
        if total == 0.0:
            continue
        best, best_cost = -1, np.inf
        for k in range(most):
            if weight[k] == 0.0:
                continue
            cost = 0.0
            for j in range(most):
                if weight[j] > 0.0:
                    apart = 0.0
                    for c in range(3):
                        apart += abs(float(colours[k, n, c]) - float(colours[j, n, c]))
                    cost += weight[j] * min(apart, 90.0)
            if cost < best_cost:
                best, best_cost = k, cost
        for c in range(3):
            mean[c] = colours[best, n, c]
        for _ in range(3):
            m0, m1, m2, share = 0.0, 0.0, 0.0, 0.0
            for k in range(most):
                final[k] = 0.0
                if weight[k] == 0.0:
                    continue
                r2 = 0.0
                for c in range(3):
                    r2 += (colours[k, n, c] - mean[c]) ** 2
                final[k] = weight[k] * (1.0 + r2 / (3.0 * colour_scale**2)) ** -2
                share += final[k]
                m0 += final[k] * colours[k, n, 0]
                m1 += final[k] * colours[k, n, 1]
                m2 += final[k] * colours[k, n, 2]
            mean[0], mean[1], mean[2] = m0 / share, m1 / share, m2 / share
        spread = 0.0
        top = best
        for k in range(most):
            if weight[k] > 0.0:
                for c in range(3):
                    spread += weight[k] * (colours[k, n, c] - mean[c]) ** 2 / 3.0
                if final[k] > final[top]:
                    top = k
        sure = 1.0 / (1.0 + spread / total / colour_scale**2) / (1.0 + least_error / error_scale)
        if not (seen_before and seen_after):
            sure *= one_sided
        confidence[n] = sure
        for c in range(3):
            colour[n, c] = mean[c]
        source[n] = INVENTED if invented[top, n] else sources[top, n]
