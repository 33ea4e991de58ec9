"""`dfvi inpaint --preview`: a few frames by several presets, side by side."""

import json

from flows.cli import main as cli
from storage.media.images.folder import read_image
from storage.media.reading import probe
from tests.clips import panning_clip


def test_a_preview_shows_the_presets_side_by_side_and_keeps_nothing(tmp_path, capsys):
    clip = panning_clip(tmp_path, count=8, height=64, width=96)
    command = ["inpaint", str(clip.video), "--mask", str(clip.mask), "-o", str(tmp_path / "clean.mp4")]
    assert cli.main([*command, "--root", str(tmp_path / "root"), "--preview", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stop"] - told["first"] == 4
    assert [each["preset"] for each in told["presets"]] == ["fast", "default", "quality"]
    for each in told["presets"]:
        assert 0.99 < each["propagated"] + each["invented"] <= 1
        assert each["full_seconds"] > each["seconds"]
    assert read_image(tmp_path / "clean-preview.png").shape[1] == 4 * 48
    movie = probe(tmp_path / "clean-preview.mp4")
    assert (movie.frame_count, movie.width) == (4, 4 * 48)
    assert not (tmp_path / "root").exists()
    assert not (tmp_path / "clean.mp4").exists()
