"""A decoded clip that is not stored: its frames and holes are decoded again as they are read."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

from storage.errors import InputError
from tasks.stage.filled_clip import Derived

FARTHEST = 64
"""Items that are passed over rather than sought: a search begins at the key frame before."""

Decode = Callable[[int], Iterator[Mapping[str, NDArray[Any]]]]


class ClipReadAgain:
    """The arrays of a decoded clip for a reader that asks for items about one after the other, from any thread."""

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], attributes: Mapping[str, Any], decode: Decode, held: int
    ) -> None:
        """Decode nothing yet.

        shapes : array -> its shape, the number of items first.
        decode : gives the items of all arrays from a number on, one after the other.
        held   : how many items behind the last one made can still be asked for without decoding again.
        """
        self.attributes = attributes
        self._shapes, self._decode, self._most = shapes, decode, held
        self._lock = threading.Lock()
        self._held: OrderedDict[int, Mapping[str, NDArray[Any]]] = OrderedDict()
        self._items: Iterator[Mapping[str, NDArray[Any]]] = iter(())
        self._next = -FARTHEST - 1  # nothing is near

    def __getitem__(self, name: str) -> "ArrayReadAgain":
        """Array `name` as a lazy sequence."""
        return ArrayReadAgain(self._shapes[name], lambda t: self._item(t)[name])

    def __contains__(self, name: str) -> bool:
        return name in self._shapes

    def _item(self, t: int) -> Mapping[str, NDArray[Any]]:
        with self._lock:
            if t in self._held:
                return self._held[t]
            if not self._next <= t <= self._next + FARTHEST:
                self._items, self._next = self._decode(t), t
                self._held.clear()
            while self._next <= t:
                item = next(self._items, None)
                if item is None:  # a StopIteration would end the reader's own loop without a word
                    raise InputError(f"the video ends before frame {t}; run again once it is written")
                self._held[self._next] = item
                self._next += 1
                if len(self._held) > self._most:
                    self._held.popitem(last=False)
            return self._held[t]


class ArrayReadAgain(Derived):
    """One array of such a clip."""

    def __init__(self, shape: tuple[int, ...], make: Callable[[int], NDArray[Any]]) -> None:
        """Make item t by `make(t)`."""
        super().__init__(shape[0], make)
        self.shape = shape
