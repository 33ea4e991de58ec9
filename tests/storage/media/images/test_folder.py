"""Folders of images as clips: order, depth, alpha, and everything that is refused."""

import io
import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from storage.errors import InputError
from storage.media.images.folder import image_alpha, image_full_depth, read_image
from storage.media.reading import probe, read_frames
from tests.storage.media_files import moving_frames, write_png


def test_numbers_in_names_count_by_value(tmp_path):
    frames = moving_frames(3)
    for name, frame in zip(("f2.png", "f10.png", "f100.png"), frames, strict=True):
        write_png(tmp_path / name, frame)
    clip = probe(tmp_path)
    assert (clip.kind, clip.frame_count, clip.height, clip.width, clip.rate) == ("images", 3, 48, 64, 24)
    assert np.array_equal(list(read_frames(clip)), frames)
    assert np.array_equal(list(read_frames(clip, 1, 2)), frames[1:2])


def test_rate_is_the_callers(tmp_path):
    write_png(tmp_path / "0.png", moving_frames(1)[0])
    clip = probe(tmp_path, rate=Fraction(30000, 1001))
    assert clip.rate == Fraction(30000, 1001)
    assert clip.time_of(1) == Fraction(1001, 30000)
    with pytest.raises(InputError, match="expected more than 0"):
        probe(tmp_path, rate=Fraction(0))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp", ".jpg"])
def test_every_kind_of_image_is_read(tmp_path, suffix):
    frame = moving_frames(1)[0]
    write_png(tmp_path / f"0{suffix}", frame)
    (read,) = read_frames(tmp_path)
    assert np.abs(read.astype(int) - frame).mean() < (6 if suffix in (".jpg", ".webp") else 1e-9)
    assert (probe(tmp_path).height, probe(tmp_path).width) == (48, 64)


def test_sixteen_bits_keep_the_high_byte_and_grey_fills_all_channels(tmp_path):
    grey = (np.arange(48 * 64).reshape(48, 64) * 21).astype(np.uint16)
    write_png(tmp_path / "0.png", grey)
    (read,) = read_frames(tmp_path)
    assert np.array_equal(read, np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2))


def test_alpha_is_seen_and_dropped(tmp_path):
    frame = moving_frames(1)[0]
    write_png(tmp_path / "0.png", np.dstack([frame, np.zeros(frame.shape[:2], np.uint8)]))
    clip = probe(tmp_path)
    assert clip.has_alpha
    assert np.array_equal(next(read_frames(clip)), frame)


def test_orientation_of_a_camera_jpeg_is_applied(tmp_path):
    frame = moving_frames(1)[0]
    jpeg = cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes()
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)  # one tag: orientation 6, turn clockwise
    exif = b"Exif\0\0" + tiff
    (tmp_path / "0.jpg").write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    clip = probe(tmp_path)
    assert (clip.height, clip.width) == (64, 48)
    assert np.abs(next(read_frames(clip)).astype(int) - np.rot90(frame, -1)).mean() < 6


def test_hidden_files_other_files_and_folders_are_left_out(tmp_path):
    write_png(tmp_path / "0.png", moving_frames(1)[0])
    (tmp_path / "._0.png").write_bytes(b"resource fork")
    (tmp_path / "notes.txt").write_text("not a frame")
    (tmp_path / "more.png").mkdir()
    assert probe(tmp_path).frame_count == 1


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no image in the folder; expected frames as png, jpg"):
        probe(tmp_path)


def test_an_image_of_another_size_is_named(tmp_path):
    for i in range(3):
        write_png(tmp_path / f"{i}.png", moving_frames(1, 48, 64 if i != 1 else 62)[0])
    with pytest.raises(InputError, match=r"1\.png: the image is 62x48, the first of the folder 64x48"):
        probe(tmp_path)


def test_an_image_turned_by_its_orientation_only_is_named_when_read(tmp_path):
    write_png(tmp_path / "0.png", moving_frames(1, 48, 64)[0])
    write_png(tmp_path / "1.png", moving_frames(1, 64, 48)[0])
    with pytest.raises(InputError, match=r"1\.png: the image is 48x64, the first of the folder 64x48"):
        list(read_frames(tmp_path))


def test_the_same_frame_twice_is_refused(tmp_path):
    for name in ("0.png", "0.jpg"):
        write_png(tmp_path / name, moving_frames(1)[0])
    with pytest.raises(InputError, match=r"0\.jpg and 0\.png are the same frame; remove one"):
        probe(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp", ".jpg"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.98])
def test_a_truncated_image_is_named(tmp_path, suffix, share, capfd):
    path = write_png(tmp_path / f"0{suffix}", moving_frames(1)[0])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=rf"0\{suffix}: (the image does not decode|not a PNG)"):
        next(read_frames(tmp_path))


def test_a_file_that_is_no_image_is_named(tmp_path):
    write_png(tmp_path / "0.png", moving_frames(1)[0])
    (tmp_path / "1.png").write_text("dear diary")
    with pytest.raises(InputError, match=r"1\.png: not a PNG, JPEG"):
        probe(tmp_path)


def test_absurd_sizes_are_refused_before_decoding(tmp_path):
    path = write_png(tmp_path / "0.png", moving_frames(1)[0])
    data = bytearray(path.read_bytes())
    struct.pack_into(">II", data, 16, 40000, 40000)
    struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(InputError, match="the header says 40000x40000 pixels"):
        probe(tmp_path)


def test_a_link_to_an_image_counts_and_a_loop_is_refused(tmp_path):
    folder = tmp_path / "frames"
    write_png(folder / "0.png", moving_frames(1)[0])
    (folder / "1.png").symlink_to(folder / "0.png")
    assert probe(folder).frame_count == 2
    (folder / "2.png").symlink_to(folder / "2.png")
    with pytest.raises(InputError, match=r"2\.png: a link to nothing"):
        probe(folder)


def test_a_folder_that_changed_since_it_was_probed_is_refused(tmp_path):
    write_png(tmp_path / "0.png", moving_frames(1)[0])
    clip = probe(tmp_path)
    write_png(tmp_path / "1.png", moving_frames(1)[0])
    with pytest.raises(InputError, match="2 images now, 1 before"):
        next(read_frames(clip))


@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_frames_alpha_and_full_depth_are_turned_alike(tmp_path, kind, orientation):
    frame = moving_frames(1, 24, 40)[0]
    alpha = np.where(frame[..., 0] > frame[..., 1], np.uint8(255), np.uint8(0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if kind == "webp" else {}
    image = Image.fromarray(np.dstack([frame, alpha]))
    image.save(tmp_path / f"0.{kind}", exif=exif, **options)
    clip = probe(tmp_path)
    shown = np.asarray(ImageOps.exif_transpose(image_with(image, exif)))
    assert (clip.height, clip.width) == shown.shape[:2]
    assert np.array_equal(next(read_frames(clip)), shown[..., :3])
    assert np.array_equal(next(image_alpha(clip, 0, None)), shown[..., 3])
    assert np.array_equal(next(image_full_depth(clip, 0, None)), shown[..., :3] * np.uint16(257))


def image_with(image: Image.Image, exif: Image.Exif) -> Image.Image:
    """The image as Pillow reads it back with this EXIF block."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    return Image.open(buffer)


def test_a_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for path in (tmp_path / "a.png", Path("/dev/zero")):
        with pytest.raises(InputError, match="a device or a pipe; expected an image"):
            read_image(path)
