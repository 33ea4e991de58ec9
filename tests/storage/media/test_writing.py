"""Writing: lossless to the bit, colours that stay, time kept exactly, sound copied, nothing half-written."""

import os
import resource
import signal
import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from storage.errors import InputError
from storage.media.clip import RGB_MATRIX, Clip, ColourTags
from storage.media.codecs import CODECS, choose_encoder, choose_output
from storage.media.reading import probe, read_frames
from storage.media.writing import foresee_losses, write_images, write_video
from tests.storage.media_files import add_audio, encode, moving_frames, remux


def clip_of(frames, rate=Fraction(25), **facts) -> Clip:
    """The clip that these frames would be."""
    known = {"path": Path("a"), "kind": "images", "frame_count": len(frames), "frames_found": len(frames),
             "height": frames[0].shape[0], "width": frames[0].shape[1], "rate": rate, "time_base": 1 / rate,
             "colour": ColourTags(matrix=RGB_MATRIX, full_range=True)}  # fmt: skip
    return Clip(**{**known, **facts})


# which container, which codec


@pytest.mark.parametrize(
    ("path", "codec", "expected"),
    [
        ("a.mp4", None, ("h264", "mp4")),
        ("a.MKV", None, ("h264", "matroska")),
        ("a.mov", "h264", ("h264", "mov")),
        ("a.mkv", "ffv1", ("ffv1", "matroska")),
        ("a.mp4", "h264-lossless", ("h264-lossless", "mp4")),
        ("folder", None, ("png", "")),
        ("result_v1.5", None, ("png", "")),
    ],
)
def test_suffix_and_codec_choose_the_output(path, codec, expected):
    output = choose_output(path, codec)
    assert (output.codec, output.muxer) == expected


