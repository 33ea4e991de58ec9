"""What players need to know of a clip of high dynamic range goes along with its bits."""

import av
import numpy as np
import pytest

from storage.media.codecs import choose_output
from storage.media.reading import probe
from storage.media.video.decoding import video_full_depth
from storage.media.video.hdr_metadata import HdrMetadata, hdr_losses, read_hdr_metadata
from storage.media.writing import foresee_losses, write_video

MASTERING = (34000, 16000, 13250, 34500, 7500, 3000, 15635, 16450, 1, 10000000)  # BT.2020, D65, 0.0001 to 1000 cd/m2
NUMBERS = HdrMetadata(MASTERING, (1000, 400))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A clip of HDR10: HEVC of 10 bits with both kinds of numbers."""
    path = tmp_path_factory.mktemp("hdr") / "graded.mkv"
    options = {"x265-params": ":".join(["log-level=error", *NUMBERS.settings("libx265")])}
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx265", rate=25, width=80, height=80, options=options)
        stream.pix_fmt = "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, 16, 9
        for t in range(3):
            grey = np.full((80, 80, 3), 9000 * t, np.uint16)
            frame = av.VideoFrame.from_ndarray(grey, "rgb48le").reformat(format="yuv420p10le")
            frame.pts, frame.color_primaries, frame.color_trc = t, 9, 16
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "hevc"), ("a.mkv", "hevc"), ("a.mp4", "h264")])
def test_mastering_display_and_light_levels_go_along(tmp_path, graded, name, codec):
    clip = probe(graded)
    assert read_hdr_metadata(clip) == NUMBERS
    assert not any("mastering" in line for line in foresee_losses(clip, choose_output(name, codec)))
    write_video(tmp_path / name, video_full_depth(clip, 0, None), clip, codec=codec)
    assert read_hdr_metadata(probe(tmp_path / name)) == NUMBERS


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.mov", "prores"), ("folder", None)])
def test_what_cannot_hold_them_says_so_before_the_work(graded, name, codec):
    (line,) = hdr_losses(choose_output(name, codec), probe(graded))
    assert line.startswith("graded.mkv: mastering display and light levels do not go along with ")


def test_a_clip_without_them_has_none_and_eight_bits_say_so_elsewhere(tmp_path, graded):
    clip = probe(graded)
    assert hdr_losses(choose_output("a.mkv", "h264-lossless"), clip) == []
    plain = tmp_path / "plain.mkv"
    frames = [np.zeros((80, 80, 3), np.uint8)] * 2
    write_video(plain, frames, clip, codec="h264-lossless", stop=2)
    assert read_hdr_metadata(probe(plain)) == HdrMetadata()
