"""Folders of images as clips: which files, in which order, and their pixels."""

import io
import itertools
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from storage.errors import InputError
from storage.media.clip import RGB_MATRIX, Clip, ColourTags, check_range, check_size
from storage.media.images.header import ImageHeader, read_header

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")

SECONDS = re.compile(r"(|.*[_ -]|t|time)([0-9]+\.[0-9]+|[0-9]+)s?", re.IGNORECASE)
"""Names of frames by their time, such as 0.042 or frame_1.5s: their numbers are decimal fractions."""

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our errors say it, in one line


def list_images(folder: Path) -> list[Path]:
    """Return the image files of a folder in frame order: numbers in names count by value, 2.png comes before 10.png.

    Hidden files, other files and folders inside are left out.
    Raises: InputError if there is none, if one is no regular file, or if two differ only in their suffix (the same
    frame twice).
    """
    try:
        files = [each for each in folder.iterdir() if each.suffix.lower() in IMAGE_SUFFIXES and each.name[0] != "."]
        files = [each for each in files if not each.is_dir()]
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be read ({error.strerror}); check its permissions") from None
    for file in files:
        if not file.is_file():
            raise InputError(f"{file}: a link to nothing, a device or a pipe; expected an image; remove or mend it")
    if not files:
        raise InputError(
            f"{folder}: no image in the folder; expected frames as {', '.join(s[1:] for s in IMAGE_SUFFIXES)} files"
        )
    files.sort(key=_time_key if all(SECONDS.fullmatch(file.stem) for file in files) else _name_key)
    for first, second in itertools.pairwise(files):
        if first.stem == second.stem:
            raise InputError(f"{folder}: {first.name} and {second.name} are the same frame; remove one of them")
    return files


def _name_key(file: Path) -> tuple[list[tuple[int, str]], str]:
    return natural_key(file.name)


