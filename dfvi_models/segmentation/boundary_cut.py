"""The smoothest boundary that evidence asks for: a cut that follows edges of the picture.

Source : min over u in [0, 1] of sum g |grad u| - evidence u, whose level set at 1/2 is the minimal cut (Chan, Esedoglu,
         Nikolova 2006), by the primal-dual algorithm of Chambolle and Pock (2011).
"""

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.compiled import compiled

ITERATIONS = 60
STEP = 0.35
"""Of both variables: the product of the two must stay below 1/8."""
EDGE_SHARE, EDGE_EXPONENT = 0.05, 1.0


def edge_weights(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a boundary between a pixel and its right and its lower neighbour costs, (H, W, 2) float32, 0 to 1:
    little where colours differ.

    lab : (H, W, 3) float32 colours.
    """
    height, width = lab.shape[:2]
    weights = np.ones((height, width, 2), np.float32)
    across = np.square(np.diff(lab, axis=1)).sum(-1)
    down = np.square(np.diff(lab, axis=0)).sum(-1)
    usual = 2 * float(across.mean() + down.mean()) / 2 + 1e-6
    weights[:, :-1, 0] = EDGE_SHARE + (1 - EDGE_SHARE) * np.exp(-across / usual)
    weights[:-1, :, 1] = EDGE_SHARE + (1 - EDGE_SHARE) * np.exp(-down / usual)
    return weights


def cut(
    evidence: NDArray[np.float32],
    weights: NDArray[np.float32],
    start: NDArray[np.float32],
    iterations: int = ITERATIONS,
) -> NDArray[np.float32]:
    """Return the share of the object in each pixel, (H, W) float32, 0 to 1, mostly one of the two.

    evidence : (H, W) float32, positive where a pixel is likely the object; what a pixel is worth, in units of the
               length of boundary it may cost.
    weights  : (H, W, 2) float32, of `edge_weights`.
    start    : (H, W) float32, 0 to 1, a guess.
    """
    share = np.ascontiguousarray(start, np.float32).copy()
    _solve(np.ascontiguousarray(evidence, np.float32), np.ascontiguousarray(weights, np.float32), share, iterations)
    return share


@compiled
def _solve(
    evidence: NDArray[np.float32], weights: NDArray[np.float32], share: NDArray[np.float32], iterations: int
) -> None:
    height, width = share.shape
    step = np.float32(STEP)
    ahead = share.copy()
    across, down = np.zeros_like(share), np.zeros_like(share)
    for _ in range(iterations):
        for y in range(height):
            for x in range(width):
                here = ahead[y, x]
                if x + 1 < width:
                    limit = weights[y, x, 0]
                    across[y, x] = min(max(across[y, x] + step * (ahead[y, x + 1] - here), -limit), limit)
                if y + 1 < height:
                    limit = weights[y, x, 1]
                    down[y, x] = min(max(down[y, x] + step * (ahead[y + 1, x] - here), -limit), limit)
        for y in range(height):
            for x in range(width):
                spread = across[y, x] + down[y, x]
                if x > 0:
                    spread -= across[y, x - 1]
                if y > 0:
                    spread -= down[y - 1, x]
                before = share[y, x]
                after = min(max(before + step * (spread + evidence[y, x]), np.float32(0)), np.float32(1))
                share[y, x] = after
                ahead[y, x] = 2 * after - before
