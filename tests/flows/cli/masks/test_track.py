"""`dfvi mask track`: from frames in which the object is given to a mask that `dfvi inpaint` reads."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from dfvi_models.segmentation.distance import overlap
from flows.cli import main as cli
from storage.cache.root import Root
from storage.media.images.folder import read_image
from storage.media.masks.holes import read_holes
from storage.media.masks.parsing import parse_mask
from storage.media.reading import probe, read_frames
from tasks.decode import DecodeParams, MediaInput, decode
from tasks.masks.sheets import TINTS
from tasks.stage.cached_stage import Job
from tests.clips import write_images
from tests.dfvi_models.segmentation.moving_object import moving_object
from tests.flows.test_inpaint_dataset import in_this_process  # noqa: F401  (a fixture)

COUNT = 6


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two shots of which only the first has the object."""
    frames, masks = moving_object(COUNT)
    other = [np.ascontiguousarray(255 - frame[::-1, ::-1]) for frame in moving_object(3, seed=50)[0]]
    write_images(tmp_path / "clip", np.stack([*frames, *other]))
    for t, mask in enumerate(masks):
        cv2.imwrite(str(tmp_path / f"{t}.png"), mask.astype(np.uint8) * 255)
    monkeypatch.chdir(tmp_path)
    return tmp_path, masks


def track(capsys, *arguments):
    assert cli.main(["mask", "track", "clip", *arguments, "--json", "--threads", "2"]) == 0
    *frames, whole = map(json.loads, capsys.readouterr().out.splitlines())
    return frames, whole


def test_an_object_is_followed_corrected_previewed_and_read_by_inpaint(folder, capsys, prefect_server, in_this_process):  # noqa: F811
    path, masks = folder
    frames, whole = track(capsys, "--from", "0=10,16,52,44", "-o", "mask.mkv", "--preview", "sheet.png")
    assert [frame["given"] for frame in frames] == [True] + [False] * 8
    (thing,) = whole["objects"]
    assert thing["shots_without"] == [[6, 8]]
    assert 0 < thing["correct_first"] < COUNT
    clip = probe(path / "clip")
    holes = list(read_holes(parse_mask("mask.mkv"), clip))
    assert min(overlap(holes[t], masks[t]) for t in range(COUNT)) > 0.8
    assert not any(hole.any() for hole in holes[COUNT:])
    assert [frame["pixels"] for frame in frames] == [int(hole.sum()) for hole in holes]
    assert read_image(path / "sheet.png").shape[1] > 1000

    _, again = track(capsys, "--from", "0=10,16,52,44", "-o", "mask.mkv")
    assert again["computed"] == 0
    frames, whole = track(capsys, "--from", "0=10,16,52,44", "--from", "f4=4.png", "-o", "m", "--preview", "p.mkv")
    assert whole["computed"] == 3  # the frame, and one link each way
    assert [frame["frame"] for frame in frames if frame["given"]] == [0, 4]
    assert len(list(read_frames("p.mkv"))) == clip.frame_count
    decoding = DecodeParams(dilation=0)
    video, mask = MediaInput.video("clip"), MediaInput.mask("m")
    decoded = decode.run(Job(str(Root.create("root").path), "clip"), decoding, {"video": video, "mask": mask})
    assert decoded.attributes["hole_pixels"] == sum(frame["pixels"] for frame in frames)


def test_several_objects_are_followed_each_by_itself_into_label_images(folder, capsys, prefect_server, in_this_process):  # noqa: F811
    path, masks = folder
    two = ["--from", "0=0.png", "--from", "6#2=20,20,30,30"]
    frames, whole = track(capsys, *two, "-o", "labels", "--preview", "sheet.png")
    assert [thing["given"] for thing in whole["objects"]] == [[0], [6]]
    assert [thing["shots_without"] for thing in whole["objects"]] == [[[6, 8]], [[0, 5]]]
    labels = [np.asarray(Image.open(file)) for file in sorted((path / "labels").glob("*.png"))]
    assert [int(label.max()) for label in labels] == [1] * 6 + [2] * 3
    assert overlap(labels[0] == 1, masks[0]) == 1
    assert [(labels[f["frame"]] == f["object"]).sum() for f in frames] == [f["pixels"] for f in frames]
    sheet = read_image(path / "sheet.png").astype(int)
    assert all((abs(sheet - np.array(tint)).sum(-1) < 260).any() for tint in TINTS[:2])

    assert cli.main(["mask", "track", "clip", *two, "-o", "mask.npz"]) == 0
    told = capsys.readouterr().out
    assert "marks 9 of 9 frames" in told
    assert "object 1: followed from 1 given frames" in told
    assert "frames 6 to 8 are another shot, in which it is not given" in told
    assert "#2=MASK added" in told
    holes = list(read_holes(parse_mask("mask.npz"), probe(path / "clip")))
    assert all(np.array_equal(hole, label > 0) for hole, label in zip(holes, labels, strict=True))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "0", "-o", "o.mkv"], "expected a frame and the object in it, as 37=mask.png"),
        (["--from", "0#0=0.png", "-o", "o.mkv"], "objects have numbers from 1 to 255; got 0"),
        (["--from", "9=0.png", "-o", "o.mkv"], "has frames 0 to 8"),
        (["--from", "0=0.png@0:00-0:01", "-o", "o.mkv"], "needs no time after @"),
        (["--from", "0=500,0,10,10", "-o", "o.mkv"], "lies outside the frame"),
        (["--from", "0=black.png", "-o", "o.mkv"], "nothing is marked there"),
        (["--from", "0=small.png", "-o", "o.mkv"], "the mask is 20x10, the video 144x80"),
        (["--from", "0=0.png", "-o", "o.gif"], "no kind of mask that we write"),
        (["--from", "0=0.png", "-o", "0.png"], "one image holds one frame"),
        (["--from", "0=0.png", "-o", "o.mkv", "--preview", "p.txt"], "a preview is an image"),
        (["--from", "0=0.png", "-o", "clip"], "would overwrite what it is made from"),
    ],
)
def test_what_cannot_be_used_is_one_line_before_any_work(folder, capsys, arguments, words):
    path, _ = folder
    cv2.imwrite(str(path / "black.png"), np.zeros((80, 144), np.uint8))
    cv2.imwrite(str(path / "small.png"), np.full((10, 20), 255, np.uint8))
    assert cli.main(["mask", "track", "clip", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (path / ".dfvi").exists()
