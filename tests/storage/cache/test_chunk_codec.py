"""Our chunks are Zarr's chunks: each side reads what the other wrote."""

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec

from storage.backends.local_path import LocalPath
from storage.cache import array_layout
from storage.cache.chunk_codec import ChunkCodec
from storage.cache.errors import DamagedStoreError
from storage.cache.stored_array import StoredArray

LAYOUTS = {
    "frames": array_layout.frames(3, 5, 7),
    "holes": array_layout.holes(3, 5, 7),
    "flow": array_layout.flow(3, 5, 7),
    "source": array_layout.values(3, 2, 9, dtype="int32"),
    "error": array_layout.values(3, 2, 9, dtype="float32"),
    "invented": array_layout.values(3, 2, 9, dtype="bool"),
}


def an_item(layout):
    numbers = np.random.default_rng(0).integers(0, 2 if layout.dtype == "bool" else 100, layout.shape[1:])
    return layout.prepare(numbers.astype(layout.dtype))


@pytest.mark.parametrize("name", LAYOUTS)
def test_zarr_reads_what_we_write(tmp_path, name):
    layout, folder = LAYOUTS[name], LocalPath(tmp_path)
    array = StoredArray.create(folder, name, layout)
    for t in range(3):
        array.write(t, an_item(layout))
    seen = zarr.open_array(folder / name, mode="r")
    assert seen.nchunks_initialized == 3
    np.testing.assert_array_equal(seen[1], an_item(layout))


@pytest.mark.parametrize("name", LAYOUTS)
def test_we_read_what_zarr_writes(tmp_path, name):
    layout, folder = LAYOUTS[name], LocalPath(tmp_path)
    array = StoredArray.create(folder, name, layout)
    zarr.open_array(folder / name, mode="r+")[2] = an_item(layout)
    np.testing.assert_array_equal(array[2], an_item(layout))
    assert array[2].dtype == layout.dtype


def test_an_item_that_was_read_may_be_changed(tmp_path):
    array = StoredArray.create(LocalPath(tmp_path), "frames", LAYOUTS["frames"])
    array.write(0, an_item(LAYOUTS["frames"]))
    array[0][:] = 0
    np.testing.assert_array_equal(array[0], an_item(LAYOUTS["frames"]))


@pytest.mark.parametrize("compressors", [[], [GzipCodec(), Crc32cCodec()], [BloscCodec()]])
def test_other_codecs_are_refused_by_name(compressors):
    with pytest.raises(ValueError, match="expected Blosc or Zstd, then CRC32C"):
        ChunkCodec(compressors)


@pytest.mark.parametrize(
    "other", [{"chunks": (3, 5, 7, 3)}, {"chunks": (1, 5, 7, 3), "compressors": [BloscCodec(typesize=1)]}]
)
def test_an_array_that_lies_otherwise_is_damage(tmp_path, other):
    folder = LocalPath(tmp_path)
    zarr.create_array(folder / "frames", shape=(3, 5, 7, 3), dtype="uint8", **other)
    with pytest.raises(DamagedStoreError, match=r"frames/zarr\.json"):
        StoredArray(folder, "frames")


@pytest.mark.parametrize("content", [b"", b"abc", b"\0" * 4, b"\0" * 50])
def test_a_chunk_of_something_else_is_no_item(content):
    codec = ChunkCodec(LAYOUTS["flow"].codecs())
    with pytest.raises((ValueError, RuntimeError)):
        codec.decode(content, (5, 7, 2), np.dtype("float32"))


def test_a_chunk_of_another_size_is_no_item():
    codec = ChunkCodec(LAYOUTS["flow"].codecs())
    chunk = codec.encode(np.zeros((5, 7, 2), np.float32))
    with pytest.raises(ValueError, match="reshape"):
        codec.decode(chunk, (5, 8, 2), np.dtype("float32"))
