"""Streams that players show and strict readers stumble over: open groups, hidden frames, equal times, fields."""

import io
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.reading import probe, read_frames
from storage.media.writing import write_video
from tests.storage.media_files import decoded_frame_count, encode, moving_frames, write_png


def cut_before(source, target, first):
    """Copy the packets from number `first` on."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        for packet in [packet for packet in reader.demux(stream) if packet.size][first:]:
            packet.stream = copy
            writer.mux(packet)
    return target


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("mkv", "libx264", {"x264-params": "open-gop=1:keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0"}),
        ("ts", "mpeg2video", {"g": "12", "bf": "2"}),
    ],
)
def test_frames_before_an_open_cut_are_left_out_as_players_do(tmp_path, name, codec, options):
    source = encode(tmp_path / f"a.{name}", moving_frames(36), codec=codec, options=options)
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    key = next(i for i, packet in enumerate(packets) if i and packet.is_keyframe)
    assert packets[key + 1].pts < packets[key].pts
    cut = cut_before(source, tmp_path / f"b.{name}", key)
    clip = probe(cut)
    assert clip.frame_count == clip.frames_found == decoded_frame_count(cut)
    assert clip.frame_count < len(packets) - key
    frames = list(read_frames(clip))
    whole = list(read_frames(source))
    assert np.array_equal(frames, whole[-len(frames) :])
    assert np.array_equal(list(read_frames(clip, 2, 4)), frames[2:4])


@pytest.mark.parametrize(("codec", "shown_bit"), [("libvpx", 0x10), ("libvpx-vp9", 0x02)])
def test_hidden_frames_are_not_counted(tmp_path, codec, shown_bit):
    """An encoder hides frames in its second pass only; here the bit that shows a frame is cleared by hand."""
    options = {"auto-alt-ref": "0", "lag-in-frames": "0", "b": "300k", "error-resilient": "1"}
    source = encode(tmp_path / "a.webm", moving_frames(12), codec=codec, options=options)
    with av.open(str(source)) as reader, av.open(str(tmp_path / "b.webm"), "w") as writer:
        copy = writer.add_stream_from_template(reader.streams.video[0])
        for number, packet in enumerate(packet for packet in reader.demux(video=0) if packet.size):
            data = bytearray(bytes(packet))
            if number == 5:
                data[0] &= ~shown_bit
            new = av.Packet(bytes(data))
            new.pts = new.dts = packet.pts + (40 if number == 5 else 0)  # with the next one, as encoders do
            new.time_base, new.stream, new.is_keyframe = packet.time_base, copy, packet.is_keyframe
            writer.mux(new)
    clip = probe(tmp_path / "b.webm")
    assert (clip.frame_count, clip.warnings) == (decoded_frame_count(tmp_path / "b.webm"), ()) == (11, ())
    assert sum(1 for _ in read_frames(clip)) == 11


def test_equal_time_stamps_are_a_tick_apart_and_warn(tmp_path):
    source = encode(tmp_path / "a.mkv", moving_frames(6), codec="mjpeg", pixel_format="yuvj420p")
    with av.open(str(source)) as reader, av.open(str(tmp_path / "b.mkv"), "w") as writer:
        copy = writer.add_stream_from_template(reader.streams.video[0])
        for packet in reader.demux(video=0):
            if packet.size:
                packet.pts = packet.dts = 80 if packet.pts == 120 else packet.pts
                packet.stream = copy
                writer.mux(packet)
    clip = probe(tmp_path / "b.mkv")
    assert clip.frame_count == sum(1 for _ in read_frames(clip)) == 6
    assert [clip.time_of(t) for t in range(5)] == [Fraction(ms, 1000) for ms in (0, 40, 80, 81, 160)]
    assert clip.warnings == ("b.mkv: frames 2 and 3 have the same time stamp: the second is shown a tick later",)
    assert Clip.from_json(clip.to_json()) == clip


def test_a_gif_that_breaks_off_is_not_a_shorter_one(tmp_path):
    buffer = io.BytesIO()
    first, *rest = map(Image.fromarray, moving_frames(4))
    first.save(buffer, "GIF", save_all=True, append_images=rest)
    whole = buffer.getvalue()
    (tmp_path / "a.gif").write_bytes(whole)
    assert probe(tmp_path / "a.gif").frame_count == 4
    for share, found in ((0.2, 0), (0.4, 1), (0.7, 2), (0.95, 3)):
        (tmp_path / "a.gif").write_bytes(whole[: int(share * len(whole))])
        if not found:
            with pytest.raises(InputError, match="truncated: breaks off in its first frame"):
                probe(tmp_path / "a.gif")
            continue
        clip = probe(tmp_path / "a.gif")
        assert (clip.frames_found, clip.frame_count) == (found, found + 1)
        with pytest.raises(InputError, match=f"keep what is there with --set decode.stop={found}"):
            list(read_frames(clip))
        assert len(list(read_frames(clip, 0, found))) == found


@pytest.mark.parametrize(("field", "order"), [("tff", 2), ("bff", 3)])
def test_interlaced_video_warns_keeps_its_flag_and_can_be_made_whole(tmp_path, field, order):
    moving = moving_frames(12)
    woven = []
    for t in range(6):
        frame = moving[2 * t].copy()
        frame[1::2] = moving[2 * t + 1][1::2]
        woven.append(frame)
    source = encode(tmp_path / "a.mp4", woven, options={"x264-params": f"{field}=1", "crf": "4"})
    clip = probe(source)
    assert (clip.field_order, clip.is_interlaced) == (order, True)
    assert "is interlaced" in clip.warnings[0]
    assert "decode.deinterlace=true" in clip.warnings[0]
    for name, codec in (("b.mp4", "h264"), ("c.mkv", "h264-lossless")):
        write_video(tmp_path / name, read_frames(clip), clip, codec=codec)
        assert probe(tmp_path / name).field_order == order
    made_whole = replace(clip, is_deinterlaced=True)
    frames = np.array(list(read_frames(made_whole))).astype(int)
    assert len(frames) == 6
    combing = np.abs(np.diff(frames, axis=1)).mean()
    assert combing < 0.7 * np.abs(np.diff(np.array(woven).astype(int), axis=1)).mean()
    write_video(tmp_path / "d.mp4", read_frames(made_whole), made_whole)
    assert not probe(tmp_path / "d.mp4").is_interlaced


def test_frames_named_by_seconds_are_sorted_as_numbers(tmp_path):
    frames = moving_frames(5)
    for name, frame in zip(("0", "0.042", "0.5", "1.25", "10.1"), frames, strict=True):
        write_png(tmp_path / "plain" / f"{name}.png", frame)
        write_png(tmp_path / "named" / f"frame_{name}s.png", frame)
    assert np.array_equal(list(read_frames(tmp_path / "plain")), frames)
    assert np.array_equal(list(read_frames(tmp_path / "named")), frames)
    for name, frame in zip(("shot1.2", "shot1.10", "shot2.1"), frames, strict=False):  # a shot and a frame, no time
        write_png(tmp_path / "shots" / f"{name}.png", frame)
    assert np.array_equal(list(read_frames(tmp_path / "shots")), frames[:3])