def _time_key(file: Path) -> tuple[str, Fraction, str]:
    prefix, seconds = SECONDS.fullmatch(file.stem).groups()  # type: ignore[union-attr]  # asked for by list_images
    return prefix, Fraction(seconds), file.name


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return what sorts file names in the order of their numbers: 2 before 10."""
    parts = re.split(r"([0-9]+)", Path(name).stem.lower())
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts], name


def probe_images(folder: Path, rate: Fraction) -> Clip:
    """Return the facts of a folder of images. Decodes the first one and reads the headers of the others.

    Raises: InputError if the folder holds no image, one that is none, or one of another size.
    """
    if rate <= 0:
        raise InputError(f"{folder}: a rate of {rate} frames a second; expected more than 0")
    files = list_images(folder)
    first = decode_image(files[0], cv2.IMREAD_UNCHANGED)
    height, width = read_image(files[0]).shape[:2]
    stored = _size_of(files[0])
    for file in files[1:]:
        size = _size_of(file)
        if size != stored and (stored[0], stored[1]) != (size[1], size[0]):  # a camera's turned JPEG is judged decoded
            raise InputError(_other_size(file, size, stored))
    return Clip(
        path=folder,
        kind="images",
        frame_count=len(files),
        frames_found=len(files),
        height=height,
        width=width,
        rate=rate,
        time_base=1 / rate,
        colour=ColourTags(matrix=RGB_MATRIX, full_range=True),
        bit_depth=8 * first.dtype.itemsize,
        has_alpha=first.ndim == 3 and first.shape[2] == 4,
    )


def image_frames(clip: Clip, start: int, stop: int | None) -> Iterator[np.ndarray]:
    """Return frames start to stop of a folder as (H, W, 3) uint8 RGB; see storage.media.reading.read_frames."""
    return _frames_of(clip, start, stop, cv2.IMREAD_COLOR_RGB)


def image_alpha(clip: Clip, start: int, stop: int | None) -> Iterator[np.ndarray]:
    """Return alpha of frames start to stop of a folder as (H, W) uint8; an image without alpha is opaque, 255."""
    for image in _frames_of(clip, start, stop, cv2.IMREAD_UNCHANGED):
        if image.ndim == 3 and image.shape[2] == 4:
            yield to_8_bit(image[..., 3])
        else:
            yield np.full(image.shape[:2], 255, np.uint8)


def image_full_depth(clip: Clip, start: int, stop: int | None) -> Iterator[np.ndarray]:
    """Return frames start to stop of a folder as (H, W, 3) uint16 RGB; 8 bits are stretched to the full range."""
    for image in _frames_of(clip, start, stop, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH):
        yield image * np.uint16(257) if image.dtype == np.uint8 else image


def _frames_of(clip: Clip, start: int, stop: int | None, flags: int) -> Iterator[np.ndarray]:
    files = list_images(clip.path)
    if len(files) != clip.frame_count:
        raise InputError(f"{clip.path}: {len(files)} images now, {clip.frame_count} before; leave the folder as it was")
    for file in files[start : check_range(clip, start, stop)]:
        image = decode_image(file, flags)
        if image.shape[:2] != (clip.height, clip.width):
            raise InputError(_other_size(file, (image.shape[0], image.shape[1]), (clip.height, clip.width)))
        yield image


def read_image(path: Path) -> np.ndarray:
    """Return one image file as (H, W, 3) uint8 RGB.

    Greyscale is repeated in all channels; 16 bits keep their high byte; alpha is dropped; the orientation that EXIF
    states is applied. Raises: InputError if the file is no image, breaks off, or claims an absurd size.
    """
    return decode_image(path, cv2.IMREAD_COLOR_RGB)


def decode_image(path: Path, flags: int) -> np.ndarray:
    """Return one image file as OpenCV decodes it under its flags, upright. Raises: InputError as read_image."""
    data = _read(path)
    header = _checked(path, read_header(data))
    if header.format == "TIFF" and header.mode == "RGBA":
        return _tiff_with_alpha(path, data, flags)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{path}: the image does not decode (damaged or truncated); export it again")
    if flags == cv2.IMREAD_UNCHANGED and header.format != "TIFF":  # OpenCV turns all other readings by itself
        return _turned(np.asarray(image), header.orientation)
    return np.asarray(image)


def _tiff_with_alpha(path: Path, data: bytes, flags: int) -> np.ndarray:
    """As decode_image, by Pillow: OpenCV multiplies the colours of TIFF by alpha."""
    try:
        with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
            pixels = np.asarray(ImageOps.exif_transpose(image))
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError):
        raise InputError(f"{path}: the image does not decode (damaged or truncated); export it again") from None
    return np.ascontiguousarray(pixels[..., [2, 1, 0, 3]] if flags == cv2.IMREAD_UNCHANGED else pixels[..., :3])


def _turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """Return an image turned as EXIF's orientation (1 to 8; CIPA DC-008, tag 274) wants it shown."""
    if orientation in (2, 4, 5, 7):  # mirrored
        image = image[:, ::-1]
    quarters = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)  # counter-clockwise
    return np.ascontiguousarray(np.rot90(image, quarters))


def to_8_bit(image: np.ndarray) -> np.ndarray:
    """Return uint8 from uint8 or uint16 (the high byte), any shape."""
    return (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image


def _read(path: Path) -> bytes:
    try:
        if path.is_char_device() or path.is_fifo():  # has no end, or none yet
            raise InputError(f"{path}: a device or a pipe; expected an image: save it to a file first")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the image cannot be read ({error.strerror}); check its permissions") from None


def _size_of(path: Path) -> tuple[int, int]:
    """Return (height, width) from the header, as stored."""
    try:
        header = _checked(path, read_header(path))
    except OSError as error:
        raise InputError(f"{path}: the image cannot be read ({error.strerror}); check its permissions") from None
    return header.height, header.width


def _checked(path: Path, header: ImageHeader | None) -> ImageHeader:
    if header is None:
        raise InputError(f"{path}: not a PNG, JPEG, TIFF, WebP or BMP image; export it again or take it out")
    check_size(path, header.height, header.width)
    return header


def _other_size(file: Path, size: tuple[int, int], first: tuple[int, int]) -> str:
    return (
        f"{file}: the image is {size[1]}x{size[0]}, the first of the folder {first[1]}x{first[0]}; "
        "export all frames with one size"
    )
