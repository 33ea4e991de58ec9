"""Propagation and merging of a 480x864 clip on one thread, against plain full-frame NumPy and against bare reading."""

import sys
import time
from pathlib import Path

import cv2
import numba
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import report
from dfvi_models.merging.nearest import merge_nearest
from dfvi_models.propagation.nearest import propagate
from tests import oracles

SEED = 0
FRAMES, HEIGHT, WIDTH = 30, 480, 864
LIMIT = 5.0  # pixels
REQUIRED = 80


def make_clip(rng):
    """A textured pan with a wavy, slightly inconsistent flow, and a moving hole of 10 %."""
    world = rng.integers(0, 256, (HEIGHT + 64, WIDTH + 160, 3), dtype=np.uint8)
    frames = [np.ascontiguousarray(world[t : t + HEIGHT, 3 * t : 3 * t + WIDTH]) for t in range(FRAMES)]
    holes = [np.zeros((HEIGHT, WIDTH), bool) for _ in range(FRAMES)]
    for t, hole in enumerate(holes):
        hole[120:320, 150 + 8 * t : 357 + 8 * t] = True

    def waves(sigma, strength):
        noise = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH, 2)), (0, 0), sigma)
        return strength * noise / noise.std()

    flow_fw = [(waves(24, 1.0) - (3, 1)).astype(np.float32) for _ in range(FRAMES - 1)]
    flow_bw = [(-flow + waves(6, 1.5)).astype(np.float32) for flow in flow_fw]
    return frames, holes, flow_fw, flow_bw


def fill_once(frames, holes, flow_fw, flow_bw):
    """One iteration, each merged frame handed on as soon as both sweeps have reached it, from the last to the first."""
    sweep = {"max_consistency_error": LIMIT, "wanted": range(FRAMES)}
    forward = dict(propagate(frames, holes, flow_fw, flow_bw, direction="forward", **sweep))
    for t, backward in propagate(frames, holes, flow_fw, flow_bw, direction="backward", **sweep):
        yield merge_nearest(frames[t], holes[t], t, forward[t], backward)


def run_to_the_end(results):
    """Take every result and drop it, as a stage does once it is stored."""
    for _ in results:
        pass


@numba.njit(nogil=True)
def touch(hole, flow_there, flow_back, frame):
    """Read what a hole needs: its own flow, as much of the neighbour's, and as many of its pixels."""
    total = 0.0
    for at in range(len(hole)):
        if hole[at]:
            total += flow_there[at, 0] + flow_there[at, 1] + flow_back[at, 0] + flow_back[at, 1]
            total += frame[at, 0] + frame[at, 1] + frame[at, 2]
    return total


def read_inputs(frames, holes, flow_fw, flow_bw):
    """The floor: both sweeps' reads and nothing else."""
    for t in range(1, FRAMES):
        pair = flow_bw[t - 1].reshape(-1, 2), flow_fw[t - 1].reshape(-1, 2)
        touch(holes[t].reshape(-1), *pair, frames[t - 1].reshape(-1, 3))
        touch(holes[t - 1].reshape(-1), *reversed(pair), frames[t].reshape(-1, 3))


def main():
    """Print the figures; fail if the result differs from NumPy's or is not fast enough."""
    cv2.setNumThreads(1)
    report.header(f"propagation + merge, {FRAMES} frames of {HEIGHT}x{WIDTH}, one thread, CPU time", seed=SEED)
    clip = make_clip(np.random.default_rng(SEED))
    report.figure("hole", 100 * float(np.mean(clip[1])), "%")
    merged, expected = list(fill_once(*clip))[::-1], oracles.propagate_and_merge(*clip, LIMIT)
    for one, (frame, hole, source) in zip(merged, expected, strict=True):
        if not all(map(np.array_equal, (one.frame, one.hole, one.source), (frame, hole, source))):
            raise SystemExit("the compiled result differs from plain NumPy's")
    print("frames, holes and sources are equal to plain NumPy's, bit for bit")
    report.figure("hole filled", 100 * (1 - np.sum([m.hole for m in merged]) / np.sum(clip[1])), "%")
    count = {"items": FRAMES, "unit": "frame", "clock": time.process_time}
    slow = report.timing("plain NumPy, whole frames", lambda: oracles.propagate_and_merge(*clip, LIMIT), 3, **count)
    fast = report.timing("compiled, hole pixels only", lambda: run_to_the_end(fill_once(*clip)), 15, **count)
    floor = report.timing("merely reading the inputs", lambda: read_inputs(*clip), 15, **count)
    report.ratio("compiled against plain NumPy", slow, fast, required=REQUIRED)
    report.ratio("reading against compiled (distance to the floor)", fast, floor)


if __name__ == "__main__":
    main()
