"""Optical flow files of the Middlebury benchmark (.flo): "PIEH", width and height as int32, then float32 pairs.

All little-endian, row by row, dx before dy. Source: the benchmark's own description of the format
(vision.middlebury.edu/flow, README of the flow code).
"""

import os
import struct
from pathlib import Path

import numpy as np

from storage.backends.atomic_write import appears_when_complete
from storage.errors import InputError
from storage.media.clip import check_size, find_source

MAGIC = b"PIEH"  # also the float32 202021.25, by which readers check the byte order
HEADER = struct.Struct("<4sii")


def read_flo(path: str | os.PathLike[str]) -> np.ndarray:
    """Return the flow in a .flo file: (H, W, 2) float32, pixels, [..., 0] = dx, [..., 1] = dy, as stored.

    The benchmark marks unknown flow by values over 1e9; they come as they are.
    Raises: InputError if the file is no .flo file, claims an absurd size, or is not as long as its header says.
    """
    source = find_source(path)
    try:
        with source.open("rb") as file:
            header = file.read(HEADER.size)
            height, width = _checked_header(source, header)
            data = file.read()
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror}); give a .flo file") from None
    return np.frombuffer(data, "<f4").reshape(height, width, 2).astype(np.float32)


def _checked_header(path: Path, header: bytes) -> tuple[int, int]:
    """Return (height, width) as a header states them, if the file is as long as they make it."""
    if len(header) < HEADER.size or header[:4] != MAGIC:
        raise InputError(f"{path}: not a .flo file: expected it to begin with PIEH, got {header[:4]!r}")
    _, width, height = HEADER.unpack(header)
    check_size(path, height, width)
    expected = HEADER.size + height * width * 8
    if path.stat().st_size != expected:
        raise InputError(
            f"{path}: {width}x{height} flow takes {expected} bytes, the file has {path.stat().st_size}; copy it again"
        )
    return height, width


def write_flo(path: str | os.PathLike[str], flow: np.ndarray) -> None:
    """Write (H, W, 2) float flow in pixels as a .flo file, which appears when it is complete.

    Raises: ValueError for another shape; OSError if writing fails.
    """
    if flow.ndim != 3 or flow.shape[-1] != 2:
        raise ValueError(f"flow must be (H, W, 2); got {flow.shape}")
    with appears_when_complete(Path(path)) as partial:
        partial.write_bytes(HEADER.pack(MAGIC, flow.shape[1], flow.shape[0]) + flow.astype("<f4").tobytes())
