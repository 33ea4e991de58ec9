"""How well `dfvi mask find --captions` finds stamped lines of text, with their times, and what it finds elsewhere.

    python -m benchmarks.bench_captions CLIPS

CLIPS is a folder of folders of images. On each a line of text is written for a part of the time, in one of three fonts,
white or yellow with an outline or without, or black; then JPEG. Found is what marks four fifths of the letters, with
both ends within two frames.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks import report
from benchmarks.stamped_clips import QUALITY, read_clip
from dfvi_models.overlays.captions import CaptionFinder, step_for

RATE = 25
WORDS = (
    "I never said that to anyone",
    "Where are we going?",
    "The ship leaves at noon",
    "Wait for me here, please",
    "Breaking: markets fall again",
    "It was a long time ago",
)
LOOKS = (((255, 255, 255), 2), ((255, 230, 60), 0), ((250, 250, 250), 1), ((20, 20, 20), 0))
"""Colours, and pixels of the black outline."""
HEIGHT = 0.065  # of the shorter side: of the font
LATE = 2  # frames by which an end may be wrong
LEAST = 0.8  # of the letters that must be marked

Frames = list[NDArray[np.uint8]]


def fonts(size: int) -> list[ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    """Return three fonts: the one of Pillow, and two that come with Matplotlib."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    named = [ImageFont.truetype(str(folder / f"{name}.ttf"), size) for name in ("DejaVuSerif", "DejaVuSansMono-Bold")]
    return [ImageFont.load_default(size), *named]


def written(frames: Frames, number: int, times: tuple[int, int]) -> tuple[Frames, NDArray[np.bool_]]:
    """Return frames with a line of text in them, and where it is."""
    height, width = frames[0].shape[:2]
    shorter = min(height, width)
    text = WORDS[number % len(WORDS)][: None if width > height else 14]
    font, (colour, outline) = fonts(int(HEIGHT * shorter))[number % 3], LOOKS[number % len(LOOKS)]
    letters, around = (_drawn(text, font, (width, height), stroke, top=number % 5 == 0) for stroke in (0, outline))
    laid = list(frames)
    for t in range(*times):
        shown = frames[t] * (1 - around) if outline else frames[t].astype(np.float64)
        shown = shown * (1 - letters) + np.array(colour) * letters
        packed = cv2.imencode(".jpg", shown[..., ::-1].astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        laid[t] = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)  # type: ignore[index]
    return laid, (around if outline else letters)[..., 0] > 0.3


def _drawn(
    text: str, font: ImageFont.ImageFont, size: tuple[int, int], stroke: int, *, top: bool
) -> NDArray[np.float64]:
    image = Image.new("L", size)
    draw = ImageDraw.Draw(image)
    left, _, right, _ = draw.textbbox((0, 0), text, font=font)
    place = (size[0] - (right - left)) // 2, int(size[1] * (0.06 if top else 0.86))
    draw.text(place, text, font=font, fill=255, stroke_width=stroke)
    return np.asarray(image)[..., None] / 255.0


def found_in(frames: Frames) -> list[tuple[NDArray[np.bool_], tuple[int, int]]]:
    """Return what is marked, and from which frame to which."""
    finder = CaptionFinder(step_for(RATE))
    for frame in frames:
        finder.look(frame)
    captions = [(each, [each.logo.presence(frames[t]) for t in range(*each.near)]) for each in finder.captions()]
    return [(each.logo.marked, span) for each, presence in captions for span in each.times(presence)]


def main() -> None:
    """Print a line for each clip, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    options = parser.parse_args()
    report.header("captions")
    folders = sorted(options.clips.iterdir())
    good = timed = false = 0
    for number, folder in enumerate(folders):
        frames = read_clip(folder)
        started = time.perf_counter()
        elsewhere = len(found_in(frames))
        seconds = (time.perf_counter() - started) / len(frames)
        rng = np.random.default_rng(number)
        times = int(rng.integers(8, 20)), int(rng.integers(len(frames) - 20, len(frames) - 6))
        laid, letters = written(frames, number, times)
        pieces = [(marked, span) for marked, span in found_in(laid) if (marked & letters).any()]
        marked = np.any([piece for piece, _ in pieces], axis=0) if pieces else np.zeros_like(letters)
        span = (min(s[0] for _, s in pieces), max(s[1] for _, s in pieces)) if pieces else None
        in_time = span is not None and max(abs(span[0] - times[0]), abs(span[1] - times[1])) <= LATE
        share = float(marked[letters].mean())
        good, timed, false = good + (in_time and share >= LEAST), timed + in_time, false + elsewhere
        print(
            f"{folder.name:24s} frames {times}: found {span}, {share:.0%} of its letters; "
            f"without it {elsewhere} finds, {seconds:.3f} s a frame",
            flush=True,
        )
    print(f"found {good} of {len(folders)}, times of {timed}; {false} finds in {len(folders)} clips without any")


if __name__ == "__main__":
    main()
