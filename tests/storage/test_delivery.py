"""What an output may be, and that delivering one loses nothing and hands over nothing damaged."""

import errno
import os

import pytest

from storage import delivery, output_folder
from storage.cache.errors import DamagedStoreError
from storage.cache.stage_key import StageKey
from storage.delivery import check_apart, check_output, deliver
from storage.errors import InputError
from storage.output_folder import MARKER
from tests.storage.cache.test_stage_store import DAMAGES


def test_an_output_never_replaces_what_it_is_made_from(tmp_path):
    frames = tmp_path / "set" / "clip"
    frames.mkdir(parents=True)
    (tmp_path / "link").symlink_to(frames)
    for output in (frames, tmp_path / "link", frames / "out.mp4", tmp_path / "set"):
        with pytest.raises(InputError, match="would overwrite what it is made from"):
            check_apart(output, str(frames), "1,2,3,4")
        with pytest.raises(InputError, match="would overwrite what it is made from"):
            check_apart(output, "elsewhere.mp4", str(frames))
    check_apart(tmp_path / "set" / "clean", str(frames), "alpha")


PICTURES = {f"{t:05d}.png": f"picture {t}".encode() for t in range(3)}


def encoded(root, files, version=1):
    store = root.store("goat", StageKey("encode", version))
    store.begin()
    with store.new_files(*files) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
    store.seal()
    return store


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MARKER}


@pytest.fixture
def pictures(local_root):
    return encoded(local_root, PICTURES)


@pytest.fixture
def fewer(local_root):
    return encoded(local_root, {"00000.png": b"another picture"}, version=2)


def nothing_else_in(folder, *names):
    return sorted(path.name for path in folder.iterdir() if path.name != "root") == sorted(names)


@pytest.mark.parametrize("how", ["flip", "remove", "truncate", "append"])
def test_a_damaged_video_is_never_delivered(root, tmp_path, how):
    store = encoded(root, {"video.mp4": bytes(range(256)) * 9000})
    (tmp_path / "out.mp4").write_bytes(b"older")
    DAMAGES[how](store.file("video.mp4"))
    with pytest.raises(DamagedStoreError, match=r"video\.mp4 is damaged"):
        deliver(store, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"older"
    assert nothing_else_in(tmp_path, "out.mp4")


def test_an_older_output_folder_is_replaced_and_what_others_put_there_is_kept(pictures, fewer, tmp_path):
    out = tmp_path / "out"
    deliver(pictures, out)
    assert content(out) == PICTURES
    (out / "notes.txt").write_text("mine")
    (out / "more").mkdir()
    (out / "more" / "sketch.png").write_text("mine too")
    check_output(out, "png", None)
    deliver(fewer, out)
    assert sorted(content_names(out)) == ["00000.png", "more", "notes.txt"]
    assert (out / "00000.png").read_bytes() == b"another picture"
    assert (out / "more" / "sketch.png").read_text() == "mine too"
    assert nothing_else_in(tmp_path, "out")


def content_names(folder):
    return [path.name for path in folder.iterdir() if path.name != MARKER]


def test_images_that_we_did_not_write_or_that_were_changed_are_never_replaced(pictures, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "00001.png").write_text("a frame of my film")
    for act in (lambda: check_output(out, "png", None), lambda: deliver(pictures, out)):
        with pytest.raises(InputError, match=r"00001\.png was not written by dfvi"):
            act()
    (out / "00001.png").unlink()
    deliver(pictures, out)
    (out / "00001.png").write_text("retouched")
    for act in (lambda: check_output(out, "png", None), lambda: deliver(pictures, out)):
        with pytest.raises(InputError, match="was changed since"):
            act()
    assert (out / "00001.png").read_text() == "retouched"
    assert nothing_else_in(tmp_path, "out")


@pytest.mark.parametrize("swap", ["exchange", "rename"])
def test_a_delivery_killed_at_any_step_loses_neither_output_nor_what_others_put_there(
    pictures, fewer, tmp_path, swap, monkeypatch
):
    if swap == "rename":
        monkeypatch.setattr(output_folder, "exchange", lambda first, second: False)
    out = tmp_path / "out"
    deliver(pictures, out)
    (out / "notes.txt").write_text("mine")
    for step in range(1, 99):
        child = os.fork()
        if child == 0:
            try:
                _die_at_call(step)
                deliver(fewer, out)
            finally:
                os._exit(1)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1:
            break
        output_folder.recover_output(out)
        kept = content(out)
        assert kept.pop("notes.txt") == b"mine"
        assert kept in (PICTURES, {"00000.png": b"another picture"})
        assert nothing_else_in(tmp_path, "out")
        deliver(pictures, out)
    assert step > 8


def _die_at_call(step):
    """Let this process die, as by kill -9, instead of doing its step-th call that changes a folder."""
    left = [step]

    def dies(real):
        def call(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return real(*arguments, **options)

        return call

    for name in ("rename", "rmdir", "unlink", "mkdir", "replace"):
        setattr(os, name, dies(getattr(os, name)))
    output_folder.exchange = dies(output_folder.exchange)


def test_a_link_as_output_is_followed_and_stays(pictures, local_root, tmp_path):
    for target, link in (("disk", "out"), ("disk.mp4", "out.mp4")):
        (tmp_path / link).symlink_to(tmp_path / target)
    (tmp_path / "disk").mkdir()
    deliver(pictures, tmp_path / "out")
    deliver(encoded(local_root, {"video.mp4": b"video"}, version=3), tmp_path / "out.mp4")
    assert (tmp_path / "out").is_symlink()
    assert content(tmp_path / "disk") == PICTURES
    assert (tmp_path / "out.mp4").is_symlink()
    assert (tmp_path / "disk.mp4").read_bytes() == b"video"


def test_where_nothing_can_be_put_beside_the_output_its_files_are_replaced_one_by_one(
    pictures, fewer, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    out.mkdir()
    real = os.mkdir
    monkeypatch.setattr(os, "mkdir", lambda path, *more: refuse(path) if ".partial" in str(path) else real(path, *more))
    for store, expected in ((pictures, PICTURES), (fewer, {"00000.png": b"another picture"}), (pictures, PICTURES)):
        deliver(store, out)
        (out / "notes.txt").write_text("mine")
        assert content(out) == expected | {"notes.txt": b"mine"}


def refuse(path):
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


@pytest.mark.parametrize("name", ["out.mp4", "out"])
def test_a_full_disk_names_the_output(local_root, tmp_path, name, monkeypatch):
    store = encoded(local_root, {"video.mp4": b"video"} if name == "out.mp4" else PICTURES)

    def no_space(_file, _block):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(delivery, "_write", no_space)
    with pytest.raises(OSError, match="No space left") as caught:
        deliver(store, tmp_path / name)
    assert caught.value.filename == str(tmp_path / name)
    assert nothing_else_in(tmp_path)


def test_an_output_replaces_no_device_pipe_or_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "frames").write_text("a file")
    for name in ("pipe", "pipe.mkv"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "link.mkv").symlink_to(tmp_path / "pipe.mkv")
    for name, kind, reason in [
        ("frames", "png", "is a file; name a folder"),
        ("pipe", "png", "device, pipe or socket"),
        ("pipe.mkv", "mkv", "device, pipe or socket"),
        ("link.mkv", "mkv", "device, pipe or socket"),
        (f"{'x' * 234}.mkv", "mkv", "longer than the 237 bytes"),
    ]:
        with pytest.raises(InputError, match=reason):
            check_output(tmp_path / name, kind, None)
    check_output(tmp_path / f"{'x' * 233}.mkv", "mkv", None)
