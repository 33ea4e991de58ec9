"""Giving up the arrays of finished results that need not stay, without taking them from a run that keeps them.

As when results are deleted (see `housekeeping`), two orders make it safe beside other runs. A run writes into its
record that it uses a result, then looks whether it is complete; here a result is first declared dropped, then the
records are read. So either the record is seen, and the result is declared complete again, or the run sees that it was
dropped, and makes it again. Arrays go only after that: who is killed before leaves all of them, and who needs them
finds them; who is killed in between leaves some, which the next who makes the result again uses, or who drops it
removes.
"""

from collections.abc import Collection, Sequence
from contextlib import ExitStack

from storage.cache.errors import StoreError
from storage.cache.root import Root
from storage.cache.run_records import CANNOT_WRITE, Keep, RunRecord
from storage.cache.stage_store import StageStore

Named = tuple[str, str]
"""Stage and digest of a result."""


def drop_results(
    root: Root, video: str, results: Sequence[Named], *, kept_at: Collection[Keep], record: RunRecord | None = None
) -> None:
    """Give up the arrays of finished results of a video, and keep what each says of itself.

    kept_at : what another run must have been told to keep for its results to be left alone.
    record  : of the run that drops them, which does not count.
    Left alone are also results that somebody writes just now, that are not finished, or in a root that cannot be
    written. Plain files, such as an encoded video, stay.
    """
    found = [store for named in dict.fromkeys(results) if (store := _to_drop(root, video, named))]
    if not found:
        return
    try:
        with ExitStack() as locks:
            held = [store for store in found if locks.enter_context(root.try_lock(store.folder))]
            _drop(root, video, held, kept_at, record)
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise


def _to_drop(root: Root, video: str, named: Named) -> StageStore | None:
    """The store of a finished result that has arrays; None if there is none."""
    try:
        store = root.open_store(video, *named)
    except StoreError:  # deleted or damaged meanwhile
        return None
    if store.manifest is None or not any(store.has_array(name) for name in store.manifest.arrays):
        return None
    return store


def _drop(
    root: Root, video: str, held: Sequence[StageStore], kept_at: Collection[Keep], record: RunRecord | None
) -> None:
    again = [_to_drop(root, video, (store.key.stage, store.key.digest)) for store in held]  # now that nobody writes
    stores = [store for store in again if store is not None]
    complete = [store for store in stores if store.state == "complete"]
    for store in complete:
        store.declare_dropped()
    kept = root.kept_by_others(record, video, kept_at)
    for store in stores:
        if kept is not None and store.key.digest not in kept:
            store.remove_arrays()
        elif store in complete:
            store.take_back()
