"""Things made once and used by several frames: a bounded number is held, and threads share them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class SharedCache(Generic[Key, Item]):
    """Items by key, of which the least recently used are forgotten.

    make : makes the item of a key; it depends on the key alone, so that forgetting costs time and changes nothing.
    most : items held.
    """

    def __init__(self, make: Callable[[Key], Item], most: int) -> None:
        self._make, self._most = make, most
        self._held: OrderedDict[Key, Future[Item]] = OrderedDict()
        self._lock = Lock()

    def __getitem__(self, key: Key) -> Item:
        """Return the item, made now if it is not held. Raises what making it raises, and holds nothing then."""
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
            else:
                mine: Future[Item] = Future()
                self._held[key] = mine
                while len(self._held) > self._most:
                    self._held.popitem(last=False)
        if held is not None:
            return held.result()
        try:
            mine.set_result(self._make(key))
        except BaseException as error:
            with self._lock:
                if self._held.get(key) is mine:
                    del self._held[key]
            mine.set_exception(error)
            raise
        return mine.result()
