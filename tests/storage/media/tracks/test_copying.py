"""Tracks beside the picture: copied where they fit, encoded anew where not, left out where nobody reads them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from storage.media.codecs import choose_output
from storage.media.reading import probe, read_frames
from storage.media.tracks.copying import Tracks
from storage.media.tracks.plan import TrackPlan, plan_tracks
from storage.media.writing import write_video
from tests.storage.media_files import add_audio, encode, moving_frames


@pytest.fixture(scope="module")
def adpcm(tmp_path_factory) -> Path:
    """AVI with ADPCM, which PyAV's muxers for MP4, MOV and Matroska refuse."""
    folder = tmp_path_factory.mktemp("adpcm")
    picture = encode(folder / "a.avi", moving_frames(10), codec="mpeg4")
    return add_audio(picture, folder / "b.avi", codec="adpcm_ms", seconds=0.4)


@pytest.fixture(scope="module")
def unknown(tmp_path_factory) -> Path:
    """An AAC track whose four-letter code means no codec that anybody knows."""
    folder = tmp_path_factory.mktemp("unknown")
    file = add_audio(encode(folder / "a.mov", moving_frames(10)), folder / "b.mov", seconds=0.4)
    file.write_bytes(file.read_bytes().replace(b"mp4a", b"zzzq").replace(b"esds", b"free"))
    return file


