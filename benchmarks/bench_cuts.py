"""What shots are worth: pixels beside a cut, and work done again when a mask is corrected in one of many shots.

    python -m benchmarks.bench_cuts CLIPS

Pairs of clips are joined by a hard cut, a box that moves over both is the hole, and the video is filled as one shot
and shot by shot; PSNR is that of the hole in the frames up to 15 before and after the cut. Then one video of many
shots is filled, a mask is corrected in one of them, and it is filled again. Seconds are of all stages, without Prefect.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import cv2
import numpy as np

from benchmarks import report
from benchmarks.joined_clips import clip_folders, read_clip
from dfvi_models.evaluation.metrics import psnr_in_hole
from flows.configs.run_config import load_config
from flows.pipeline.stage_order import inpaint_clip
from storage.cache.root import Root
from tasks.decode import MediaInput
from tasks.shots.filled_shots import ShownClip
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job

BESIDE = 15  # frames before and after a cut that are looked at
HALF = 30  # frames of each clip


def moving_box(count, height, width):
    """Holes (T, H, W) bool: a box of a fifth of the height that moves to and fro."""
    holes = np.zeros((count, height, width), bool)
    side = height // 5
    for t in range(count):
        left = round((width - 2 * side) * (0.5 + 0.4 * np.sin(t / 9)))
        holes[t, 2 * side : 3 * side, left : left + side] = True
    return holes


def write(folder, frames, holes):
    """Write frames and masks as images; return them as a run takes them."""
    for name, images in (("frames", frames), ("masks", holes)):
        (folder / name).mkdir(parents=True)
        for t, image in enumerate(images):
            picture = image[..., ::-1] if name == "frames" else image.astype(np.uint8) * 255
            cv2.imwrite(str(folder / name / f"{t:05d}.png"), picture)
    return MediaInput.video(str(folder / "frames")), MediaInput.mask(str(folder / "masks"))


def fill(root, inputs, settings):
    """Run all stages; return the runner and the clip that is shown."""
    runner = DirectRunner(Job(str(root.path), "clip", 1))
    results = inpaint_clip(
        runner, load_config(settings=["decode.dilation=0", "encode.container=png", *settings]), *inputs
    )
    return runner, ShownClip(results.clip.open(runner.job), results.filled.open(runner.job))


def beside_the_cut(frames, holes, settings):
    """PSNR in the hole, dB, means over the frames before and after the cut."""
    with tempfile.TemporaryDirectory() as folder:
        torn = [np.where(hole[..., None], np.uint8(0), frame) for frame, hole in zip(frames, holes, strict=True)]
        inputs = write(Path(folder) / "clip", torn, holes)
        _, shown = fill(Root.create(Path(folder) / "root"), inputs, settings)
        scores = [psnr_in_hole(shown.frames[t], frames[t], holes[t]) for t in range(HALF - BESIDE, HALF + BESIDE)]
        return float(np.mean(scores[:BESIDE])), float(np.mean(scores[BESIDE:]))


def corrected_mask(frames, holes, shots):
    """Seconds of the first run, and of the one after a mask was corrected in the middle shot, by what they did."""
    with tempfile.TemporaryDirectory() as folder:
        root = Root.create(Path(folder) / "root")
        begins = list(range(len(frames) // shots, len(frames), len(frames) // shots))
        settings = [f"find_shots.shots={begins}"]
        first, _ = fill(root, write(Path(folder) / "first", frames, holes), settings)
        changed = holes.copy()
        changed[begins[shots // 2] + 1, :8, :8] = True
        again, _ = fill(root, write(Path(folder) / "again", frames, changed), settings)
        return first.done, again.done


def seconds(done, *, whole):
    """Seconds of the stages that are of the whole clip, or of those that are of a shot."""
    return sum(result.seconds for result in done if (result.shot == "") == whole)


def main():
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", help="folders of clips")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--shots", type=int, default=40)
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    report.header("shots")
    clips = clip_folders(options.folders)
    if not clips:
        print("no clips: give folders that hold clips as folders of images")
        return
    names = sorted(clips)
    gains = []
    for number in range(options.pairs):
        pair = names[(2 * number) % len(names)], names[(2 * number + 1) % len(names)]
        before, after = (read_clip(clips[name]) for name in pair)
        frames = before[-HALF:] + after[:HALF]
        holes = moving_box(len(frames), *frames[0].shape[:2])
        ruined, whole = (
            beside_the_cut(frames, holes, [f"find_shots.shots={shots}", *options.set]) for shots in ("none", "auto")
        )
        gains.append(np.subtract(whole, ruined))
        change = ", after ".join(f"{low:.2f} -> {high:.2f} dB" for low, high in zip(ruined, whole, strict=True))
        print(f"{' | '.join(pair):44} before the cut {change}")
    report.figure("gain before the cut, median", statistics.median(g[0] for g in gains), "dB")
    report.figure("gain after the cut, median", statistics.median(g[1] for g in gains), "dB")
    small = [cv2.resize(frame, (160, 90)) for name in names for frame in read_clip(clips[name])[:6]]
    small = (small * options.shots)[: 6 * options.shots]
    first, again = corrected_mask(small, moving_box(len(small), 90, 160), options.shots)
    report.figure(f"work of {options.shots} shots, outside decode, scan, encode", seconds(first, whole=False), "s")
    report.figure("the same after a mask changed in one shot", seconds(again, whole=False), "s")
    computed = sum(r.seconds for r in again if r.shot and r.action == "compute")
    report.figure("share of the shots' work done again", 100 * computed / seconds(first, whole=False), "%")
    report.figure("decode, scan and encode, of that run", seconds(again, whole=True), "s")


if __name__ == "__main__":
    main()