@pytest.mark.parametrize(
    ("path", "codec", "message"),
    [
        ("a.mp4", "ffv1", r"a\.mp4: codec ffv1 does not go into \.mp4; expected \.mkv"),
        ("a.webm", None, r"cannot write \.webm files; expected \.mp4, \.m4v, \.mov, \.mkv, or a name without suffix"),
        ("a.mp4", "png", r"codec png does not go into \.mp4; expected a folder"),
        ("folder", "h264", r"codec h264 does not go into a folder; expected \.mp4"),
        ("a.mp4", "divx", r"codec 'divx' is unknown; expected one of h264, h264-lossless"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_does(path, codec, message):
    with pytest.raises(InputError, match=message):
        choose_output(path, codec)


# pixels


@pytest.mark.parametrize(("height", "width"), [(48, 64), (33, 21), (1, 1), (2, 37)])
@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.mp4", "h264-lossless"), ("a.mkv", "h264-lossless")])
def test_lossless_codecs_give_back_every_bit(tmp_path, name, codec, height, width):
    frames = list(np.random.default_rng(1).integers(0, 256, (4, height, width, 3), np.uint8))
    assert write_video(tmp_path / name, frames, clip_of(frames), codec=codec) == 4
    assert np.array_equal(list(read_frames(tmp_path / name)), frames)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (33, 21), (1, 1), (2, 37), (47, 64)])
def test_any_size_is_written_as_it_is(tmp_path, height, width):
    frames = moving_frames(3, height, width)
    write_video(tmp_path / "a.mp4", frames, clip_of(frames), quality=4)
    clip = probe(tmp_path / "a.mp4")
    assert (clip.height, clip.width, clip.frame_count) == (height, width, 3)
    assert clip.pixel_format == ("yuv420p" if height % 2 == 0 and width % 2 == 0 else "yuv444p")
    error = np.array(list(read_frames(clip)), dtype=int) - np.array(frames)
    assert np.abs(error).mean() < 6


def grey_ramp(height=64, width=64):
    """A frame of slow colour ramps, without the sharp chroma that halving loses."""
    y, x = np.mgrid[:height, :width]
    return np.stack([40 + 2 * x, 60 + x + y, 200 - 2 * y], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    "colour",
    [
        ColourTags(),
        ColourTags(1, 1, 1, full_range=False),
        ColourTags(6, 6, 6, full_range=False),
        ColourTags(5, 6, 5, full_range=True),
        ColourTags(9, 16, 9, full_range=False),
        ColourTags(matrix=7),
        ColourTags(matrix=RGB_MATRIX, full_range=True),
    ],
)
@pytest.mark.parametrize("height", [64, 720])
def test_a_round_trip_moves_no_colour_and_keeps_the_tags(tmp_path, colour, height):
    frames = [grey_ramp()] * 2
    if height == 720:  # untagged video of this size is BT.709
        frames = [np.ascontiguousarray(np.broadcast_to(grey_ramp(64, 64)[:1], (720, 64, 3)))] * 2
    clip = clip_of(frames, kind="video", colour=colour)
    write_video(tmp_path / "a.mp4", frames, clip, quality=0)
    read = probe(tmp_path / "a.mp4")
    if colour.matrix == RGB_MATRIX:
        assert read.colour == ColourTags(1, 1, 1, full_range=False)
    else:
        assert replace(read.colour, full_range=None) == replace(colour, full_range=None)
        assert not read.colour.full_range
    error = np.array(list(read_frames(read)), dtype=int) - np.array(frames)
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 0.35, error.mean(axis=(0, 1, 2))
    assert np.abs(error).mean() < 1.2


def test_ten_round_trips_do_not_drift(tmp_path):
    """swscale's default loses one level of brightness a trip."""
    frames = [grey_ramp()]
    clip = clip_of(frames, kind="video", colour=ColourTags())
    for i in range(10):
        write_video(tmp_path / f"{i}.mp4", frames, clip, quality=0)
        frames = list(read_frames(tmp_path / f"{i}.mp4"))
    assert np.abs((np.array(frames, dtype=float) - grey_ramp()).mean(axis=(0, 1, 2))).max() < 0.6


def test_decoded_video_is_encoded_again_with_the_same_luma(tmp_path):
    """YUV -> RGB -> YUV: what happens to every pixel outside the hole."""
    source = encode(tmp_path / "a.mp4", moving_frames(3), options={"crf": "10"})
    clip = probe(source)
    write_video(tmp_path / "b.mp4", read_frames(clip), clip, quality=0)
    with av.open(str(source)) as one, av.open(str(tmp_path / "b.mp4")) as two:
        for first, second in zip(one.decode(video=0), two.decode(video=0), strict=True):
            luma = np.frombuffer(first.planes[0], np.uint8).astype(int) - np.frombuffer(second.planes[0], np.uint8)
            assert np.abs(luma).mean() < 0.1


EVERY_FILE = [
    (f"a.{container}", name) for name, codec in CODECS.items() for container in codec.containers if container != "png"
]


@pytest.mark.parametrize(("name", "codec"), EVERY_FILE)
def test_pixel_shape_is_kept_or_its_loss_is_said(tmp_path, name, codec):
    frames = moving_frames(2, 80, 80)
    clip = clip_of(frames, sample_aspect_ratio=Fraction(128, 117))
    write_video(tmp_path / name, frames, clip, codec=codec)
    said = [
        line for line in foresee_losses(clip, choose_output(name, codec)) if "pixels are 128:117, not square" in line
    ]
    assert (probe(tmp_path / name).sample_aspect_ratio == Fraction(128, 117)) == (not said)


def test_images_do_not_keep_the_pixel_shape():
    clip = clip_of(moving_frames(1), sample_aspect_ratio=Fraction(4, 3))
    (line,) = foresee_losses(clip, choose_output("folder"))
    assert "its pixels are 4:3, not square, which a folder of images does not say" in line


# time


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(50), Fraction(15, 2)])
@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "h264"), ("a.mkv", "ffv1")])
def test_rational_rates_and_short_clips_are_exact(tmp_path, rate, count, name, codec):
    frames = moving_frames(count, 16, 16)
    write_video(tmp_path / name, frames, clip_of(frames, rate), codec=codec)
    clip = probe(tmp_path / name)
    assert (clip.rate, clip.frame_count, clip.pts) == (rate, count, None)


@pytest.mark.parametrize("name", ["b.mp4", "b.mkv", "b.mov"])
def test_time_stamps_of_a_variable_rate_are_written_as_they_were(tmp_path, name):
    stamps = [0, 100, 250, 300, 800, 1000]
    source = encode(tmp_path / "a.mp4", moving_frames(6), pts=stamps, time_base=Fraction(1, 1000))
    clip = probe(source)
    write_video(tmp_path / name, read_frames(clip), clip)
    copy = probe(tmp_path / name)
    assert [copy.time_of(t) * 1000 for t in range(6)] == stamps
    write_video(tmp_path / name, read_frames(clip, 2, 5), clip, start=2, stop=5)
    part = probe(tmp_path / name)
    assert [part.time_of(t) * 1000 for t in range(3)] == [0, 50, 550]


def test_a_rotated_source_is_written_upright(tmp_path):
    source = encode(tmp_path / "a.mp4", moving_frames(2), turned={"degrees": 90})
    clip = probe(source)
    write_video(tmp_path / "b.mkv", read_frames(clip), clip, codec="ffv1")
    copy = probe(tmp_path / "b.mkv")
    assert (copy.height, copy.width, copy.rotation) == (64, 48, 0)
    assert np.array_equal(list(read_frames(copy)), list(read_frames(clip)))


