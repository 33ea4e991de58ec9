"""One stage result: arrays with one frame a chunk, a key written first and a manifest written last.

A store is *complete* when its manifest exists, *partial* when only its key does, and *dropped* when its manifest says
that its arrays were given up: then what the result says of itself is all that is left. A chunk appears whole (on a disk
it is renamed, in an object store it is one request), so a chunk that exists is finished: killing the writer at any
moment loses at most the frame in the making, and writing a chunk twice is harmless.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from numpy.typing import NDArray

from storage.backends.file_digest import file_sha256
from storage.backends.store_path import StorePath
from storage.cache.array_layout import ArrayLayout
from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.manifest import (
    KEY_FILE,
    Manifest,
    is_plain_name,
    read_choices,
    read_key,
    read_manifest,
    write_choices,
    write_key,
    write_manifest,
)
from storage.cache.stage_key import StageKey
from storage.cache.stored_array import DESCRIPTION, StoredArray

Item = TypeVar("Item")
State = Literal["absent", "partial", "complete", "dropped"]


class StageStore:
    """The store of one stage result, in `folder` = <root>/<video>/<stage>/<digest>."""

    def __init__(self, folder: StorePath, key: StageKey) -> None:
        """Look at the store in `folder`; nothing is created.

        Raises : DamagedStoreError or StoreError if there is a manifest that cannot be read.
        """
        self.folder = folder
        self.key = key
        self.manifest = read_manifest(folder)
        self.attributes: dict[str, Any] = dict(self.manifest.attributes) if self.manifest else {}
        self.on_write: Callable[[], None] = lambda: None
        """Called after every item written: this is how progress is seen without the stage's doing."""
        self.check_lock: Callable[[], None] = lambda: None
        """Called before anything is written: raises OSError if the right to write was lost."""
        self.items = 0
        """Number of items of all groups declared so far."""
        self.items_found = 0
        """How many of them were already there when they were declared."""
        self.lacks_items = False
        """Set by a body that leaves items out because nobody needs them: the result is then sealed as dropped."""
        self._files: dict[str, str] = {}
        self._layouts: dict[str, ArrayLayout] = {}
        self._arrays: dict[str, StoredArray] = {}

    @classmethod
    def open(cls, folder: StorePath) -> "StageStore":
        """Open the store in `folder`, with the key that is written there.

        Raises : FileNotFoundError if there is none; otherwise like the constructor.
        """
        return cls(folder, read_key(folder))

    @property
    def state(self) -> State:
        """Say how much of the result is there."""
        if self.manifest is not None:
            return "dropped" if self.manifest.dropped else "complete"
        return "partial" if (self.folder / KEY_FILE).exists() else "absent"

    def warn(self, message: str) -> None:
        """Keep one line that the user is to see, in this run and whenever the result is reused."""
        warnings = self.attributes.setdefault("warnings", [])
        if message not in warnings:
            warnings.append(message)

    def begin(self) -> None:
        """Make the folder and write down what it will hold; leftovers of a killed writer are swept away.

        A dropped result that is made again stays dropped until it is sealed.
        """
        self.attributes = {}
        self.folder.make()
        write_key(self.folder, self.key)
        self.folder.sweep()

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
        self.check_lock()
        for name, item in items.items():
            self._arrays[name].write(t, self._layouts[name].prepare(item))
        self.on_write()

    def __getitem__(self, name: str) -> StoredArray:
        """Return the array `name` as a lazy sequence."""
        if name not in self._arrays:
            self._arrays[name] = StoredArray(self.folder, name)
            if self.manifest is not None:
                self._compare_with_manifest(name, self._arrays[name], self.manifest)
        return self._arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self._layouts or (self.manifest is not None and name in self.manifest.arrays)

    def file(self, name: str) -> StorePath:
        """Return the path of a plain file of this store."""
        if not is_plain_name(name):
            raise StoreError(f"a file in a store needs a plain name; got {name!r}")
        return self.folder / name

    @contextmanager
    def new_files(self, *names: str) -> Iterator[Path]:
        """Give a folder of this machine to write plain files of these names into; the store has them afterwards."""
        with self.folder.receive([self.file(name).name for name in names]) as folder:
            yield folder
            self.check_lock()
            self._files |= {name: file_sha256(folder / name) for name in names}

    def remember(self, name: str, value: int) -> int:
        """Keep a number that the machine decided, such as a batch size, and return the one that was kept first.

        So a result that is resumed, or repaired, elsewhere is finished as it was begun.
        """
        choices = read_choices(self.folder)
        if name not in choices:
            self.check_lock()
            choices[name] = value
            write_choices(self.folder, choices)
        return choices[name]

    def count(self, items: Iterable[Item], total: int) -> Iterator[Item]:
        """Pass items through and count each as written, for a result that is a plain file instead of an array."""
        self.items += total
        for item in items:
            yield item
            self.on_write()

    def seal(self, *, made: Mapping[str, Any] | None = None) -> None:
        """Declare the store complete; dropped if the body left items out.

        Raises : StoreError if an item of a declared array is missing otherwise.
        """
        for name in () if self.lacks_items else self._layouts:
            if missing := self._arrays[name].missing():
                raise StoreError(f"{self.folder / name} lacks {len(missing)} of {len(self._arrays[name])} items")
        arrays = {name: layout.shape for name, layout in self._layouts.items()}
        descriptions = {name: self._arrays[name].description_sha256 for name in self._layouts}
        manifest = Manifest(self.key, arrays, descriptions, self.attributes, self._files, made or {}, self.lacks_items)
        self._declare(manifest)

    def declare_dropped(self) -> None:
        """Say of a finished result, before its arrays go, that they may be gone."""
        if self.manifest is not None and not self.manifest.dropped:
            self._declare(replace(self.manifest, dropped=True))

    def take_back(self) -> None:
        """Say that nothing of it is gone, after `declare_dropped` alone."""
        if self.manifest is not None:
            self._declare(replace(self.manifest, dropped=False))

    def remove_arrays(self) -> None:
        """Remove the arrays of a dropped result, and keep what it says of itself; again is harmless."""
        for name in self.manifest.arrays if self.state == "dropped" and self.manifest else ():
            (self.folder / name).remove()
        self._arrays.clear()

    def has_array(self, name: str) -> bool:
        """Tell whether something of an array is stored, also of a dropped result."""
        return (self.folder / name).exists()

    def _declare(self, manifest: Manifest) -> None:
        self.check_lock()
        write_manifest(self.folder, manifest)
        self.manifest = manifest

    def _compare_with_manifest(self, name: str, array: StoredArray, manifest: Manifest) -> None:
        path = self.folder / name / DESCRIPTION
        if manifest.arrays.get(name, array.shape) != array.shape:
            raise DamagedStoreError(path, "its shape is not the manifest's", self.folder)
        if manifest.descriptions.get(name, array.description_sha256) != array.description_sha256:
            raise DamagedStoreError(path, "its SHA-256 is not the manifest's", self.folder)

    def _open_or_create(self, name: str, layout: ArrayLayout) -> StoredArray:
        folder = self.folder / name
        if folder.exists():
            try:
                array = StoredArray(self.folder, name)
                if (array.shape, array.dtype) == (layout.shape, layout.dtype):
                    self._arrays[name] = array
                    return array
            except DamagedStoreError:
                pass
            folder.remove()
        self._arrays[name] = StoredArray.create(self.folder, name, layout)
        return self._arrays[name]
