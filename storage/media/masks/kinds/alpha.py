"""The alpha channel of the clip itself as its mask: what is transparent is removed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.images.folder import image_alpha
from storage.media.masks.source import MARKED, Marks, MaskSource
from storage.media.video.decoding import video_alpha

WORD = "alpha"


@dataclass(frozen=True)
class AlphaMask(MaskSource):
    """The transparent pixels of the clip."""

    expected = WORD
    name = f"mask {WORD}"

    @classmethod
    def recognise(cls, text: str, *, is_path: bool) -> "AlphaMask | None":
        """See MaskSource."""
        return cls() if text == WORD and not is_path else None

    def digest(self) -> str:
        """See MaskSource."""
        return hashlib.sha256(WORD.encode()).hexdigest()

    def open(self, clip: Clip, object_number: int | None = None) -> Marks:
        """See MaskSource; raises InputError if the clip has no alpha channel."""
        self.refuse_objects(object_number)
        if not clip.has_alpha:
            raise InputError(f"{clip.path}: has no alpha channel to be the mask; give another mask")

        def read(start: int, stop: int) -> Iterator[np.ndarray]:
            frames = image_alpha(clip, start, stop) if clip.kind == "images" else video_alpha(clip, start, stop, 0)
            return map(np.subtract, repeat(MARKED), frames)

        return Marks(clip.height, clip.width, clip.frame_count, read, clip.rate)
