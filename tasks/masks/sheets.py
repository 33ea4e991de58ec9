"""Sheets to look at: frames of a clip with what a mask marks laid over them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from storage.media.clip import Clip
from storage.media.video.frame_seeking import FrameSeeker
from storage.media.writing import write_image

TILES, COLUMNS = 12, 4
TILE_WIDTH = 360  # pixels
LINE = 20  # pixels of a line of text
TINTS = ((235, 40, 40), (40, 170, 70), (30, 110, 230), (240, 150, 20), (160, 50, 200), (30, 190, 200))
OUTLINE = (255, 235, 60)
INK, ALERT = (30, 30, 30), (190, 0, 0)

Image = NDArray[np.uint8]
Marked = NDArray[np.bool_] | NDArray[np.uint8]
"""(H, W): whether a pixel is marked, or the number of the object it belongs to, 0 where it is none."""


def choose_frames(count: int, noted: Iterable[int], most: int = TILES) -> list[int]:
    """Return frames to show, ascending: those of note, spread out if there are many, and others evenly between."""
    first = sorted(set(noted))
    if len(first) > most // 2:
        first = [first[round(k)] for k in np.linspace(0, len(first) - 1, most // 2)]
    chosen = set(first)
    for t in sorted(range(count), key=lambda t: _bit_reversed(t, count)):
        if len(chosen) >= min(most, count):
            break
        chosen.add(t)
    return sorted(chosen)


def _bit_reversed(t: int, count: int) -> tuple[float, int]:
    """Sorts frames so that those that come first are spread evenly, the ends first of all."""
    if t in (0, count - 1):
        return -1.0, t
    bits = max(count - 1, 1).bit_length()
    return int(f"{t:0{bits}b}"[::-1], 2) / 2**bits, t


def write_overlay_sheet(
    path: Path,
    clip: Clip,
    holes: Iterable[Marked],
    frames: Sequence[int],
    *,
    notes: Mapping[int, str],
    heading: Sequence[str],
) -> None:
    """Write an image of some frames of a clip with holes laid over them, under lines of text.

    holes   : what is marked in all frames, in order; read up to the last frame that is shown.
    frames  : numbers to show, ascending.
    notes   : what is odd about a frame.
    heading : lines above the tiles.
    Raises  : InputError if the clip cannot be read, or the image cannot be written.
    """
    wanted = set(frames)
    seeker = FrameSeeker(clip)
    tiles = []
    for t, hole in enumerate(holes):
        if t in wanted:
            tiles.append(_tile(seeker.frame(t), hole, _label(clip, t, hole), notes.get(t, "")))
        if len(tiles) == len(wanted):
            break
    write_image(path, arranged(tiles, heading))


def arranged(tiles: Sequence[Image], heading: Sequence[str]) -> Image:
    """Return tiles of one size in rows of COLUMNS, under lines of text."""
    columns = min(COLUMNS, max(len(tiles), 1))
    blank = np.full_like(tiles[0], 255)
    filled = [*tiles, *[blank] * (-len(tiles) % columns)]
    rows = [np.hstack(filled[k : k + columns]) for k in range(0, len(filled), columns)]
    width = rows[0].shape[1]
    return np.vstack([*(_line(text, width, INK) for text in heading), *rows])


def overlaid(frame: Image, marked: Marked) -> Image:
    """Return a frame, (H, W, 3) uint8 RGB, with what is marked tinted and outlined, each object in its own colour."""
    numbers = marked.astype(np.uint8)
    return _overlaid(frame, {int(number): numbers == number for number in np.unique(numbers[numbers > 0])})


def _overlaid(frame: Image, objects: Mapping[int, NDArray[np.bool_]]) -> Image:
    shown = frame.copy()
    for number, hole in objects.items():
        tint = np.array(TINTS[(number - 1) % len(TINTS)])
        shown[hole] = (0.55 * frame[hole] + 0.45 * tint).astype(np.uint8)
        contours, _ = cv2.findContours(hole.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(shown, contours, -1, OUTLINE, 1)
    return shown


def _tile(frame: Image, hole: Marked, label: str, note: str) -> Image:
    height, width = frame.shape[:2]
    factor = TILE_WIDTH / width
    size = (TILE_WIDTH, max(1, round(height * factor)))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(frame, size, interpolation=way), np.uint8)
    numbers = hole.astype(np.uint8)
    covered = {
        int(number): np.asarray(cv2.resize((numbers == number).astype(np.float32), size, interpolation=way)) >= 0.5
        for number in np.unique(numbers[numbers > 0])
    }
    lines = [_line(label, TILE_WIDTH, INK), _line(note, TILE_WIDTH, ALERT)]
    tile = np.vstack([lines[0], _overlaid(small, covered), lines[1]])
    return cv2.copyMakeBorder(tile, 0, 0, 3, 3, cv2.BORDER_CONSTANT, value=(255, 255, 255))  # type: ignore[return-value]


def _label(clip: Clip, t: int, hole: Marked) -> str:
    return f"frame {t}, {clock(clip, t)}, marked {(hole > 0).mean():.1%}"


def clock(clip: Clip, t: int) -> str:
    """Return the time of a frame as minutes and seconds, 0:12.48."""
    seconds = float(clip.time_of(t))
    return f"{int(seconds // 60)}:{seconds % 60:05.2f}"


def _line(text: str, width: int, colour: tuple[int, int, int]) -> Image:
    line = np.full((LINE, width, 3), 255, np.uint8)
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(line, plain, (4, LINE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    return line
