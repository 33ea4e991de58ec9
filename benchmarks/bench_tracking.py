"""How well objects are followed: overlap with their true masks, and seconds a frame.

    python -m benchmarks.bench_tracking CLIPS [--ways first,corrected,box] [--json FILE]

CLIPS holds clips as <clip>/frames and <clip>/masks. Given are: with `first` the mask of the first frame, with
`corrected` that of every 25th frame, with `box` the box around the first frame's mask. J is intersection over union,
its mean over the frames that are not given, and then over the clips (DAVIS 2016, Perazzi et al., its region
similarity). `worst first` says how far down, among all frames by their true J, the frame is that would be named to be
corrected first: 0 is the worst one. Frames are in memory; flow is included.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np

from benchmarks import report
from dfvi_models.segmentation.certainty import first_to_correct
from dfvi_models.segmentation.distance import box_around, overlap
from dfvi_models.segmentation.outlining import outline_in_box
from dfvi_models.segmentation.tracking import track

EVERY = 25
REQUIRED = {"first": 0.65, "corrected": 0.8, "box": 0.55}
SECONDS = 0.5


def read_case(folder):
    """Frames (H, W, 3) uint8 RGB and masks (H, W) bool of a clip."""
    masks = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 0 for file in sorted((folder / "masks").glob("*.png"))]
    frames = [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in sorted((folder / "frames").iterdir())]
    return frames, masks


def given_frames(way, frames, masks):
    """Frame -> mask that is given."""
    if way == "corrected":
        return {t: masks[t] for t in range(0, len(masks), EVERY)}
    if way == "first":
        return {0: masks[0]}
    return {0: outline_in_box(frames[0], box_around(masks[0], 0))}


def measure(way, frames, masks):
    """Figures of one clip."""
    given = given_frames(way, frames, masks)
    started = time.perf_counter()
    found, certainty = track(frames, given, threads=2)
    seconds = (time.perf_counter() - started) / len(frames)
    shares = np.array([overlap(one, other) for one, other in zip(found, masks, strict=True)])
    followed = [t for t in range(len(frames)) if t not in given]
    named = first_to_correct(certainty, given, np.ones(len(frames), bool))
    return {
        "j": float(shares[followed].mean()),
        "last": float(shares[-1]),
        "correlation": float(np.corrcoef(certainty[followed], shares[followed])[0, 1]),
        "worst first": float((shares[followed] < shares[named]).mean()),
        "seconds": seconds,
    }


def main():
    """Print the figures; a mean below what is required ends with an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips: <clip>/frames and <clip>/masks")
    parser.add_argument("--ways", default=",".join(REQUIRED), help=f"what is given ({','.join(REQUIRED)})")
    parser.add_argument("--json", type=Path, help="where the figures of every clip are written")
    options = parser.parse_args()
    report.header("tracking")
    cv2.setNumThreads(1)
    folders = sorted(folder for folder in options.clips.iterdir() if (folder / "masks").is_dir())
    rows, missed = {}, []
    for way in options.ways.split(","):
        for folder in folders:
            rows[f"{way} {folder.name}"] = row = measure(way, *read_case(folder))
            print(f"{way:10}{folder.name:24}" + "  ".join(f"{name} {value:.3f}" for name, value in row.items()))
        own = [row for name, row in rows.items() if name.startswith(f"{way} ")]
        means = {name: fmean(row[name] for row in own) for name in own[0]}
        print(f"{way:10}{'mean':24}" + "  ".join(f"{name} {value:.3f}" for name, value in means.items()), flush=True)
        if means["j"] < REQUIRED[way] or means["seconds"] > SECONDS:
            missed.append(way)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    if missed:
        raise SystemExit(f"below what is required: {', '.join(missed)}")


if __name__ == "__main__":
    main()