def samples(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "stereo", 48000)
        frames = [each for frame in container.decode(audio=0) for each in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize(
    ("name", "codec", "expected"),
    [
        ("a.mp4", None, "aac"),
        ("a.mov", None, "aac"),
        ("a.mp4", "h264-lossless", "flac"),
        ("a.mov", "h264-lossless", "alac"),
    ],
)
def test_audio_that_does_not_go_in_is_encoded_anew_with_a_warning(tmp_path, adpcm, name, codec, expected):
    plan = plan_tracks(adpcm, choose_output(name, codec))
    (warning,) = plan.warnings
    assert f"audio track 1 (adpcm_ms) does not go into {Path(name).suffix} files" in warning
    assert f"encoded as {expected.upper()}" in warning
    assert "encode.audio=false" in warning
    clip = probe(adpcm)
    write_video(tmp_path / name, read_frames(clip), clip, codec=codec, tracks_from=adpcm)
    with av.open(str(tmp_path / name)) as container:
        assert container.streams.audio[0].codec_context.name == expected
    before, after = samples(adpcm), samples(tmp_path / name)
    if expected != "aac":
        assert np.array_equal(before, after)
    else:
        assert abs(len(after) - len(before)) <= 2 * 2048
        assert np.corrcoef(before[4000:20000], after[4000:20000])[0, 1] > 0.95


@pytest.mark.parametrize("codec", [None, "ffv1"])
def test_matroska_takes_audio_that_its_muxer_is_not_asked_for(tmp_path, adpcm, codec):
    assert plan_tracks(adpcm, choose_output("a.mkv", codec)).warnings == ()
    clip = probe(adpcm)
    for name in ("a'b|[c] \\.mkv", "again.mkv"):
        write_video(tmp_path / name, read_frames(clip), clip, codec=codec, tracks_from=adpcm)
    target = tmp_path / name
    with av.open(str(target)) as container:
        assert container.streams.audio[0].codec_context.name == "adpcm_ms"
    assert np.array_equal(samples(adpcm), samples(target))
    assert target.read_bytes() == (tmp_path / "a'b|[c] \\.mkv").read_bytes()
    frames = list(read_frames(clip))
    error = max(np.abs(a.astype(int) - b).mean() for a, b in zip(read_frames(probe(target)), frames, strict=True))
    assert error <= (0 if codec else 3)


def test_a_source_with_chapters_keeps_them_and_gets_flac(tmp_path, adpcm):
    source = tmp_path / "chapters.wmv"
    with av.open(str(adpcm)) as reader, av.open(str(source), "w") as writer:
        writer.set_chapters([{"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {}}])
        copies = [writer.add_stream_from_template(stream) for stream in reader.streams]
        for packet in reader.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                writer.mux(packet)
    plan = plan_tracks(source, choose_output("a.mkv"))
    assert [track.encoder for track in plan.tracks] == ["flac"]
    with av.open(str(tmp_path / "a.mkv"), "w") as copy, Tracks(source, plan, begin=None, end=None, shift=0) as tracks:
        copy.add_stream("mpeg4", rate=25, width=64, height=48)
        tracks.add_to(copy)
        assert len(copy.chapters()) == 1


def test_audio_that_is_encoded_anew_is_trimmed_and_stays_in_time(tmp_path, adpcm):
    clip = probe(adpcm)
    lossless = {"codec": "h264-lossless", "tracks_from": adpcm}
    write_video(tmp_path / "a.mp4", read_frames(clip, 5, 8), clip, start=5, stop=8, **lossless)
    with av.open(str(tmp_path / "a.mp4")) as container:
        times = [frame.time for frame in container.decode(audio=0)]
    assert times[0] == pytest.approx(0, abs=0.05)
    assert times[-1] < 3 / 25
    kept, whole = samples(tmp_path / "a.mp4"), samples(adpcm)
    assert any(np.array_equal(kept, whole[at : at + len(kept)]) for at in range(0, len(whole) - len(kept) + 1, 2))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_what_nobody_decodes_is_left_out_with_a_warning(tmp_path, unknown, name):
    (warning,) = plan_tracks(unknown, choose_output(name)).warnings
    assert "audio track 1 (unknown" in warning
    assert "it cannot be decoded either: left out" in warning
    clip = probe(unknown)
    write_video(tmp_path / name, read_frames(clip), clip, tracks_from=unknown)
    copy = probe(tmp_path / name)
    assert (copy.frame_count, copy.has_audio) == (10, False)


def test_audio_that_is_not_wanted_is_no_matter_of_warnings(tmp_path, adpcm):
    for name in ("a.mp4", "folder"):
        assert plan_tracks(adpcm, choose_output(name), with_audio=False) == TrackPlan()
    assert "a folder of images holds no audio" in plan_tracks(adpcm, choose_output("folder")).warnings[0]
    clip = probe(adpcm)
    write_video(tmp_path / "a.mp4", read_frames(clip), clip, tracks_from=adpcm, with_audio=False)
    assert not probe(tmp_path / "a.mp4").has_audio


SECOND = "\n2\n00:00:01,200 --> 00:00:01,600\nWelt\n"


def with_extras(tmp_path) -> Path:
    """Matroska with a title, two chapters and subtitles in German."""
    picture = encode(tmp_path / "plain.mkv", moving_frames(50))
    (tmp_path / "s.srt").write_text(
        "1\n00:00:00,200 --> 00:00:00,600\nHallo\n\n2\n00:00:01,200 --> 00:00:01,600\nWelt\n"
    )
    target = tmp_path / "rich.mkv"
    with av.open(str(picture)) as video, av.open(str(tmp_path / "s.srt")) as text, av.open(str(target), "w") as output:
        output.metadata["title"] = "A walk"
        output.set_chapters(
            [
                {"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "first"}},
                {"id": 2, "start": 1000, "end": 2000, "time_base": Fraction(1, 1000), "metadata": {"title": "second"}},
            ]
        )
        copies = {id(source): output.add_stream_from_template(source.streams[0]) for source in (video, text)}
        copies[id(text)].metadata["language"] = "ger"
        for source in (video, text):
            for packet in source.demux():
                if packet.size:
                    packet.stream = copies[id(source)]
                    output.mux(packet)
    return target


def test_title_chapters_subtitles_and_languages_go_along(tmp_path):
    source = with_extras(tmp_path)
    clip = probe(source)
    assert plan_tracks(source, choose_output("a.mkv")).warnings == ()
    write_video(tmp_path / "a.mkv", read_frames(clip, 25, 50), clip, tracks_from=source, start=25)
    with av.open(str(tmp_path / "a.mkv")) as copy:
        assert copy.metadata["title"] == "A walk"
        assert [(c["start"], c["end"], c["metadata"]["title"]) for c in copy.chapters()] == [(0, 10**9, "second")]
        (subtitles,) = copy.streams.subtitles
        assert subtitles.language == "ger"
        assert [(float(p.pts * p.time_base), bytes(p)) for p in copy.demux(subtitles) if p.size] == [(0.2, b"Welt")]


def texts(path: Path) -> list[tuple[float, float, str]]:
    """When each subtitle of a file begins, how long it lasts, and what it says, in seconds."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.subtitles
        return [
            (float(packet.pts * packet.time_base), float(packet.duration * packet.time_base), shown.dialogue.decode())
            for packet in container.demux(stream)
            if packet.size
            for shown in packet.decode()
        ]


@pytest.mark.parametrize(("name", "encoder"), [("a.mp4", "mov_text"), ("a.mov", "mov_text")])
def test_subtitles_of_text_become_those_of_the_container_and_return(tmp_path, name, encoder):
    source = with_extras(tmp_path)
    (warning,) = plan_tracks(source, choose_output(name)).warnings
    suffix = Path(name).suffix
    assert f"subtitle track 1 (srt, ger) does not go into {suffix} files: converted to MOV_TEXT" in warning
    clip = probe(source)
    write_video(tmp_path / name, read_frames(clip), clip, tracks_from=source)
    with av.open(str(tmp_path / name)) as copy:
        assert copy.metadata["title"] == "A walk"
        assert [chapter["metadata"]["title"] for chapter in copy.chapters()] == ["first", "second"]
        assert copy.streams.subtitles[0].codec_context.name == encoder
        assert copy.streams.subtitles[0].language == "ger"
    assert texts(tmp_path / name) == [(0.2, 0.4, "Hallo"), (1.2, 0.4, "Welt")]
    assert plan_tracks(tmp_path / name, choose_output(name)).warnings == ()  # its chapters are a track as well
    back = tmp_path / "back.mkv"
    write_video(back, read_frames(clip), clip, tracks_from=tmp_path / name)
    assert texts(back) == [(0.2, 0.4, "Hallo"), (1.2, 0.4, "Welt")]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_subtitle_that_is_shown_over_the_ends_of_a_part_is_cut_to_it(tmp_path, name):
    source = with_extras(tmp_path)
    clip = probe(source)
    write_video(tmp_path / name, read_frames(clip, 10, 33), clip, tracks_from=source, start=10, stop=33)
    assert texts(tmp_path / name) == [(0, pytest.approx(0.2), "Hallo"), (0.8, pytest.approx(0.12), "Welt")]
    assert probe(tmp_path / name).start_time == 0


def with_timecode(tmp_path) -> Path:
    """QuickTime with a time code track, which the muxer makes of a tag."""
    with av.open(str(tmp_path / "t.mov"), "w") as output:
        stream = output.add_stream("libx264", rate=25, width=64, height=48)
        stream.pix_fmt = "yuv420p"
        stream.metadata["timecode"] = "01:00:00:00"
        for t, frame in enumerate(moving_frames(5)):
            picture = av.VideoFrame.from_ndarray(frame, "rgb24").reformat(format="yuv420p")
            picture.pts = t
            output.mux(stream.encode(picture))
        output.mux(stream.encode())
    return tmp_path / "t.mov"


@pytest.mark.parametrize("name", ["a.mov", "a.mp4", "a.mkv"])
def test_a_time_code_goes_along_with_the_picture(tmp_path, name):
    source = with_timecode(tmp_path)
    assert plan_tracks(source, choose_output(name)) == TrackPlan()
    clip = probe(source)
    write_video(tmp_path / name, read_frames(clip), clip, tracks_from=source)
    with av.open(str(tmp_path / name)) as copy:
        tags = {**copy.metadata, **copy.streams.video[0].metadata}
        assert {key.lower(): value for key, value in tags.items()}["timecode"] == "01:00:00:00"


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_fonts_go_into_matroska_only(tmp_path, name):
    source = tmp_path / "font.mkv"
    with av.open(str(source), "w") as output:
        stream = output.add_stream("libx264", rate=25, width=64, height=48)
        stream.pix_fmt = "yuv420p"
        output.add_attachment("a.ttf", "application/x-truetype-font", b"abc")
        picture = av.VideoFrame.from_ndarray(moving_frames(1)[0], "rgb24").reformat(format="yuv420p")
        output.mux([*stream.encode(picture), *stream.encode()])
    plan, clip = plan_tracks(source, choose_output(name)), probe(source)
    write_video(tmp_path / name, read_frames(clip), clip, tracks_from=source)
    with av.open(str(tmp_path / name)) as copy:
        kinds = [stream.type for stream in copy.streams]
    assert (kinds == ["video", "attachment"]) == (name == "a.mkv") == (not plan.warnings)


@pytest.mark.parametrize(
    ("source", "codec"), [("a.ts", "aac"), ("a.ts", "mp2"), ("a.avi", "libmp3lame"), ("a.mkv", "libopus")]
)
@pytest.mark.parametrize("target", ["b.mp4", "b.mov", "b.mkv"])
def test_audio_of_usual_files_arrives_in_every_container(tmp_path, source, codec, target):
    picture = encode(tmp_path / f"p{Path(source).suffix}", moving_frames(10), codec="mpeg4")
    made = add_audio(picture, tmp_path / source, codec=codec, seconds=0.4)
    clip = probe(made)
    write_video(tmp_path / target, read_frames(clip), clip, tracks_from=made)
    before, after = samples(made), samples(tmp_path / target)
    assert abs(len(after) - len(before)) <= 2 * 2 * 2048
