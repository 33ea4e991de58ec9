"""Masks that users give: which pixels of a clip are holes. Video, image folder, one image, box, or the alpha channel.

Polarity: white is removed. A pixel's value is its brightest channel (times its alpha, if it has one), 0 to 255, and a
pixel whose value exceeds the threshold is a hole. Label images (PNG with a palette whose first colour is black, as
DAVIS has them) carry object numbers, not brightness: every object counts, dark red or not, whatever the threshold.
Of an alpha channel, what is transparent is removed. `invert` swaps holes and the rest in all cases.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
from av.error import FFmpegError

from storage.errors import InputError
from storage.media.clip import Clip, check_range, find_source
from storage.media.image_folder import HEAD, decode_image, image_alpha, list_images
from storage.media.image_header import image_size
from storage.media.reading import content_digest, probe, read_frames
from storage.media.video_decoding import video_alpha

DEFAULT_THRESHOLD = 127  # of 255: what is more white than black is removed
BOX = re.compile(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(-?\d+)\s*")
KINDS = "expected a video, a folder of images, an image, a box x,y,w,h, or alpha"


@dataclass(frozen=True)
class MaskSource:
    """Where the holes of a clip come from."""

    kind: Literal["video", "folder", "image", "box", "alpha"]
    path: Path | None = None
    """File or folder of the first three kinds."""
    box: tuple[int, int, int, int] | None = None
    """x, y, width, height in pixels; x and y may be negative."""


def parse_mask(text_or_path: str | os.PathLike[str]) -> MaskSource:
    """What a user means by a mask: `alpha`, a box such as `10,20,64,48`, or the path of a file or folder.

    Raises: InputError if there is no such file, a box has no area, or a file has a name that also means a box or
    alpha; a path object or `./name` is always a file.
    """
    text = os.fspath(text_or_path)
    box = BOX.fullmatch(text)
    is_word = isinstance(text_or_path, str) and (text == "alpha" or box is not None)
    if not is_word:
        return _mask_file(text)
    if Path(text).exists():
        raise InputError(f"mask {text!r} means a file of that name or not; write ./{text} for the file, or rename it")
    if box is None:
        return MaskSource("alpha")
    x, y, width, height = (int(number) for number in box.groups())
    if width < 1 or height < 1:
        raise InputError(f"mask {text!r}: a box is x,y,w,h with w and h of at least 1 pixel; got {width}x{height}")
    return MaskSource("box", box=(x, y, width, height))


def _mask_file(text: str) -> MaskSource:
    try:
        path = find_source(text)
    except InputError as error:
        raise InputError(f"mask {error}; {KINDS}") from None
    if path.is_dir():
        return MaskSource("folder", path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise InputError(f"mask {path}: cannot be read ({error.strerror}); check its permissions") from None
    is_image = image_size(head) is not None or head[:4] in (b"II*\0", b"MM\0*")
    return MaskSource("image" if is_image else "video", path)


def mask_digest(source: MaskSource) -> str:
    """SHA-256 of what decides the holes besides the clip, threshold and polarity, as 64 hexadecimal digits."""
    if source.path is not None:
        return content_digest(source.path)
    text = "alpha" if source.box is None else "box " + ",".join(map(str, source.box))
    return hashlib.sha256(text.encode()).hexdigest()


def read_holes(
    source: MaskSource,
    clip: Clip,
    *,
    threshold: int = DEFAULT_THRESHOLD,
    invert: bool = False,
    start: int = 0,
    stop: int | None = None,
    refuse_empty: bool = False,
) -> Iterator[np.ndarray]:
    """Holes of frames start to stop (not included) of a clip, as (H, W) bool each; True = replace.

    threshold    : 0 to 255; see the top of this file.
    refuse_empty : raise after the last frame if none had a hole. Off, so that a part of a clip may be read again;
                   a box or image without any hole is refused in either case.
    Raises       : InputError if the mask's size or number of frames is not the clip's, it cannot be read, or has no
                   hole.

    A mask of several frames has as many as the clip, and start and stop count in both.
    """
    if not 0 <= threshold <= 255:
        raise InputError(f"mask threshold {threshold}; expected 0 to 255")
    end = check_range(clip, start, stop)
    if source.kind in ("box", "image"):
        hole = _same_for_all(source, clip, threshold, invert)
        yield from (hole.copy() for _ in range(start, end))
        return
    brightest, has_hole = 0, False
    for value in _values(source, clip, start, end):
        hole = (value > threshold) != invert
        brightest, has_hole = max(brightest, int(value.max())), has_hole or bool(hole.any())
        yield hole
    if refuse_empty and not has_hole:
        raise InputError(_empty(source, threshold, invert, brightest))


def _same_for_all(source: MaskSource, clip: Clip, threshold: int, invert: bool) -> np.ndarray:
    value = _box_value(source.box, clip) if source.box else image_value(_path(source))
    _check_size(source, value.shape, clip)
    hole: np.ndarray = (value > threshold) != invert
    if not hole.any():
        raise InputError(_empty(source, threshold, invert, int(value.max())))
    return hole


def _empty(source: MaskSource, threshold: int, invert: bool, brightest: int) -> str:
    if invert:
        return f"{_name(source)}: the inverted mask is empty: every pixel is over {threshold}; drop the inversion"
    return (
        f"{_name(source)}: the mask is empty: no pixel of any frame is over {threshold} of 255, the brightest is "
        f"{brightest}; mark what to remove in white, lower the threshold, or invert the mask"
    )


def _box_value(box: tuple[int, int, int, int], clip: Clip) -> np.ndarray:
    x, y, width, height = box
    value = np.zeros((clip.height, clip.width), np.uint8)
    value[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = 255
    if not value.any():
        raise InputError(
            f"mask box {x},{y},{width},{height} lies outside the frame of {clip.width}x{clip.height}; x,y is its "
            "left upper corner, w,h its size, in pixels"
        )
    return value


def _values(source: MaskSource, clip: Clip, start: int, end: int) -> Iterator[np.ndarray]:
    """(H, W) uint8 a frame: how much each pixel is marked."""
    if source.kind == "alpha":
        yield from _alpha_values(clip, start, end)
        return
    mask = probe(_path(source))
    _check_size(source, (mask.height, mask.width), clip)
    if mask.frame_count != clip.frame_count:
        raise InputError(
            f"{_name(source)}: the mask has {mask.frame_count} frames, the video {clip.frame_count}; export the mask "
            "again, or give a single image for all frames"
        )
    if mask.kind == "images":
        for path in list_images(mask.path)[start:end]:
            value = image_value(path)
            _check_size(MaskSource("image", path), value.shape, clip)
            yield value
    else:
        yield from map(_brightest_channel, read_frames(mask, start, end))


def _alpha_values(clip: Clip, start: int, end: int) -> Iterator[np.ndarray]:
    if not clip.has_alpha:
        raise InputError(f"{clip.path}: has no alpha channel to be the mask; give another mask")
    frames = image_alpha(clip, start, end) if clip.kind == "images" else video_alpha(clip, start, end, threads=0)
    return map(np.subtract, repeat(np.uint8(255)), frames)


def _check_size(source: MaskSource, shape: tuple[int, ...], clip: Clip) -> None:
    if shape != (clip.height, clip.width):
        raise InputError(
            f"{_name(source)}: the mask is {shape[1]}x{shape[0]}, the video {clip.width}x{clip.height}; export the "
            "mask in the size of the video"
        )


def _path(source: MaskSource) -> Path:
    if source.path is None:
        raise ValueError(f"a mask of kind {source.kind} needs a path; got none")
    return source.path


def _name(source: MaskSource) -> str:
    return f"mask {source.path or source.kind}"


def image_value(path: Path) -> np.ndarray:
    """How much each pixel of a mask image is marked, (H, W) uint8: see the top of this file.

    Raises: InputError if the file is no image of 8 or 16 bits.
    """
    labels = _read_labels(path)
    if labels is not None:
        return labels
    # a camera's JPEG may have to be turned, which OpenCV does only on this way
    flags = cv2.IMREAD_COLOR if path.suffix.lower() in (".jpg", ".jpeg") else cv2.IMREAD_UNCHANGED
    image = decode_image(path, flags)
    if image.dtype == np.uint16:
        image = ((image.astype(np.uint32) + 256) // 257).astype(np.uint8)  # rounded up: a label of 1 does not vanish
    if image.dtype != np.uint8:
        raise InputError(f"mask {path}: {image.dtype} pixels; expected 8 or 16 bits; export it as PNG")
    if image.ndim == 2:
        return image
    value = _brightest_channel(image[..., :3])
    if image.shape[2] == 4:
        value = np.round(value * (image[..., 3] / 255)).astype(np.uint8)
    return value


def _brightest_channel(image: np.ndarray) -> np.ndarray:
    brightest: np.ndarray = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    return brightest


def _read_labels(path: Path) -> np.ndarray | None:
    """(H, W) uint8, 255 where a PNG's palette index is not 0; None for other images.

    A palette that does not begin with black belongs to a picture that was merely saved with few colours.
    """
    with path.open("rb") as file:
        head = file.read(26)
        if not head.startswith(b"\x89PNG") or head[25:] != b"\3":
            return None
        decode_image(path, cv2.IMREAD_GRAYSCALE)  # refuses what is damaged or absurd
        data = head + file.read()
    try:
        (frame,) = av.CodecContext.create("png", "r").decode(av.Packet(data))
        index, palette = frame.to_ndarray()
    except (FFmpegError, ValueError):
        raise InputError(f"mask {path}: the palette image does not decode; export it again") from None
    first_colour = palette.reshape(-1, 4)[0]  # alpha, red, green, blue
    return np.where(index > 0, np.uint8(255), np.uint8(0)) if not first_colour[1:].any() else None
