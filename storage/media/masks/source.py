"""What every kind of mask answers: what it is made from, what stands for its content, and what it marks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from storage.errors import InputError
from storage.media.clip import Clip

MARKED = np.uint8(255)


@dataclass(frozen=True)
class Marks:
    """What a mask marks, frame by frame, before the threshold."""

    height: int
    width: int
    count: int
    """Frames of the mask; a single one serves every frame of the clip."""
    read: Callable[[int, int], Iterator[np.ndarray]]
    """Frames start to stop (not included) as (H, W) uint8: how much each pixel is marked, 0 to 255."""
    rate: Fraction | None = None
    """Frames a second; None where the mask carries no time."""


class MaskSource(ABC):
    """Where the holes of a clip come from."""

    expected: str
    """How users write this kind, for messages."""

    @classmethod
    @abstractmethod
    def recognise(cls, text: str, *, is_path: bool) -> "MaskSource | None":
        """Return the mask that a text means, or None if it means another kind.

        is_path : the text names a file or folder, whatever else it looks like.
        Raises  : InputError if it means this kind and cannot be used.
        """

    @property
    @abstractmethod
    def name(self) -> str:
        """What messages call it."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files and folders it is read from."""
        return ()

    @abstractmethod
    def digest(self) -> str:
        """Return the SHA-256, 64 hexadecimal digits, of what decides the holes besides the clip and the options."""

    @abstractmethod
    def open(self, clip: Clip, object_number: int | None = None) -> Marks:
        """Return what it marks in a clip.

        object_number : of a label map, the only object that counts; None takes all.
        Raises        : InputError if it cannot be read, or has no objects to choose from.
        """

    def refuse_objects(self, object_number: int | None) -> None:
        """Raise InputError if an object was chosen: this kind of mask has none to choose from."""
        if object_number is not None:
            raise InputError(
                f"{self.name}: decode.mask_object={object_number} chooses an object of a label map, and this mask has "
                "no object numbers; leave it out, or give PNG label images, a NumPy array of integers or COCO RLE"
            )


def brightest_channel(image: np.ndarray) -> np.ndarray:
    """Return the brightest of three channels, (H, W, 3) -> (H, W)."""
    brightest: np.ndarray = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    return brightest


def marks_of_labels(labels: np.ndarray, object_number: int | None) -> np.ndarray:
    """Return (H, W) uint8, 255 where a label map holds an object, or the one that was chosen."""
    chosen = labels != 0 if object_number is None else labels == object_number
    return np.where(chosen, MARKED, np.uint8(0))
