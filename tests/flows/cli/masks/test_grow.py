"""`dfvi mask grow`: a mask that takes in the shadow beside what it marks."""

import json

import numpy as np
import pytest

from flows.cli import main as cli
from storage.media.images.folder import read_image
from storage.media.masks.holes import read_holes
from storage.media.masks.parsing import parse_mask
from storage.media.reading import probe
from tasks.masks.sheets import TINTS
from tests.clips import write_images
from tests.dfvi_models.registration.scenes import HEIGHT, WIDTH, panning

COUNT = 9
SHADOW = (slice(66, 74), slice(56, 86))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A box that moves over a scene with a shadow that its mask leaves out."""
    frames, holes = panning(COUNT, step=(8, 1)), np.zeros((COUNT, HEIGHT, WIDTH), bool)
    holes[:, 45:66, 56:86] = True
    frames[:, *SHADOW] //= 2
    frames[holes] = 0
    write_images(tmp_path / "clip", frames)
    np.save(tmp_path / "mask.npy", holes)
    monkeypatch.chdir(tmp_path)
    return tmp_path, holes


def grow(capsys, *arguments):
    code = cli.main(["mask", "grow", "clip", "--mask", "mask.npy", "-o", "grown.npz", "--threads", "2", *arguments])
    return code, capsys.readouterr()


def test_a_shadow_joins_the_mask_and_is_shown(folder, capsys):
    path, holes = folder
    code, told = grow(capsys, "--json")
    found = json.loads(told.out)
    written = np.stack(list(read_holes(parse_mask("grown.npz"), probe(path / "clip"))))
    assert code == 0
    assert (written[holes]).all()
    assert written[:, *SHADOW].mean() > 0.8
    assert found["grown_frames"] == COUNT
    assert found["added"] == pytest.approx(written.sum() / holes.sum() - 1, abs=1e-3)
    sheet = read_image(path / "grown-sheet.png").astype(int)
    joined = 0.55 * sheet[..., 1].min() + 0.45 * np.array(TINTS[1])
    assert (np.abs(sheet - joined) < 60).all(axis=2).sum() > 100

    _, told = grow(capsys)
    assert told.out.splitlines()[-1] == "dfvi inpaint clip --mask grown.npz -o clean.mp4"


def test_nothing_joins_where_nothing_may(folder, capsys):
    path, holes = folder
    code, told = grow(capsys, "--reach", "0")
    assert (code, "nothing joined" in told.out) == (0, True)
    written = np.stack(list(read_holes(parse_mask("grown.npz"), probe(path / "clip"))))
    np.testing.assert_array_equal(written, holes)


@pytest.mark.usefixtures("folder")
def test_frames_outside_the_times_of_a_mask_stay_unmarked():
    assert cli.main(["mask", "grow", "clip", "--mask", "56,45,30,21@f2-f5", "-o", "out.npy"]) == 0
    written = np.load("out.npy")
    assert written.any(axis=(1, 2)).tolist() == [2 <= t < 5 for t in range(COUNT)]


@pytest.mark.usefixtures("folder")
def test_a_mask_is_never_replaced_by_itself_and_a_wrong_reach_is_one_line(capsys):
    assert cli.main(["mask", "grow", "clip", "--mask", "mask.npy", "-o", "mask.npy"]) == 2
    assert "mask.npy" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        grow(capsys, "--reach", "2")
    assert "a number from 0 to 1; got '2'" in capsys.readouterr().err
