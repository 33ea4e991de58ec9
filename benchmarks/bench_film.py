"""A long film with sound, made of clips joined by hard cuts, run to the end: seconds, and memory and disk over time.

    python -m benchmarks.bench_film CLIPS --minutes 2 --keep result --folder film

CLIPS is a folder of clips (folders of images); each comes again mirrored, backward and darker until the film is long
enough, so that no shot is another. A logo stands in a corner all the time. Into the folder go the film, the output,
`usage.csv` and `usage.png` (memory of all processes of the run, and the root on disk), and `cuts.png`: around some cuts
the last frame before and the first after, as they were, and as they came out.
"""

import argparse
import csv
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.joined_clips import clip_folders, read_clip
from storage.media.reading import probe, read_frames

RATE = 30
SIZE = (480, 854)  # height and width
TONES = 48000  # samples of sound a second
EVERY = 2.0  # seconds between two looks at memory and disk
PAGE = os.sysconf("SC_PAGE_SIZE")
Usage = list[tuple[float, float, float]]
"""Seconds since the start, memory and disk in MB."""


def shots(clips: dict[str, list[Path]], size: tuple[int, int] = SIZE) -> Iterator[list[NDArray[np.uint8]]]:
    """Yield the frames of one shot after the other, of a height and width, without end."""
    for turn in itertools.count():
        for files in clips.values():
            frames = [np.clip(frame * 0.97**turn, 0, 255).astype(np.uint8) for frame in read_clip(files, size)]
            frames = frames[::-1] if turn % 4 > 1 else frames
            yield [np.ascontiguousarray(frame[:, ::-1]) for frame in frames] if turn % 2 else frames


