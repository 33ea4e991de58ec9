"""Harmonic fill of flow at 480x864 on one thread, against sparse direct solves of the same equation."""

import sys
import time
from pathlib import Path

import cv2
import numpy as np
import scipy.sparse
import scipy.sparse.linalg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import report
from dfvi_models.numerics.laplace import fill_smooth

SEED = 0
HEIGHT, WIDTH = 480, 864
REQUIRED = 10
ALLOWED_ERROR = 0.02  # pixels


def make_holes():
    """About 10 % of the picture: one block, or four blobs of which two lie at the border."""
    block = np.zeros((HEIGHT, WIDTH), bool)
    block[140:340, 300:507] = True
    blobs = np.zeros((HEIGHT, WIDTH), np.uint8)
    for centre, axes, angle in (((430, 200), (95, 60), 20), ((200, 300), (70, 50), 0), ((0, 0), (90, 70), 0)):
        cv2.ellipse(blobs, centre, axes, angle, 0, 360, 1, -1)
    cv2.rectangle(blobs, (600, 400), (720, 480), 1, -1)
    return {"one block": block, "blobs, some at the border": blobs > 0}


def make_flow(rng):
    """Wavy flow with the roughness that estimated flow has."""
    waves = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH, 2)), (0, 0), 12)
    rough = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH, 2)), (0, 0), 2)
    return (4 * waves / waves.std() + 0.1 * rough / rough.std()).astype(np.float32)


def equations(flow, hole):
    """Matrix and right sides of Laplace's equation with as many neighbours as lie inside the picture."""
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(hole.sum())
    y, x = np.nonzero(hole)
    degree, right = np.zeros(len(y)), np.zeros((len(y), flow.shape[2]))
    rows, columns = [], []
    for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
        inside = (j >= 0) & (j < HEIGHT) & (i >= 0) & (i < WIDTH)
        j, i = np.clip(j, 0, HEIGHT - 1), np.clip(i, 0, WIDTH - 1)
        unknown, known = inside & hole[j, i], inside & ~hole[j, i]
        degree += inside
        rows.append(np.flatnonzero(unknown))
        columns.append(number[j, i][unknown])
        right[known] += flow[j, i][known]
    off = scipy.sparse.coo_matrix((np.ones(sum(map(len, rows))), (np.concatenate(rows), np.concatenate(columns))))
    off.resize((len(y), len(y)))
    return (scipy.sparse.diags(degree) - off).tocsc(), right


def solve_once(flow, hole):
    """One factorisation for all channels."""
    matrix, right = equations(flow, hole)
    filled = flow.astype(np.float64)
    filled[hole] = scipy.sparse.linalg.splu(matrix).solve(right)
    return filled


def solve_each(flow, hole):
    """One solve a channel, as the reference code does it."""
    filled = flow.astype(np.float64)
    for channel in range(flow.shape[2]):
        matrix, right = equations(flow[..., channel : channel + 1], hole)
        filled[hole, channel] = scipy.sparse.linalg.spsolve(matrix, right[:, 0])
    return filled


def main():
    """Print the figures; fail if the fill is too far from the exact one or not fast enough."""
    cv2.setNumThreads(1)
    cpu = {"clock": time.process_time}
    report.header(f"harmonic fill of a flow of {HEIGHT}x{WIDTH}, one thread, CPU time", seed=SEED)
    flow = make_flow(np.random.default_rng(SEED))
    for name, hole in make_holes().items():
        print(f"## {name}, {100 * hole.mean():.1f} % of the picture")
        error = np.abs(fill_smooth(flow, hole) - solve_once(flow, hole)).max()
        report.figure("largest error", float(error), "px", at_most=ALLOWED_ERROR)
        each = report.timing("sparse direct solve, each channel", lambda hole=hole: solve_each(flow, hole), 3, **cpu)
        once = report.timing(
            "sparse direct solve, one factorisation", lambda hole=hole: solve_once(flow, hole), 5, **cpu
        )
        fast = report.timing("multigrid on the hole's pixels", lambda hole=hole: fill_smooth(flow, hole), 21, **cpu)
        report.ratio("multigrid against each channel", each, fast, required=REQUIRED)
        report.ratio("multigrid against one factorisation", once, fast)


if __name__ == "__main__":
    main()
