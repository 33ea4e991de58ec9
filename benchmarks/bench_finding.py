"""How well `dfvi mask find` finds stamped logos: found, overlap, times, and what it finds where nothing is.

    python -m benchmarks.bench_finding CLIPS [--half tune|report|all]

CLIPS is a folder of folders of images. Thresholds were set on every second clip (tune); the others report.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.stamped_clips import KINDS, Image, Stamp, read_clip, stamp_logo
from dfvi_models.overlays.edge_sums import sum_in_blocks
from dfvi_models.overlays.logos import find_logos, present_in, stands_still

LOGOS = 20
LEAST_OVERLAP = 0.3  # IoU with what is stamped, in the frames both have, to count as found


def proposed(frames: list[Image]) -> list[tuple[NDArray[np.bool_], list[tuple[int, int]]]]:
    """Return what is found in a clip, and when."""
    blocks = sum_in_blocks(frames)
    if stands_still(blocks):
        return []
    found = [(logo, present_in([logo.presence(frame) for frame in frames])) for logo in find_logos(blocks)]
    return [(logo.marked, times) for logo, times in found if times]


def overlap(found: list[tuple[NDArray[np.bool_], list[tuple[int, int]]]], stamp: Stamp, count: int) -> float:
    """Return the IoU, over all frames, of what is found with what is stamped."""
    truth = stamp.holes(count)
    holes = np.zeros_like(truth)
    for marked, times in found:
        for first, stop in times:
            holes[first:stop] |= marked
    return float((holes & truth).sum() / (holes | truth).sum())


def main() -> None:
    """Print a line for each stamped and each clean clip, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--half", choices=("tune", "report", "all"), default="report")
    options = parser.parse_args()
    names = sorted(folder.name for folder in options.clips.iterdir())
    names = {"tune": names[::2], "report": names[1::2], "all": names}[options.half]
    moving, false = [], 0
    for name in names:
        frames = read_clip(options.clips / name)
        started = time.perf_counter()
        found = proposed(frames)
        seconds = (time.perf_counter() - started) / len(frames)
        false += len(found)
        still = stands_still(sum_in_blocks(frames))
        moving += [] if still else [name]
        told = "still camera" if still else ""
        print(f"{name:24s} clean    found {len(found)} {told} {seconds:.3f} s a frame", flush=True)
    scores = []
    for k in range(LOGOS):
        name = moving[k % len(moving)]
        frames, stamp = stamp_logo(read_clip(options.clips / name), KINDS[k % len(KINDS)], 100 * len(names) + k)
        found = proposed(frames)
        scores.append(overlap(found, stamp, len(frames)))
        times = [span for _, spans in found for span in spans]
        print(f"{name:24s} {stamp.kind:8s} IoU {scores[-1]:.2f} times {times}, true {stamp.times}", flush=True)
    good = [score for score in scores if score > LEAST_OVERLAP]
    print(
        f"found {len(good)} of {LOGOS}, IoU {np.mean(good):.3f} in the mean, least {min(good):.2f}; "
        f"{false} finds in {len(names)} clips without any, of which {len(names) - len(moving)} stand still"
    )


if __name__ == "__main__":
    main()
