"""A video as the mask, a frame for each frame of the clip."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.media.clip import Clip
from storage.media.masks.source import Marks, MaskSource, brightest_channel
from storage.media.reading import content_digest, probe, read_frames


@dataclass(frozen=True)
class VideoMask(MaskSource):
    """A video file; takes every file that is of no other kind, so that errors come from the reader of videos."""

    path: Path
    expected = "a video"

    @classmethod
    def recognise(cls, text: str, *, is_path: bool) -> "VideoMask | None":
        """See MaskSource."""
        return cls(Path(text)) if is_path else None

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
        self.refuse_objects(object_number)
        mask = probe(self.path)

        def read(start: int, stop: int) -> Iterator[np.ndarray]:
            return map(brightest_channel, read_frames(mask, start, stop))

        return Marks(mask.height, mask.width, mask.frame_count, read, mask.rate)
