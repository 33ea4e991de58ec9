"""Writing what is finished while the next is computed: a GPU makes a flow in about the time it takes to compress it."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial

import numpy as np
from numpy.typing import NDArray

from storage.cache.stage_store import StageStore

WRITERS = 2
MOST_BYTES = 2**27  # of items held: two batches of a GPU at 480p


@contextmanager
def write_behind(out: StageStore) -> Iterator[Callable[..., None]]:
    """Yield a function that is called like `out.write` and does not wait until the item is written.

    It waits only while more than MOST_BYTES are held. All items are written when the `with` block ends, also when it
    ends by an error. Until then they may be written in any order, and the arrays must not be changed.
    Raises : what a write raised, at a later call or at the end of the block.
    """
    pending: deque[tuple[Future[None], int]] = deque()
    held = 0

    def wait_for_oldest() -> None:
        nonlocal held
        future, size = pending.popleft()
        held -= size
        future.result()

    def write(t: int, **items: NDArray[np.generic]) -> None:
        nonlocal held
        size = sum(item.nbytes for item in items.values())
        while pending and (pending[0][0].done() or held + size > MOST_BYTES):
            wait_for_oldest()
        in_this_run = partial(copy_context().run, partial(out.write, t, **items))  # a thread does not know by itself
        pending.append((pool.submit(in_this_run), size))
        held += size

    with ThreadPoolExecutor(WRITERS, "write") as pool:
        yield write
        while pending:
            wait_for_oldest()
