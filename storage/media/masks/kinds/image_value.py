"""How much each pixel of a mask image is marked: labels, brightness, transparency, orientation, pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from storage.errors import InputError
from storage.media.clip import check_size
from storage.media.images.folder import IMAGE_SUFFIXES
from storage.media.images.header import FRAME_FORMATS, UPRIGHT, read_header
from storage.media.masks.source import brightest_channel, marks_of_labels
from storage.media.video.container_size import container_size

MASK_FORMATS = (*FRAME_FORMATS, "GIF", "AVIF")
PAGED_FORMATS = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")
"""Formats whose pages are frames; the further pictures of a camera's JPEG are not."""
REDUCED_PAGE = 1  # bit of TIFF's tag NewSubfileType: a thumbnail of another page
NEW_SUBFILE_TYPE = 254
GREY_SPREAD = 8  # levels between the channels of a colour that still counts as grey
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError)


def is_image(path: Path) -> bool:
    """Tell whether a file is an image, or is called one. Raises InputError if it cannot be read."""
    try:
        return path.suffix.lower() in IMAGE_SUFFIXES or read_header(path, MASK_FORMATS) is not None
    except OSError as error:
        raise InputError(f"mask {path}: cannot be read ({error.strerror}); check its permissions") from None


def image_value(path: Path, object_number: int | None = None) -> np.ndarray:
    """Return how much each pixel of a mask image (of its first page) is marked, (H, W) uint8; see the package.

    object_number : of a label image, the only object that counts.
    Raises        : InputError if the file is no image of 8 or 16 bits, or has no labels to choose from.
    """
    return next(page_values(path, 0, 1, object_number))


def count_pages(path: Path) -> int:
    """Return how many frames an image file holds. Raises InputError if it is damaged."""
    with _opened(path) as image:
        return len(_pages(image, path))


def page_values(path: Path, start: int, stop: int, object_number: int | None = None) -> Iterator[np.ndarray]:
    """Return pages start to stop (not included) of a mask image, as image_value gives them."""
    with _opened(path) as image:
        for page in _pages(image, path)[start:stop]:
            try:
                image.seek(page)
                image.load()
                upright = _upright(image)
            except DAMAGED as error:
                raise InputError(_damaged(path, error)) from None
            if image.format == "PNG" and _has_labels(upright):
                yield marks_of_labels(np.asarray(upright), object_number)
            else:
                yield _value(upright, path, object_number)


def _upright(image: Image.Image) -> Image.Image:
    """Return an image as EXIF wants it shown; it itself where it is so already: Pillow would copy it."""
    turned = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT) != UPRIGHT
    return ImageOps.exif_transpose(image) if turned else image


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        header = read_header(path, MASK_FORMATS)
    except OSError as error:
        raise InputError(f"mask {path}: cannot be read ({error.strerror}); check its permissions") from None
    if header is None:
        kinds = ", ".join(MASK_FORMATS)
        raise InputError(f"mask {path}: does not decode (damaged, or not one of {kinds}); export it again")
    check_size(path, header.height, header.width)
    try:
        _check_whole(path, header.format)
    except DAMAGED as error:
        raise InputError(_damaged(path, error)) from None
    with Image.open(path, formats=MASK_FORMATS) as image:
        yield image


def _check_whole(path: Path, kind: str) -> None:
    """Raise one of DAMAGED if an image breaks off, or PNG's checksums do not fit: Pillow shows what is left of it."""
    if kind == "PNG":
        with Image.open(path, formats=[kind]) as image:
            image.verify()
    promised = container_size(path)
    if promised is not None and promised > path.stat().st_size:
        raise EOFError("it breaks off")


def _damaged(path: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())
    return f"mask {path}: the image does not decode (damaged or truncated: {reason}); export it again"


def _pages(image: Image.Image, path: Path) -> list[int]:
    """Return the numbers of the pages that are frames."""
    if image.format not in PAGED_FORMATS:
        return [0]
    try:
        pages = range(getattr(image, "n_frames", 1))
    except DAMAGED as error:
        raise InputError(_damaged(path, error)) from None
    if getattr(image, "default_image", False):  # of an animated PNG: shown only where animation is not known
        pages = pages[1:]
    if image.format == "TIFF" and len(pages) > 1:
        return [page for page in pages if not _is_reduced(image, page)]
    return list(pages)


def _is_reduced(image: Image.Image, page: int) -> bool:
    image.seek(page)
    tags = getattr(image, "tag_v2", {})
    return bool(int(tags.get(NEW_SUBFILE_TYPE, 0)) & REDUCED_PAGE)


def _value(image: Image.Image, path: Path, object_number: int | None) -> np.ndarray:
    if object_number is not None:
        return marks_of_labels(_object_numbers(image, path, object_number), object_number)
    if image.mode.startswith("I;16"):
        wide = np.asarray(image).astype(np.uint32)
        return ((wide + 256) // 257).astype(np.uint8)  # rounded up: a label of 1 does not vanish
    if image.mode in ("I", "F"):
        kind = {"I": "32-bit", "F": "float32"}[image.mode]
        raise InputError(f"mask {path}: {kind} pixels; expected 8 or 16 bits; export it as PNG")
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return np.asarray(image if image.mode == "L" else image.convert("L"))
    image = image.convert("RGBA")
    pixels = np.asarray(image)
    value = brightest_channel(pixels[..., :3])
    return np.round(value * (pixels[..., 3] / 255)).astype(np.uint8)


def _has_labels(image: Image.Image) -> bool:
    """Tell whether the pixels of a PNG are numbers of a palette that stand for objects, as DAVIS has them.

    A palette that does not begin with black belongs to a picture that was merely saved with few colours; one of nothing
    but greys is brightness, unless it has two colours only: then the second is the object.
    """
    if image.mode != "P" or image.palette is None or "transparency" in image.info:
        return False
    palette = np.frombuffer(image.palette.tobytes(), np.uint8).reshape(-1, len(image.palette.mode)).astype(int)
    if palette[0].any():
        return False
    used = np.unique(np.asarray(image))
    is_grey = bool((np.ptp(palette[used[used < len(palette)]], axis=1) <= GREY_SPREAD).all())
    return len(palette) == 2 or not is_grey


def _object_numbers(image: Image.Image, path: Path, object_number: int) -> np.ndarray:
    """Return the numbers in an image without a palette: its grey levels, which must be the same in all channels."""
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        return pixels
    if pixels.ndim == 3 and (pixels[..., :3] == pixels[..., :1]).all():
        return pixels[..., 0]
    raise InputError(
        f"mask {path}: decode.mask_object={object_number} chooses an object by its number, and this image has colours; "
        "export it as a PNG with a palette, or in grey"
    )
