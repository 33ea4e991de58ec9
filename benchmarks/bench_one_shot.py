"""A film of many shots whose mask is corrected in one of them: what is worked on again.

    python -m benchmarks.bench_one_shot CLIPS --shots 100

The film is run, run again as it is, and run with a mask that is larger in ten frames of a shot in the middle. CPU
seconds are those of the stages, without start and server; the scan (decode, find_shots) and the video that goes out
(encode) are of the whole film each time.
"""

import argparse
import tempfile
import time
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks import report
from benchmarks.bench_film import shots
from benchmarks.joined_clips import SIZE, clip_folders
from flows.configs.run_config import load_config
from flows.pipeline.stage_order import inpaint_clip
from storage.cache.root import Root
from storage.media.reading import probe
from storage.media.writing import write_video
from tasks.decode import MediaInput
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job

FRAMES = 12  # of a shot
CORRECTED = 10  # of them
SCAN = ("decode", "find_shots", "encode")


def run(root: Path, film: Path, masks: Path) -> tuple[Counter[str], Counter[str]]:
    """Return CPU seconds by stage, and how many results of each stage were computed."""
    seconds: Counter[str] = Counter()
    runner = DirectRunner(Job(str(Root.create(root).path), "film", 1))

    def step(stage, *given, **inputs):
        start = time.process_time()
        result = runner(stage, *given, **inputs)
        seconds[stage.name] += time.process_time() - start
        return result

    inpaint_clip(step, load_config(), MediaInput.video(str(film)), MediaInput.mask(str(masks)))
    return seconds, Counter(result.stage for result in runner.done if result.action == "compute")


def main() -> None:
    """Run the film three times and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--shots", type=int, default=100)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    report.header(f"one shot of {options.shots}, {FRAMES} frames each, {SIZE[1]}x{SIZE[0]}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        frames = [f for shot in islice(shots(clip_folders(options.clips), SIZE), options.shots) for f in shot[:FRAMES]]
        (folder / "images").mkdir()
        cv2.imwrite(str(folder / "images" / "0.png"), frames[0][..., ::-1])
        clip = replace(probe(folder / "images"), frame_count=len(frames), frames_found=len(frames))
        write_video(folder / "film.mkv", frames, clip, quality=10)
        holes = np.zeros((len(frames), *SIZE), bool)
        holes[:, 100:124, 180:204] = True
        np.save(folder / "masks.npy", holes)
        middle = options.shots // 2 * FRAMES
        holes[middle : middle + CORRECTED, 96:128, 176:208] = True
        np.save(folder / "corrected.npy", holes)
        rows = [run(folder / "root", folder / "film.mkv", folder / f"{m}.npy") for m in ("masks", "masks", "corrected")]
    for name, (seconds, computed) in zip(("first run", "again", "corrected"), rows, strict=True):
        scan = sum(seconds[stage] for stage in SCAN)
        filling = sum(seconds.values()) - scan
        print(f"{name:12} scan and output {scan:8.2f} s, filling {filling:8.2f} s; computed {dict(computed)}")
    filling = [sum(seconds.values()) - sum(seconds[stage] for stage in SCAN) for seconds, _ in rows]
    share = (filling[2] - filling[1]) / (filling[0] - filling[1])
    report.figure("share of the filling done again", 100 * share, "%", at_most=100 / options.shots * 2)


if __name__ == "__main__":
    main()
