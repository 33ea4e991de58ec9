"""Mask files that go out, of every kind that is read. Files appear when they are complete."""

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from storage.backends.atomic_write import appears_when_complete, refuse_no_file
from storage.backends.file_digest import file_sha256
from storage.errors import InputError
from storage.media.clip import Clip, ColourTags
from storage.media.codecs import CONTAINERS
from storage.media.images.folder import IMAGE_SUFFIXES
from storage.media.masks.kinds.coco_rle import encode_rle
from storage.media.writing import DIGITS, write_images, write_video
from storage.output_folder import deliver_folder, foreign_names

VIDEO_SUFFIXES = tuple(suffix for container in CONTAINERS.values() for suffix in container.suffixes if suffix)
KINDS = (*VIDEO_SUFFIXES, ".npz", ".npy", ".json", ".png")
LARGEST_LABEL = 255
LABEL_COLOURS = ((230, 60, 60), (60, 180, 75), (0, 130, 200), (255, 225, 25), (145, 30, 180), (70, 240, 240))


def check_mask_name(path: Path, count: int, *, label: int | None = None) -> None:
    """Check that a mask of `count` frames can be written under a name.

    label  : number of the object, where a folder of label images is wanted.
    Raises : InputError if no kind of mask is called so, one image would have to hold several frames, a folder or file
             is in the way, or a label goes into no label image.
    """
    suffix = path.suffix.lower()
    if suffix and suffix not in KINDS:
        raise InputError(
            f"{path}: no kind of mask that we write; expected {', '.join(KINDS)}, or a folder (a name without suffix)"
        )
    if label is not None and (suffix or not 1 <= label <= LARGEST_LABEL):
        raise InputError(
            f"{path}: label images go into a folder (a name without suffix), with an object from 1 to {LARGEST_LABEL}; "
            f"got object {label}"
        )
    if suffix == ".png" and count > 1:
        raise InputError(f"{path}: one image holds one frame, and there are {count}; name a folder or a video")
    refuse_no_file(path)
    if path.exists() and path.is_dir() == bool(suffix):
        kind = "folder" if path.is_dir() else "file"
        raise InputError(f"{path}: a {kind} has this name; choose another name or remove it")


def write_mask_file(path: Path, holes: Iterable[np.ndarray], clip: Clip, *, label: int | None = None) -> int:
    """Write holes as a mask of the kind that the name means; returns how many frames.

    path   : .mkv, .mp4, .mov (lossless), .npz, .npy (T, H, W) bool, .json (COCO RLE, one a frame), .png (one frame), or
             a folder of images 00000.png, ...
    holes  : (H, W) bool, as many as the clip has frames, of its size.
    clip   : gives size, length and time.
    label  : number of the object in palette images, which go into a folder; None writes black and white.
    Raises : InputError as check_mask_name, or if the file cannot be written; ValueError for frames of another number.
    """
    check_mask_name(path, clip.frame_count, label=label)
    suffix = path.suffix.lower()
    counted = _exactly(holes, clip.frame_count)
    if not suffix:
        return _write_folder(path, counted, label)
    if suffix in VIDEO_SUFFIXES:
        return _write_video(path, counted, clip)
    try:
        with appears_when_complete(Path(os.path.realpath(path))) as partial:
            if suffix == ".json":
                _write_rle(partial, counted)
            elif suffix == ".png":
                _black_and_white(next(counted)).save(partial, "PNG")
            else:
                _write_array(partial, counted, (clip.frame_count, clip.height, clip.width), zipped=suffix == ".npz")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); check the folder and its rights") from None
    return clip.frame_count


def write_label_folder(path: Path, labels: Iterable[np.ndarray], clip: Clip) -> int:
    """Write objects as a folder of palette images 00000.png, ..., as DAVIS has them; returns how many frames.

    labels : (H, W) uint8, the number of the object each pixel belongs to, 0 where it is none; one for each frame.
    Raises : InputError as check_mask_name, or if it cannot be written; ValueError for frames of another number.
    """
    check_mask_name(path, clip.frame_count, label=LARGEST_LABEL)
    return _write_folder(path, _exactly(labels, clip.frame_count), 1)


def _exactly(holes: Iterable[np.ndarray], count: int) -> Iterator[np.ndarray]:
    number = 0
    for number, hole in enumerate(holes, 1):
        if number > count:
            break
        yield hole
    if number != count:
        raise ValueError(f"expected {count} holes to write; got {'more' if number > count else number}")


def _write_folder(path: Path, holes: Iterator[np.ndarray], label: int | None) -> int:
    """Write a folder of images in one step; of a folder that is there only what we wrote is replaced."""
    if path.is_dir() and (
        foreign := [name for name in foreign_names(path) if Path(name).suffix.lower() in IMAGE_SUFFIXES]
    ):
        raise InputError(f"{path}: {foreign[0]} in it was not written by dfvi; choose another folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as name:
            made = Path(name)
            count = write_images(made, holes) if label is None else _write_labels(made, holes, label)
            files = {image.name: file_sha256(image) for image in sorted(made.iterdir())}
            deliver_folder(path, files, lambda name, to: _move(made / name, to))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); check the folder and its rights") from None
    return count


def _move(file: Path, to: Path) -> None:
    shutil.move(file, to)


def _write_video(path: Path, holes: Iterator[np.ndarray], clip: Clip) -> int:
    plain = replace(
        clip,
        colour=ColourTags(),
        bit_depth=8,
        has_alpha=False,
        codec="",
        pixel_format="",
        start_time=clip.start_time * 0,
    )
    frames = (np.repeat(hole.astype(np.uint8)[..., None] * np.uint8(255), 3, axis=2) for hole in holes)
    codec = "ffv1" if path.suffix.lower() == ".mkv" else "h264-lossless"
    return write_video(path, frames, plain, codec=codec)


def _write_rle(path: Path, holes: Iterator[np.ndarray]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for t, hole in enumerate(holes):
            file.write(",\n" if t else "[")
            file.write(json.dumps(encode_rle(hole), separators=(",", ":")))
        file.write("]\n")


def _write_array(path: Path, holes: Iterator[np.ndarray], shape: tuple[int, int, int], *, zipped: bool) -> None:
    if zipped:
        archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        with archive, archive.open("masks.npy", "w", force_zip64=True) as stream:
            _write_npy(stream, holes, shape)
    else:
        with path.open("wb") as file:
            _write_npy(file, holes, shape)


def _write_npy(stream: IO[bytes], holes: Iterator[np.ndarray], shape: tuple[int, int, int]) -> None:
    header = {"descr": "|b1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    for hole in holes:
        stream.write(np.ascontiguousarray(hole).tobytes())


def _black_and_white(hole: np.ndarray) -> Image.Image:
    return Image.fromarray(hole.astype(np.uint8) * np.uint8(255))


def _write_labels(folder: Path, holes: Iterator[np.ndarray], label: int) -> int:
    palette = [0, 0, 0, *(channel for n in range(LARGEST_LABEL) for channel in LABEL_COLOURS[n % len(LABEL_COLOURS)])]
    number = 0
    for number, hole in enumerate(holes, 1):
        image = Image.fromarray(hole.astype(np.uint8) * np.uint8(label))
        image.putpalette(palette)
        image.save(folder / f"{number - 1:0{DIGITS}d}.png", "PNG")
    return number