def draw_logo(share: float) -> tuple[NDArray[np.uint8], tuple[slice, slice]]:
    """Return a ring with a bar, (H, W, 3) uint8, of about that share of a frame, and its place: low on the right."""
    side = round((share * SIZE[0] * SIZE[1]) ** 0.5)
    logo = np.full((side, side, 3), 20, np.uint8)
    cv2.circle(logo, (side // 2, side // 2), side // 3, (250, 220, 40), max(1, side // 8))
    cv2.line(logo, (2, side // 2), (side - 3, side // 2), (240, 240, 240), max(1, side // 10))
    top, left = SIZE[0] - side - 12, SIZE[1] - side - 16
    return logo, (slice(top, top + side), slice(left, left + side))


def make_film(clips: dict[str, list[Path]], count: int, share: float, folder: Path) -> list[int]:
    """Write `film.mp4` of `count` frames and its `mask.png`; return the frames at which shots begin."""
    logo, place = draw_logo(share)
    mask = np.zeros(SIZE, np.uint8)
    mask[place] = 255
    cv2.imwrite(str(folder / "mask.png"), mask)
    cuts, t = [], 0
    with av.open(str(folder / "film.mp4"), "w") as output:
        picture = output.add_stream("libx264", rate=RATE, height=SIZE[0], width=SIZE[1], options={"crf": "18"})
        picture.pix_fmt = "yuv420p"
        sound = output.add_stream("aac", rate=TONES, layout="mono")
        for shot in shots(clips):
            cuts.append(t)
            for image in shot[: count - t]:
                image[place] = logo
                frame = av.VideoFrame.from_ndarray(image, "rgb24")
                frame.pts, frame.time_base = t, Fraction(1, RATE)
                output.mux(picture.encode(frame))
                output.mux(sound.encode(_tone(t, 220 + 20 * (len(cuts) % 20))))
                t += 1
            if t == count:
                break
        output.mux(picture.encode())
        output.mux(sound.encode())
    return cuts[1:]


def _tone(t: int, hertz: float) -> av.AudioFrame:
    """Return the sound of frame t: a tone that is another in every shot."""
    samples = TONES // RATE
    at = np.arange(t * samples, (t + 1) * samples) / TONES
    wave = (6000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(wave, "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = TONES, t * samples, Fraction(1, TONES)
    return frame


def watch(command: list[str], root: Path) -> tuple[int, Usage]:
    """Run a command to its end; return its exit status, and what it used over time."""
    start, used = time.monotonic(), []
    process = subprocess.Popen(command)
    while process.poll() is None:
        used.append((time.monotonic() - start, memory_of(process.pid) / 1e6, size_of(root) / 1e6))
        time.sleep(EVERY)
    used.append((time.monotonic() - start, 0.0, size_of(root) / 1e6))
    return process.returncode, used


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process and of all its children."""
    parents, resident = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            resident[int(folder.name)] = int((folder / "statm").read_text().split()[1]) * PAGE
        except (OSError, IndexError):  # it ended meanwhile
            continue
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(resident.get(each, 0) for each in family)


def size_of(folder: Path) -> int:
    """Return the bytes that a folder takes on disk, whole blocks."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_blocks * 512
            except OSError:  # it was removed meanwhile
                continue
    return total


def plot(used: Usage, path: Path, title: str) -> None:
    """Draw memory and disk over time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 1, sharex=True, figsize=(8, 5), layout="constrained")
    for axis, column, label in ((axes[0], 1, "memory, MB"), (axes[1], 2, "disk, MB")):
        axis.plot([row[0] for row in used], [row[column] for row in used])
        axis.set(ylabel=label, ylim=(0, None))
    axes[0].set_title(title)
    axes[1].set_xlabel("seconds")
    figure.savefig(path, dpi=110)


def draw_cuts(film: Path, output: Path, cuts: list[int], path: Path, shown: int = 6) -> None:
    """Draw the frames before and after some cuts, of the film above, of the output below."""
    columns = []
    for cut in cuts[:: max(1, len(cuts) // shown)][:shown]:
        rows = [np.hstack(list(read_frames(probe(video), cut - 1, cut + 1))) for video in (film, output)]
        columns.append(np.vstack(rows))
    sheet = np.vstack([np.hstack(columns[i : i + 2]) for i in range(0, len(columns) - 1, 2)])
    cv2.imwrite(str(path), sheet[..., ::-1])


def main() -> None:
    """Make the film, run it, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--share", type=float, default=0.005, help="of the frame that the logo covers")
    parser.add_argument("--keep", default="result", choices=("all", "tune", "result"))
    parser.add_argument("--folder", type=Path, default=Path("film"))
    options = parser.parse_args()
    report.header(f"{options.minutes:g} minutes of {SIZE[1]}x{SIZE[0]}, keep {options.keep}")
    options.folder.mkdir(parents=True, exist_ok=True)
    count = round(options.minutes * 60 * RATE)
    film, output, root = (options.folder / name for name in ("film.mp4", "clean.mp4", "root"))
    cuts = make_film(clip_folders(options.clips), count, options.share, options.folder)
    print(f"{count} frames, {len(cuts) + 1} shots, {film.stat().st_size / 1e6:.1f} MB", flush=True)
    command = [sys.executable, "-m", "flows.cli.main", "inpaint", str(film), "--mask", str(options.folder / "mask.png")]
    status, used = watch([*command, "-o", str(output), "--root", str(root), "--keep", options.keep], root)
    with (options.folder / "usage.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("seconds", "memory_mb", "disk_mb"), *used])
    plot(used, options.folder / "usage.png", f"{count} frames, {len(cuts) + 1} shots, keep {options.keep}")
    report.figure("seconds", used[-1][0], "s")
    report.figure("seconds a frame", used[-1][0] / count, "s")
    report.figure("peak memory", max(row[1] for row in used), "MB", at_most=1200)
    report.figure("peak disk", max(row[2] for row in used), "MB", at_most=3000 * count / 10_000)
    report.figure("disk at the end", used[-1][2], "MB")
    if status:
        raise SystemExit(status)
    done = probe(output)
    print(f"output: {done.frames_found} frames")
    draw_cuts(film, output, cuts, options.folder / "cuts.png")


if __name__ == "__main__":
    main()
