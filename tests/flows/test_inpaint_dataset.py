"""A dataset run on each engine: equal results, failures that stay alone, nothing computed twice."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import nullcontext

import pytest

from flows.configs.run_config import RunConfig
from flows.datasets.dataset import BadDatasetError
from flows.engines.fan_out import start_engine
from flows.engines.local import LocalEngine, ServerUnavailableError
from flows.engines.protocol import ChildCrashedError, ChildFailedError, EngineSettings, Request, explain_failure
from flows.inpaint_dataset import inpaint_dataset
from flows.inpaint_video import inpaint_video
from flows.reports.dataset import VideosFailedError
from storage.cache.housekeeping import list_stores, verify
from storage.cache.root import Root
from storage.errors import InputError
from tests.clips import panning_clip, write_images
from tests.paths import REPOSITORY
from tests.waiting import wait_until

NAMES = ["bus", "dog", "goat"]
SETTINGS = ["decode.dilation=1", "encode.container=mkv", "encode.codec=ffv1", "drafts=[]"]
BEFORE_PROPAGATION = {"decode", "find_shots", "grow_holes", "estimate_flow", "complete_flow"}


def make_dataset(folder, count=6, **size):
    for step, name in enumerate(NAMES, 1):
        panning_clip(folder / name, count=count, step=step, **size)
    return folder


def run(folder, output="out", root="root", settings=(), engine=None, **options):
    return inpaint_dataset(
        str(folder / "set"),
        str(folder / output),
        settings=[*SETTINGS, *settings],
        root=str(folder / root),
        engine=engine,
        **options,
    )


class InThisProcess:
    """The engine of tests that are not about processes: starting one takes seconds."""

    slots = 1

    def run(self, request):
        try:
            return inpaint_video(**request.parameters())
        except Exception as error:
            raise ChildFailedError(explain_failure(error)) from None

    def stop(self):
        pass


@pytest.fixture(scope="module")
def in_this_process():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.inpaint_dataset.start_engine", lambda *given: nullcontext(InThisProcess()))
        yield


@pytest.fixture
def real_engines(monkeypatch):
    monkeypatch.setattr("flows.inpaint_dataset.start_engine", start_engine)


def run_and_fail(folder, **options):
    with pytest.raises(VideosFailedError) as caught:
        run(folder, **options)
    return caught.value.summary


def states(summary):
    return {result.video: result.state for result in summary.results}


def actions(summary):
    """(video, stage) -> what was done, from the children's own reports."""
    return {(r.video, s.stage): s.action for r in summary.results if r.summary for s in r.summary.stages}


def contents(path):
    """Every chunk and file of every store, by path."""
    root = Root.open(path)
    assert {facts.state for facts in list_stores(root)} <= {"complete", "dropped"}
    folders = [root.path / facts.video / facts.stage / facts.digest for facts in list_stores(root)]
    files = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
    skipped = ("manifest.json", "key.json")
    return {str(p.relative_to(root.path)): p.read_bytes() for p in files if p.name not in skipped}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, prefect_server, in_this_process):
    """A dataset that has been finished once; tests only add to it."""
    folder = tmp_path_factory.mktemp("finished")
    make_dataset(folder / "set")
    return folder, run(folder)


def test_each_video_is_a_child_run_and_the_counts_add_up(finished):
    folder, summary = finished
    assert states(summary) == dict.fromkeys(NAMES, "done")
    assert (summary.found, summary.left_out, summary.counts()["done"]) == (3, 0, 3)
    assert set(actions(summary).values()) == {"compute"}
    assert all((folder / "out" / f"{name}.mkv").stat().st_size > 0 for name in NAMES)
    assert all(r.propagated + r.invented == pytest.approx(1) for r in summary.results)


def test_the_table_is_written_as_csv_and_json_and_shown_in_prefect(finished):
    from prefect.artifacts import Artifact

    folder, _ = finished
    rows = (folder / "out" / "latest.csv").read_text().splitlines()
    assert rows[0] == "video,state,seconds,stages,reused,frames,propagated,invented,error,output"
    assert len(rows) == 4
    written = json.loads((folder / "out" / "latest.json").read_text())
    assert (written["found"], written["counts"]["done"]) == (3, 3)
    artifact = Artifact.get("dataset-results")
    assert artifact is not None
    assert {row["video"] for row in json.loads(artifact.data)} <= {*NAMES, "broken", "dark"}


