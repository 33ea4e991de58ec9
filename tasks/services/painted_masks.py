"""Masks that a person marks frame by frame with boxes and a brush: kept as label images, joined into one mask file."""

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from storage.backends.atomic_write import appears_when_complete
from storage.errors import InputError
from storage.media.clip import check_size
from storage.media.masks.kinds.coco_rle import encode_rle

Box = tuple[int, int, int, int]
"""Left upper corner x, y, width and height in pixels; what lies outside the frame is cut off."""
PALETTE = (0, 0, 0, 230, 60, 60, 60, 160, 250, 250, 190, 40, 90, 200, 110, 190, 110, 240, 250, 130, 200, 120, 220, 220)
"""Colours of labels 0 to 7, red, green and blue; as in the page."""
MOST_BYTES = 64 * 2**20  # of an image that is sent
HALF = 128


@dataclass(frozen=True)
class Marked:
    """What is marked of one object in one frame."""

    boxes: tuple[Box, ...] = ()
    images: tuple[Path, ...] = ()
    """Label images whose pixels that are not 0 are marked."""


def store_painting(content: bytes, folder: Path, number: int, height: int, width: int) -> str:
    """Keep what was painted as a label image, named by its content, and return the name.

    content : a PNG of the frame's size; what is more opaque than not is marked.
    number  : of the object, 1 to 255; the label.
    Raises  : InputError if it is no such image.
    """
    labels = _opaque(content, height, width) * np.uint8(number)
    image = Image.fromarray(labels, "P")
    image.putpalette([*PALETTE, *([255, 255, 255] * (256 - len(PALETTE) // 3))])
    name = f"{hashlib.sha256(labels.tobytes()).hexdigest()[:20]}.png"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / name).exists():
        with appears_when_complete(folder / name) as partial:
            image.save(partial, "PNG", optimize=True)
    return name


def as_overlay(label_image: Path) -> bytes:
    """Return a label image as a PNG that is white where it is marked and transparent elsewhere."""
    marked = read_labels(label_image) != 0
    pixels = np.zeros((*marked.shape, 2), np.uint8)
    pixels[marked] = 255
    content = io.BytesIO()
    Image.fromarray(pixels, "LA").save(content, "PNG", compress_level=1)
    return content.getvalue()


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Return the labels of an image of `store_painting`, (H, W) uint8. Raises InputError if it is gone or damaged."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return np.asarray(image, np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: what was painted cannot be read ({error}); undo, or paint it again") from None


def write_mask(path: Path, frames: Iterable[Sequence[tuple[int, Marked]]], height: int, width: int) -> int:
    """Write a mask file, COCO RLE with one RLE for each frame and object, and return how many frames are marked.

    frames : for every frame of the clip the numbers of the objects in it, from 1, and what is marked of them.
    """
    encoded: dict[Marked, Any] = {}
    entries, count = [], 0
    for frame in frames:
        entry: list[Any] = [None] * max((number for number, _ in frame), default=1)
        for number, marked in frame:
            if marked not in encoded:
                pixels = marked_pixels(marked, height, width)
                encoded[marked] = encode_rle(pixels) if pixels.any() else None
            entry[number - 1] = encoded[marked]
        entries.append(entry if any(entry) else None)
        count += entries[-1] is not None
    text = json.dumps(entries, separators=(",", ":"))
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with appears_when_complete(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return count


def marked_pixels(marked: Marked, height: int, width: int) -> NDArray[np.bool_]:
    """Return (H, W) bool, True where anything of it is marked. Raises InputError if its image is of another size."""
    pixels = np.zeros((height, width), bool)
    for image in marked.images:
        labels = read_labels(image)
        if labels.shape != pixels.shape:
            raise InputError(f"{image}: painted on {labels.shape[1]}x{labels.shape[0]}; it is of another video")
        pixels |= labels != 0
    for x, y, box_width, box_height in marked.boxes:
        pixels[max(y, 0) : max(y + box_height, 0), max(x, 0) : max(x + box_width, 0)] = True
    return pixels


def _opaque(content: bytes, height: int, width: int) -> NDArray[np.bool_]:
    if len(content) > MOST_BYTES:
        raise InputError(f"what was painted has {len(content)} bytes; expected a PNG of at most {MOST_BYTES}")
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            check_size(Path("painting"), image.height, image.width)
            if (image.height, image.width) != (height, width):
                raise InputError(f"painted on {image.width}x{image.height}; the video is {width}x{height}")
            alpha: NDArray[np.bool_] = np.asarray(image.convert("RGBA"))[..., 3] >= HALF
            return alpha
    except (OSError, SyntaxError, EOFError) as error:
        raise InputError(f"what was painted is no PNG ({error})") from None
