"""A sliding window over a long sequence that is computed item by item: memory for the window, not for the sequence."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class SlidingWindow(Generic[Item]):
    """Returns windows of a long sequence, requested in ascending order, and holds no more than the last one.

    make  : make(start) yields the items start, start + 1, ... lazily, each depending on its number alone.
    block : make is only called with multiples of this, so that items computed in blocks always have the same ones.
    """

    def __init__(self, make: Callable[[int], Iterator[Item]], block: int = 1) -> None:
        self._make, self._block = make, block
        self._held: dict[int, Item] = {}
        self._source: Iterator[Item] = iter(())
        self._next = -1  # number of the item the source yields next; -1: not started

    def between(self, first: int, last: int) -> list[Item]:
        """Return the items first .. last, both included; what lies before `first` is forgotten.

        A window far ahead starts anew; one that begins before the last `first` does too, at the price of
        making its items again.
        """
        self._held = {number: item for number, item in self._held.items() if number >= first}
        if first not in self._held and not self._next_is_near(first):
            self._held.clear()
            self._next = first // self._block * self._block
            self._source = self._make(self._next)
        while self._next <= last:
            item = next(self._source)
            if self._next >= first:
                self._held[self._next] = item
            self._next += 1
        return [self._held[number] for number in range(first, last + 1)]

    def _next_is_near(self, first: int) -> bool:
        """Return whether going on leads to `first` without a detour over other blocks."""
        return 0 <= self._next <= first < self._next + self._block
