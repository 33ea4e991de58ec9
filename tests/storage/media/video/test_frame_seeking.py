"""Frames read in any order are those that reading from the beginning gives."""

import random

import numpy as np
import pytest

from storage.errors import InputError
from storage.media.reading import probe, read_frames
from storage.media.video.frame_seeking import FrameSeeker
from storage.media.writing import write_images
from tests.clips import texture
from tests.storage import media_files


def frames(count=40):
    scene = texture(48, 64 + count)
    return np.stack([scene[:, t : t + 64] for t in range(count)])


@pytest.fixture(scope="module", params=["mp4", "mkv", "avi", "folder"])
def clip(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    if request.param == "folder":
        write_images(folder, frames(8))
        return probe(folder)
    path = folder / f"clip.{request.param}"
    codec = "mpeg4" if request.param == "avi" else "libx264"
    media_files.encode(path, frames(), codec=codec, options={"g": "10", "keyint_min": "10", "sc_threshold": "0"})
    return probe(path)


def test_frames_in_any_order_are_those_of_reading_from_the_start(clip):
    expected = list(read_frames(clip))
    seeker = FrameSeeker(clip)
    order = list(range(len(expected)))
    random.Random(3).shuffle(order)
    for t in [*order, *range(min(len(order), 10))]:
        np.testing.assert_array_equal(seeker.frame(t), expected[t], err_msg=str(t))


def test_a_key_frame_lies_before_what_is_wanted(clip):
    seeker = FrameSeeker(clip)
    before = [seeker.key_before(t) for t in range(clip.frame_count)]
    assert all(key <= t for t, key in enumerate(before))
    if clip.path.suffix == ".mp4":
        assert sorted(set(before)) == [0, 10, 20, 30]


def test_a_frame_that_is_not_there_is_refused(clip):
    with pytest.raises(InputError, match="frames 0 to"):
        FrameSeeker(clip).frame(clip.frame_count)