# sound


def audio_packets(path: Path, stream: int = 0) -> list[tuple[Fraction, bytes]]:
    """(seconds since the picture begins, data) of a sound stream."""
    with av.open(str(path)) as container:
        first = min(p.pts * p.time_base for p in container.demux(video=0) if p.size)
    with av.open(str(path)) as container:
        return [(p.pts * p.time_base - first, bytes(p)) for p in container.demux(audio=stream) if p.size]


@pytest.fixture(scope="module")
def talkie(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("talkie")
    return add_audio(encode(folder / "a.mp4", moving_frames(50)), folder / "b.mp4", seconds=2, streams=2)


@pytest.mark.parametrize("name", ["c.mp4", "c.mkv", "c.mov"])
def test_all_audio_streams_are_copied_whole_and_in_time(tmp_path, talkie, name):
    clip = probe(talkie)
    write_video(tmp_path / name, read_frames(clip), clip, tracks_from=talkie)
    with av.open(str(tmp_path / name)) as container:
        if name != "c.mov":  # QuickTime has its own list of languages
            assert [stream.language for stream in container.streams.audio] == ["eng", "deu"]
        assert [stream.codec_context.name for stream in container.streams.audio] == ["aac", "aac"]
    for stream in (0, 1):
        before, after = audio_packets(talkie, stream), audio_packets(tmp_path / name, stream)
        assert [data for _, data in after] == [data for _, data in before]
        # Matroska may not go below zero: sound and picture move together
        assert max(abs(a - b) for (a, _), (b, _) in zip(before, after, strict=True)) <= Fraction(1, 1000)


def test_audio_is_trimmed_to_the_frames_and_stays_in_time(tmp_path, talkie):
    clip = probe(talkie)
    write_video(tmp_path / "c.mkv", read_frames(clip, 20, 40), clip, tracks_from=talkie, start=20, stop=40)
    before, after = {data: t for t, data in audio_packets(talkie)}, audio_packets(tmp_path / "c.mkv")
    frame = Fraction(1024, 48000)
    assert abs(len(after) * frame - Fraction(20, 25)) <= 2 * frame
    for seconds, data in after:
        assert abs(before[data] - Fraction(20, 25) - seconds) <= Fraction(2, 1000)
    assert after[0][0] > -frame
    assert after[-1][0] < Fraction(20, 25)


def test_audio_that_begins_before_the_picture_keeps_its_lead(tmp_path):
    late = remux(encode(tmp_path / "a.mkv", moving_frames(10), codec="mjpeg", pixel_format="yuvj420p"),
                 tmp_path / "b.mkv", shift=400)  # fmt: skip
    source = add_audio(late, tmp_path / "c.mkv", codec="libmp3lame")
    clip = probe(source)
    for name in ("d.mkv", "d.mp4"):
        write_video(tmp_path / name, read_frames(clip), clip, tracks_from=source)
        copy = probe(tmp_path / name)
        assert abs(copy.start_time - clip.start_time) <= Fraction(30, 1000)  # MP3 in MP4 starts at its priming
        before, after = audio_packets(source), audio_packets(tmp_path / name)
        assert len(before) == len(after)
        assert abs(before[5][0] - after[5][0]) <= Fraction(2, 1000)


def test_audio_of_a_longer_file_goes_to_a_folder_clip(tmp_path, talkie):
    frames = moving_frames(10)
    write_video(tmp_path / "a.mp4", frames, clip_of(frames), tracks_from=talkie)
    assert probe(tmp_path / "a.mp4").has_audio


def test_a_lead_that_fits_no_clock_is_kept_within_a_millisecond_and_the_rate_exactly(tmp_path, talkie):
    frames = moving_frames(10)
    clip = clip_of(frames, Fraction(24000, 1001), start_time=Fraction(123457, 1000000))
    write_video(tmp_path / "a.mp4", frames, clip, tracks_from=talkie)
    copy = probe(tmp_path / "a.mp4")
    assert abs(copy.start_time - clip.start_time) <= Fraction(1, 1000)
    assert (copy.rate, copy.pts) == (clip.rate, None)


def test_audio_may_come_from_a_file_without_pictures(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(256)) * 20)
    frames = moving_frames(5)
    write_video(tmp_path / "a.mkv", frames, clip_of(frames), tracks_from=tmp_path / "a.wav")
    assert b"".join(data for _, data in audio_packets(tmp_path / "a.mkv")) == bytes(range(256)) * 20


