"""`dfvi store` and its kin, called in this process on the stores of one small run."""

import json
import shutil

import cv2
import numpy as np
import pytest

from flows.cli import main as cli
from flows.configs.run_config import load_config
from flows.inpaint_video import inpaint_video
from storage.cache.root import Root
from storage.media.flo import read_flo
from tests.clips import panning_clip


@pytest.fixture(scope="module")
def finished(tmp_path_factory, prefect_server):
    folder = tmp_path_factory.mktemp("finished")
    clip = panning_clip(folder / "clip", count=4)
    config = load_config(settings=["encode.container=png"])
    summary = inpaint_video(str(clip.video), str(clip.mask), str(folder / "out"), config, root=str(folder / "root"))
    return folder, summary


@pytest.fixture
def run(finished, tmp_path, capsys):
    """Runs a command on a copy of the finished root; gives exit code, output and errors."""
    folder = shutil.copytree(finished[0], tmp_path / "copy")

    def run_command(*arguments):
        code = cli.main([*arguments, "--root", str(folder / "root")])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    run_command.folder = folder
    return run_command


def digest_of(finished, stage):
    return next(s.digest for s in finished[1].stages if s.stage == stage and s.iteration == 0)


def test_list_shows_every_result(run, finished):
    code, out, _ = run("store", "list", "--json")
    assert code == 0
    assert {(s["stage"], s["state"]) for s in json.loads(out)} >= {("decode", "complete"), ("encode", "complete")}
    assert digest_of(finished, "merge")[:8] in run("store", "list", "--stage", "merge")[1]


def test_gc_keeps_the_named_run_until_it_is_forgotten(run):
    assert "0 bytes in 0 results" in run("store", "gc")[1]
    assert "latest" in run("store", "runs")[1]
    assert run("store", "forget", "latest")[0] == 0
    assert run("store", "forget", "latest")[0] == 2
    planned = run("store", "gc")[1]
    assert "delete them with --yes" in planned
    assert run("store", "list", "--json")[1] != "[]\n"
    assert "deleted" in run("store", "gc", "--yes")[1]
    assert json.loads(run("store", "list", "--json")[1]) == []


def test_export_writes_pictures_and_flow_files(run, finished, tmp_path):
    assert run("store", "export", digest_of(finished, "decode")[:10], str(tmp_path / "e"))[0] == 0
    hole = cv2.imread(str(tmp_path / "e" / "holes" / "00003.png"), cv2.IMREAD_GRAYSCALE)
    store = Root(run.folder / "root").open_store("clip", "decode", digest_of(finished, "decode"))
    np.testing.assert_array_equal(hole > 0, store["holes"][3])
    frame = cv2.imread(str(tmp_path / "e" / "frames" / "00003.png"))[..., ::-1]
    np.testing.assert_array_equal(frame, store["frames"][3])
    assert run("store", "export", digest_of(finished, "estimate_flow"), str(tmp_path / "f"))[0] == 0
    flow = Root(run.folder / "root").open_store("clip", "estimate_flow", digest_of(finished, "estimate_flow"))
    np.testing.assert_array_equal(read_flo(tmp_path / "f" / "flow_fw" / "00002.flo"), flow["flow_fw"][2])
    np.testing.assert_array_equal(read_flo(tmp_path / "f" / "flow_bw" / "00003.rflo"), flow["flow_bw"][2])
    assert (tmp_path / "f" / "flow_fw" / "00002.png").exists()


def test_what_cannot_be_exported_is_named(run, finished, tmp_path):
    assert (
        "neither frames, holes nor flow" in run("store", "export", digest_of(finished, "propagate"), str(tmp_path))[2]
    )
    draft = next(stage.digest for stage in finished[1].stages if stage.iteration < 0)
    assert "was dropped, as a run with keep: result or tune does" in run("store", "export", draft, str(tmp_path))[2]
    assert "0 results begin with 'zz'" in run("store", "export", "zz", str(tmp_path))[2]


def test_exported_flow_comes_back_as_a_finished_stage(run, finished, tmp_path):
    run("store", "export", digest_of(finished, "estimate_flow"), str(tmp_path / "f"))
    (tmp_path / "flow").mkdir()
    for path in [*(tmp_path / "f").glob("*/*.flo"), *(tmp_path / "f").glob("*/*.rflo")]:
        shutil.copy(path, tmp_path / "flow")
    names = [str(run.folder / "clip" / "frames"), "--mask", str(run.folder / "clip" / "masks")]
    code, out, err = run("store", "import-flow", *names, str(tmp_path / "flow"))
    assert (code, err) == (0, "")
    settings = out.split("use it with: ")[1].split()
    code, out, _ = run("plan", *names, "-o", str(tmp_path / "out"), *settings, "--json")
    actions = {stage["stage"]: stage["action"] for stage in json.loads(out)}
    assert (actions["decode"], actions["estimate_flow"], actions["complete_flow"]) == ("reuse", "reuse", "compute")
    (tmp_path / "flow" / "00001.flo").unlink()
    assert "without a gap" in run("store", "import-flow", *names, str(tmp_path / "flow"))[2]


def test_config_prints_yaml_and_meanings(capsys):
    assert cli.main(["config", "--set", "encode.crf=30"]) == 0
    assert "crf: 30" in capsys.readouterr().out
    assert cli.main(["config", "--explain"]) == 0
    out = capsys.readouterr().out
    assert "propagate.max_consistency_error = " in out
    assert "in pixels" in out
