"""Peak memory of whole runs of one take without a cut, by its length: it must not grow with it.

For each stage the peak while it ran is told, so that what grows is seen. The hole stands in every frame, so that all of
the take is worked on; at full size a thousand frames need about 6 GB of disk for a while.

    python -m benchmarks.bench_memory --frames 100 1000
    python -m benchmarks.bench_memory --frames 40 160 640 --size 320x180
"""

import argparse
import json
import re
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
from benchmarks.bench_pipeline import Plain
from flows.configs.run_config import load_config
from flows.pipeline.stage_order import inpaint_clip
from storage.cache.root import Root
from storage.media.clip import Clip
from storage.media.writing import write_video
from tasks.decode import MediaInput
from tasks.stage.cached_stage import Input, Job, Stage, StageParams, StageResult

SEED = 7
MOST_GROWTH = 1.15
"""Of the peak, from the shortest take to the longest."""


class Watched(Plain):
    """Runs stages as plain functions, and notes the peak of memory while each ran."""

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Run one stage."""
        forget_peak()
        result = super().__call__(stage, params, iteration, **inputs)
        self.peaks = getattr(self, "peaks", {})
        self.peaks[stage.name] = max(peak(), self.peaks.get(stage.name, 0.0))
        return result


def forget_peak() -> None:
    """Let the peak of this process begin anew (Linux, proc(5): clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """Return the largest resident memory since the peak was forgotten, MiB."""
    (kibibytes,) = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(kibibytes) / 1024


def panning_frames(count: int, height: int, width: int) -> Iterator[NDArray[np.uint8]]:
    """A camera that pans to and fro over smooth noise."""
    noise = np.random.default_rng(SEED).uniform(0, 255, (height, 2 * width, 3)).astype(np.float32)
    scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3.0), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    for t in range(count):
        left = abs((3 * t) % (2 * width) - width)
        yield np.ascontiguousarray(scene[:, left : left + width])


def run(video: str, mask: str, preset: str) -> None:
    """Run all stages on a video, and print the peak of each as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        runner = Watched(Job(str(Root.create(Path(folder) / "root").path), "clip", 2))
        inpaint_clip(runner, load_config(preset), MediaInput.video(video), MediaInput.mask(mask))
    print(json.dumps(runner.peaks))


def measure(folder: Path, count: int, size: tuple[int, int], preset: str) -> dict[str, float]:
    """Return the peak of each stage, MiB, in a process of its own that works on a take of `count` frames."""
    width, height = size
    path = folder / f"{count}.mkv"
    facts = Clip(path, "video", count, count, height, width, Fraction(25), Fraction(1, 25))
    write_video(path, panning_frames(count, height, width), facts, codec="h264", quality=18)
    box = f"{width * 35 // 100},{height * 37 // 100},{width // 4},{height * 37 // 100}"
    code = f"from benchmarks.bench_memory import run; run({str(path)!r}, {box!r}, {preset!r})"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    path.unlink()
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=(100, 1000))
    parser.add_argument("--size", default="854x480")
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    report.header(f"peak memory, MiB, preset {options.preset}, {options.size}", seed=SEED)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in sorted(options.frames):
            found[count] = measure(Path(folder), count, (width, height), options.preset)
    print(f"{'frames':<18} " + " ".join(f"{count:>8}" for count in found))
    for stage in found[min(found)]:
        print(f"{stage:<18} " + " ".join(f"{peaks[stage]:>8.0f}" for peaks in found.values()))
    tops = [max(peaks.values()) for peaks in found.values()]
    report.figure("largest", tops[-1], "MiB", at_most=1500)
    report.figure("longest against shortest", tops[-1] / tops[0], "x", at_most=MOST_GROWTH)


if __name__ == "__main__":
    main()
