"""A box in every frame, written x,y,w,h."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.source import MARKED, Marks, MaskSource

NUMBER = r"\s*([+-]?\d+(?:\.\d*)?)\s*"
FOUR_NUMBERS = re.compile(rf"{NUMBER}[,;x\s]{NUMBER}[,;x\s]{NUMBER}[,;x\s]{NUMBER}")
BOX = re.compile(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*(-?\d+)\s*")


@dataclass(frozen=True)
class BoxMask(MaskSource):
    """A rectangle; x and y may be negative, what lies outside the frame is cut off."""

    x: int
    y: int
    width: int
    height: int
    expected = "a box x,y,w,h"

    @classmethod
    def recognise(cls, text: str, *, is_path: bool) -> "BoxMask | None":
        """See MaskSource."""
        if is_path or not FOUR_NUMBERS.fullmatch(text):
            return None
        box = BOX.fullmatch(text)
        if box is None:
            if Path(text).exists():
                return None
            raise InputError(
                f"mask {text!r}: a box is four whole numbers with commas, x,y,w,h: left upper corner, width and height "
                "in pixels, such as 10,20,64,48"
            )
        x, y, width, height = (int(number) for number in box.groups())
        if width < 1 or height < 1:
            raise InputError(f"mask {text!r}: a box is x,y,w,h with w and h of at least 1 pixel; got {width}x{height}")
        return cls(x, y, width, height)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"mask box {self.x},{self.y},{self.width},{self.height}"

    def digest(self) -> str:
        """See MaskSource."""
        text = f"box {self.x},{self.y},{self.width},{self.height}"
        return hashlib.sha256(text.encode()).hexdigest()

    def open(self, clip: Clip, object_number: int | None = None) -> Marks:
        """See MaskSource; raises InputError if the box lies outside the frame."""
        self.refuse_objects(object_number)
        marked = np.zeros((clip.height, clip.width), np.uint8)
        rows = slice(max(0, self.y), max(0, self.y + self.height))
        columns = slice(max(0, self.x), max(0, self.x + self.width))
        marked[rows, columns] = MARKED
        if not marked.any():
            raise InputError(
                f"{self.name} lies outside the frame of {clip.width}x{clip.height}; x,y is its left upper corner, "
                "w,h its size, in pixels"
            )
        return Marks(clip.height, clip.width, 1, lambda _start, _stop: iter([marked]))
