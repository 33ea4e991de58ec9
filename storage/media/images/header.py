"""Facts of an image file without its pixels: format, size, orientation, pages. Pillow reads the headers."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import AvifImagePlugin, ExifTags, Image, TiffImagePlugin, WebPImagePlugin

LATE_READERS = (AvifImagePlugin, TiffImagePlugin, WebPImagePlugin)  # Image.open knows only those that were imported
Image.MAX_IMAGE_PIXELS = None  # storage.media.clip.check_size refuses absurd sizes, with our words
warnings.filterwarnings("ignore", module=r"PIL\.")  # what is wrong with an image, our errors say in one line
FRAME_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
"""Pillow's names of the formats that frames may have."""
UPRIGHT = 1  # of EXIF's orientations, 1 to 8


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an image says."""

    format: str
    """Pillow's name."""
    height: int
    width: int
    """Sides in pixels as stored, before the orientation is applied."""
    orientation: int
    """EXIF's number, 1 to 8, of how the stored pixels are to be turned; 1 where nothing says so."""
    mode: str
    """Pillow's name of the channels."""


def read_header(source: Path | bytes, formats: tuple[str, ...] = FRAME_FORMATS) -> ImageHeader | None:
    """Return what the header of an image file says; None if it is no image of these formats, or a damaged one.

    source : path, or the bytes of the whole file.
    Raises : OSError if the file cannot be opened.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        try:
            with Image.open(file, formats=formats) as image:
                # PNG's own method decodes all pixels first, to find what may come after them
                turned = Image.Image.getexif(image).get(ExifTags.Base.Orientation, UPRIGHT)
                width, height = image.size
                kind, mode = image.format or "", image.mode
        except Exception:  # the parsers of a dozen formats raise whatever a damaged header makes them stumble over
            return None
    if kind == "TIFF" and turned >= 5:
        width, height = height, width  # Pillow turns these, and these alone, on opening
    return ImageHeader(kind, height, width, turned if turned in range(1, 9) else UPRIGHT, mode)
