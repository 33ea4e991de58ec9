"""Decoding without Prefect: what is stored is what was digested."""

import os

import pytest

from storage.cache.root import Root
from storage.errors import InputError
from tasks.decode import DecodeParams, MediaInput, decode
from tasks.stage.cached_stage import Job
from tests.clips import panning_clip


@pytest.fixture
def clip(tmp_path):
    return panning_clip(tmp_path / "clip", count=3)


@pytest.fixture
def job(tmp_path):
    return Job(str(Root.create(tmp_path / "root").path), "clip")


@pytest.mark.parametrize("what", ["video", "mask"])
def test_a_file_that_changes_before_it_is_decoded_is_not_stored_under_the_digest_of_what_it_was(clip, job, what):
    inputs = {"video": MediaInput.video(str(clip.video)), "mask": MediaInput.mask(str(clip.mask))}
    first, *_, last = sorted(getattr(clip, what).iterdir())
    first.write_bytes(last.read_bytes())
    os.utime(first, ns=(0, 0))
    with pytest.raises(InputError, match=f"{first.name} changed while it was worked on; run again"):
        decode.run(job, DecodeParams(), inputs)
    assert Root.open(job.root).store("clip", decode.key(DecodeParams(), inputs)).state == "absent"


def test_a_frame_that_is_added_meanwhile_is_a_change_too(clip):
    video = MediaInput.video(str(clip.video))
    video.check()
    (clip.video / "99999.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"99999\.png changed"):
        video.check()


def test_a_file_beside_the_frames_that_is_no_image_may_come_and_go(clip):
    video = MediaInput.video(str(clip.video))
    (clip.video / "notes.txt").write_text("seen")
    video.check()


def test_a_box_cannot_change():
    MediaInput.mask("1,2,3,4").check()
