"""Commands that show what a run made."""

import csv
import json

import numpy as np
import pytest

from flows.cli import main as cli
from storage.media.images.folder import read_image
from tests.clips import texture, write_images

HEIGHT, WIDTH, COUNT = 48, 64, 4


@pytest.fixture
def clips(tmp_path):
    """A clip; the same with 10 added in a box from frame to frame more; and one with a pixel beside the box changed."""
    truth = np.stack([texture(HEIGHT, WIDTH) // 2] * COUNT)
    near, far = truth.copy(), truth.copy()
    for t in range(COUNT):
        near[t, 10:20, 10:30] += np.uint8(2 * t)
        far[t, 10:20, 10:30] += np.uint8(10 * (t + 1))
    far[2, 0, 0] += 1
    for name, frames in (("truth", truth), ("near", near), ("far", far)):
        write_images(tmp_path / name, frames)
    return tmp_path


def compare(capsys, *arguments):
    assert cli.main(["compare", *map(str, arguments), "--set", "decode.dilation=0"]) == 0
    return capsys.readouterr().out


def test_compare_scores_inside_the_mask_and_counts_what_differs_outside(clips, capsys):
    told = json.loads(compare(capsys, clips / "truth", clips / "far", "--mask", "10,10,20,10", "--json"))
    (far,) = told["clips"]
    rows = far["frames"]
    assert [row["hole_psnr"] for row in rows] == pytest.approx(
        [10 * np.log10(255**2 / (10 * (t + 1)) ** 2) for t in range(COUNT)]
    )
    assert [row["flicker"] for row in rows] == [10, 10, 10, None]
    assert [row["changed_outside"] for row in rows] == [0, 0, 1, 0]
    assert far["worst"] == [3, 2, 1, 0]
    assert far["mean"]["changed_outside"] == 0.25
    assert rows[0]["psnr"] == pytest.approx(rows[0]["hole_psnr"] + 10 * np.log10(HEIGHT * WIDTH / 200))


def test_compare_with_the_truth_shows_both_and_which_frames_to_look_at(clips, capsys, tmp_path):
    arguments = (clips / "near", clips / "far", "--truth", clips / "truth", "--csv", tmp_path / "frames.csv")
    out = compare(capsys, *arguments)
    assert f"{clips / 'near'}: look at frames 3, 2, 1\n" in out
    assert "hole_psnr" not in out
    rows = list(csv.DictReader((tmp_path / "frames.csv").open()))
    assert [(row["video"], row["frame"]) for row in rows][:: COUNT + 1] == [
        (str(clips / "near"), "0"),
        (str(clips / "far"), "1"),
    ]
    assert rows[0]["psnr"] == "100.0"


def test_compare_shows_the_frames_that_differ_most_and_how(clips, capsys, tmp_path):
    compare(capsys, clips / "truth", clips / "near", "--sheet", tmp_path / "worst.png")
    sheet = read_image(tmp_path / "worst.png")
    height = sheet.shape[0] // 3  # frames 1, 2 and 3 differ
    assert sheet.shape[1] == 3 * WIDTH
    row = sheet[2 * height + height - HEIGHT : 3 * height]
    np.testing.assert_array_equal(row[10:20, 2 * WIDTH + 10 : 2 * WIDTH + 30], np.full((10, 20, 3), 4 * 2 * 3))
    assert row[20:, 2 * WIDTH :].max() == 0


def test_compare_says_that_nothing_differs(clips, capsys):
    assert "no pixel differs" in compare(capsys, clips / "near", clips / "near")


def test_clips_that_cannot_be_compared_are_one_line(clips, capsys):
    write_images(clips / "short", np.zeros((2, HEIGHT, WIDTH, 3), np.uint8))
    assert cli.main(["compare", str(clips / "truth"), str(clips / "short")]) == 2
    assert "has 2 frames of 64x48" in capsys.readouterr().err
