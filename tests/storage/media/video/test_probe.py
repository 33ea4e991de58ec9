"""What probe says of videos: counts against plain decoding, time, rate, orientation, what a broken file promises."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from storage.errors import InputError
from storage.media.clip import BT601, BT709, Clip
from storage.media.reading import probe, read_frames
from tests.storage.media_files import add_audio, decoded_frame_count, encode, moving_frames, remux

GOPS = {"x264-params": "keyint=8:bframes=3:log-level=error"}
QUIET_HEVC = {"x265-params": "log-level=none"}


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "options"),
    [
        ("b_frames.mp4", "libx264", "yuv420p", GOPS),
        ("b_frames.mkv", "libx264", "yuv420p", GOPS),
        ("b_frames.ts", "libx264", "yuv420p", GOPS),
        ("open_gop.mkv", "libx264", "yuv420p", {"x264-params": "open-gop=1:keyint=8:bframes=3"}),
        ("hevc.mp4", "libx265", "yuv420p", QUIET_HEVC),
        ("packed.avi", "mpeg4", "yuv420p", {"bf": "2"}),
        ("motion_jpeg.avi", "mjpeg", "yuvj420p", {}),
        ("hidden_frames.webm", "libvpx", "yuv420p", {"auto-alt-ref": "1", "lag-in-frames": "12"}),
        ("hidden_frames_9.webm", "libvpx-vp9", "yuv420p", {"auto-alt-ref": "1", "lag-in-frames": "12"}),
        ("lossless.mkv", "ffv1", "bgr0", {}),
        ("ten_bit.mov", "prores_ks", "yuv422p10le", {}),
        ("animation.gif", "gif", "rgb8", {}),
        ("mpeg2.ts", "mpeg2video", "yuv420p", {"bf": "2"}),
        ("flash.flv", "libx264", "yuv420p", GOPS),
    ],
)
def test_frame_count_of_every_container_is_what_decoding_shows(tmp_path, name, codec, pixel_format, options):
    path = encode(tmp_path / name, moving_frames(20), codec=codec, pixel_format=pixel_format, options=options)
    clip = probe(path)
    assert (clip.frame_count, clip.frames_found) == (20, 20)
    assert decoded_frame_count(path) == 20
    assert (clip.rate, clip.pts, clip.height, clip.width) == (25, None, 48, 64)
    assert sum(1 for _ in read_frames(clip)) == 20


def test_discarded_frames_of_an_edit_list_do_not_count(tmp_path):
    path = remux(encode(tmp_path / "a.mp4", moving_frames(32), options=GOPS), tmp_path / "b.mp4", shift=-512 * 11)
    clip = probe(path)
    assert clip.frame_count == decoded_frame_count(path) == 21
    assert sum(1 for _ in read_frames(clip)) == 21


def test_frames_before_the_first_key_frame_do_not_count(tmp_path):
    whole = encode(tmp_path / "a.mp4", moving_frames(32), options=GOPS)
    path = remux(whole, tmp_path / "b.mp4", first_dts=512)
    clip = probe(path)
    assert clip.frame_count == decoded_frame_count(path) == 24
    assert sum(1 for _ in read_frames(clip)) == 24


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60), Fraction(15, 2)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_rational_rates_survive_containers_that_round(tmp_path, rate, suffix):
    clip = probe(encode(tmp_path / f"a{suffix}", moving_frames(40), rate=rate))
    assert (clip.rate, clip.pts) == (rate, None)


def test_one_frame_is_a_clip(tmp_path):
    for suffix in (".mp4", ".mkv"):
        clip = probe(encode(tmp_path / f"a{suffix}", moving_frames(1), rate=Fraction(30000, 1001)))
        assert (clip.frame_count, clip.rate, clip.pts) == (1, Fraction(30000, 1001), None)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_time_stamps_of_a_variable_rate_are_kept_exactly(tmp_path, suffix):
    stamps = [0, 100, 250, 300, 800, 1000]
    clip = probe(encode(tmp_path / f"a{suffix}", moving_frames(6), pts=stamps, time_base=Fraction(1, 1000)))
    assert clip.pts is not None
    assert [p * clip.time_base * 1000 for p in clip.pts] == stamps
    assert clip.rate == 5
    assert clip.time_of(3) == Fraction(3, 10)
    assert clip.time_of(6) == Fraction(12, 10)  # as long after the last frame as that came after the one before


def test_a_dropped_frame_makes_the_rate_variable(tmp_path):
    stamps = [0, 1, 2, 4, 5, 6]
    clip = probe(encode(tmp_path / "a.mp4", moving_frames(6), pts=stamps, time_base=Fraction(1, 25)))
    assert clip.pts is not None
    assert [p * clip.time_base * 25 for p in clip.pts] == stamps


def test_audio_and_pixel_shape_are_seen(tmp_path):
    video = encode(tmp_path / "a.mp4", moving_frames(5), tags={"sample_aspect_ratio": Fraction(4, 3)})
    clip = probe(add_audio(video, tmp_path / "b.mp4", seconds=0.2))
    assert clip.has_audio
    assert clip.sample_aspect_ratio == Fraction(4, 3)
    assert not probe(video).has_audio


def test_a_video_that_begins_after_its_audio_says_so(tmp_path):
    late = remux(encode(tmp_path / "a.mkv", moving_frames(10), codec="mjpeg", pixel_format="yuvj420p"),
                 tmp_path / "b.mkv", shift=400)  # fmt: skip
    assert probe(add_audio(late, tmp_path / "c.mkv", codec="libmp3lame")).start_time >= Fraction(4, 10)


def test_clip_survives_json(tmp_path):
    stamps = [0, 100, 250, 300]
    clip = probe(encode(tmp_path / "a.mp4", moving_frames(4), pts=stamps, time_base=Fraction(1, 1000)))
    assert Clip.from_json(json.loads(json.dumps(clip.to_json()))) == clip


def test_untagged_video_is_read_as_players_read_it():
    def clip(height: int, width: int) -> Clip:
        return Clip(Path("a"), "video", 1, 1, height, width, Fraction(1), Fraction(1))

    assert clip(480, 854).yuv_matrix == BT601
    assert clip(576, 1024).yuv_matrix == BT601
    assert clip(720, 1280).yuv_matrix == BT709
    assert clip(1280, 720).yuv_matrix == BT709


@pytest.mark.parametrize(
    ("turned", "upright"),
    [
        ({"degrees": 90}, lambda image: np.rot90(image)),
        ({"degrees": 180}, lambda image: np.rot90(image, 2)),
        ({"degrees": 270}, lambda image: np.rot90(image, 3)),
        ({"degrees": 0, "hflip": True}, lambda image: image[:, ::-1]),
        ({"degrees": 0, "vflip": True}, lambda image: image[::-1]),
        ({"degrees": 90, "hflip": True}, lambda image: np.rot90(image)[:, ::-1]),
        ({"degrees": 270, "hflip": True}, lambda image: np.rot90(image, 3)[:, ::-1]),
    ],
)
def test_display_matrix_is_applied(tmp_path, turned, upright):
    """PyAV's degrees turn counter-clockwise, mirrors come after: as the frame is to be shown."""
    frames = moving_frames(2)
    plain = next(read_frames(encode(tmp_path / "plain.mp4", frames)))
    path = encode(tmp_path / "turned.mp4", frames, turned=turned, tags={"sample_aspect_ratio": Fraction(2)})
    clip = probe(path)
    expected = upright(plain)
    assert (clip.height, clip.width) == expected.shape[:2]
    assert np.array_equal(next(read_frames(clip)), expected)
    assert clip.sample_aspect_ratio == (Fraction(2) if expected.shape == plain.shape else Fraction(1, 2))


