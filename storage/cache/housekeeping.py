"""Look after a root: list what is in it, check that it reads back, delete what nobody needs any more."""

import itertools
import math
import time
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from storage.backends.errors import LinkError
from storage.backends.file_digest import blocks_sha256
from storage.backends.store_path import StorePath
from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.manifest import (
    FORMAT_WITHOUT_CHECKSUM,
    KEY_FILE,
    MANIFEST_FILE,
    read_choices,
    read_json,
    read_key,
    read_manifest,
)
from storage.cache.root import FAILURES, RUNS, Root
from storage.cache.run_records import write_again
from storage.cache.stage_key import StageKey
from storage.cache.stage_store import StageStore
from storage.cache.stored_array import StoredArray

SECONDS_A_PARTIAL_STORE_IS_KEPT = 24 * 3600
SECONDS_A_LEFTOVER_IS_KEPT = 3600  # a record is written in a fraction of a second


@dataclass(frozen=True)
class StoreFacts:
    """What `dfvi store list` shows of one result."""

    video: str
    stage: str
    digest: str
    state: Literal["complete", "dropped", "partial", "damaged", "newer"]
    """`dropped`: finished, and its arrays given up; `newer`: a newer version of the program wrote it."""
    size: int
    """Bytes on disk."""
    modified: float
    """Seconds since the epoch of the last change."""
    key: StageKey | None
    """None if it cannot be read."""


@dataclass(frozen=True)
class Damage:
    """One file of a root that does not read back."""

    path: StorePath
    reason: str
    store: StorePath
    """Folder of the result or the records it belongs to."""


def list_stores(root: Root, video: str | None = None, stage: str | None = None) -> Iterator[StoreFacts]:
    """List the facts of every store, or of those of one video or stage."""
    for folder in root.folders(video, stage):
        yield facts(folder)


def facts(folder: StorePath) -> StoreFacts:
    """Return the facts of the store in `folder`."""
    state: Literal["complete", "dropped", "partial", "damaged", "newer"] = "partial"
    key: StageKey | None = None
    try:
        key = read_key(folder)
        manifest = read_manifest(folder)
        state = "partial" if manifest is None else "dropped" if manifest.dropped else "complete"
    except FileNotFoundError:
        pass  # killed before its first write
    except DamagedStoreError:
        state = "damaged"
    except StoreError:
        state = "newer"
    video, stage, digest = folder.parts[-3:]
    return StoreFacts(video, stage, digest, state, *folder.usage(), key)


def finished_keys(
    root: Root, video: str, stage: str, *, before: float = math.inf, without: Container[str] = ()
) -> list[StageKey]:
    """Return the keys of all finished results of a stage of a video, the newest first.

    before  : when they must have been made, in seconds since the epoch.
    without : digests of results that are left out.
    """
    found = []
    for folder in root.folders(video, stage):
        try:
            manifest = read_manifest(folder)
            if manifest:
                found.append(((folder / MANIFEST_FILE).modified(), manifest.key))
        except (StoreError, FileNotFoundError):
            continue
    chosen = (entry for entry in found if entry[0] < before and entry[1].digest not in without)
    return [key for _, key in sorted(chosen, key=lambda entry: entry[0], reverse=True)]


def nearest(key: StageKey, finished: Sequence[StageKey]) -> StageKey | None:
    """Find the key that differs from `key` in the fewest fields; of several, the first."""
    return min(finished, key=lambda other: len(key.differences(other)), default=None)


def verify(root: Root, *, repair: bool = False) -> Iterator[Damage]:
    """Read every chunk and file of every result and every record of a run, and yield what does not read back.

    repair : drop each damaged file and the manifest of its result, so that the next run computes just that again. A
             damaged record is replaced by one that uses all results of its video. Leftovers of killed runs go.
    Raises : StoreError at a result that a newer version of the program wrote.
    """
    for folder in root.folders():
        damages = list(_damages(folder))
        yield from damages
        if repair and damages:
            with root.try_lock(folder) as free:
                if free:
                    _drop(folder, damages)
    yield from _damaged_runs(root, repair)
    yield from _damaged_failures(root, repair)
    if repair:
        sweep_leftovers(root)


def repair_file(root: Root, damage: DamagedStoreError) -> None:
    """Drop what is damaged and the manifest of its result, so that the next run makes just that again.

    Nothing is dropped if somebody is writing the result: he will make it sound.
    """
    with root.try_lock(damage.folder) as free:
        if free:
            _drop(damage.folder, [Damage(damage.path, str(damage.reason), damage.folder)])


def count_without_checksum(root: Root) -> int:
    """Count the results whose key or manifest has no checksum, as the first version wrote them."""
    return sum(any(_lacks_checksum(folder / name) for name in (KEY_FILE, MANIFEST_FILE)) for folder in root.folders())


def _lacks_checksum(path: StorePath) -> bool:
    try:
        return bool(read_json(path)["format"] == FORMAT_WITHOUT_CHECKSUM)
    except (FileNotFoundError, StoreError):
        return False


