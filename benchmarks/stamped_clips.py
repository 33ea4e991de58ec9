"""Clips with logos of our own stamped on them, and where and when they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

KINDS = ("opaque", "half", "corners")
"""An opaque logo, one of 50 %, and one (of either) that changes its corner about the middle of the clip."""
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)
WORDS = ("TV7", "news", "KANAL", "LIVE", "Hub", "sport", "MOVIE")
COLOURS = ((250, 250, 250), (240, 200, 30), (220, 40, 40), (40, 90, 220), (30, 170, 90), (20, 20, 20))
QUALITY = 85  # of JPEG, in which stamped frames are kept

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Stamp:
    """Something stamped on a clip."""

    kind: str
    marked: tuple[NDArray[np.bool_], ...]
    """(H, W) for each place it has, where any of it is seen."""
    times: tuple[tuple[int, int], ...]
    """First frame and stop of each place."""

    def holes(self, count: int) -> NDArray[np.bool_]:
        """Return (T, H, W) bool, what is stamped in each frame."""
        holes = np.zeros((count, *self.marked[0].shape), bool)
        for marked, (first, stop) in zip(self.marked, self.times, strict=True):
            holes[first:stop] |= marked
        return holes


def read_clip(folder: Path) -> list[Image]:
    """Return the frames of a folder of images, RGB."""
    return [cv2.imread(str(file))[..., ::-1] for file in sorted(folder.iterdir())]  # type: ignore[index]


def stamp_logo(frames: Sequence[Image], kind: str, seed: int) -> tuple[list[Image], Stamp]:
    """Return frames with a logo drawn by chance, and what it is."""
    rng = np.random.default_rng(seed)
    height, width = frames[0].shape[:2]
    colour, alpha = _logo(rng, height)
    if kind == "half" or (kind == "corners" and rng.random() < 0.5):
        alpha = alpha * 0.5
    corners = rng.permutation(4)
    half = round(len(frames) * rng.uniform(0.4, 0.6))
    times = ((0, half), (half, len(frames))) if kind == "corners" else ((0, len(frames)),)
    stamped, marked = list(frames), []
    for corner, (first, stop) in zip(corners, times, strict=False):
        margin = int(height * rng.uniform(0.04, 0.1))
        top = margin if corner < 2 else height - margin - alpha.shape[0]
        left = margin if corner % 2 else width - margin - alpha.shape[1]
        place = slice(top, top + alpha.shape[0]), slice(left, left + alpha.shape[1])
        for t in range(first, stop):
            stamped[t] = _laid(stamped[t], colour, alpha, place)
        where = np.zeros((height, width), bool)
        where[place] = alpha > 0.04
        marked.append(where)
    return [_compressed(frame) for frame in stamped], Stamp(kind, tuple(marked), times)


def _logo(rng: np.random.Generator, height: int) -> tuple[Image, NDArray[np.float64]]:
    """Colour (h, w, 3) and opacity (h, w) of a logo, drawn four times as large and shrunk."""
    size = int(height * rng.uniform(0.11, 0.2)) * 4
    shape = rng.integers(5)
    first, second = (COLOURS[k] for k in rng.permutation(len(COLOURS))[:2])
    word = WORDS[rng.integers(len(WORDS))]
    font, thickness = FONTS[rng.integers(3)], max(2, size // 14)
    scale = size * (0.6 if shape == 4 else 0.32) / 22
    (text_width, text_height), _ = cv2.getTextSize(word, font, scale, thickness)
    wide = max(size, text_width + size // 3) if shape in (0, 4) else size
    colour = np.full((size, wide, 3), first, np.uint8)
    alpha = np.zeros((size, wide), np.uint8)
    middle = (wide // 2, size // 2)
    origin = (middle[0] - text_width // 2, middle[1] + text_height // 2)
    if shape == 0:  # a word in a box
        alpha[size // 8 : -size // 8, size // 16 : -size // 16] = 255
        cv2.putText(colour, word, origin, font, scale, second, thickness, cv2.LINE_AA)
    elif shape == 1:  # a disc with a ring in it
        cv2.circle(alpha, middle, size // 2 - 4, 255, -1, cv2.LINE_AA)
        cv2.circle(colour, middle, size // 3, second, size // 10, cv2.LINE_AA)
    elif shape == 2:  # a star
        angles = np.arange(10) * np.pi / 5
        radii = np.where(np.arange(10) % 2, size * 0.22, size * 0.48)
        points = np.stack([middle[0] + radii * np.sin(angles), middle[1] - radii * np.cos(angles)], axis=1)
        cv2.fillPoly(alpha, [points.astype(np.int32)], 255, cv2.LINE_AA)
    elif shape == 3:  # a ring with a bar
        cv2.circle(alpha, middle, size // 2 - size // 8, 255, size // 7, cv2.LINE_AA)
        cv2.rectangle(alpha, (size // 4, middle[1] - size // 14), (3 * size // 4, middle[1] + size // 14), 255, -1)
    else:  # a word alone
        cv2.putText(alpha, word, origin, font, scale, 255, 2 * thickness, cv2.LINE_AA)
    small = wide // 4, size // 4
    shrunk = cv2.resize(colour, small, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8), np.asarray(cv2.resize(alpha, small, interpolation=cv2.INTER_AREA)) / 255.0


def _laid(frame: Image, colour: Image, alpha: NDArray[np.float64], place: tuple[slice, slice]) -> Image:
    laid = frame.copy()
    share = alpha[..., None]
    laid[place] = np.round(colour * share + frame[place] * (1 - share)).astype(np.uint8)
    return laid


def _compressed(frame: Image) -> Image:
    _, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])  # type: ignore[index]