def test_a_slanted_display_matrix_is_refused(tmp_path):
    path = encode(tmp_path / "a.mp4", moving_frames(2), turned={"degrees": 30})
    with pytest.raises(InputError, match="no multiple of 90 degrees"):
        probe(path)


@pytest.mark.parametrize("share", [0.5, 0.77, 0.97])
@pytest.mark.parametrize(
    ("name", "codec", "container_options"),
    [
        ("a.mp4", "libx264", {"movflags": "faststart"}),
        ("a.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
        ("a.mkv", "libx264", {}),
        ("a.webm", "libvpx-vp9", {}),
        ("a.avi", "mpeg4", {}),
        ("a.mkv", "ffv1", {}),
    ],
)
def test_a_truncated_file_says_how_much_is_left_and_that_much_can_be_read(
    tmp_path, name, codec, container_options, share
):
    frames = moving_frames(32)
    options = GOPS if codec == "libx264" else {}
    whole = encode(tmp_path / name, frames, codec=codec, options=options, container_options=container_options)
    everything = list(read_frames(whole))
    data = whole.read_bytes()
    path = tmp_path / f"cut_{name}"
    path.write_bytes(data[: int(len(data) * share)])
    if name == "a.avi" and share == 0.5:  # nothing of it can be read
        with pytest.raises(InputError, match=r"cut_a\.avi"):
            probe(path)
        return
    clip = probe(path)
    if name == "a.avi" and clip.frames_found == clip.frame_count == 32:
        return  # only the index at its end is lost
    assert clip.frames_found < clip.frame_count <= 33
    with pytest.raises(
        InputError, match=rf"truncated or damaged: {clip.frames_found} of {clip.frame_count} frames .*decode.stop"
    ):
        next(read_frames(clip))
    left = list(read_frames(clip, stop=clip.frames_found))
    assert len(left) == clip.frames_found
    assert all(np.array_equal(a, b) for a, b in zip(left, everything, strict=False))


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [("a.flv", "flv", "yuv420p"), ("a.apng", "apng", "rgb24"), ("a.mxf", "mpeg2video", "yuv420p")],
)
@pytest.mark.parametrize("share", [0.75, 0.9])
def test_what_breaks_off_between_two_frames_is_no_shorter_video(tmp_path, name, codec, pixel_format, share):
    """These were taken for whole, and a part of them was delivered with exit code 0."""
    whole = encode(tmp_path / name, moving_frames(16), codec=codec, pixel_format=pixel_format)
    clip = probe(whole)
    assert clip.frames_found == clip.frame_count == 16
    path = tmp_path / f"cut_{name}"
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    clip = probe(path)
    assert 1 < clip.frames_found < clip.frame_count <= 16
    with pytest.raises(InputError, match=rf"truncated or damaged: {clip.frames_found} of {clip.frame_count} frames"):
        next(read_frames(clip))
    assert len(list(read_frames(clip, stop=clip.frames_found))) == clip.frames_found


def test_a_file_that_lost_its_end_without_breaking_off_says_so(tmp_path):
    path = encode(tmp_path / "a.mkv", moving_frames(24), codec="ffv1")
    data = bytearray(path.read_bytes())
    cut = len(data) * 7 // 10
    data[cut:] = bytes(len(data) - cut)
    path.write_bytes(data)
    clip = probe(path)
    assert 10 < clip.frames_found < 20
    assert clip.frame_count == 24


def test_an_mp4_without_its_index_says_so(tmp_path):
    data = encode(tmp_path / "a.mp4", moving_frames(8)).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[:-400])
    with pytest.raises(InputError, match=r"index \(moov\) is missing"):
        probe(path)