def test_a_file_that_holds_no_media_gives_no_audio(tmp_path):
    (tmp_path / "a.txt").write_text("dear diary")
    frames = moving_frames(2)
    for name, message in (("a.txt", "the audio cannot be read"), ("no.wav", "no such file")):
        with pytest.raises(InputError, match=message):
            write_video(tmp_path / "a.mkv", frames, clip_of(frames), tracks_from=tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_source_without_audio_gives_none(tmp_path):
    source = encode(tmp_path / "a.mp4", moving_frames(3))
    clip = probe(source)
    write_video(tmp_path / "b.mp4", read_frames(clip), clip, tracks_from=source)
    assert not probe(tmp_path / "b.mp4").has_audio


# nothing half-written


def test_an_error_while_frames_come_leaves_nothing_and_the_old_file_alone(tmp_path):
    frames = moving_frames(5)
    target = tmp_path / "a.mp4"
    target.write_bytes(b"the old one")

    def broken():
        yield from frames[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(target, broken(), clip_of(frames))
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert target.read_bytes() == b"the old one"
    write_video(target, frames, clip_of(frames))
    assert probe(target).frame_count == 5


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (moving_frames(4), "expected 5 frames to write, got 4"),
        (moving_frames(6), "expected 5 frames to write, got more"),
        (moving_frames(5, 48, 62), r"frame 0 must be \(48, 64, 3\) uint8; got \(48, 62, 3\) uint8"),
        ([frame.astype(np.float32) for frame in moving_frames(5)], "got .* float32"),
    ],
)
def test_frames_of_another_number_or_size_are_refused(tmp_path, frames, message):
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "a.mp4", frames, clip_of(moving_frames(5)))
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written_to_are_refused(tmp_path):
    frames = moving_frames(2)
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").touch()
    for path, message in [
        (tmp_path / "no" / "a.mp4", "cannot be written"),
        (tmp_path / "file" / "a.mp4", "cannot be written"),
        (tmp_path / "folder.mp4", "a folder has this name"),
        (tmp_path / "name", "codec"),
    ]:
        with pytest.raises(InputError, match=message):
            write_video(path, frames, clip_of(frames), codec="h264")
    with pytest.raises(InputError, match="a folder of images is no video file"):
        write_video(tmp_path / "name", frames, clip_of(frames))
    with pytest.raises(InputError, match="quality 52; expected a constant rate factor"):
        write_video(tmp_path / "a.mp4", frames, clip_of(frames), quality=52)


def test_a_full_disk_is_an_os_error_and_leaves_nothing(tmp_path):
    """A limit on file size stands in for the full disk."""
    frames = list(np.random.default_rng(1).integers(0, 256, (20, 64, 64, 3), np.uint8))
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
    try:
        for name, codec in (("a.mkv", "ffv1"), ("a.mp4", "h264-lossless")):
            with pytest.raises(OSError, match=r"[Ff]ile too large|too big"):
                write_video(tmp_path / name, frames, clip_of(frames), codec=codec)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert not list(tmp_path.iterdir())


# folders


def test_images_are_numbered_and_give_back_every_bit(tmp_path):
    frames = moving_frames(3)
    assert write_images(tmp_path / "deep" / "folder", frames, start_number=7) == 3
    assert sorted(p.name for p in (tmp_path / "deep" / "folder").iterdir()) == ["00007.png", "00008.png", "00009.png"]
    assert np.array_equal(list(read_frames(tmp_path / "deep" / "folder")), frames)


def test_holes_become_black_and_white_images(tmp_path):
    hole = np.zeros((8, 9), bool)
    hole[2:4, 3:7] = True
    write_images(tmp_path, [hole])
    assert np.array_equal(cv2.imread(str(tmp_path / "00000.png"), cv2.IMREAD_UNCHANGED), hole * 255)


def test_jpegs_are_smaller_and_close(tmp_path):
    frames = moving_frames(1)
    write_images(tmp_path, frames, format="jpg")
    assert np.abs(next(read_frames(tmp_path)).astype(int) - frames[0]).mean() < 4


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="the folder cannot be made"):
        write_images(tmp_path / "file" / "frames", moving_frames(1))
    if os.geteuid():
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(InputError, match="may not be written to"):
            write_images(tmp_path / "locked", moving_frames(1))


def test_untagged_parts_of_rgb_video_become_bt709_and_known_ones_stay():
    frames = moving_frames(1)
    tagged = replace(clip_of(frames), colour=ColourTags(9, 16, RGB_MATRIX, full_range=True))
    assert choose_encoder("h264", tagged, 18).colour == ColourTags(9, 16, 1, full_range=False)
    assert choose_encoder("ffv1", tagged, 18).colour == ColourTags(9, 16, RGB_MATRIX, full_range=True)
