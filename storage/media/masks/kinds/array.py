"""NumPy files as the mask: .npy, or the only array of an .npz, of shape (T, H, W), or (H, W) for all frames."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from storage.errors import InputError
from storage.media.clip import Clip, check_size
from storage.media.masks.source import MARKED, Marks, MaskSource, marks_of_labels
from storage.media.reading import content_digest

NAMES = ("masks", "mask")  # taken from an .npz that holds several arrays


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, int, int]
    dtype: np.dtype[np.generic]


@dataclass(frozen=True)
class ArrayMask(MaskSource):
    """A file of numpy.save or numpy.savez.

    bool marks by True; uint8 by brightness, or by 1 where nothing is above 1; wider integers are object numbers, and
    every object counts; floats run from 0 to 1.
    """

    path: Path
    expected = "a NumPy array (.npy, .npz)"

    @classmethod
    def recognise(cls, text: str, *, is_path: bool) -> "ArrayMask | None":
        """See MaskSource."""
        return cls(Path(text)) if is_path and Path(text).suffix.lower() in (".npy", ".npz") else None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"mask {self.path}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    def digest(self) -> str:
        """See MaskSource."""
        return content_digest(self.path)

    def open(self, clip: Clip, object_number: int | None = None) -> Marks:  # noqa: ARG002
        """See MaskSource."""
        with self._stream() as (_, header):
            count, height, width = header.shape
        check_size(self.path, height, width)
        is_flag = header.dtype == np.uint8 and all(frame.max(initial=0) <= 1 for frame in self._frames(0, count))

        def read(start: int, stop: int) -> Iterator[np.ndarray]:
            for frame in self._frames(start, stop):
                yield self._value(frame, object_number, is_flag=is_flag)

        return Marks(height, width, count, read)

    def _value(self, frame: np.ndarray, object_number: int | None, *, is_flag: bool) -> np.ndarray:
        if frame.dtype.kind in "iu" and (object_number is not None or frame.dtype.itemsize > 1 or is_flag):
            return marks_of_labels(frame, object_number)
        self.refuse_objects(object_number)
        if frame.dtype == np.uint8:
            return frame
        if frame.dtype == np.bool_:
            return np.where(frame, MARKED, np.uint8(0))
        if frame.dtype.kind == "f" and np.isfinite(frame).all() and frame.min() >= 0 and frame.max() <= 1:
            return np.round(frame.astype(np.float64) * 255).astype(np.uint8)
        raise InputError(
            f"{self.name}: values of type {frame.dtype}; expected bool, uint8, integers that number objects, or "
            "floats from 0 to 1"
        )

    def _frames(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Frames start to stop, read one by one: memory does not grow with the file."""
        with self._stream() as (stream, header):
            size = header.shape[1] * header.shape[2] * header.dtype.itemsize
            for t in range(stop):
                data = stream.read(size)
                if len(data) < size:
                    raise InputError(f"{self.name}: breaks off in frame {t} of {header.shape[0]}; copy it again")
                if t >= start:
                    yield np.frombuffer(data, header.dtype).reshape(header.shape[1:])

    @contextmanager
    def _stream(self) -> Iterator[tuple[IO[bytes], _Header]]:
        try:
            if self.path.suffix.lower() == ".npz":
                with zipfile.ZipFile(self.path) as archive, archive.open(self._entry(archive)) as stream:
                    yield stream, self._header(stream)
            else:
                with self.path.open("rb") as stream:
                    yield stream, self._header(stream)
        except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{self.name}: cannot be read ({error}); write it with numpy.save or savez") from None

    def _entry(self, archive: zipfile.ZipFile) -> str:
        entries = archive.namelist()
        named = [f"{name}.npy" for name in NAMES if f"{name}.npy" in entries]
        if len(entries) != 1 and not named:
            found = ", ".join(entry.removesuffix(".npy") for entry in entries) or "none"
            raise InputError(f"{self.name}: expected one array, or one called masks; found {found}")
        return named[0] if named else entries[0]

    def _header(self, stream: IO[bytes]) -> _Header:
        try:
            version = np.lib.format.read_magic(stream)
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, is_fortran, dtype = reader(stream)
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{self.name}: not a NumPy array ({reason}); write it with numpy.save") from None
        if len(shape) == 4 and 1 in (shape[1], shape[3]):
            shape = (shape[0], *(shape[2:] if shape[1] == 1 else shape[1:3]))
        if len(shape) == 2:
            shape = (1, *shape)
        if len(shape) != 3 or is_fortran or dtype.hasobject or dtype.kind not in "biuf" or 0 in shape:
            order = " in Fortran order" if is_fortran else ""
            raise InputError(
                f"{self.name}: an array {shape} of {dtype}{order}; expected (T, H, W), or (H, W) for all frames, of "
                "bool, integers or floats, in C order (numpy.ascontiguousarray)"
            )
        return _Header((shape[0], shape[1], shape[2]), dtype)
