"""The clip as a stage reads it: what one stage left, with the key frames that were filled since laid over it."""

from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from dfvi_models.types import INVENTED, KNOWN
from storage.cache.stage_store import StageStore


class Derived(Sequence[NDArray[Any]]):
    """A lazy sequence whose items are made when they are asked for."""

    def __init__(self, length: int, make: Any) -> None:
        """Make item t by `make(t)`."""
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, t: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, t: slice) -> Sequence[NDArray[Any]]: ...
    def __getitem__(self, t: int | slice) -> NDArray[Any] | Sequence[NDArray[Any]]:
        """Make item t."""
        if isinstance(t, slice):
            return [self[i] for i in range(*t.indices(self._length))]
        if not 0 <= t < self._length:
            raise IndexError(f"item {t} of {self._length}")
        item: NDArray[Any] = self._make(t)
        return item


class FilledClip:
    """Frames, the holes left in them, and where each filled pixel came from; every item is read when asked for.

    `invented` is None where no pixel can have been invented yet.
    """

    def __init__(self, base: StageStore, fill: StageStore | None = None) -> None:
        """Look at `base` (a clip, or one that is filled in part) with the key frames made of it laid over it."""
        self.base, self._fill = base, fill
        self._filled: Mapping[int, int] = {}
        if fill is not None:
            self._filled = {int(t): row for row, t in enumerate(fill.attributes["key_frames"])}
        self.count, self.height, self.width = base["frames"].shape[:3]
        self.frames = Derived(self.count, self._frame)
        self.holes = Derived(self.count, self._hole)
        self.source = Derived(self.count, self._source)
        self.invented = Derived(self.count, lambda t: self._source(t) == INVENTED) if "source" in base else None

    def _frame(self, t: int) -> NDArray[Any]:
        frame: NDArray[Any] = self.base["frames"][t]
        if self._fill is None or t not in self._filled:
            return frame
        return np.where(self.base["holes"][t][..., None], self._fill["frames"][self._filled[t]], frame)

    def _hole(self, t: int) -> NDArray[Any]:
        hole = self.base["holes"][t]
        return np.zeros_like(hole) if t in self._filled else hole

    def _source(self, t: int) -> NDArray[Any]:
        if "source" not in self.base:
            return np.full((self.height, self.width), KNOWN, np.int32)
        source = self.base["source"][t]
        return np.where(self.base["holes"][t], INVENTED, source) if t in self._filled else source
