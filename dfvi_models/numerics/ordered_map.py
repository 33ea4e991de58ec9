"""A map over independent items on threads that yields results in order, with bounded look-ahead."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOK_AHEAD = 2  # items in flight per thread: one computing, one read or waiting to be collected


def ordered_map(function: Callable[[Item], Result], items: Iterable[Item], threads: int = 1) -> Iterator[Result]:
    """Yield `function(item)` for every item, in order; at most `LOOK_AHEAD * threads` items are held at a time.

    Each item sees the context variables of the caller: what logs there logs as part of the same run.
    threads : 1 runs everything in the caller's thread. More helps where `function` releases the interpreter lock
              (OpenCV, numba with nogil, torch, compression).
    Raises  : what `function` raises, at the item it belongs to; items not yet started are dropped.
    """
    if threads < 1:
        raise ValueError(f"threads must be at least 1; got {threads}")
    if threads == 1:
        yield from map(function, items)
        return
    remaining = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[Result]] = deque(
            pool.submit(copy_context().run, function, item) for item in islice(remaining, LOOK_AHEAD * threads)
        )
        try:
            while pending:
                result = pending.popleft().result()
                for item in islice(remaining, 1):
                    pending.append(pool.submit(copy_context().run, function, item))
                yield result
        finally:
            for future in pending:
                future.cancel()
