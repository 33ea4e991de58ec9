"""`dfvi batch`, `sweep`, `plan` and `cluster` on the command line: what is printed, and the exit codes."""

import json
import shutil
from types import SimpleNamespace

import pytest

from flows.cli.main import main
from tests.clips import panning_clip, write_images
from tests.flows.test_inpaint_dataset import in_this_process  # noqa: F401  (a fixture)

SETTINGS = ["--set", "decode.dilation=1", "--set", "encode.container=png"]


@pytest.fixture
def dfvi(tmp_path, monkeypatch, capsys, prefect_server, in_this_process):  # noqa: F811
    """Run a command in a folder with a dataset of two videos."""
    monkeypatch.chdir(tmp_path)
    for name in ("bus", "goat"):
        panning_clip(tmp_path / "set" / name, count=3)

    def run(command, *arguments):
        output = [] if command == "plan" else ["-o", "out"]
        code = main([command, "set", *output, *SETTINGS, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def dark(tmp_path):
    """A video that passes every check and then fails: its mask marks nothing."""
    clip = panning_clip(tmp_path / "made", count=3)
    shutil.copytree(clip.video, tmp_path / "set" / "dark" / "frames")
    write_images(tmp_path / "set" / "dark" / "masks", clip.holes * 0)


def test_a_batch_ends_with_a_table_and_exit_code_0(dfvi, tmp_path):
    code, out, _ = dfvi("batch")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["video", "state", "seconds", "reused", "propagated", "invented", "error"]
    assert lines[1].split()[:2] == ["bus", "done"]
    assert lines[-3].endswith("s: 2 done")
    assert lines[-2:] == ["table: out/latest.csv and .json", "report: out/latest.report.html"]
    assert (tmp_path / "out" / "goat").is_dir()
    page = (tmp_path / "out" / "latest.report.html").read_text()
    assert "2 done" in page
    code, out, _ = dfvi("batch", "--only", "stale", "--only", "missing", "--json")
    assert (code, json.loads(out)["left_out"]) == (0, 2)
    assert (tmp_path / "out" / "latest.report.html").read_text() == page, "nothing was done, and nothing is told"
    code, out, _ = dfvi("plan")
    assert code == 0
    assert "2 videos, at least 0 s" in out


def test_the_plan_of_a_dataset_can_be_had_as_json(dfvi):
    code, out, _ = dfvi("plan", "--json")
    assert code == 0
    plans = {plan["stage"]: plan for plan in json.loads(out)}
    assert plans["decode"]["compute"] == 2
    assert plans["decode"]["why"] == {"there is no root yet": 2}


def test_a_failed_video_gives_exit_code_1_after_the_others_are_done(dfvi, dark, tmp_path):
    code, out, _ = dfvi("batch", "--no-report")
    assert code == 1
    assert not (tmp_path / "out" / "latest.report.html").exists()
    assert "marks no pixel" in next(line for line in out.splitlines() if line.startswith("dark   failed"))
    assert out.splitlines()[-2].endswith("2 done, 1 failed")


def test_bad_videos_are_one_table_and_exit_code_2(dfvi, tmp_path):
    (tmp_path / "set" / "goat" / "masks" / "00002.png").unlink()
    for name in ("batch", "plan"):
        code, out, err = dfvi(name)
        assert (code, out) == (2, "")
        assert err.splitlines()[0].startswith("goat  ")
        assert err.splitlines()[1].startswith("dfvi: 1 of 2 videos cannot be used; mend them")
    assert dfvi("sweep", "--vary", "propagate.max_consistency_error=1")[0] == 2
    assert not (tmp_path / "out").exists()
    code, out, _ = dfvi("batch", "--skip-bad")
    assert code == 0
    assert "1 done, 1 bad" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["batch", "--jobs", "0"], "dfvi: --jobs 0: input should be greater than or equal to 1"),
        (["batch", "--set", "merge.nonsense=1"], "unknown key merge.nonsense"),
        (["sweep", "--vary", "merge.rule"], "--vary takes stage.param=value,value"),
    ],
)
def test_bad_options_are_one_line(dfvi, arguments, message):
    code, out, err = dfvi(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err


def test_a_sweep_prints_a_line_for_each_combination(dfvi):
    code, out, _ = dfvi("sweep", "--vary", "propagate.max_consistency_error=1,2")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["1", "2"]


def test_watch_runs_what_is_new_and_nothing_else(dfvi, tmp_path, monkeypatch):
    rounds = []

    def sleep(seconds):
        rounds.append(seconds)
        if len(rounds) == 1:
            panning_clip(tmp_path / "set" / "new", count=3)
        if len(rounds) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("flows.cli.batch.time", SimpleNamespace(sleep=sleep))
    code, out, err = dfvi("batch", "--watch", "7")
    assert code == 130
    assert "run the same command again" in err
    assert rounds == [7.0] * 3
    sentences = [line.split(": ")[1] for line in out.splitlines() if " videos in " in line]
    assert sentences == ["2 done", "1 done, 2 left out"]


def test_watch_tries_what_failed_again_when_its_files_change(dfvi, dark, tmp_path, monkeypatch, capsys):
    rounds = []

    def sleep(seconds):
        rounds.append(capsys.readouterr().out.count("dark   failed"))
        if len(rounds) == 4:
            shutil.copy(tmp_path / "set" / "goat" / "masks" / "00000.png", tmp_path / "set" / "dark" / "masks")
        if len(rounds) == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr("flows.cli.batch.time", SimpleNamespace(sleep=sleep))
    assert dfvi("batch", "--watch", "7")[0] == 130
    assert rounds == [1, 1, 0, 0, 0, 0]  # once more in case it was the machine, then no more
    assert (tmp_path / "out" / "dark").is_dir()


def test_a_cluster_is_prepared_line_by_line(dfvi, capsys):
    assert main(["cluster", "init"]) == 0
    assert "work pool dfvi: " in capsys.readouterr().out
