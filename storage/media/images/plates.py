"""Plates: images of single frames of which a person says what the hole hides, and what makes one usable."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from storage.errors import InputError
from storage.media.images.folder import decode_image, read_image, to_8_bit

SMALLEST_ALPHA = 128
"""Where a plate has alpha below this it says nothing, and the hole stays."""


def read_plate(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the colours of a plate, (H, W, 3) uint8 RGB, and where it says something, (H, W) bool.

    Raises : InputError if the file is no image.
    """
    image = decode_image(path, cv2.IMREAD_UNCHANGED)
    colours = read_image(path)
    if image.ndim == 3 and image.shape[2] == 4:
        return colours, to_8_bit(image[..., 3]) >= SMALLEST_ALPHA
    return colours, np.ones(colours.shape[:2], np.bool_)


def plate_digest(path: Path) -> str:
    """Return the SHA-256, 64 hexadecimal digits, of what a plate shows; how it is compressed does not count.

    Raises : InputError if the file is no image.
    """
    colours, is_painted = read_plate(path)
    total = hashlib.sha256(repr(colours.shape).encode("ascii"))
    total.update(np.where(is_painted[..., None], colours, np.uint8(0)).tobytes())
    total.update(np.packbits(is_painted).tobytes())
    return total.hexdigest()


def check_plate(frame: int, path: Path, hole: NDArray[np.bool_]) -> None:
    """Make sure that a plate can stand for a frame.

    frame  : its number in the video.
    hole   : (H, W) bool of that frame; True = replace.
    Raises : InputError if the plate is no image of the frame's size, or the frame has no hole.
    """
    height, width = hole.shape
    colours, _ = read_plate(path)
    if colours.shape[:2] != (height, width):
        raise InputError(
            f"the plate {path} is {colours.shape[1]}x{colours.shape[0]}, frame {frame} of the video {width}x{height}; "
            "paint on the frame that dfvi plate writes"
        )
    if not hole.any():
        raise InputError(
            f"the mask marks nothing in frame {frame}, so the plate {path} would change nothing; paint a frame with a "
            "hole: dfvi plate chooses one"
        )
