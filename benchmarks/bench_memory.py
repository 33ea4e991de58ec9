"""Peak memory of whole runs of 480p clips of 100 and of 1000 frames: it must not grow with the length of a clip.

Needs about 6 GB of disk for a while. `--frames 100 1000` chooses other lengths.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from storage.media.clip import Clip
from storage.media.writing import write_video

HEIGHT, WIDTH, SEED = 480, 854, 7
RUN = """
import resource, sys
from benchmarks.bench_pipeline import run_once
from flows.configs.run_config import load_config
run_once(sys.argv[1], "300,180,220,180", load_config(), 2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def panning_frames(count: int) -> Iterator[NDArray[np.uint8]]:
    """A camera that pans to and fro over smooth noise."""
    noise = np.random.default_rng(SEED).uniform(0, 255, (HEIGHT, 2 * WIDTH, 3)).astype(np.float32)
    scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3.0), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    for t in range(count):
        left = abs((3 * t) % (2 * WIDTH) - WIDTH)
        yield np.ascontiguousarray(scene[:, left : left + WIDTH])


def peak_memory(folder: Path, count: int) -> float:
    """Peak resident memory in MiB of a process that runs all stages on a clip of `count` frames."""
    path = folder / f"{count}.mkv"
    facts = Clip(path, "video", count, count, HEIGHT, WIDTH, Fraction(25), Fraction(1, 25))
    write_video(path, panning_frames(count), facts, codec="h264", quality=18)
    done = subprocess.run([sys.executable, "-c", RUN, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs=2, default=(100, 1000))
    options = parser.parse_args()
    report.header("peak memory", seed=SEED)
    with tempfile.TemporaryDirectory() as folder:
        short, long = (peak_memory(Path(folder), count) for count in options.frames)
    report.figure(f"{options.frames[0]} frames of 854x480", short, "MiB")
    report.figure(f"{options.frames[1]} frames of 854x480", long, "MiB", at_most=1500)
    report.figure("ratio", long / short, "x", at_most=1.15)


if __name__ == "__main__":
    main()