def test_a_second_run_reuses_everything_and_a_changed_threshold_only_what_lies_before_it(finished):
    folder, _ = finished
    assert set(actions(run(folder)).values()) == {"reuse"}
    changed = actions(run(folder, output="changed", settings=["propagate.max_consistency_error=0.8"], run="changed"))
    assert {stage for (_, stage), action in changed.items() if action == "reuse"} == BEFORE_PROPAGATION
    assert {action for (_, stage), action in changed.items() if stage not in BEFORE_PROPAGATION} == {"compute"}


@pytest.mark.slow
def test_dask_gives_the_same_digests_and_the_same_pixels(finished, tmp_path, real_engines):
    folder, _ = finished
    make_dataset(tmp_path / "set")
    summary = run(tmp_path, engine=EngineSettings(kind="dask", jobs=2))
    assert states(summary) == dict.fromkeys(NAMES, "done")
    there = contents(folder / "root")
    assert {name: there.get(name) for name in contents(tmp_path / "root")} == contents(tmp_path / "root")
    for name in NAMES:
        assert (tmp_path / "out" / f"{name}.mkv").read_bytes() == (folder / "out" / f"{name}.mkv").read_bytes()


def test_only_takes_what_failed_is_missing_or_stale(finished, tmp_path):
    folder, _ = finished
    for part in ("set", "root", "out"):
        shutil.copytree(folder / part, tmp_path / part)
    assert run(tmp_path).left_out == 0  # only what was delivered here is not stale here
    (tmp_path / "out" / "bus.mkv").unlink()
    assert run(tmp_path, only=["stale", "failed"]).left_out == 3
    missing = run(tmp_path, only=["missing"])
    assert (states(missing), missing.left_out) == ({"bus": "done"}, 2)
    shutil.copy(tmp_path / "set" / "dog" / "frames" / "00001.png", tmp_path / "set" / "dog" / "frames" / "00000.png")
    write_images(tmp_path / "set" / "dark" / "masks", panning_clip(tmp_path / "dark", 6).holes * 0)
    shutil.copytree(tmp_path / "dark" / "frames", tmp_path / "set" / "dark" / "frames")
    failed = run_and_fail(tmp_path, only=["stale", "missing"])
    assert states(failed) == {"dog": "done", "dark": "failed"}
    assert "marks no pixel" in next(r.error for r in failed.results if r.video == "dark")
    assert states(run_and_fail(tmp_path, only=["failed"])) == {"dark": "failed"}
    shutil.rmtree(tmp_path / "set" / "dark" / "masks")
    shutil.copytree(tmp_path / "dark" / "masks", tmp_path / "set" / "dark" / "masks")
    assert states(run(tmp_path, only=["failed"])) == {"dark": "done"}
    assert run(tmp_path, only=["failed", "missing", "stale"]).left_out == 4


def test_a_malformed_video_is_refused_and_can_be_left_out(finished, tmp_path):
    folder, _ = finished
    for part in ("set", "root"):
        shutil.copytree(folder / part, tmp_path / part)
    shutil.copytree(folder / "set" / "bus" / "masks", tmp_path / "set" / "broken" / "masks")
    (tmp_path / "set" / "broken" / "clip.mp4").write_bytes(b"no video" * 99)
    with pytest.raises(BadDatasetError, match="1 of 4 videos cannot be used"):
        run(tmp_path)
    assert not (tmp_path / "out").exists()
    summary = run(tmp_path, skip_bad=True)
    assert states(summary) == {"broken": "bad"} | dict.fromkeys(NAMES, "done")
    assert summary.found == sum(summary.counts().values()) == 4


