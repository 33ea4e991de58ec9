"""One stage result on disk: arrays with one frame a chunk, a key written first and a manifest written last.

A store is *complete* when its manifest exists, *partial* when only its key does. A chunk is written whole under another
name and then renamed, so a chunk that exists is finished: killing the writer at any moment loses at most the frame in
the making, and writing a chunk twice is harmless.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import LocalStore

from storage.array_layout import ArrayLayout
from storage.errors import DamagedStoreError, StoreError
from storage.key import StageKey
from storage.manifest import (
    KEY_FILE,
    MANIFEST_FILE,
    Manifest,
    is_plain_name,
    read_key,
    read_manifest,
    write_key,
    write_manifest,
)

Item = TypeVar("Item")
State = Literal["absent", "partial", "complete"]
CHUNK_PREFIX = "c."  # zarr's default chunk keys with a dot: every chunk of an array lies in one flat folder

WRITE_ALL: Any = {"write_empty_chunks": True}  # else a chunk of zeros is not written, and looks unfinished


class StoredArray(Sequence[NDArray[Any]]):
    """An array of a store as a lazy sequence: `array[t]` reads the one chunk of frame t."""

    def __init__(self, folder: Path, name: str) -> None:
        """Open array `name` of the stage store in `folder`.

        Raises : DamagedStoreError if its description cannot be read.
        """
        self._store, self._folder = folder, folder / name
        try:
            self._array = zarr.open_array(LocalStore(self._folder), mode="r+").with_config(WRITE_ALL)
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise DamagedStoreError(self._folder / "zarr.json", error, folder) from error

    @property
    def shape(self) -> tuple[int, ...]:
        """(number of items, *shape of one item)."""
        return tuple(self._array.shape)

    def __len__(self) -> int:
        return int(self._array.shape[0])

    @overload
    def __getitem__(self, t: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, t: slice) -> Sequence[NDArray[Any]]: ...
    def __getitem__(self, t: int | slice) -> NDArray[Any] | Sequence[NDArray[Any]]:
        """Read item t.

        Raises : IndexError outside 0 .. len-1; DamagedStoreError, naming the file, if the chunk is missing or does not
                 fit its CRC32C.
        """
        if isinstance(t, slice):
            return [self[i] for i in range(*t.indices(len(self)))]
        if not 0 <= t < len(self):
            raise IndexError(f"item {t} of {self._folder.name}, which has {len(self)}")
        path = self.chunk_path(t)
        if not path.exists():  # zarr would fill in zeros
            raise DamagedStoreError(path, "the file is missing", self._store)
        try:
            return np.asarray(self._array[t])
        except (ValueError, RuntimeError, TypeError) as error:
            raise DamagedStoreError(path, error, self._store) from error

    def write(self, t: int, item: NDArray[Any]) -> None:
        """Write item t, already in the stored shape and type."""
        self._array[t] = item

    def chunk_path(self, t: int) -> Path:
        """File that holds item t."""
        return self._folder / (CHUNK_PREFIX + ".".join(map(str, (t, *(0 for _ in self.shape[1:])))))

    def missing(self) -> list[int]:
        """Items that have no chunk yet, ascending."""
        present = {path.name for path in self._folder.iterdir()}
        return [t for t in range(len(self)) if self.chunk_path(t).name not in present]


class StageStore:
    """The store of one stage result, in `folder` = <root>/<video>/<stage>/<digest>."""

    def __init__(self, folder: Path, key: StageKey) -> None:
        """Look at the store in `folder`; nothing is created.

        Raises : DamagedStoreError or StoreError if there is a manifest that cannot be read.
        """
        self.folder = folder
        self.key = key
        self.manifest = read_manifest(folder)
        self.attributes: dict[str, Any] = dict(self.manifest.attributes) if self.manifest else {}
        self.on_write: Callable[[], None] = lambda: None
        """Called after every item written: this is how progress is seen without the stage's doing."""
        self.items = 0
        """Number of items of all groups declared so far."""
        self.items_found = 0
        """How many of them were already there when they were declared."""
        self.files: list[str] = []
        """Names of the plain files the stage has written, besides its arrays."""
        self._layouts: dict[str, ArrayLayout] = {}
        self._arrays: dict[str, StoredArray] = {}

    @classmethod
    def open(cls, folder: Path) -> "StageStore":
        """Open the store in `folder`, whatever it is.

        Raises : FileNotFoundError if there is none; otherwise like the constructor.
        """
        return cls(folder, read_key(folder))

    @property
    def state(self) -> State:
        """How much of the result is there."""
        if self.manifest is not None:
            return "complete"
        return "partial" if (self.folder / KEY_FILE).exists() else "absent"

    def begin(self) -> None:
        """Make the folder and write down what it will hold; leftovers of a killed writer are swept away."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_key(self.folder, self.key)
        for leftover in [
            *self.folder.glob("*.partial"),
            *self.folder.glob(".*.partial"),
            *self.folder.glob("*/*.partial"),
        ]:
            leftover.unlink(missing_ok=True)

    def create(self, **layouts: ArrayLayout) -> list[int]:
        """Declare a group of arrays whose items are written together; return the items still missing, ascending.

        An array that is already there is kept; one that lies differently or cannot be read is started again.
        """
        counts = {layout.shape[0] for layout in layouts.values()}
        if len(counts) != 1:
            raise ValueError(f"arrays written together must have the same length; got {sorted(counts)}")
        missing: set[int] = set()
        for name, layout in layouts.items():
            self._layouts[name] = layout
            missing.update(self._open_or_create(name, layout).missing())
        count = counts.pop()
        self.items += count
        self.items_found += count - len(missing)
        return sorted(missing)

    def write(self, t: int, **items: NDArray[Any]) -> None:
        """Write item t of each named array.

        Raises : ValueError if an item does not fit its layout; OSError if it cannot be written.
        """
        for name, item in items.items():
            self._arrays[name].write(t, self._layouts[name].prepare(item))
        self.on_write()

    def __getitem__(self, name: str) -> StoredArray:
        """Array `name` as a lazy sequence."""
        if name not in self._arrays:
            self._arrays[name] = StoredArray(self.folder, name)
            expected = self.manifest.arrays.get(name) if self.manifest else None
            if expected is not None and expected != self._arrays[name].shape:
                raise DamagedStoreError(
                    self.folder / name / "zarr.json", "its shape is not the manifest's", self.folder
                )
        return self._arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self._layouts or (self.manifest is not None and name in self.manifest.arrays)

    def file(self, name: str) -> Path:
        """Path of a plain file of this store, to be written by the stage or read by the next."""
        if not is_plain_name(name):
            raise StoreError(f"a file in a store needs a plain name; got {name!r}")
        return self.folder / name

    def count(self, items: Iterable[Item], total: int) -> Iterator[Item]:
        """Pass items through, counting each as written: for what goes into a plain file instead of an array."""
        self.items += total
        for item in items:
            yield item
            self.on_write()

    def seal(self, *, made: Mapping[str, Any] | None = None) -> None:
        """Declare the store complete.

        Raises : StoreError if an item of a declared array is missing.
        """
        for name in self._layouts:
            if missing := self._arrays[name].missing():
                raise StoreError(f"{self.folder / name} lacks {len(missing)} of {len(self._arrays[name])} items")
        arrays = {name: layout.shape for name, layout in self._layouts.items()}
        hashes = {name: file_sha256(self.file(name)) for name in self.files}
        manifest = Manifest(self.key, arrays, self.attributes, hashes, made or {})
        write_manifest(self.folder, manifest)
        self.manifest = manifest

    def unseal(self) -> None:
        """Take the manifest away: the store is partial again and will be resumed."""
        (self.folder / MANIFEST_FILE).unlink(missing_ok=True)
        self.manifest = None

    def _open_or_create(self, name: str, layout: ArrayLayout) -> StoredArray:
        folder = self.folder / name
        if folder.exists():
            try:
                array = StoredArray(self.folder, name)
                if array.shape == layout.shape and str(array._array.dtype) == layout.dtype:
                    self._arrays[name] = array
                    return array
            except DamagedStoreError:
                pass
            shutil.rmtree(folder)
        zarr.create_array(
            LocalStore(folder),
            shape=layout.shape,
            dtype=layout.dtype,
            chunks=(1, *(max(n, 1) for n in layout.shape[1:])),
            compressors=layout.codecs(),
            fill_value=0,
            chunk_key_encoding={"name": "default", "separator": "."},
        )
        self._arrays[name] = StoredArray(self.folder, name)
        return self._arrays[name]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_in_bytes(folder: Path) -> int:
    """Bytes of all files below `folder`; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
