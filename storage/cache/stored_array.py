"""Arrays of a stage store, one item a chunk, each chunk a file or object that is there whole or not at all."""

import hashlib
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.buffer.cpu import Buffer
from zarr.storage import MemoryStore

from storage.backends.errors import LinkError
from storage.backends.store_path import StorePath
from storage.cache.array_layout import ArrayLayout
from storage.cache.chunk_codec import ChunkCodec
from storage.cache.errors import DamagedStoreError
from storage.errors import UNREADABLE

CHUNK_PREFIX = "c."  # zarr's default chunk keys with a dot: every chunk of an array lies in one flat folder
DESCRIPTION = "zarr.json"


class StoredArray(Sequence[NDArray[Any]]):
    """An array of a store as a lazy sequence: `array[t]` reads the one chunk of frame t."""

    def __init__(self, folder: StorePath, name: str) -> None:
        """Open array `name` of the stage store in `folder`.

        Raises : DamagedStoreError if its description cannot be read.
        """
        self._store, self._folder = folder, folder / name
        try:
            if self._folder.is_symlink():
                raise LinkError(self._folder)
            content = (self._folder / DESCRIPTION).read_bytes()
            described: dict[str, Any] = {DESCRIPTION: Buffer.from_bytes(content)}
            array = zarr.open_array(MemoryStore(described), mode="r", zarr_format=3)
            self._codec = ChunkCodec(array.compressors)
        except (FileNotFoundError, LinkError, *UNREADABLE) as error:
            raise DamagedStoreError(self._folder / DESCRIPTION, error, folder) from error
        self.description_sha256 = hashlib.sha256(content).hexdigest()
        """SHA-256 of the description of the array."""
        self.shape: tuple[int, ...] = tuple(array.shape)
        """Number of items, then the shape of one."""
        self._dtype = np.dtype(array.dtype)
        if array.chunks != _chunk_shape(self.shape):
            raise DamagedStoreError(self._folder / DESCRIPTION, f"its chunks are {array.chunks}", folder)

    @classmethod
    def create(cls, folder: StorePath, name: str, layout: ArrayLayout) -> "StoredArray":
        """Make the array `name`, without items, in the stage store in `folder`."""
        described: dict[str, Any] = {}
        zarr.create_array(
            MemoryStore(described),  # in the folder itself zarr would also make groups of all folders above
            shape=layout.shape,
            dtype=layout.dtype,
            chunks=_chunk_shape(layout.shape),
            compressors=layout.codecs(),
            fill_value=0,
            chunk_key_encoding={"name": "default", "separator": "."},
        )
        (folder / name).make()
        (folder / name / DESCRIPTION).write_whole(described[DESCRIPTION].to_bytes(), durable=False)
        return cls(folder, name)

    @property
    def dtype(self) -> str:
        """Return the type of its numbers."""
        return str(self._dtype)

    def __len__(self) -> int:
        return self.shape[0]

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
            content = self.chunk_path(t).read_bytes()
        except (FileNotFoundError, IsADirectoryError) as error:
            raise DamagedStoreError(self.chunk_path(t), "the file is missing", self._store) from error
        except LinkError as error:
            raise DamagedStoreError(self.chunk_path(t), error.strerror, self._store) from error
        try:
            return self._codec.decode(content, self.shape[1:], self._dtype)
        except (ValueError, RuntimeError) as error:
            raise DamagedStoreError(self.chunk_path(t), error, self._store) from error

    def write(self, t: int, item: NDArray[Any]) -> None:
        """Write item t, already in the stored shape and type."""
        self.chunk_path(t).write_whole(self._codec.encode(item), durable=False)

    def chunk_path(self, t: int) -> StorePath:
        """Return the path of the file or object that holds item t."""
        return self._folder / self._chunk_name(t)

    def missing(self) -> list[int]:
        """List the items that have no chunk yet, ascending."""
        present = self._folder.names()
        return [t for t in range(len(self)) if self._chunk_name(t) not in present]

    def _chunk_name(self, t: int) -> str:
        return CHUNK_PREFIX + ".".join(map(str, (t, *(0 for _ in self.shape[1:]))))


def _chunk_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of a chunk of one item; zarr has no chunks without numbers."""
    return (1, *(max(n, 1) for n in shape[1:]))
