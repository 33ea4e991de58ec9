"""The door to media that come in: facts, frames and content digest of a video file or a folder of images."""

import hashlib
import os
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from storage.backends.file_digest import file_sha256
from storage.errors import reading
from storage.media.clip import Clip, ColourTags, find_source
from storage.media.images.folder import image_frames, list_images, probe_images
from storage.media.video.decoding import video_frames
from storage.media.video.probe import probe_video

__all__ = ["Clip", "ColourTags", "content_digest", "probe", "read_frames"]

FOLDER_RATE = Fraction(24)  # frames a second of a folder of images when the caller names none


def probe(path: str | os.PathLike[str], *, rate: Fraction = FOLDER_RATE) -> Clip:
    """Return the facts of a video file or a folder of images.

    rate   : frames a second, for folders only: images carry no time.
    Raises : InputError if the path is neither, or what it names cannot be read as a clip.

    A video's packets are all read, one frame is decoded. A file that breaks off is no error here: the clip then says
    fewer frames_found than frame_count, and reading beyond them raises.
    """
    source = find_source(path)
    with reading(source):
        return probe_images(source, rate) if source.is_dir() else probe_video(source)


def read_frames(
    clip: Clip | str | os.PathLike[str], start: int = 0, stop: int | None = None, *, threads: int = 0
) -> Iterator[np.ndarray]:
    """Return frames start to stop (not included), one after the other, as (H, W, 3) uint8 RGB.

    clip    : what probe found, or a path to probe now.
    threads : of the decoder; 0 means as many as there are cores. The frames do not depend on it.
    Raises  : InputError for a range outside the clip, a damaged frame, a frame of another size.

    Memory does not grow with the clip. Frames before start are decoded but not converted. Frames come upright
    (rotation and mirroring applied); the tagged colour matrix and range are honoured, untagged video is read as
    Clip.yuv_matrix says. More than 8 bits are rounded to 8; HDR curves stay as they are; interlaced frames
    stay woven unless the clip says that they are to be made whole; alpha is dropped (colours under transparent pixels
    come as stored).
    """
    known = clip if isinstance(clip, Clip) else probe(clip)
    if known.kind == "images":
        return _as_input(known, image_frames(known, start, stop))
    return _as_input(known, video_frames(known, start, stop, threads))


def _as_input(clip: Clip, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    with reading(clip.path):
        yield from frames


def content_digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of what a file or a folder of images holds, as 64 hexadecimal digits.

    A file counts with all its bytes, a folder with those of its images in frame order; names (beyond the
    order they give) and times do not count.
    """
    source = find_source(path)
    if not source.is_dir():
        return file_sha256(source)
    total = hashlib.sha256(b"folder of images")
    for image in list_images(source):
        total.update(hashlib.sha256(image.read_bytes()).digest())
    return total.hexdigest()
