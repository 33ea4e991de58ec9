"""Shot detection: precision, recall and F1 on joined clips, false changes in single ones, and its price a frame.

    python -m benchmarks.bench_shots training-clips --unseen davis

Sixty pairs are joined by turns by hard cuts, dissolves and fades; every second has noise, every fifth flashes. Single
clips are looked at plain, with noise and flashes, shaken, panned fast, blurred, and with a large thing that passes.
A hard cut counts as found at its very frame, a gradual change where the frames found overlap it. With --unseen each
pair has a clip of that folder: what the detector was set on says little about it.
"""

import argparse
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from benchmarks import report
from benchmarks.joined_clips import DISTURBANCES, clip_folders, draw_pairs, join_pair, read_clip
from dfvi_models.shots.detection import find_shot_changes

PAIRS = 60
REQUIRED = {"hard cuts": 0.99, "gradual changes": 0.9}


def kind_of(change):
    """Name of the row a change counts in."""
    return "hard cuts" if change.first == change.stop else "gradual changes"


def is_found(truth, found):
    """Whether a found change is the true one."""
    if truth.first == truth.stop:
        return (found.first, found.stop) == (truth.first, truth.stop)
    return found.first <= truth.stop - 1 and max(found.stop, found.first + 1) > truth.first


def count(truths, found):
    """Counter of (kind, hit | false | missed); each found change serves one true one."""
    counts, left = Counter(), list(found)
    for truth in truths:
        hits = [change for change in left if is_found(truth, change)]
        counts[kind_of(truth), "hit" if hits else "missed"] += 1
        if hits:
            left.remove(hits[0])
    counts.update((kind_of(change), "false") for change in left)
    return counts


def examine(task):
    """Name, true and found changes of one made-up video."""
    clips, drawn = task
    cv2.setNumThreads(1)
    joined = join_pair(clips, *drawn)
    return joined.name, joined.changes, find_shot_changes(joined.frames)


def examine_single(task):
    """Changes found in one clip under one disturbance."""
    (name, files), disturbance, seed = task
    cv2.setNumThreads(1)
    frames = DISTURBANCES[disturbance](read_clip(files), np.random.default_rng(seed))
    return f"{disturbance} {name}", find_shot_changes(frames)


def print_pairs(results):
    """A row of figures for each kind; what went wrong by name."""
    total, shifts = Counter(), []
    for name, truths, found in results:
        counts = count(truths, found)
        total += counts
        shifts += [(f.first - t.first, f.stop - t.stop) for t in truths for f in found if is_found(t, f)]
        if any(outcome != "hit" for _, outcome in counts):
            places = [(change.first, change.stop) for change in found]
            print(f"  wrong: {name}: true {[(t.first, t.stop) for t in truths]}, found {places}")
    scores = {}
    print(f"{'':20}{'true':>6}{'found':>6}{'false':>6}{'precision':>11}{'recall':>8}{'F1':>8}")
    for kind in REQUIRED:
        hit, false, missed = (total[kind, outcome] for outcome in ("hit", "false", "missed"))
        scores[kind] = 2 * hit / max(2 * hit + false + missed, 1)
        rates = f"{hit / max(hit + false, 1):>11.3f}{hit / max(hit + missed, 1):>8.3f}{scores[kind]:>8.3f}"
        print(f"{kind:20}{hit + missed:>6}{hit:>6}{false:>6}{rates}")
    starts, stops = (np.percentile(side, [5, 50, 95]) for side in zip(*shifts, strict=True))
    print(f"found against true, frames, 5/50/95 %: first {starts}, stop {stops}")
    return scores


def time_detection(clips):
    """Milliseconds a frame on one thread, of frames in memory: three clips after another."""
    cv2.setNumThreads(1)
    small = [frame for _, files in list(clips.items())[:3] for frame in read_clip(files)]
    for height, width in ((480, 854), (1080, 1920)):
        frames = [cv2.resize(frame, (width, height)) for frame in small[:: 1 if height < 1000 else 4]]
        count = len(frames)
        report.timing(
            f"detection, {width}x{height}",
            lambda frames=frames: find_shot_changes(frames),
            3,
            items=count,
            unit="frame",
        )


def main():
    """Print the figures; a score below what is required ends with an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", help="folders of clips")
    parser.add_argument("--unseen", help="folder of clips of which each pair has one, and which alone are looked at")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    report.header("shot detection", seed=options.seed)
    unseen = clip_folders([options.unseen] if options.unseen else [])
    clips = clip_folders(options.folders) | unseen
    if not clips:
        print("no clips: give folders that hold clips as folders of images")
        return
    time_detection(unseen or clips)
    drawn = draw_pairs(clips, options.pairs, options.seed, lambda a, b: not unseen or a in unseen or b in unseen)
    singles = [(clip, way, options.seed) for clip in (unseen or clips).items() for way in DISTURBANCES]
    with ProcessPoolExecutor(options.processes) as pool:
        scores = print_pairs(pool.map(examine, [(clips, pair) for pair in drawn]))
        alone = dict(pool.map(examine_single, singles))
    for name, found in alone.items():
        if found:
            print(f"  false in {name}: {[(change.first, change.stop) for change in found]}")
    report.figure(f"false changes in {len(alone)} single clips", sum(map(len, alone.values())), "", at_most=0)
    for kind, least in REQUIRED.items():
        if scores[kind] < least:
            raise SystemExit(f"{kind}: F1 {scores[kind]:.3f}, required {least}")


if __name__ == "__main__":
    main()
