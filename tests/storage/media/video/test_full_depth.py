"""More than 8 bits, high dynamic range and alpha: kept where the output can, said where it cannot."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from storage.errors import InputError
from storage.media.clip import Clip, ColourTags
from storage.media.codecs import choose_encoder, choose_output, losses
from storage.media.reading import probe, read_frames
from storage.media.video.full_depth import restore_alpha, restore_depth
from storage.media.writing import write_images, write_video
from tests.storage.media_files import encode, moving_frames

H, W, T = 72, 96, 4
Y, X = np.mgrid[:H, :W]
DEEP = [
    np.stack([20000 + 300 * X + 8 * t, 15000 + 200 * X + 150 * Y, 50000 - 400 * Y], -1).astype(np.uint16)
    for t in range(T)
]
HOLE = np.zeros((H, W), bool)
HOLE[10:20, 30:40] = True
HDR10 = ColourTags(9, 16, 9, full_range=False)


def deep_clip(count=T, **facts) -> Clip:
    return replace(
        Clip(Path("a"), "video", count, count, H, W, Fraction(25), Fraction(1, 25), bit_depth=10, colour=HDR10), **facts
    )


def read_deep(path, count=T):
    clip = probe(path)
    nothing = [np.zeros((H, W), bool)] * count
    return np.array(list(restore_depth(clip, 0, None, list(read_frames(clip)), nothing))).astype(int)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "most_off"),
    [
        ("a.mp4", "h264", "yuv420p10le", 700),
        ("a.mp4", "hevc", "yuv420p10le", 900),
        ("a.mov", "prores", "yuv422p10le", 500),
        ("a.mkv", "ffv1", "gbrp16le", 0),
    ],
)
def test_ten_bits_are_written_with_their_tags(tmp_path, name, codec, pixel_format, most_off):
    write_video(tmp_path / name, DEEP, deep_clip(), codec=codec, quality=4)
    clip = probe(tmp_path / name)
    assert clip.pixel_format == pixel_format
    assert (clip.colour.primaries, clip.colour.transfer) == (9, 16)
    error = read_deep(tmp_path / name) - np.array(DEEP)
    assert np.abs(error).max() <= most_off
    assert np.abs(error.mean((0, 1, 2))).max() < 130  # half a level of 8 bits


def test_sixteen_bit_images_go_in_and_out_bit_for_bit(tmp_path):
    write_images(tmp_path / "frames", DEEP)
    clip = probe(tmp_path / "frames")
    assert clip.bit_depth == 16
    fills = [frame // 2 for frame in read_frames(clip)]
    whole = list(restore_depth(clip, 0, None, fills, [HOLE] * T))
    write_images(tmp_path / "out", whole)
    written = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1] for path in sorted((tmp_path / "out").iterdir())]
    for frame, source, fill in zip(written, DEEP, fills, strict=True):
        assert np.array_equal(frame[~HOLE], source[~HOLE])
        assert np.array_equal(frame[HOLE], fill[HOLE].astype(np.uint16) * 257)


def test_outside_the_hole_ten_bit_video_keeps_every_bit_in_ffv1(tmp_path):
    planes = [np.stack([400 + 2 * X + t, 500 + Y, 520 - X]).astype(np.uint16) for t in range(T)]
    source = encode(tmp_path / "a.mkv", planes, codec="ffv1", pixel_format="yuv444p10le", source_format="yuv444p10le")
    clip = probe(source)
    assert clip.bit_depth == 10
    whole = list(restore_depth(clip, 0, None, list(read_frames(clip)), [HOLE] * T))
    write_video(tmp_path / "b.mkv", whole, clip, codec="ffv1")
    assert np.array_equal(read_deep(tmp_path / "b.mkv"), np.array(whole))
    red = whole[0][0, :, 0]
    assert len(np.unique(red)) > 4 * len(np.unique(red >> 8))  # steps that 8 bits would not leave


def test_eight_bits_of_hdr_are_not_tagged_as_hdr_and_warn():
    clip = deep_clip(path=Path("film.mov"))
    (line,) = losses(choose_output("a.mp4", "h264-lossless"), clip)
    assert line.startswith("film.mov: 10 bits become 8 with h264-lossless, and without its HDR curve's tag: not bit")
    assert choose_encoder("h264-lossless", clip, 18).colour.transfer == 2
    assert choose_encoder("hevc", clip, 18).colour == HDR10
    (line,) = losses(choose_output("a.mp4"), clip)
    assert line == "film.mov: of 10 bits 10 are kept; what is filled in has steps of 8"
    assert losses(choose_output("a.mp4"), replace(clip, bit_depth=8)) == []


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.mov", "prores"), ("folder", "png")])
def test_alpha_is_kept_where_it_can_be(tmp_path, name, codec):
    colours = moving_frames(T, H, W)
    alphas = [np.where(Y + t < X, 255, 40).astype(np.uint8) for t in range(T)]
    source = [np.dstack([colour, alpha]) for colour, alpha in zip(colours, alphas, strict=True)]
    write_images(tmp_path / "source", source)
    clip = probe(tmp_path / "source")
    assert losses(choose_output(name, codec), clip) == []
    kept = list(restore_alpha(clip, 0, None, colours, [HOLE] * T, fill_is_opaque=True))
    if codec == "png":
        write_images(tmp_path / name, kept)
    else:
        write_video(tmp_path / name, kept, clip, codec=codec)
    copy = probe(tmp_path / name)
    assert copy.has_alpha
    off = 0 if codec != "prores" else 2
    nothing = [np.zeros((H, W), bool)] * T
    for whole, colour, alpha in zip(
        restore_alpha(copy, 0, None, read_frames(copy), nothing, fill_is_opaque=False), colours, alphas, strict=True
    ):
        assert np.abs(whole[..., 3].astype(int) - np.where(HOLE, 255, alpha)).max() <= off
        if not off:
            assert np.array_equal(whole[..., :3], colour)


def test_alpha_that_is_left_out_is_said():
    clip = deep_clip(path=Path("logo.mov"), bit_depth=8, has_alpha=True)
    (line,) = losses(choose_output("a.mp4"), clip)
    assert line.startswith("logo.mov: the alpha channel is left out with codec h264; ffv1 (.mkv), prores (.mov)")


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_hevc_of_any_length_keeps_its_time(tmp_path, name, count):
    """x265 with B-frames gives clips of two frames decoding times from memory that nobody wrote."""
    frames = moving_frames(count, H, W)
    clip = Clip(Path("a"), "video", count, count, H, W, Fraction(30000, 1001), Fraction(1001, 30000))
    write_video(tmp_path / name, frames, clip, codec="hevc", threads=4)
    copy = probe(tmp_path / name)
    assert (copy.frame_count, copy.rate, copy.codec) == (count, Fraction(30000, 1001), "hevc")
    assert len(list(read_frames(copy))) == count


def test_frames_that_are_too_small_for_hevc_are_refused_and_prores_takes_any(tmp_path):
    for height, width in ((1, 1), (2, 37), (48, 200)):
        frames = moving_frames(2, height, width)
        clip = Clip(Path("a"), "video", 2, 2, height, width, Fraction(25), Fraction(1, 25))
        with pytest.raises(InputError, match=f"hevc takes frames of at least 72 pixels a side; got {width}x{height}"):
            write_video(tmp_path / "a.mp4", frames, clip, codec="hevc")
        write_video(tmp_path / "a.mov", frames, clip, codec="prores")
        assert (probe(tmp_path / "a.mov").height, probe(tmp_path / "a.mov").width) == (height, width)
