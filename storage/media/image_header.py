"""Size of an image from its header alone, so that an absurd one is refused before memory is asked for it."""

import struct


def image_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) in pixels that the header of a PNG, JPEG, BMP, WebP or TIFF file states; None if it is none.

    data : the whole file. JPEG's orientation tag is not applied.
    """
    readers = {
        b"\x89PNG\r\n\x1a\n": _png,
        b"\xff\xd8": _jpeg,
        b"BM": _bmp,
        b"RIFF": _webp,
        b"II*\0": _tiff,
        b"MM\0*": _tiff,
    }
    for magic, reader in readers.items():
        if data.startswith(magic):
            try:
                return reader(data)
            except (struct.error, IndexError):
                return None
    return None


def _png(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _bmp(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(height), width  # a negative height means rows from the top


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Walk the segments to the frame header (SOF0..SOF15 without DHT, JPG and DAC; ITU-T T.81 table B.1)."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers without a body
            at += 2
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[i : i + 3], "little") for i in (24, 27))
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        return None
    return height, width


def _tiff(data: bytes) -> tuple[int, int] | None:
    """Tags 256 (width) and 257 (height) of the first directory, stored as 16 or 32 bits."""
    order = "<" if data[:2] == b"II" else ">"
    directory = struct.unpack_from(order + "I", data, 4)[0]
    found: dict[int, int] = {}
    for i in range(struct.unpack_from(order + "H", data, directory)[0]):
        tag, kind = struct.unpack_from(order + "HH", data, directory + 2 + 12 * i)
        if tag in (256, 257):
            found[tag] = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, directory + 10 + 12 * i)[0]
    return (found[257], found[256]) if len(found) == 2 else None
