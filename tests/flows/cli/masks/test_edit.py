"""`dfvi mask edit`: masks of all kinds in and out."""

import json

import cv2
import numpy as np
import pytest

from flows.cli import main as cli
from storage.media.masks.holes import read_holes
from storage.media.masks.parsing import parse_mask
from storage.media.reading import probe
from tests.clips import texture, write_images

COUNT, HEIGHT, WIDTH = 5, 36, 48


@pytest.fixture
def masks():
    """A box that moves to the right."""
    holes = np.zeros((COUNT, HEIGHT, WIDTH), bool)
    for t in range(COUNT):
        holes[t, 8:20, 4 + 3 * t : 18 + 3 * t] = True
    return holes


@pytest.fixture
def folder(tmp_path, masks):
    write_images(tmp_path / "video", np.stack([texture(HEIGHT, WIDTH)] * COUNT))
    np.save(tmp_path / "mask.npy", masks)
    (tmp_path / "taken").touch()
    return tmp_path


def edit(folder, capsys, *arguments, mask="mask.npy", out="out.npy"):
    assert cli.main(["mask", "edit", str(folder / mask), "-o", str(folder / out), *arguments]) == 0
    capsys.readouterr()
    clip = probe(folder / "video")
    return np.stack(list(read_holes(parse_mask(folder / out), clip)))


@pytest.mark.parametrize("out", ["o.mkv", "o.mp4", "o.mov", "o.npz", "o.npy", "o.json", "images"])
def test_every_kind_is_written_and_read_back_as_it_was(folder, masks, capsys, out):
    assert np.array_equal(edit(folder, capsys, out=out), masks)
    assert np.array_equal(edit(folder, capsys, mask=out), masks)


def test_an_object_of_a_label_map_and_label_images(folder, masks, capsys):
    labels = masks.astype(np.uint8) * 2
    labels[:, 30:34, 2:6] = 7
    write_images(folder / "grey", labels)
    assert np.array_equal(edit(folder, capsys, "--object", "2", mask="grey"), masks)
    assert np.array_equal(edit(folder, capsys, "--object", "7", "--label", "3", mask="grey", out="l"), labels == 7)
    assert np.array_equal(edit(folder, capsys, "--object", "3", mask="l"), labels == 7)
    assert cv2.imread(str(folder / "l" / "00000.png"))[31, 3].any()


def test_steps_are_taken_in_the_order_written(folder, masks, capsys):
    box = np.zeros((HEIGHT, WIDTH), bool)
    box[10:14, 10:20] = True
    video = ("--video", str(folder / "video"))
    assert np.array_equal(edit(folder, capsys, "--subtract", "10,10,10,4", *video), masks & ~box)
    cut = edit(folder, capsys, "--between", "f1-f2,f2-f3", "--add", "10,10,10,4", *video)
    assert [bool(np.array_equal(cut[t], box)) for t in range(COUNT)] == [True, False, False, True, True]
    cut = edit(folder, capsys, "--add", "10,10,10,4", "--between", "f1-f2,f2-f3")
    assert cut.any(axis=(1, 2)).tolist() == [False, True, True, False, False]
    assert np.array_equal(cut[1], masks[1] | box)
    assert np.array_equal(edit(folder, capsys, "--invert", "--shift", "-1")[0], ~masks[1])
    assert np.array_equal(edit(folder, capsys, "--grow", "2", "--shrink", "2"), masks)
    assert np.array_equal(edit(folder, capsys, "--add", "-4,-4,8,8", "--drop", "16"), masks)
    assert np.array_equal(edit(folder, capsys, "--add", "-4,-4,8,8", "--intersect", "-4,-4,8,8")[0].sum(), 16)


def test_one_image_takes_the_length_of_what_is_added(folder, masks, capsys):
    one = np.zeros((HEIGHT, WIDTH), np.uint8)
    one[30:, 40:] = 255
    cv2.imwrite(str(folder / "one.png"), one)
    both = edit(folder, capsys, "--add", str(folder / "mask.npy"), mask="one.png")
    assert np.array_equal(both, masks | (one > 0))


def test_a_mask_of_another_size_is_brought_to_that_of_the_video_and_it_says_so(folder, masks, capsys):
    np.save(folder / "small.npy", masks[:, ::2, ::2])
    arguments = ["mask", "edit", str(folder / "small.npy"), "-o", str(folder / "o"), "--video", str(folder / "video")]
    assert cli.main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["width"], told["height"], told["fitted"]) == (WIDTH, HEIGHT, [str(folder / "small.npy")])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mask.npy", "-o", "o.gif"], "no kind of mask that we write"),
        (["mask.npy", "-o", "o.png"], "one image holds one frame, and there are 5"),
        (["mask.npy", "-o", "o.npz", "--label", "2"], "label images go into a folder"),
        (["mask.npy", "-o", "taken"], "choose another name"),
        (["mask.npy", "-o", "video"], "was not written by dfvi"),
        (["1,2,3,4", "-o", "o.npz"], "name the video it belongs to with --video"),
        (["mask.npy", "-o", "o.npz", "--between", "f9-"], "has 5 frames"),
    ],
)
def test_what_cannot_be_done_is_one_line(folder, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(folder)
    assert cli.main(["mask", "edit", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert (folder / "video" / "00000.png").exists()
