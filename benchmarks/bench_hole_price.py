"""What a frame costs against the share of it that is hole: CPU seconds and bytes, outside decode and encode.

    python -m benchmarks.bench_hole_price CLIP --against COMMIT --plot price.png

CLIP is a folder of images, which are brought to each size; without one, texture that moves is made up. The hole is a
still box. Preset default, one thread, stages without Prefect, each case in a process of its own. With --against, the
same is measured on another commit right before each case. PSNR is that in the hole.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

HOME = Path(__file__).parents[1]
SIZES = {"480p": (480, 854), "1080p": (1080, 1920)}
SHARES = (0.005, 0.02, 0.1, 0.3)
OUTSIDE = ("decode", "encode")


def frames_of(folder, count, height, width):
    """Frames (T, H, W, 3) uint8 RGB of a folder brought to a size; made up where there is none."""
    if folder is None:
        rng = np.random.default_rng(0)
        ground = sum(
            cv2.resize(rng.normal(0, 30, (height // s, width // s, 3)), (width + 8 * count, height))
            for s in (4, 16, 64)
        )
        ground = np.clip(ground + 128, 0, 255).astype(np.uint8)
        return np.stack([ground[:, 8 * t : 8 * t + width] for t in range(count)])
    files = sorted(Path(folder).glob("*.[jp][pn]g"))[:count]
    return np.stack([cv2.resize(cv2.imread(str(f)), (width, height), interpolation=cv2.INTER_CUBIC) for f in files])[
        ..., ::-1
    ]


def hole_of(share, height, width):
    """A box (H, W) bool of that share of the frame, twice as wide as high where it fits, low on the right."""
    high = min(round((share * height * width / 2) ** 0.5), height * 2 // 3)
    wide = min(round(share * height * width / high), width - 2)
    top, left = (height - high) * 3 // 4, (width - wide) * 3 // 4
    hole = np.zeros((height, width), bool)
    hole[top : top + high, left : left + wide] = True
    return hole


def measure(folder, count, size, share, threads):
    """Fill one case with the packages that are imported: CPU seconds and bytes by stage, wall seconds, PSNR."""
    from dfvi_models.evaluation.metrics import psnr_in_hole
    from flows.configs.run_config import load_config
    from flows.pipeline.stage_order import inpaint_clip
    from storage.cache.root import Root
    from tasks.decode import MediaInput
    from tasks.shots.filled_shots import ShownClip
    from tasks.stage.cached_stage import Job

    cv2.setNumThreads(1)
    frames, hole = frames_of(folder, count, *size), hole_of(share, *size)
    torn = np.where(hole[..., None], np.uint8(0), frames)
    seconds = {}

    def runner(job):
        def step(stage, params, iteration=0, **inputs):
            start = time.process_time()
            result = stage.run(job, params, {role: given for role, given in inputs.items() if given}, iteration)
            seconds[stage.name] = seconds.get(stage.name, 0) + time.process_time() - start
            return result

        return step

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), torn, hole)
        inputs = MediaInput.video(f"{folder}/frames"), MediaInput.mask(f"{folder}/masks")
        for name, stop in (("warm", 4), ("root", count)):
            seconds.clear()
            start = time.perf_counter()
            root = Root.create(Path(folder) / name)
            job = Job(str(root.path), "clip", threads)
            config = load_config(settings=["decode.dilation=0", "encode.container=mp4", f"decode.stop={stop}"])
            results = inpaint_clip(runner(job), config, *inputs)
            wall = time.perf_counter() - start
        sizes = {}
        for store in root.folders():
            sizes[store.parent.name] = sizes.get(store.parent.name, 0) + store.usage().size
        shown = ShownClip(results.clip.open(job), results.filled.open(job))
        psnr = [psnr_in_hole(shown.frames[t], frames[t], hole) for t in range(count)]
    return {"seconds": seconds, "bytes": sizes, "wall": wall, "psnr": float(np.mean(psnr))}


def write(folder, frames, hole):
    """Write frames and a mask for each as images."""
    for name in ("frames", "masks"):
        (folder / name).mkdir()
    for t, frame in enumerate(frames):
        cv2.imwrite(str(folder / "frames" / f"{t:05d}.png"), np.ascontiguousarray(frame[..., ::-1]))
        cv2.imwrite(str(folder / "masks" / f"{t:05d}.png"), hole.astype(np.uint8) * 255)


def measured(tree, case):
    """What `measure` says in a process that imports the packages in `tree`."""
    command = [sys.executable, __file__, "--case", json.dumps(case)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def print_case(name, found, count, *, by_stage):
    """Print one row, and return seconds and megabytes a frame."""
    seconds = sum(s for stage, s in found["seconds"].items() if stage not in OUTSIDE) / count
    megabytes = sum(b for stage, b in found["bytes"].items() if stage not in OUTSIDE) / count / 1e6
    print(
        f"{name:36}{seconds:8.3f} CPU s{megabytes:8.2f} MB{count / found['wall']:8.2f} frames/s{found['psnr']:8.2f} dB"
    )
    if by_stage:
        for stage, taken in found["seconds"].items():
            print(f"    {stage:32}{taken / count:8.3f}{found['bytes'].get(stage, 0) / count / 1e6:12.3f}")
    return seconds, megabytes


def plot(rows, path):
    """Draw seconds and megabytes a frame against the share of the hole."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for series in dict.fromkeys(row[0] for row in rows):
        own = [row for row in rows if row[0] == series]
        for axis, column, label in ((axes[0], 2, "CPU seconds a frame"), (axes[1], 3, "MB a frame")):
            axis.plot([100 * row[1] for row in own], [row[column] for row in own], marker="o", label=series)
            axis.set(xlabel="hole, % of the frame", ylabel=label)
    axes[0].legend()
    figure.savefig(path, dpi=110)


def main():
    """Measure, print a table, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--against", help="commit to measure too")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--shares", nargs="+", type=float, default=SHARES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--plot", help="file to draw the table to")
    parser.add_argument("--by-stage", action="store_true")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        sys.path.remove(str(Path(__file__).parent))
        print(json.dumps(measure(*json.loads(options.case))))
        return
    from benchmarks import report

    report.header("price of a hole")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        trees = {"": HOME}
        if options.against:
            other = Path(folder) / "other"
            git = ["git", "-C", str(HOME), "worktree"]
            subprocess.run([*git, "add", "--detach", str(other), options.against], check=True, capture_output=True)
            trees = {f" at {options.against}": other, "": HOME}
        try:
            for size in options.sizes:
                for share in options.shares:
                    for at, tree in trees.items():
                        case = (options.folder, options.frames, SIZES[size], share, options.threads)
                        name = f"{size}, {100 * share:g} %{at}"
                        costs = print_case(name, measured(tree, case), options.frames, by_stage=options.by_stage)
                        rows.append((f"{size}{at}", share, *costs))
        finally:
            if options.against:
                subprocess.run([*git, "remove", "--force", str(other)], check=True)
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