def test_a_video_is_tried_again_when_the_server_had_no_time(finished, monkeypatch):
    monkeypatch.setattr("flows.engines.protocol.SECONDS_FOR_THE_SERVER", 0.0)
    answers = iter(
        [ServerUnavailableError("503"), "summary", EOFError(), ServerUnavailableError("503"), EOFError(), EOFError()]
    )

    def answer(slot, request, context):
        given = next(answers)
        if isinstance(given, Exception):
            raise given
        return given

    monkeypatch.setattr("flows.engines.local.Slot.run", answer)
    engine = LocalEngine(EngineSettings(), 1, ())
    request = Request(video_path="v", mask="m", output="o", config=RunConfig(), root="r", name="n", run="latest")
    assert engine.run(request) == "summary"
    with pytest.raises(ChildFailedError, match="503"):
        engine.run(request)
    with pytest.raises(ChildCrashedError, match="its process died 2 times"):
        engine.run(request)
    engine.stop()
    with pytest.raises(ChildCrashedError, match="stopped"):
        engine.run(request)


def test_a_root_that_disappears_in_the_middle_fails_the_videos_left_and_is_not_made_anew(
    tmp_path, monkeypatch, finished
):
    class LosesTheRoot(InThisProcess):
        def run(self, request):
            done = super().run(request)
            shutil.rmtree(tmp_path / "root")
            return done

    monkeypatch.setattr("flows.inpaint_dataset.start_engine", lambda *given: nullcontext(LosesTheRoot()))
    make_dataset(tmp_path / "set")
    failed = run_and_fail(tmp_path)
    assert states(failed) == {"bus": "done", "dog": "failed", "goat": "failed"}
    assert all("is not a dfvi root" in r.error for r in failed.results if r.state == "failed")
    assert not (tmp_path / "root").exists()
    assert (tmp_path / "out" / "bus.mkv").exists()


def test_an_impossible_engine_is_an_error_before_work(finished, tmp_path, real_engines):
    folder, _ = finished
    with pytest.raises(InputError, match="there is no deployment a/b; make it with: dfvi cluster init"):
        run(folder, engine=EngineSettings(kind="workers", deployment="a/b"))


@pytest.mark.slow
def test_a_killed_process_is_replaced_and_its_video_resumes(finished, tmp_path, real_engines):
    folder, _ = finished
    make_dataset(tmp_path / "set")
    killed = []

    def kill_one_that_works():
        wait_until(lambda: list((tmp_path / "root").glob("*/decode")))
        for child in multiprocessing.active_children()[:1]:
            os.kill(child.pid, signal.SIGKILL)
            killed.append(child.pid)

    killer = threading.Thread(target=kill_one_that_works)
    killer.start()
    summary = run(tmp_path, engine=EngineSettings(jobs=1))
    killer.join()
    assert len(killed) == 1
    assert states(summary) == dict.fromkeys(NAMES, "done")
    assert contents(tmp_path / "root").items() <= contents(folder / "root").items()


def start_batch(folder, output):
    """`dfvi batch` as a process of its own, on the server of the tests."""
    from prefect.settings import PREFECT_API_URL

    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    command = [sys.executable, "-m", "flows.cli.main", "batch", "set", "-o", output, "--root", "root", "--jobs", "1"]
    return subprocess.Popen(
        [*command, "--json", *settings],
        cwd=folder,
        env=os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value(), "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_kill_9_of_the_whole_batch_leaves_nothing_behind_and_a_rerun_finishes(finished, tmp_path):
    folder, _ = finished
    make_dataset(tmp_path / "set")
    process = start_batch(tmp_path, "out")
    wait_until(lambda: list((tmp_path / "root").glob("*/estimate_flow")) or process.poll() is not None)
    assert process.poll() is None, process.stderr.read()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)  # the pipe closes when the last process that has it is gone
    assert states(run(tmp_path)) == dict.fromkeys(NAMES, "done")
    assert list(verify(Root.open(tmp_path / "root"))) == []
    assert contents(tmp_path / "root").items() <= contents(folder / "root").items()


@pytest.mark.soak
def test_two_dataset_runs_at_once_compute_each_stage_once(finished, tmp_path):
    make_dataset(tmp_path / "set")
    processes = [start_batch(tmp_path, output) for output in ("one", "two")]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    manifests = list((tmp_path / "root").glob("*/*/*/manifest.json"))
    computed = sum(r["stages"] - r["reused"] for out, _ in answers for r in json.loads(out)["results"])
    assert computed == len(manifests)
    for name in NAMES:
        assert (tmp_path / "one" / f"{name}.mkv").read_bytes() == (tmp_path / "two" / f"{name}.mkv").read_bytes()
