"""Reading frames: colours, sizes, ranges, damage, and everything that is refused."""

import contextlib
import os
import socket
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import InputError
from storage.media.clip import MAX_SIDE
from storage.media.reading import content_digest, probe, read_frames
from tests.storage.media_files import add_audio, encode, moving_frames, write_png

COLOURS = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 160, 200], [128, 128, 128]])
WEIGHTS = {  # H.273 matrix -> (Kr, Kb)
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


def yuv_of(rgb: np.ndarray, matrix: int, full_range: bool, bits: int) -> np.ndarray:
    """(3, ...) YUV code values of (..., 3) RGB by H.273's formulas: the tests' oracle."""
    kr, kb = WEIGHTS[matrix]
    r, g, b = np.moveaxis(rgb / 255, -1, 0)
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    scale = 2 ** (bits - 8)
    if full_range:
        top = 2**bits - 1
        values = np.stack([top * y, top * u + 128 * scale, top * v + 128 * scale])
    else:
        values = np.stack([219 * y + 16, 224 * u + 128, 224 * v + 128]) * scale
    return np.round(np.clip(values, 0, 2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def patches(height: int = 16, width: int = 32) -> np.ndarray:
    """One flat frame a colour: (7, H, W, 3)."""
    return np.broadcast_to(COLOURS[:, None, None], (len(COLOURS), height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", sorted(WEIGHTS))
def test_tagged_matrix_and_range_decide_the_colours(tmp_path, matrix, full_range, bits):
    pixel_format = "yuv444p" if bits == 8 else "yuv444p10le"
    planes = [yuv_of(frame, matrix, full_range, bits) for frame in patches()]
    tags = {"colorspace": matrix, "color_range": 2 if full_range else 1, "color_primaries": 1, "color_trc": 1}
    path = encode(tmp_path / "a.mkv", planes, codec="ffv1", pixel_format=pixel_format, source_format=pixel_format,
                  tags=tags)  # fmt: skip
    clip = probe(path)
    assert (clip.colour.matrix, clip.colour.full_range) == (matrix, full_range)
    for frame, colour in zip(read_frames(clip), COLOURS, strict=True):
        assert np.abs(frame.astype(int) - colour).max() <= 1, (colour, frame[0, 0])


@pytest.mark.parametrize(("height", "width", "matrix"), [(16, 32, 6), (16, 1280, 1)])
def test_untagged_colours_are_bt601_below_hd_and_bt709_from_there(tmp_path, height, width, matrix):
    planes = [yuv_of(frame, matrix, False, 8) for frame in patches(height, width)]
    path = encode(tmp_path / "a.mkv", planes, codec="ffv1", pixel_format="yuv444p", source_format="yuv444p")
    for frame, colour in zip(read_frames(path), COLOURS, strict=True):
        assert np.abs(frame.astype(int) - colour).max() <= 1


def test_decoding_has_no_bias(tmp_path):
    """swscale's default darkens all by one level; grey ramps show it."""
    ramp = np.broadcast_to(np.arange(16, 236, dtype=np.uint8)[None], (16, 220))
    planes = np.stack([ramp, np.full_like(ramp, 128), np.full_like(ramp, 128)])
    path = encode(tmp_path / "a.mkv", [planes], codec="ffv1", pixel_format="yuv444p", source_format="yuv444p")
    expected = np.round((ramp.astype(float) - 16) * 255 / 219)
    error = next(read_frames(path)).astype(float) - expected[..., None]
    assert np.abs(error).max() <= 1
    assert abs(error.mean()) < 0.1


def test_unknown_matrix_is_refused(tmp_path):
    path = encode(tmp_path / "a.mkv", moving_frames(2), codec="ffv1", pixel_format="yuv444p", tags={"colorspace": 8})
    with pytest.raises(InputError, match=r"colour matrix 8 of H.273"):
        next(read_frames(path))


@pytest.mark.parametrize(("height", "width"), [(33, 21), (1, 1), (2, 37), (48, 63)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "bgr0"])
def test_any_size_is_read_as_it_is(tmp_path, height, width, pixel_format):
    frames = moving_frames(3, height, width)
    path = encode(tmp_path / "a.mkv", frames, codec="ffv1", pixel_format=pixel_format)
    read = list(read_frames(path))
    assert {frame.shape for frame in read} == {(height, width, 3)}
    if pixel_format == "bgr0":
        assert np.array_equal(read, frames)


@pytest.mark.parametrize("options", [{"x264-params": "keyint=8:bframes=3"}, {"x264-params": "open-gop=1:keyint=8"}])
@pytest.mark.parametrize("threads", [0, 1, 3])
def test_a_range_of_frames_equals_that_part_of_the_whole(tmp_path, options, threads):
    path = encode(tmp_path / "a.mp4", moving_frames(30), options=options)
    whole = list(read_frames(path))
    assert np.array_equal(list(read_frames(path, 11, 23, threads=threads)), whole[11:23])
    assert np.array_equal(list(read_frames(path, 29, threads=threads)), whole[29:])


@pytest.mark.parametrize(("start", "stop"), [(0, 6), (5, None), (-1, 3), (3, 3), (4, 2)])
def test_a_range_outside_the_clip_is_refused(tmp_path, start, stop):
    path = encode(tmp_path / "a.mp4", moving_frames(5))
    with pytest.raises(InputError, match=r"frames 0 to 5 \(not included\); choose decode.start"):
        next(read_frames(path, start, stop))


def test_frames_are_read_one_by_one(tmp_path):
    """Nothing is decoded far ahead: the second half of the file may be missing when the first frame comes."""
    path = encode(tmp_path / "a.mkv", moving_frames(40), codec="ffv1", pixel_format="bgr0", options={"slicecrc": "1"})
    clip = probe(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    frames = read_frames(clip, threads=1)
    for _ in range(15):
        assert next(frames).shape == (48, 64, 3)


@pytest.mark.parametrize(("name", "codec", "options"), [
    ("a.mkv", "ffv1", {"slicecrc": "1", "level": "3"}),
    ("a.mp4", "libx264", {"x264-params": "keyint=8:bframes=2", "crf": "5"}),
    ("a.avi", "mpeg4", {"b": "2000000"}),
])  # fmt: skip
def test_damage_in_the_middle_is_an_error_that_says_how_many_frames_are_good(tmp_path, name, codec, options):
    path = encode(tmp_path / name, moving_frames(24), codec=codec, options=options,
                  container_options={"movflags": "faststart"} if name == "a.mp4" else {})  # fmt: skip
    good = list(read_frames(path))
    data = bytearray(path.read_bytes())
    middle = len(data) * 6 // 10
    for i in range(middle, middle + len(data) // 12, 5):
        data[i] ^= 0x5A
    path.write_bytes(data)
    stop = None
    for _ in range(2):  # the first time lost packets may speak, the second time damaged ones
        with pytest.raises(InputError, match=r"of \d+ frames .*--set decode.stop=\d+") as caught:
            list(read_frames(path, stop=stop))
        stop = int(str(caught.value).rsplit("=", 1)[1])
        if number_read(path, stop) == stop:
            break
    assert 1 <= stop < 24
    assert np.array_equal(list(read_frames(path, stop=stop)), good[:stop])


def number_read(path, stop):
    """Frames that come before an error."""
    number = 0
    with contextlib.suppress(InputError):
        for _ in read_frames(path, stop=stop):
            number += 1
    return number


def test_alpha_and_sixteen_bits_do_not_disturb_rgb(tmp_path):
    rgba = [np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)]) for frame in moving_frames(3)]
    path = encode(tmp_path / "a.mov", rgba, codec="png", pixel_format="rgba")
    clip = probe(path)
    assert clip.has_alpha
    assert np.array_equal(list(read_frames(clip)), [frame[..., :3] for frame in rgba])


def test_a_change_of_size_inside_the_video_is_refused(tmp_path):
    """Two JPEG streams end to end."""
    one = encode(tmp_path / "one.mjpeg", moving_frames(3), codec="mjpeg", pixel_format="yuvj420p")
    two = encode(tmp_path / "two.mjpeg", moving_frames(3, 32, 32), codec="mjpeg", pixel_format="yuvj420p")
    path = tmp_path / "both.mjpeg"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    with pytest.raises(InputError, match="frame 3 is 32x32, the first one 64x48"):
        list(read_frames(path))


# what is refused at the door


def test_missing_files_urls_and_impossible_names_are_refused(tmp_path):
    for text, message in [
        (str(tmp_path / "no.mp4"), "no such file or folder"),
        ("http://example.org/a.mp4", "got a URL; download it first"),
        ("concat:a.ts|b.ts", "no such file or folder"),
        ("pipe:0", "no such file or folder"),
        ("a\0b.mp4", "cannot be opened"),
        ("x" * 5000, "cannot be opened"),
    ]:
        with pytest.raises(InputError, match=message) as caught:
            probe(text)
        assert "\n" not in str(caught.value)


def test_devices_pipes_sockets_and_loops_of_links_are_refused_without_hanging(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the name of a socket is short
        listener.bind("socket.mp4")
        for name in ("/dev/zero", tmp_path / "pipe.mp4", tmp_path / "socket.mp4"):
            with pytest.raises(InputError, match="got a device, pipe or socket"):
                probe(name)
    with pytest.raises(InputError, match="cannot be opened"):
        probe(tmp_path / "loop.mp4")


def test_a_file_named_like_a_protocol_is_only_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    encode(tmp_path / "a.ts", moving_frames(3)).rename("concat:a.ts")
    assert probe("concat:a.ts").frame_count == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\na.ts\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "ffconcat version 1.0\nfile a.ts\n"),
        ("list.mpd", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'),
        ("a.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"),
        ("notes.txt", "dear diary"),
    ],
)
def test_playlists_and_texts_are_not_videos(tmp_path, name, text):
    encode(tmp_path / "a.ts", moving_frames(3))
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="not a video file that can be read"):
        probe(tmp_path / name)


def test_empty_file_and_audio_alone_are_refused(tmp_path):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(InputError, match="the file is empty"):
        probe(tmp_path / "empty.mp4")
    with av.open(str(tmp_path / "sound.mka"), "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
    with pytest.raises(InputError, match=r"no video stream \(found: audio\)"):
        probe(tmp_path / "sound.mka")


def test_a_video_without_a_frame_is_refused(tmp_path):
    options = {"movflags": "frag_keyframe+empty_moov"}
    path = encode(tmp_path / "a.mp4", moving_frames(4), container_options=options)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moof") - 4])
    with pytest.raises(InputError, match="no frame in the video stream"):
        probe(path)


@pytest.mark.parametrize(("height", "width"), [(60000, 60000), (MAX_SIDE + 1, 16), (16, MAX_SIDE + 1)])
def test_absurd_sizes_in_headers_are_refused_before_memory_is_asked_for(tmp_path, height, width):
    path = encode(tmp_path / "a.avi", moving_frames(3), codec="ffv1", pixel_format="bgr0")
    data = bytearray(path.read_bytes())
    at = data.index(b"strf") + 8  # BITMAPINFOHEADER: size, width, height
    assert struct.unpack_from("<III", data, at)[1:] == (64, 48)
    struct.pack_into("<II", data, at + 4, width, height)
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"the header (says {width}x{height} pixels|gives no size, or an absurd one)"):
        probe(path)


# arbitrary bytes


@pytest.fixture(scope="module")
def sample_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    made = [
        encode(folder / "a.mp4", moving_frames(5), container_options={"movflags": "faststart"}),
        encode(folder / "a.mkv", moving_frames(5), codec="ffv1", pixel_format="bgr0"),
        encode(folder / "a.avi", moving_frames(5), codec="mpeg4"),
        encode(folder / "a.gif", moving_frames(3), codec="gif", pixel_format="rgb8"),
        encode(folder / "a.ts", moving_frames(5), codec="mpeg2video"),
        encode(folder / "a.webm", moving_frames(5), codec="libvpx-vp9"),
    ]
    made.append(add_audio(made[0], folder / "sound.mp4", seconds=0.2))
    made.append(write_png(folder / "a.png", moving_frames(1)[0]))
    made.append(write_png(folder / "a.jpg", moving_frames(1)[0]))
    return [path.read_bytes() for path in made]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_reading_arbitrary_bytes_raises_nothing_but_input_errors(tmp_path, sample_files, data):
    content = bytearray(data.draw(st.one_of(st.sampled_from(sample_files), st.binary(max_size=400))))
    for _ in range(data.draw(st.integers(0, 8))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    folder = tmp_path / "frames"
    folder.mkdir(exist_ok=True)
    for path in (tmp_path / "any.mp4", folder / "any.png"):
        path.write_bytes(content)
    for path in (tmp_path / "any.mp4", folder):
        try:
            clip = probe(path)
            for frame in read_frames(clip):
                assert frame.shape == (clip.height, clip.width, 3)
        except InputError as error:
            message = str(error)
        else:
            message = str(path)
        assert str(path) in message
        assert "\n" not in message


# digest


def test_digest_is_of_the_content_not_of_names_or_times(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    frames = moving_frames(3)
    for i, frame in enumerate(frames):
        write_png(one / f"{i:05d}.png", frame)
        write_png(two / f"frame{i + 8}.png", frame)  # 8, 9, 10: in order only if numbers count by value
        os.utime(two / f"frame{i + 8}.png", (1, 1))
    (two / "notes.txt").write_text("not a frame")
    assert content_digest(one) == content_digest(two)
    write_png(two / "frame9.png", frames[0])
    assert content_digest(one) != content_digest(two)
    assert len(content_digest(one / "00000.png")) == 64


def test_digest_of_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        content_digest(tmp_path / "no.mp4")


def test_full_range_tag_is_seen_in_motion_jpeg(tmp_path):
    path = encode(tmp_path / "a.avi", moving_frames(2), codec="mjpeg", pixel_format="yuvj420p", rate=Fraction(10))
    assert probe(path).colour.full_range is True
    assert int(ColorRange.JPEG) == 2
