"""Images as the mask: one image, one with several pages or an animation, or a folder of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.images.folder import list_images
from storage.media.masks.kinds.image_value import count_pages, image_value, is_image, page_values
from storage.media.masks.source import Marks, MaskSource
from storage.media.reading import content_digest


@dataclass(frozen=True)
class ImageMask(MaskSource):
    """An image file; one of several pages, or an animation, is a frame a page."""

    path: Path
    expected = "an image"

    @classmethod
    def recognise(cls, text: str, *, is_path: bool) -> "ImageMask | None":
        """See MaskSource."""
        return cls(Path(text)) if is_path and is_image(Path(text)) else None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"mask {self.path}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    def digest(self) -> str:
        """See MaskSource."""
        return content_digest(self.path)

    def open(self, clip: Clip, object_number: int | None = None) -> Marks:  # noqa: ARG002
        """See MaskSource."""
        height, width = image_value(self.path, object_number).shape

        def read(start: int, stop: int) -> Iterator[np.ndarray]:
            for marked in page_values(self.path, start, stop, object_number):
                yield _same_size(marked, self.path, height, width)

        return Marks(height, width, count_pages(self.path), read)


@dataclass(frozen=True)
class FolderMask(MaskSource):
    """A folder with an image a frame."""

    path: Path
    expected = "a folder of images"

    @classmethod
    def recognise(cls, text: str, *, is_path: bool) -> "FolderMask | None":
        """See MaskSource."""
        return cls(Path(text)) if is_path and Path(text).is_dir() else None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"mask {self.path}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folder."""
        return (self.path,)

    def digest(self) -> str:
        """See MaskSource."""
        return content_digest(self.path)

    def open(self, clip: Clip, object_number: int | None = None) -> Marks:  # noqa: ARG002
        """See MaskSource."""
        files = list_images(self.path)
        height, width = image_value(files[0], object_number).shape

        def read(start: int, stop: int) -> Iterator[np.ndarray]:
            for file in files[start:stop]:
                yield _same_size(image_value(file, object_number), file, height, width)

        return Marks(height, width, len(files), read)


def _same_size(marked: np.ndarray, path: Path, height: int, width: int) -> np.ndarray:
    if marked.shape != (height, width):
        raise InputError(
            f"mask {path}: the image is {marked.shape[1]}x{marked.shape[0]}, the first of the mask {width}x{height}; "
            "export all with one size"
        )
    return marked
