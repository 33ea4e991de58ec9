"""An array of a stage store: one item a chunk, one chunk a file or object that is there whole or not at all."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import MemoryStore, StorePath, WrapperStore

from storage.array_layout import ArrayLayout
from storage.errors import DamagedStoreError
from storage.place import Place

CHUNK_PREFIX = "c."  # zarr's default chunk keys with a dot: every chunk of an array lies in one flat folder

WRITE_ALL: Any = {"write_empty_chunks": True}  # else a chunk of zeros is not written, and looks unfinished


class StoredArray(Sequence[NDArray[Any]]):
    """An array of a store as a lazy sequence: `array[t]` reads the one chunk of frame t."""

    def __init__(self, folder: Place, name: str) -> None:
        """Open array `name` of the stage store in `folder`.

        Raises : DamagedStoreError if its description cannot be read.
        """
        self._store, self._folder = folder, folder / name
        arrays = self._folder.arrays()
        try:
            self._array = zarr.open_array(
                StorePath(_ChunksMustBeThere(arrays.store), arrays.path), mode="r+", zarr_format=3
            ).with_config(WRITE_ALL)
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise DamagedStoreError(self._folder / "zarr.json", error, folder) from error

    @classmethod
    def create(cls, folder: Place, name: str, layout: ArrayLayout) -> "StoredArray":
        """Make the array `name`, without items, in the stage store in `folder`."""
        described: dict[str, Buffer] = {}
        zarr.create_array(
            MemoryStore(described),  # in the place itself zarr would also make groups of all folders above
            shape=layout.shape,
            dtype=layout.dtype,
            chunks=(1, *(max(n, 1) for n in layout.shape[1:])),
            compressors=layout.codecs(),
            fill_value=0,
            chunk_key_encoding={"name": "default", "separator": "."},
        )
        (folder / name).make()
        (folder / name / "zarr.json").write_whole(described["zarr.json"].to_bytes(), durable=False)
        return cls(folder, name)

    @property
    def shape(self) -> tuple[int, ...]:
        """(number of items, *shape of one item)."""
        return tuple(self._array.shape)

    @property
    def dtype(self) -> str:
        """Type of its numbers."""
        return str(self._array.dtype)

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
        try:
            return np.asarray(self._array[t])
        except FileNotFoundError as error:
            raise DamagedStoreError(self.chunk_path(t), "the file is missing", self._store) from error
        except (ValueError, RuntimeError, TypeError) as error:
            raise DamagedStoreError(self.chunk_path(t), error, self._store) from error

    def write(self, t: int, item: NDArray[Any]) -> None:
        """Write item t, already in the stored shape and type."""
        self._array[t] = item

    def chunk_path(self, t: int) -> Place:
        """File or object that holds item t."""
        return self._folder / self._chunk_name(t)

    def missing(self) -> list[int]:
        """Items that have no chunk yet, ascending."""
        present = self._folder.names()
        return [t for t in range(len(self)) if self._chunk_name(t) not in present]

    def _chunk_name(self, t: int) -> str:
        return CHUNK_PREFIX + ".".join(map(str, (t, *(0 for _ in self.shape[1:]))))


class _ChunksMustBeThere(WrapperStore[Any]):
    """A chunk that is not there is an error: zarr would fill in zeros."""

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        found: Buffer | None = await self._store.get(key, prototype, byte_range)
        if found is None and key.rpartition("/")[2].startswith(CHUNK_PREFIX):
            raise FileNotFoundError(key)
        return found
