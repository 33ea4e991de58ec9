"""What it costs to remove with a mask that was tracked: hole PSNR against that with the true mask.

    python -m benchmarks.bench_tracked_removal CLIPS [--size 432x240] [--frames 20] [--every 0] [--preset default]

CLIPS holds clips as <clip>/frames and <clip>/masks. The object of another clip is laid over each of them, with blurred
edges and without a shadow, so that what is behind it is known. It is tracked from its true mask in the first frame
(with --every N, in every Nth), and removed twice: with the true masks and with the tracked ones. Both are compared with
what is behind wherever either mask is or grew to, but not on the clip's own object, whose motion no other frame tells.
So pixels of the object that the tracked mask misses count in full.
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
from benchmarks.hidden_objects import RIM, Steps
from dfvi_models.evaluation.composites import Overlay, centre_of, lay_over
from dfvi_models.evaluation.holes import back_and_forth
from dfvi_models.numerics.holes import dilate_by_cross
from dfvi_models.segmentation.distance import overlap
from dfvi_models.segmentation.tracking import track
from flows.configs.run_config import load_config
from flows.pipeline.stage_order import fill_clip
from storage.cache.root import Root
from storage.datasets.clean_clips import choose_clips, find_clips, pictures_beside, shuffled_masks
from storage.media.images.folder import list_images, read_image
from storage.media.writing import write_images
from tasks.decode import MediaInput, decode
from tasks.shots.filled_clip import FilledClip

MOST_LOST = 0.5  # dB
SMALLEST = 200  # pixels an object must have to be given


def pictures(folder, count, width, height):
    """The first frames of a folder, (H, W, 3) uint8 RGB, brought to a size; back and forth if it has fewer."""
    files = list_images(folder)
    chosen = (files[back_and_forth(t, len(files))] for t in range(count))
    return [cv2.resize(read_image(file), (width, height), interpolation=cv2.INTER_AREA) for file in chosen]


def masks_of(folder, count, width, height):
    """The first masks of a folder, (H, W) bool, brought to a size."""
    files = list_images(folder)
    chosen = (files[back_and_forth(t, len(files))] for t in range(count))
    read = (cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 0 for file in chosen)
    size = (width, height)
    return [cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for mask in read]


def composite(truth, objects, masks):
    """The frames with another clip's object laid over them."""
    frames = []
    for t, (ground, picture, mask) in enumerate(zip(truth, objects, masks, strict=True)):
        here, there = centre_of(mask), centre_of(masks[min(t + 1, len(masks) - 1)])
        motion = (there[0] - here[0], there[1] - here[1]) if here and there else (0.0, 0.0)
        frames.append(lay_over(ground, Overlay(picture, mask, motion, None)))
    return frames


def remove(step, config, folder, name):
    """Frames with the object removed by the masks of a folder, and the holes."""
    video, mask = MediaInput.video(str(folder / "frames")), MediaInput.mask(str(folder / name))
    clip = step(decode, config.decode, video=video, mask=mask)
    filled = fill_clip(step, config, clip)
    shown = FilledClip(filled.merged.open(step.job), filled.fill and filled.fill.open(step.job))
    return list(shown.frames), np.stack(list(clip.open(step.job)["holes"]))


def measure(clip, masks_folder, asked, config, root):
    """Figures of one composite; None where its object is too small to be given."""
    width, height = map(int, asked.size.split("x"))
    wanted = (asked.frames, width, height)
    truth, masks = pictures(clip.video, *wanted), masks_of(masks_folder, *wanted)
    seen = [t for t, mask in enumerate(masks) if np.count_nonzero(mask) >= SMALLEST]
    if not seen:
        return None
    frames = composite(truth, pictures(pictures_beside(masks_folder), *wanted), masks)
    given = {t: masks[t] for t in (seen[:: asked.every] if asked.every else seen[:1])}
    tracked, _ = track(frames, given, threads=2)
    folder = Path(root) / "composites" / f"{clip.name}-{asked.every}"
    for name, images in (("frames", frames), ("true", masks), ("tracked", tracked)):
        write_images(folder / name, images)
    step = Steps(root, folder.name)
    with_true, true_holes = remove(step, config, folder, "true")
    with_tracked, tracked_holes = remove(step, config, folder, "tracked")
    own = np.stack([dilate_by_cross(mask, RIM) for mask in masks_of(clip.masks, *wanted)])
    where = (true_holes | tracked_holes) & ~own
    behind = np.stack(truth)
    one, other = psnr(with_true, behind, where), psnr(with_tracked, behind, where)
    shares = [overlap(a, b) for t, (a, b) in enumerate(zip(tracked, masks, strict=True)) if t not in given]
    return {"j": fmean(shares), "true": one, "tracked": other, "lost": one - other}


def psnr(frames, truth, where):
    """In dB over some pixels (T, H, W) bool of all frames."""
    missed = np.square(np.stack(frames)[where].astype(np.float64) - truth[where])
    return float(10 * np.log10(255**2 / max(missed.mean(), 0.01)))


def main():
    """Print the figures; a mean loss above what is allowed ends with an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips: <clip>/frames and <clip>/masks")
    parser.add_argument("--only", help="names of some of the clips, with commas between (all)")
    parser.add_argument("--size", default="432x240", help="width x height all clips are brought to (432x240)")
    parser.add_argument("--frames", type=int, default=20, help="frames taken from the start of each clip (20)")
    parser.add_argument(
        "--every", type=int, default=0, metavar="N", help="give the mask in every Nth frame (the first)"
    )
    parser.add_argument("--preset", default="default", help="how is removed (default)")
    parser.add_argument("--json", type=Path, help="where the figures of every clip are written")
    parser.add_argument("--root", default=".dfvi", help="where results lie")
    asked = parser.parse_args()
    report.header("removal with tracked masks")
    config, root = load_config(asked.preset, None, []), str(Root.create(asked.root).path)
    there = find_clips(asked.clips)
    masks, rows = shuffled_masks(there, 0), {}
    for clip in choose_clips(there, asked.only.split(",") if asked.only else []):
        if row := measure(clip, masks[clip.name], asked, config, root):
            rows[clip.name] = row
            print(f"{clip.name:24}" + "  ".join(f"{name} {value:.3f}" for name, value in row.items()), flush=True)
    means = {name: fmean(row[name] for row in rows.values()) for name in next(iter(rows.values()))}
    print(f"{'mean':24}" + "  ".join(f"{name} {value:.3f}" for name, value in means.items()))
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))
    if means["lost"] > MOST_LOST:
        raise SystemExit(f"{means['lost']:.2f} dB lost in the mean, at most {MOST_LOST} allowed")


if __name__ == "__main__":
    main()
