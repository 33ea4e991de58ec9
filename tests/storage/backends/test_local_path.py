"""Files of a root on a disk: whole or not at all, and never those that a symbolic link leads to."""

import errno

import pytest

from storage.backends.errors import LinkError
from storage.backends.local_path import LocalPath


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return LocalPath(tmp_path / "folder")


@pytest.fixture
def precious(tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years of work")
    yield tmp_path / "thesis.tex"
    assert (tmp_path / "thesis.tex").read_text() == "ten years of work"


def test_a_lock_is_never_kept_in_the_file_a_link_leads_to(folder, precious):
    (folder / "a.lock").symlink_to(precious)
    with pytest.raises(LinkError, match="is a symbolic link"):
        (folder / "a.lock").lock().take()


def test_a_lock_is_never_kept_behind_a_linked_folder(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folder / "locks").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LinkError, match="is a symbolic link"):
        (folder / "locks" / "a.lock").lock().take()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_lock_writes_nothing_into_a_file_that_has_another_name(folder, precious):
    (folder / "a.lock").hardlink_to(precious)
    lock = (folder / "a.lock").lock()
    assert lock.take()
    lock.release()


@pytest.mark.parametrize("read", [LocalPath.read_bytes, lambda path: list(path.read_blocks())])
def test_nothing_is_read_through_a_link(folder, precious, read):
    (folder / "c.0").symlink_to(precious)
    with pytest.raises(LinkError, match="is a symbolic link") as caught:
        read(folder / "c.0")
    assert caught.value.errno == errno.ELOOP


def test_writing_replaces_a_link_and_not_what_it_leads_to(folder, precious):
    (folder / "c.0").symlink_to(precious)
    (folder / "c.0").write_whole(b"chunk")
    assert (folder / "c.0").read_bytes() == b"chunk"
    (folder / "video.mp4").symlink_to(precious)
    with folder.receive(["video.mp4"]) as target:
        (target / "video.mp4").write_bytes(b"video")
    assert (folder / "video.mp4").read_bytes() == b"video"


def test_sweeping_leaves_what_lies_behind_a_link(folder, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "download.partial").write_text("mine")
    (folder / "frames").symlink_to(tmp_path / "home")
    (folder / "flow").mkdir()
    for name in ("a.partial", ".b.partial", "flow/.c.partial"):
        (folder / name).write_text("")
    folder.sweep()
    assert (tmp_path / "home" / "download.partial").exists()
    assert sorted(path.name for path in folder.rglob("*")) == ["flow", "frames"]
