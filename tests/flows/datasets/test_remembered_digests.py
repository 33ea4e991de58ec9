"""Digests of media that are remembered: a dataset that has not changed is not read again."""

import os
import sqlite3

import pytest

from flows.datasets import remembered_digests
from flows.datasets.remembered_digests import remembered
from storage.errors import InputError
from tasks.decode import MediaInput
from tests.clips import panning_clip


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.setattr(remembered_digests.platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)
    clip = panning_clip(tmp_path / "clip", count=3)
    for path in (tmp_path / "clip").rglob("*"):
        os.utime(path, ns=(10**18, 10**18))
    monkeypatch.setattr(remembered_digests.time, "time", lambda: 1e12)  # long after they were written
    return clip


@pytest.fixture
def unread(monkeypatch):
    """From here on no file is read for its digest."""

    def forbid():
        for name in ("video", "mask"):
            monkeypatch.setattr(MediaInput, name, classmethod(lambda cls, text: 1 / 0))

    return forbid


def test_what_has_not_changed_is_not_read_again(clip, unread):
    video, mask = MediaInput.video(str(clip.video)), MediaInput.mask(str(clip.mask))
    for _ in range(2):
        assert remembered("video", str(clip.video)) == video
        assert remembered("mask", str(clip.mask)) == mask
        unread()


@pytest.mark.parametrize("change", ["content of the same size and time", "another file", "one file less"])
def test_what_has_changed_is_read_again(clip, change):
    before = remembered("video", str(clip.video))
    first, second, third = sorted(clip.video.iterdir())
    if change == "one file less":
        third.unlink()
    elif change == "another file":
        (clip.video / "00003.png").write_bytes(first.read_bytes())
    else:
        second.write_bytes(second.read_bytes()[:-1] + b"x")
        os.utime(second, ns=(10**18, 10**18))  # the time of the inode tells
    assert remembered("video", str(clip.video)) == MediaInput.video(str(clip.video)) != before


def test_what_was_written_a_moment_ago_is_not_remembered(clip, unread, monkeypatch):
    newest = max(path.stat().st_ctime for path in clip.video.iterdir())
    monkeypatch.setattr(remembered_digests.time, "time", lambda: newest + 1.0)
    remembered("video", str(clip.video))
    unread()
    with pytest.raises(ZeroDivisionError):
        remembered("video", str(clip.video))


def test_a_memory_that_cannot_be_used_costs_nothing_but_time(clip, monkeypatch):
    def refuse(*_, **__):
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(remembered_digests.sqlite3, "connect", refuse)
    assert remembered("video", str(clip.video)) == MediaInput.video(str(clip.video))


def test_a_video_that_is_not_there_is_an_input_error(clip):
    with pytest.raises(InputError):
        remembered("video", str(clip.video / "none"))
