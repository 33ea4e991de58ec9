"""A Prefect server with a real worker: deployments, children that fail, and runs that come back too often."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows import returns
from flows.batch_report import VideosFailedError
from flows.cluster import automations, init_cluster
from flows.engine import EngineSettings
from flows.housekeeping import housekeeping
from flows.inpaint_dataset import inpaint_dataset
from storage.errors import InputError
from storage.key import StageKey
from storage.root import Root
from tests.clips import panning_clip, write_images
from tests.storage.conftest import fill_store

REPOSITORY = Path(__file__).parents[2]
SETTINGS = ["decode.dilation=1", "encode.container=mkv", "encode.codec=ffv1"]


def prefect_command(*arguments):
    """A `prefect` command on the server of the tests."""
    from prefect.settings import PREFECT_API_URL

    return subprocess.Popen(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        cwd=REPOSITORY,
        env=os.environ
        | {
            "PREFECT_API_URL": PREFECT_API_URL.value(),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PYTHONPATH": str(REPOSITORY),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def dataset(tmp_path):
    clip = panning_clip(tmp_path / "set" / "goat", count=6, step=1)
    shutil.copytree(clip.video, tmp_path / "set" / "dark" / "frames")
    write_images(tmp_path / "set" / "dark" / "masks", clip.holes * 0)
    return tmp_path


def test_a_cluster_is_prepared_once_and_brought_up_to_date(prefect_server):
    from prefect.client.orchestration import get_client

    done = [line.rpartition(": ") for line in init_cluster()]
    assert [what for what, _, _ in done] == [
        "work pool dfvi",
        "work pool dfvi-datasets",
        "automation dfvi: a silent run has crashed",
        "automation dfvi: a crashed run comes back",
    ]
    assert {how for _, _, how in (line.rpartition(": ") for line in init_cluster())} == {"was there"}
    with get_client(sync_client=True) as client:
        silent = client.read_automations_by_name(automations()[0].name)[0]
        client.update_automation(silent.id, automations()[0].model_copy(update={"enabled": False}))
        assert list(init_cluster())[2].endswith("brought up to date")
        assert client.read_automations_by_name(silent.name)[0].enabled


def test_without_a_server_a_cluster_cannot_be_prepared(monkeypatch):
    monkeypatch.setattr("flows.cluster.PREFECT_API_URL", type("Unset", (), {"value": staticmethod(lambda: None)}))
    with pytest.raises(InputError, match="no Prefect server is configured"):
        list(init_cluster())


@pytest.mark.slow
def test_workers_give_the_pixels_of_the_local_engine_and_a_failed_child_is_seen(dataset, prefect_server):
    list(init_cluster())
    deploying = prefect_command("deploy", "--all")
    said, _ = deploying.communicate(timeout=120)
    assert deploying.returncode == 0, said
    worker = prefect_command("worker", "start", "--pool", "dfvi", "--limit", "2")
    try:
        results = {kind: run_and_fail(dataset, kind) for kind in ("workers", "local")}
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()
    by_worker, here = results["workers"]["goat"], results["local"]["goat"]
    assert [(s.stage, s.digest) for s in by_worker.summary.stages] == [(s.stage, s.digest) for s in here.summary.stages]
    assert (dataset / "workers" / "goat.mkv").read_bytes() == (dataset / "local" / "goat.mkv").read_bytes()
    assert (by_worker.propagated, by_worker.invented) == (here.propagated, here.invented)
    for result in results.values():
        assert result["dark"].state == "failed"
        assert "marks no pixel" in result["dark"].error
        assert result["goat"].state == "done"


def run_and_fail(dataset, kind):
    with pytest.raises(VideosFailedError, match=r"2 videos in .*: 1 done, 1 failed") as caught:
        inpaint_dataset(
            str(dataset / "set"),
            str(dataset / kind),
            settings=SETTINGS,
            root=str(dataset / f"root-{kind}"),
            engine=EngineSettings(kind=kind, jobs=2),
        )
    return {result.video: result for result in caught.value.summary.results}


def test_a_run_that_crashes_again_and_again_ends(monkeypatch):
    monkeypatch.setattr(returns, "flow_run", type("Run", (), {"run_count": returns.RETURNS + 1}))
    returns.refuse_endless_returns()
    monkeypatch.setattr(returns, "flow_run", type("Run", (), {"run_count": returns.RETURNS + 2}))
    with pytest.raises(returns.ReturnedTooOftenError, match="crashed 4 times; finished frames are kept"):
        returns.refuse_endless_returns()


def test_housekeeping_reads_back_repairs_and_deletes(tmp_path, prefect_server):
    root = Root.create(tmp_path / "root")
    kept, unused = (fill_store(root.store("goat", StageKey("estimate_flow", version))) for version in (1, 2))
    root.record_run("latest", "goat", [{"stage": kept.key.stage, "digest": kept.key.digest}])
    found = housekeeping(str(root.path))
    assert (found.damaged, found.unused, found.deleted_bytes) == ([], 1, 0)
    assert found.unused_bytes == housekeeping(str(root.path), delete=True).deleted_bytes > 0
    assert not unused.folder.exists()
    kept["flow_fw"].chunk_path(0).write_bytes(b"damaged")
    with pytest.raises(RuntimeError, match="1 damaged, such as"):
        housekeeping(str(root.path))
    assert len(housekeeping(str(root.path), repair=True).damaged) == 1
    assert housekeeping(str(root.path)).damaged == []
