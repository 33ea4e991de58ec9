"""`dfvi mask find --logo`: masks with times, an image to look at, and the line that removes what was found."""

import json
import shlex

import numpy as np
import pytest

from flows.cli import main as cli
from storage.media.images.folder import read_image
from storage.media.masks.parsing import join_masks, parse_mask
from storage.media.reading import probe
from tests.clips import write_images
from tests.dfvi_models.overlays import test_captions as texts
from tests.dfvi_models.overlays.test_captions import written
from tests.dfvi_models.overlays.test_logos import disc, moving, overlap, stamped
from tests.dfvi_models.segmentation import test_moving_parts as moving_parts


def find(folder, capsys, *arguments):
    code = cli.main(["mask", "find", str(folder / "video"), "--logo", "-o", str(folder / "logo.png"), *arguments])
    return code, capsys.readouterr()


def test_a_logo_that_changes_its_corner_is_proposed_as_masks_with_times(tmp_path, capsys):
    frames = [*stamped(moving(), disc(100, 20)), *stamped(moving(), disc(24, 70))]
    write_images(tmp_path / "video", np.stack(frames))
    code, told = find(tmp_path, capsys, "--json")
    found = json.loads(told.out)
    assert code == 0
    assert sorted(logo["frames"] for logo in found["logos"]) == [[[0, 24]], [[24, 48]]]
    masks = [option for logo in found["logos"] for option in logo["options"]]
    clip = probe(tmp_path / "video")
    holes = np.stack(list(parse_mask(join_masks(masks)).open(clip).read(0, 48))) > 127
    assert overlap(holes[23], disc(100, 20)) > 0.8
    assert overlap(holes[24], disc(24, 70)) > 0.8
    sheet = read_image(tmp_path / "logo-sheet.png")
    assert found["sheet"] == str(tmp_path / "logo-sheet.png")
    assert sheet.shape[1] > 1400

    _, told = find(tmp_path, capsys)
    line = shlex.split(told.out.splitlines()[-1])
    assert line[:2] == ["dfvi", "inpaint"]
    assert [line[k + 1] for k, word in enumerate(line) if word == "--mask"] == masks


def test_logos_go_into_one_mask_where_no_image_is_asked_for(tmp_path, capsys):
    frames = [*stamped(moving(), disc(100, 20)), *stamped(moving(), disc(24, 70))]
    write_images(tmp_path / "video", np.stack(frames))
    assert cli.main(["mask", "find", str(tmp_path / "video"), "--logo", "-o", str(tmp_path / "logos.npz")]) == 0
    assert capsys.readouterr().out.count("--mask") == 1
    holes = np.stack(list(parse_mask(tmp_path / "logos.npz").open(probe(tmp_path / "video")).read(0, 48))) > 127
    assert overlap(holes[23], disc(100, 20)) > 0.8
    assert overlap(holes[24], disc(24, 70)) > 0.8


def test_where_nothing_is_found_nothing_is_written(tmp_path, capsys):
    write_images(tmp_path / "video", np.stack(moving()))
    code, told = find(tmp_path, capsys)
    assert (code, "no logo was found" in told.out) == (0, True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["video"]


def test_a_still_picture_is_told(tmp_path, capsys):
    write_images(tmp_path / "video", np.stack(moving()[:1] * 20))
    assert "the picture stands still" in find(tmp_path, capsys)[1].out


@pytest.mark.parametrize(
    ("output", "count", "words"), [("logo.gif", 20, "no kind of mask"), ("logo.png", 8, "20 are the fewest")]
)
def test_bad_input_ends_in_one_line(tmp_path, capsys, output, count, words):
    write_images(tmp_path / "video", np.stack(moving()[:count]))
    assert cli.main(["mask", "find", str(tmp_path / "video"), "--logo", "-o", str(tmp_path / output)]) == 2
    assert words in capsys.readouterr().err


def test_captions_are_proposed_as_one_mask_that_is_there_when_they_are(tmp_path, capsys):
    frames, hole = written(texts.moving(), "Where are we going?", (14, 47))
    write_images(tmp_path / "video", np.stack(frames))
    line = ["mask", "find", str(tmp_path / "video"), "--captions", "-o", str(tmp_path / "text.npz")]
    assert cli.main([*line, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (caption,) = found["captions"]
    assert abs(caption["first"] - 14) <= 2
    assert abs(caption["stop"] - 47) <= 2
    holes = np.stack(list(parse_mask(found["mask"]).open(probe(tmp_path / "video")).read(0, len(frames)))) > 127
    assert holes[20][hole].mean() > 0.9
    assert holes.any(axis=(1, 2)).tolist() == [caption["first"] <= t < caption["stop"] for t in range(len(frames))]
    assert read_image(tmp_path / "text-sheet.png").shape[1] > 1400

    assert cli.main(line) == 0
    last = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert last[last.index("--mask") + 1] == found["mask"]


def test_where_no_caption_is_found_nothing_is_written(tmp_path, capsys):
    write_images(tmp_path / "video", np.stack(texts.still()))
    assert cli.main(["mask", "find", str(tmp_path / "video"), "--captions", "-o", str(tmp_path / "text.mkv")]) == 0
    assert "no caption was found" in capsys.readouterr().out
    assert [file.name for file in tmp_path.iterdir()] == ["video"]


def test_what_moves_before_a_still_camera_is_proposed_and_shots_with_a_moving_one_are_named(tmp_path, capsys):
    frames, holes = moving_parts.scene()
    write_images(tmp_path / "video", frames)
    line = ["mask", "find", str(tmp_path / "video"), "--moving", "-o", str(tmp_path / "moves.npz")]
    assert cli.main([*line, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["marked_frames"], found["moving_shots"]) == (len(frames), [])
    written_holes = np.stack(list(parse_mask(found["mask"]).open(probe(tmp_path / "video")).read(0, len(frames)))) > 127
    assert written_holes[holes].mean() > 0.9
    assert read_image(tmp_path / "moves-sheet.png").shape[1] > 1400
    assert cli.main(line) == 0
    assert shlex.split(capsys.readouterr().out.splitlines()[-1])[:2] == ["dfvi", "inpaint"]

    write_images(tmp_path / "pan", np.stack(moving()))
    assert cli.main(["mask", "find", str(tmp_path / "pan"), "--moving", "-o", str(tmp_path / "pan.npz")]) == 0
    told = capsys.readouterr().out
    assert "in frames 0 to 23 the camera moves" in told
    assert "nothing that moves before a still camera was found" in told
    assert not (tmp_path / "pan.npz").exists()


def test_one_kind_of_thing_is_looked_for(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["mask", "find", str(tmp_path), "--logo", "--captions", "-o", "logo.png"])
    assert "not allowed with" in capsys.readouterr().err