def sweep_leftovers(root: Root) -> None:
    """Remove half-written records that killed runs left; those in results go when they are resumed or deleted."""
    for folder in (root.path, *root.record_folders(RUNS), *root.record_folders(FAILURES)):
        folder.sweep(untouched_for=SECONDS_A_LEFTOVER_IS_KEPT)


def unreached(root: Root, now: float | None = None) -> list[StoreFacts]:
    """List the results that no run uses; partial ones only if nobody has touched them for a day."""
    old = (time.time() if now is None else now) - SECONDS_A_PARTIAL_STORE_IS_KEPT
    found = []
    for video, stores in itertools.groupby(list_stores(root), key=lambda store: store.video):
        used = root.used_digests(video)
        if used is not None:
            unused = (store for store in stores if store.digest not in used)
            found += [store for store in unused if store.state in ("complete", "dropped") or store.modified < old]
    return found


def delete(root: Root, stores: list[StoreFacts]) -> int:
    """Delete these results, except those that somebody writes or uses by now; return the bytes freed."""
    freed = 0
    for store in stores:
        folder = root.path / store.video / store.stage / store.digest
        with root.try_lock(folder) as free:
            if free and folder.exists() and _delete_unless_used(root, store.video, folder):
                freed += store.size
    return freed


def _delete_unless_used(root: Root, video: str, folder: StorePath) -> bool:
    """Delete a result whose lock is held, and tell whether it was.

    A run writes down what it uses, then looks whether it is complete; here it first becomes incomplete, then the
    records are read. So one of the two sees the other: either the manifest comes back, or the run waits for the lock.
    """
    if _is_used(root, video, folder.name):
        return False
    manifest = folder / MANIFEST_FILE
    content = _content_of(manifest)
    manifest.remove()
    if _is_used(root, video, folder.name):
        if content is not None:
            manifest.write_whole(content)
        return False
    folder.remove()
    return True


def _content_of(path: StorePath) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, LinkError):
        return None


def _is_used(root: Root, video: str, digest: str) -> bool:
    used = root.used_digests(video)
    return used is None or digest in used


def _damaged_runs(root: Root, repair: bool) -> Iterator[Damage]:
    for run in list(root.runs()):
        if run.damage:
            yield Damage(run.path, run.damage, run.path.parent)
            if repair:
                there = [{"stage": store.stage, "digest": store.digest} for store in list_stores(root, run.video)]
                write_again(run, there)


def _damaged_failures(root: Root, repair: bool) -> Iterator[Damage]:
    for folder in root.record_folders(FAILURES):
        for name in sorted(name for name in folder.names() if name.endswith(".json")):
            try:
                read_json(folder / name)
            except DamagedStoreError as error:
                yield Damage(folder / name, str(error.reason), folder)
                if repair:  # that there is a record says that the run failed
                    root.record_failure(name.removesuffix(".json"), folder.name, "the record was damaged")


def _damages(folder: StorePath) -> Iterator[Damage]:
    try:
        store = StageStore.open(folder)
    except FileNotFoundError:
        if (folder / MANIFEST_FILE).exists():
            yield Damage(folder / KEY_FILE, "the file is missing", folder)
        return  # killed before its first write
    except DamagedStoreError as error:
        yield Damage(error.path, str(error.reason), folder)
        return
    try:
        read_choices(folder)
    except DamagedStoreError as error:
        yield Damage(error.path, str(error.reason), folder)
    for name in _array_names(store):
        yield from _damaged_chunks(store, name)
    for name, expected in (store.manifest.files if store.manifest else {}).items():
        path = store.file(name)
        if not path.exists():
            yield Damage(path, "the file is missing", folder)
        elif blocks_sha256(path.read_blocks()) != expected:
            yield Damage(path, "its SHA-256 is not the manifest's", folder)


def _array_names(store: StageStore) -> list[str]:
    if store.manifest is not None and not store.manifest.dropped:
        return list(store.manifest.arrays)
    return [folder.name for folder in store.folder.subfolders() if (folder / "zarr.json").exists()]


def _damaged_chunks(store: StageStore, name: str) -> Iterator[Damage]:
    try:
        array = store[name]
    except DamagedStoreError as error:
        yield Damage(error.path, str(error.reason), store.folder)
        return
    missing = set(array.missing())
    for t in range(len(array)):
        if t in missing and (store.manifest is None or store.manifest.dropped):
            continue
        if reason := _damage_of_chunk(array, t):
            yield Damage(array.chunk_path(t), reason, store.folder)


def _damage_of_chunk(array: StoredArray, t: int) -> str | None:
    try:
        array[t]
    except DamagedStoreError as error:
        return str(error.reason)
    return None


def _drop(folder: StorePath, damages: list[Damage]) -> None:
    if not (_is_dropped(folder) and all(damage.path.parent != folder for damage in damages)):
        (folder / MANIFEST_FILE).remove()
    for damage in damages:
        damage.path.remove()


def _is_dropped(folder: StorePath) -> bool:
    """Whether a result is known though chunks of it may be missing."""
    try:
        manifest = read_manifest(folder)
    except StoreError:
        return False
    return manifest is not None and manifest.dropped
