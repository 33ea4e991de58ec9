"""Looking after a root: what is in it, whether it reads back, and what nobody needs any more."""

import time
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Literal

from storage.backends.file_digest import blocks_sha256
from storage.backends.store_path import StorePath
from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.manifest import MANIFEST_FILE, read_key, read_manifest
from storage.cache.root import Root
from storage.cache.stage_key import StageKey
from storage.cache.stage_store import StageStore
from storage.cache.stored_array import StoredArray

SECONDS_A_PARTIAL_STORE_IS_KEPT = 24 * 3600


@dataclass(frozen=True)
class StoreFacts:
    """One stage store as `list` shows it."""

    video: str
    stage: str
    digest: str
    state: Literal["complete", "partial", "damaged", "newer"]
    """`newer`: a newer version of the program wrote it."""
    size: int
    """Bytes on disk."""
    modified: float
    """Seconds since the epoch of the last change."""
    key: StageKey | None
    """None if it cannot be read."""


@dataclass(frozen=True)
class Damage:
    """One file of a store that does not read back."""

    path: StorePath
    reason: str
    store: StorePath
    """Folder of the stage store it belongs to."""


def list_stores(root: Root, video: str | None = None, stage: str | None = None) -> Iterator[StoreFacts]:
    """Facts of every store, of one video or stage."""
    for folder in root.folders(video, stage):
        yield facts(folder)


def facts(folder: StorePath) -> StoreFacts:
    """Facts of the store in `folder`."""
    state: Literal["complete", "partial", "damaged", "newer"] = "partial"
    key: StageKey | None = None
    try:
        key = read_key(folder)
        state = "complete" if read_manifest(folder) else "partial"
    except FileNotFoundError:
        pass  # killed before its first write
    except DamagedStoreError:
        state = "damaged"
    except StoreError:
        state = "newer"
    video, stage, digest = folder.parts[-3:]
    return StoreFacts(video, stage, digest, state, *folder.usage(), key)


def nearest(root: Root, video: str, key: StageKey) -> StageKey | None:
    """Key of the complete result of this stage and video that differs in the fewest fields; of several, the newest."""
    found = []
    for folder in root.folders(video, key.stage):
        try:
            manifest = read_manifest(folder)
        except StoreError:
            continue
        if manifest:
            age = -(folder / MANIFEST_FILE).modified()
            found.append((len(key.differences(manifest.key)), age, manifest.key))
    return min(found, key=lambda entry: entry[:2])[2] if found else None


def verify(root: Root, *, repair: bool = False) -> Iterator[Damage]:
    """Read every chunk and file of every store and yield what does not read back.

    repair : drop each damaged file and the manifest of its store, so that the next run computes just that again.
    Raises : StoreError at a store that a newer version of the program wrote.
    """
    for folder in root.folders():
        damages = list(_damages(folder))
        yield from damages
        if repair and damages:
            with root.try_lock(folder) as free:
                if free:
                    _drop(folder, damages)


def unreached(root: Root, now: float | None = None) -> list[StoreFacts]:
    """Stores that no named run reaches; partial ones only if nobody has touched them for a day."""
    kept = reached_digests(root)
    old = (time.time() if now is None else now) - SECONDS_A_PARTIAL_STORE_IS_KEPT
    return [f for f in list_stores(root) if f.digest not in kept and (f.state == "complete" or f.modified < old)]


def reached_digests(root: Root) -> Set[str]:
    """Digests of all stores that a named run uses."""
    return {str(store["digest"]) for run in root.runs() for store in run["reached"]}


def delete(root: Root, stores: list[StoreFacts]) -> int:
    """Delete these stores, except those somebody is writing; return the bytes freed."""
    freed = 0
    for store in stores:
        folder = root.path / store.video / store.stage / store.digest
        with root.try_lock(folder) as free:
            if free and folder.exists():
                (folder / MANIFEST_FILE).remove()  # first: a half-deleted store must not look complete
                folder.remove()
                freed += store.size
    return freed


def _damages(folder: StorePath) -> Iterator[Damage]:
    try:
        store = StageStore.open(folder)
    except FileNotFoundError:
        return  # killed before its first write
    except DamagedStoreError as error:
        yield Damage(error.path, str(error.reason), folder)
        return
    for name in _array_names(store):
        yield from _damaged_chunks(store, name)
    for name, expected in (store.manifest.files if store.manifest else {}).items():
        path = store.file(name)
        if not path.exists():
            yield Damage(path, "the file is missing", folder)
        elif blocks_sha256(path.read_blocks()) != expected:
            yield Damage(path, "its SHA-256 is not the manifest's", folder)


def _array_names(store: StageStore) -> list[str]:
    if store.manifest is not None:
        return list(store.manifest.arrays)
    return [folder.name for folder in store.folder.subfolders() if (folder / "zarr.json").exists()]


def _damaged_chunks(store: StageStore, name: str) -> Iterator[Damage]:
    try:
        array = store[name]
    except DamagedStoreError as error:
        yield Damage(error.path.parent, str(error.reason), store.folder)
        return
    missing = set(array.missing())
    for t in range(len(array)):
        if t in missing and store.manifest is None:
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
    (folder / MANIFEST_FILE).remove()
    for damage in damages:
        damage.path.remove()
