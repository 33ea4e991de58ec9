"""How near to the truth several ways of removing come, in the background alone: inside the hole and beside it.

    python -m benchmarks.removal_figures CLIPS [--rows before=default,grow_holes.reach=0 default]

Pixels of the clip's own object (its mask, grown by 4) do not count: what it does behind a hole no other frame tells.
With --blobs every pixel counts, and the things removed are blobs that walk across the picture, filled with another
clip: so clips without masks serve too, such as those that parameters are chosen on. Results under --root are reused.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import report
from benchmarks.fit_registration import walking_blob
from benchmarks.hidden_objects import RIM, Steps
from dfvi_models.evaluation import metrics
from dfvi_models.numerics.holes import dilate_by_disc
from flows.evaluation.holes import make_holes
from flows.evaluation.methods import OnTrueFlow, parse_methods
from flows.evaluation.model import EvaluateConfig
from flows.pipeline.stage_order import FilledResult, fill_clip
from storage.cache.root import Root
from storage.datasets.clean_clips import CleanClip, choose_clips, clip_seed, find_clips, shuffled_masks
from storage.media.images.folder import list_images
from tasks.decode import MediaInput
from tasks.estimate_flow import estimate_flow
from tasks.evaluation.cut_holes import CutHolesParams, cut_holes
from tasks.evaluation.fill_baseline import FillBaselineParams, fill_baseline
from tasks.evaluation.read_truth import ReadTruthParams, read_truth
from tasks.shots.filled_clip import FilledClip

BESIDE = 24  # pixels around the hole: as far as holes grow at 240 rows
FEWEST = 200  # pixels of a case below which it says nothing
COLUMNS = {"psnr": ".2f", "beside": ".2f", "ssim": ".3f", "detail": ".3f", "flicker": ".1f"}


def arguments():
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", help="folders of clips: <clip>/frames and <clip>/masks")
    parser.add_argument("--only", help="names of some of the clips, with commas between (all)")
    parser.add_argument("--blobs", action="store_true", help="remove blobs; clips need no masks, all pixels count")
    parser.add_argument("--size", help="width x height all clips are brought to, such as 432x240 (their own)")
    parser.add_argument("--frames", type=int, default=20, help="frames taken from the start of each clip (20)")
    parser.add_argument("--holes", default="object,composite", help="kinds of holes, as of `dfvi evaluate`")
    parser.add_argument("--rows", nargs="+", default=["default"], help="presets, baselines, ceiling, NAME=PRESET,...")
    parser.add_argument("--json", type=Path, help="where the figures of every case are written")
    parser.add_argument("--root", default=".dfvi", help="where results lie")
    return parser.parse_args()


def clips_with_masks(folders, names, root, *, frames, blobs):
    """(clip, folder of another clip's masks) of all that are asked for."""
    there = [clip for folder in folders for clip in find_clips(folder)]
    if blobs:
        there = [with_blob(clip, Path(root) / "removed", frames) for clip in there]
    masks = shuffled_masks(there, 0)
    return [(clip, masks[clip.name]) for clip in choose_clips(there, names)]


def with_blob(clip, folder, count):
    """The first frames of a clip of images as <clip>/frames and <clip>/masks, the masks a blob that walks across."""
    here = folder / clip.name
    if not (here / "masks").is_dir():
        for name in ("frames", "masks"):
            (here / name).mkdir(parents=True)
        images = list_images(clip.video)[:count]
        height, width = cv2.imread(str(images[0])).shape[:2]
        for t, blob in enumerate(walking_blob(height, width, len(images), clip_seed(clip.name, 0))):
            (here / "frames" / f"{t:05d}{images[t].suffix}").symlink_to(images[t].resolve())
            cv2.imwrite(str(here / "masks" / f"{t:05d}.png"), blob)
    return CleanClip(clip.name, here / "frames", here / "masks")


def fill(step, row, holed, true_flow):
    """The clip filled in one way."""
    if row.baseline:
        filled = FilledResult(step(fill_baseline, FillBaselineParams(method=row.baseline), clip=holed))
    else:
        filled = fill_clip(OnTrueFlow(step, true_flow) if row.on_true_flow else step, row.config, holed)
    return FilledClip(filled.merged.open(step.job), filled.fill and filled.fill.open(step.job))


def scores(frames, truth, holes, own):
    """Name of a figure -> its value; squared errors are summed over the clip, the others means over frames."""
    squared, pixels = {"psnr": 0.0, "beside": 0.0}, {"psnr": 0, "beside": 0}
    told = {"ssim": [], "detail": [], "flicker": []}
    before = None
    for t in range(len(truth)):
        hole, frame, true = holes[t], frames[t], truth[t]
        inside = hole & ~own[t]
        missed = ((frame.astype(np.float32) - true) ** 2).mean(axis=-1)
        for name, where in (("psnr", inside), ("beside", dilate_by_disc(hole, BESIDE) & ~hole & ~own[t])):
            squared[name] += float(missed[where].sum(dtype=np.float64))
            pixels[name] += int(where.sum())
        if inside.any():
            told["ssim"].append(metrics.ssim_in_hole(frame, true, inside))
            told["detail"].append(metrics.gradient_similarity(frame, true, inside))
        if before is not None and (inside & before[2]).any():
            told["flicker"].append(metrics.flicker([before[0], frame], [before[1], true], inside & before[2]))
        before = frame, true, inside
    if pixels["psnr"] < FEWEST:
        return None
    decibels = {name: 10 * np.log10(255**2 / max(squared[name] / max(pixels[name], 1), 0.01)) for name in squared}
    return {name: float(value) for name, value in decibels.items()} | {name: fmean(all) for name, all in told.items()}


def clip_cases(clip, masks, rows, config, root, *, blobs):
    """(kind of hole, row, its `scores`) of one clip."""
    step = Steps(root, clip.name)
    truth = step(
        read_truth, ReadTruthParams(frames=config.frames, size=config.size), video=MediaInput.video(str(clip.video))
    )
    true_flow = step(estimate_flow, config.true_flow, clip=truth) if any(row.on_true_flow for row in rows) else None
    true_frames = truth.open(step.job)["frames"]
    own = [np.zeros(true_frames.shape[1:3], np.bool_)] * len(true_frames)
    if clip.masks and not blobs:
        params = CutHolesParams(kind="object", dilation=RIM)
        own = step(cut_holes, params, truth=truth, masks=MediaInput.mask(str(clip.masks))).open(step.job)["holes"]
    for kind in config.holes:
        holed = make_holes(step, kind, clip, config, truth, masks)
        for row in rows:
            shown = fill(step, row, holed, true_flow)
            yield kind, row.name, scores(shown.frames, true_frames, holed.open(step.job)["holes"], own)


def table(cases, kinds, rows):
    """Means of each kind of hole, and how often and by how much a row lies above the first one in the hole."""
    columns = " ".join(f"{name:>8}" for name in COLUMNS)
    print(f"{'holes':<11} {'row':<20} {'cases':>5} {columns}   above the first")
    for kind in kinds:
        for row in rows:
            own = {clip: found for (clip, k, r), found in cases.items() if (k, r) == (kind, row) and found}
            gains = [found["psnr"] - cases[clip, kind, rows[0]]["psnr"] for clip, found in own.items()]
            means = " ".join(f"{fmean(f[name] for f in own.values()):>8{shape}}" for name, shape in COLUMNS.items())
            above = f"{fmean(gains):+.2f} ({min(gains):+.2f} to {max(gains):+.2f}, {sum(g > 0 for g in gains)} better)"
            print(f"{kind:<11} {row:<20} {len(own):>5} {means}   {above if row != rows[0] else '-'}")


def main():
    """Fill, and print a table."""
    asked = arguments()
    report.header("removal, background alone", seed=0)
    width, height = map(int, asked.size.split("x")) if asked.size else (None, None)
    holes = tuple(asked.holes.split(","))
    config = EvaluateConfig(size=asked.size and (height, width), frames=asked.frames, holes=holes)
    rows = parse_methods([name for name in asked.rows if "=" not in name], [name for name in asked.rows if "=" in name])
    rows.sort(key=lambda row: [name.partition("=")[0] for name in asked.rows].index(row.name))
    root, cases = str(Root.create(asked.root).path), {}
    chosen = clips_with_masks(
        asked.clips, asked.only.split(",") if asked.only else [], root, frames=asked.frames, blobs=asked.blobs
    )
    for clip, masks in chosen:
        for kind, row, found in clip_cases(clip, masks, rows, config, root, blobs=asked.blobs):
            cases[clip.name, kind, row] = found
            told = found and {name: round(value, 3) for name, value in found.items()}
            print(f"{clip.name:<28} {kind:<11} {row:<20} {told}", flush=True)
    table(cases, config.holes, [row.name for row in rows])
    if asked.json:
        asked.json.write_text(json.dumps([[*key, found] for key, found in cases.items()], indent=1))


if __name__ == "__main__":
    main()
