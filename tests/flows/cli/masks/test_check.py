"""`dfvi mask check`: warnings, and a sheet."""

import json

import numpy as np
import pytest

from flows.cli import main as cli
from storage.media.images.folder import read_image
from tests.clips import texture, write_images

COUNT, HEIGHT, WIDTH = 4, 36, 48


@pytest.fixture
def folder(tmp_path):
    """A still clip and its mask, a box."""
    holes = np.zeros((COUNT, HEIGHT, WIDTH), np.uint8)
    holes[:, 8:20, 4:18] = 255
    write_images(tmp_path / "video", np.stack([texture(HEIGHT, WIDTH)] * COUNT))
    write_images(tmp_path / "mask", holes)
    np.save(tmp_path / "mask.npy", holes)
    return tmp_path


def check(folder, capsys, mask, *arguments):
    assert cli.main(["mask", "check", str(folder / "video"), "--mask", str(mask), *map(str, arguments), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    return told, {warned["kind"]: warned["text"] for warned in told["warnings"]}


def test_a_good_mask_has_no_warning_and_its_sheet_shows_it(folder, capsys):
    told, warned = check(folder, capsys, folder / "mask", "-o", folder / "sheet.png")
    assert warned == {}
    assert (told["frames"], told["marked_frames"]) == (4, 4)
    assert told["share"] == pytest.approx(12 * 14 / (HEIGHT * WIDTH))
    sheet = read_image(folder / "sheet.png").astype(int)
    reddish = (sheet[..., 0] - sheet[..., 2] > 60).mean()
    assert 0.4 * told["share"] < reddish < 2 * told["share"]


def test_size_and_length_and_grey_are_told_and_are_no_errors(folder, capsys):
    soft = np.zeros((3, HEIGHT // 2, WIDTH // 2), np.uint8)
    soft[:, 4:10, 4:10] = 140
    np.save(folder / "soft.npy", soft)
    _, warned = check(folder, capsys, folder / "soft.npy")
    assert set(warned) == {"size", "length", "grey"}
    assert "24x18, the video 48x36" in warned["size"]
    _, warned = check(folder, capsys, folder / "mask", "--set", "decode.invert_mask=true")
    assert "--set decode.invert_mask=true" in warned["inverted"]


def test_an_empty_image_is_a_warning(folder, capsys):
    np.save(folder / "empty.npy", np.zeros((HEIGHT, WIDTH), bool))
    _, warned = check(folder, capsys, folder / "empty.npy")
    assert set(warned) == {"empty"}


def test_it_is_told_in_sentences(folder, capsys):
    assert cli.main(["mask", "check", str(folder / "video"), "--mask", "4,8,14,12"]) == 0
    assert capsys.readouterr().out.endswith("nothing odd was found\n")
