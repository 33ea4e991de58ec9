"""The pictures of a filled frame in a report: before, its hole after, where pixels came from, how sure they are.

What is outside the hole is the same before and after, so it is kept once: both can then never drift apart.
"""

import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dfvi_models.review.origins import OUTSIDE
from tasks.reporting.clip_review import FrameReview
from tasks.services.clip_pictures import fit_width

ORIGIN_COLOURS = ("#00000000", "#4ea3f2", "#f0a030", "#3fb98a", "#e8e05a", "#e0457b", "#20242a")
"""Of each of ORIGINS; told apart also by those who see red and green alike."""
ORIGIN_ALPHA = 170  # of 255
SURE_COLOURS = ("#d62858", "#ffcd5a")
"""Of what is not sure at all, and of what is sure, which is nearly clear too."""
SURE_STEPS = 32
UNRATED = SURE_STEPS  # colour of a hole pixel of which no confidence is known
NOTHING = SURE_STEPS + 1
MARGIN = 6  # pixels around the hole that the picture of it shows
QUALITY = {"frame": 80, "hole": 88, "thumbnail": 78}  # of JPEG
THUMBNAIL = 320  # pixels wide
SIMPLER = 0.7  # pixels by which an outline may be off
MOST_CORNERS = 3000  # of the outlines of one frame; ragged holes are drawn simpler

Outline = list[list[int]]
"""x, y, x, y, ... of each closed line."""


@dataclass(frozen=True)
class FramePictures:
    """One frame for a player, each picture a file in memory."""

    t: int
    width: int
    """Of the picture of the whole frame."""
    before: bytes
    box: tuple[int, int, int, int]
    """x, y, width and height of what surrounds the hole, in pixels of the video; all 0 without a hole."""
    after: bytes
    """JPEG of the box, filled; empty without a hole, as are the other two."""
    origins: bytes
    sure: bytes
    outline: Outline

    def size(self) -> int:
        """Return the bytes of all pictures."""
        return sum(map(len, (self.before, self.after, self.origins, self.sure)))


def picture_frame(review: FrameReview, width: int) -> FramePictures:
    """Make the pictures of a frame, the whole frame at most `width` pixels wide."""
    whole = encode_jpeg(fit_width(review.before, width), "frame")
    hole = review.labels != OUTSIDE
    if not hole.any():
        return FramePictures(review.t, width, whole, (0, 0, 0, 0), b"", b"", b"", [])
    y, x = _surroundings(hole)
    box = (x.start, y.start, x.stop - x.start, y.stop - y.start)
    after = encode_jpeg(fit_width(np.ascontiguousarray(review.after[y, x]), width), "hole")
    origins = _png(_shrunk(review.labels[y, x], width), _origin_palette())
    sure = _png(_shrunk(_steps(review.confidence[y, x], hole[y, x]), width), _sure_palette())
    return FramePictures(review.t, width, whole, box, after, origins, sure, outlines(hole))


def thumbnail(review: FrameReview, width: int = THUMBNAIL) -> bytes:
    """Return a small JPEG of the filled frame with its hole outlined, at most `width` pixels wide."""
    frame = np.ascontiguousarray(review.after.copy())
    lines, _ = cv2.findContours((review.labels != OUTSIDE).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, round(frame.shape[1] / width))
    cv2.drawContours(frame, lines, -1, (255, 255, 255), thickness + 2)
    cv2.drawContours(frame, lines, -1, (224, 69, 123), thickness)
    return encode_jpeg(fit_width(frame, width), "thumbnail")


def outlines(hole: NDArray[np.bool_]) -> Outline:
    """Return the lines around a hole, (H, W) bool, in pixels."""
    found, _ = cv2.findContours(hole.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    allowed = SIMPLER
    while True:
        lines = [cv2.approxPolyDP(line, allowed, closed=True).reshape(-1) for line in found]
        if sum(map(len, lines)) <= 2 * MOST_CORNERS or allowed > 64:
            return [[int(value) for value in line] for line in lines if len(line) >= 6]
        allowed *= 2


def _surroundings(hole: NDArray[np.bool_]) -> tuple[slice, slice]:
    ranges = []
    for axis in (1, 0):
        inside = np.flatnonzero(hole.any(axis=axis))
        ranges.append(slice(max(int(inside[0]) - MARGIN, 0), min(int(inside[-1]) + 1 + MARGIN, hole.shape[1 - axis])))
    return ranges[0], ranges[1]


def _shrunk(image: NDArray[Any], width: int) -> NDArray[np.uint8]:
    height, own = image.shape[:2]
    if own <= width:
        return np.ascontiguousarray(image)
    size = (width, max(1, round(height * width / own)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _steps(confidence: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    known = np.isfinite(confidence)
    steps = np.full(confidence.shape, UNRATED, np.uint8)
    steps[known] = np.minimum(confidence[known] * SURE_STEPS, SURE_STEPS - 1)
    steps[~hole] = NOTHING
    return steps


def _origin_palette() -> list[tuple[int, int, int, int]]:
    alpha = [0] + [ORIGIN_ALPHA] * (len(ORIGIN_COLOURS) - 1)
    return [(*_rgb(colour), a) for colour, a in zip(ORIGIN_COLOURS, alpha, strict=True)]


def _sure_palette() -> list[tuple[int, int, int, int]]:
    """From clearly marked where nothing is sure to nearly clear where all is; grey where nothing is known."""
    low, high = (np.array([*_rgb(colour), alpha]) for colour, alpha in zip(SURE_COLOURS, (205, 20), strict=True))
    ramp = np.linspace(low, high, SURE_STEPS).astype(int).tolist()
    return [*((r, g, b, alpha) for r, g, b, alpha in ramp), (120, 132, 150, 120), (0, 0, 0, 0)]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _png(indices: NDArray[np.uint8], palette: list[tuple[int, int, int, int]]) -> bytes:
    image = Image.fromarray(indices, "L").convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([value for colour in palette for value in colour[:3]])
    file = io.BytesIO()
    image.save(file, "PNG", transparency=bytes(colour[3] for colour in palette), optimize=False)
    return file.getvalue()


def encode_jpeg(image: NDArray[np.uint8], kind: str) -> bytes:
    """Return an RGB image, (H, W, 3) uint8, as JPEG of the quality that QUALITY tells for its kind."""
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY[kind]]
    if kind == "hole":
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, content = cv2.imencode(".jpg", image[..., ::-1], options)
    return content.tobytes()
