"""How long a media file says it is, read from its container's outermost headers: the way to see that a copy broke off.

MP4/MOV boxes (ISO/IEC 14496-12), Matroska/WebM elements (RFC 8794), the RIFF chunk of AVI and WebP, the blocks of GIF
(GIF89a, appendix A), the chunks of PNG (W3C PNG, section 5), the tag onMetaData of FLV (FLV v10.1, annex E.5).
"""

import math
import struct
from pathlib import Path
from typing import BinaryIO

EBML_HEADER, MATROSKA_SEGMENT = 0x1A45DFA3, 0x18538067
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
FLV_SIZE = b"\0\x08filesize\0"  # a name of eight letters, then a number
FLV_METADATA = 65536  # bytes at the beginning in which it stands
MAX_BOXES = 100_000  # a fragmented MP4 has two a fragment; a file of nothing but empty boxes must not hold us


def container_size(path: Path) -> int | None:
    """Return how many bytes the container says the file has at least; None where it does not say."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in MP4_BOXES:
            return _end_of_boxes(file, path.stat().st_size)
        if head[:4] == b"RIFF":
            size = int.from_bytes(head[4:8], "little")
            return None if size in (0, 0xFFFFFFFF) else 8 + size
        if head[:4] == b"GIF8":
            return _walk_gif(file)[0]
        if head[:8] == PNG_SIGNATURE:
            return _end_of_chunks(file)
        if head[:3] == b"FLV":
            return _size_in_flv(file)
        if head[:4] == EBML_HEADER.to_bytes(4, "big"):
            return _end_of_segment(file)
    return None


def lacks_index(path: Path) -> bool:
    """Tell whether the file is an MP4/MOV without a whole index (moov): cut off, or not finished by its recorder."""
    file_size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(12)[4:8] not in MP4_BOXES:
            return False
        return not any(kind == b"moov" and end <= file_size for kind, end in _boxes(file, file_size))


def _boxes(file: BinaryIO, file_size: int) -> list[tuple[bytes, int]]:
    """Return (type, end offset) of the outermost boxes of an MP4; the last one's end may lie beyond the file's."""
    boxes: list[tuple[bytes, int]] = []
    start = 0
    while start < file_size and len(boxes) < MAX_BOXES:
        file.seek(start)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == 1:  # a 64-bit size follows the type
            size = int.from_bytes(head[8:16], "big")
        elif size == 0:  # "to the end of the file"
            size = file_size - start
        if len(head) < 8 or size < 8:
            break
        start += size
        boxes.append((head[4:8], start))
    return boxes


def _end_of_boxes(file: BinaryIO, file_size: int) -> int | None:
    # bytes of no known box after the last one are rubbish that players skip, not a promise
    return max((end for kind, end in _boxes(file, file_size) if kind in (b"moov", b"moof", b"mdat")), default=None)


def count_gif_frames(path: Path) -> int:
    """Return how many images of a GIF are in the file with all their blocks."""
    with path.open("rb") as file:
        return _walk_gif(file)[1]


def _walk_gif(file: BinaryIO) -> tuple[int, int]:
    """Return where the trailer ends (beyond the file if that ends before it), and the number of whole images."""
    whole = 0
    file.seek(10)  # flags, then two bytes before the colours
    flags = file.read(1)
    file.seek(2, 1)
    _skip_colours(file, flags)
    while (kind := file.read(1)) != b";":
        if kind == b",":  # an image: place and size, flags, its own colours, code size
            file.seek(8, 1)
            _skip_colours(file, file.read(1))
        elif kind != b"!":  # neither an image nor an extension: the file ended, or its blocks are damaged
            return file.seek(0, 2) + 1, whole
        file.seek(1, 1)
        while (length := file.read(1)) not in (b"", b"\0"):
            file.seek(length[0], 1)
        whole += kind == b"," and length == b"\0"
    return file.tell(), whole


def _skip_colours(file: BinaryIO, flags: bytes) -> None:
    if flags and flags[0] & 0x80:
        file.seek(3 * 2 ** ((flags[0] & 7) + 1), 1)


def _end_of_chunks(file: BinaryIO) -> int:
    """Return where the last chunk of a PNG ends: IEND, or the one in which the file breaks off."""
    file.seek(len(PNG_SIGNATURE))
    while True:
        start, head = file.tell(), file.read(8)
        if len(head) < 8:
            return start + 12  # of the smallest chunk
        end = start + 12 + int.from_bytes(head[:4], "big")
        if head[4:] == b"IEND":
            return end
        file.seek(end)


def _size_in_flv(file: BinaryIO) -> int | None:
    """Return the size of the file by its metadata, written as a big-endian double; None where it does not say."""
    file.seek(0)
    _, found, rest = file.read(FLV_METADATA).partition(FLV_SIZE)
    if not found or len(rest) < 8:
        return None
    (size,) = struct.unpack(">d", rest[:8])
    return int(size) if math.isfinite(size) and size > 0 else None


def _end_of_segment(file: BinaryIO) -> int | None:
    file.seek(4)
    header_size = _read_vint(file)
    if header_size is None:
        return None
    file.seek(header_size, 1)
    if int.from_bytes(file.read(4), "big") != MATROSKA_SEGMENT:
        return None
    segment_size = _read_vint(file)
    return None if segment_size is None else file.tell() + segment_size


def _read_vint(file: BinaryIO) -> int | None:
    """Read EBML's integer of variable length: leading zeros of the first byte count its bytes; all ones is unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    bits = 7 * length
    value = int.from_bytes(first + file.read(length - 1), "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value
