"""A decoded clip whose frames are not stored: they are decoded again as they are read."""

import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from storage.cache.stage_store import StageStore
from storage.cache.stored_array import StoredArray
from storage.errors import InputError
from storage.media.reading import read_frames
from storage.media.video.frame_seeking import FrameSeeker
from tasks.shots.filled_clip import Derived

FARTHEST = 64
"""Frames that are passed over rather than sought: a search begins at the key frame before."""
HELD_BY_THREAD = 4
"""Frames behind the last one read that can still be asked for, for each thread: what reads side by side holds fewer."""


class ClipReadAgain:
    """A clip as its store would show it: its holes are stored, its frames are decoded again.

    For a reader that asks for items about one after the other, from several threads.
    """

    def __init__(self, store: StageStore, seeker: FrameSeeker, threads: int) -> None:
        """Decode nothing yet.

        store  : the result of decode, which holds all holes.
        seeker : finds frames of its video; another reader is made of it, so that several readers may share it.
        """
        self.attributes, self._store = store.attributes, store
        self._frames = FramesReadAgain(
            seeker.another(),
            int(store.attributes["start"]),
            int(store.attributes["frames"]),
            held=HELD_BY_THREAD * (threads + 1),
        )

    def __getitem__(self, name: str) -> "StoredArray | FramesReadAgain":
        """Array `name` as a lazy sequence."""
        return self._frames if name == "frames" else self._store[name]

    def __contains__(self, name: str) -> bool:
        return name in self._store


class FramesReadAgain(Derived):
    """Frames of a video as a lazy sequence, (H, W, 3) uint8 each, read forward wherever that is quicker."""

    def __init__(self, seeker: FrameSeeker, begin: int, count: int, *, held: int) -> None:
        """Show frames `begin` to `begin + count` (not included) of the seeker's clip."""
        super().__init__(count, self._frame)
        self.shape, self.dtype = (count, seeker.clip.height, seeker.clip.width, 3), "uint8"
        self._seeker, self._begin, self._most = seeker, begin, held
        self._lock = threading.Lock()
        self._held: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._going_on: Iterator[NDArray[np.uint8]] = iter(())
        self._next = -FARTHEST - 1  # nothing is near

    def _frame(self, t: int) -> NDArray[np.uint8]:
        with self._lock:
            if t in self._held:
                return self._held[t]
            if not self._next <= t <= self._next + FARTHEST:
                self._going_on, self._next = self._from(t), t
                self._held.clear()
            while self._next <= t:
                self._keep(next(self._going_on, None))
            return self._held[t]

    def _from(self, t: int) -> Iterator[NDArray[np.uint8]]:
        first, stop = self._begin + t, self._begin + self.shape[0]
        if first == 0:  # the decoder's own threads
            return read_frames(self._seeker.clip, 0, stop)
        return (self._seeker.frame(number) for number in range(first, stop))

    def _keep(self, frame: NDArray[np.uint8] | None) -> None:
        if frame is None:  # a StopIteration would end the reader's own loop without a word
            raise InputError(f"{self._seeker.clip.path} ends before frame {self._begin + self._next}")
        self._held[self._next] = frame
        self._next += 1
        if len(self._held) > self._most:
            self._held.popitem(last=False)
