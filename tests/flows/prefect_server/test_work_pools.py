"""A Prefect server with real workers: deployments, children that fail, draining, and runs that were lost."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import httpx
import prefect
import pytest
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.events import emit_event
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter, EventOccurredFilter
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Completed, Crashed, Failed, Running

from flows.cli.main import main
from flows.configs.run_config import RunConfig
from flows.engines.protocol import EngineSettings, Request
from flows.engines.workers import WorkersEngine, workers_engine
from flows.housekeeping import housekeeping
from flows.inpaint_dataset import inpaint_dataset
from flows.prefect_server.lost_runs import RETURNS, LostRuns
from flows.prefect_server.work_pools import init_cluster
from flows.reports.dataset import VideosFailedError
from storage.cache.root import Root
from storage.cache.stage_key import StageKey
from storage.errors import InputError
from tests.clips import panning_clip, write_images
from tests.paths import REPOSITORY
from tests.storage.conftest import fill_store
from tests.waiting import wait_until

REQUEST = Request(video_path="v", mask="m", output="o", config=RunConfig(), root="r", name="goat", run="latest")
SETTINGS = ["decode.dilation=1", "encode.container=mkv", "encode.codec=ffv1", "drafts=[]"]


def command(*module, **environment):
    """A Python module as a process of its own, on the server of the tests."""
    from prefect.settings import PREFECT_API_URL

    here = {"PREFECT_API_URL": PREFECT_API_URL.value(), "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=REPOSITORY,
        env=os.environ | here | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextmanager
def worker(limit=1, pool="dfvi"):
    """`dfvi worker` for the length of a block."""
    options = ("--limit", str(limit), "--pool", pool)
    process = command("flows.cli.main", "worker", *options, PREFECT_WORKER_QUERY_SECONDS="1")
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def deployed(prefect_server):
    """A server with the pools and the deployments of prefect.yaml."""
    list(init_cluster())
    deploying = command("prefect", "--no-prompt", "deploy", "--all")
    said, _ = deploying.communicate(timeout=300)
    assert deploying.returncode == 0, said


@pytest.fixture
def dataset(tmp_path):
    clip = panning_clip(tmp_path / "set" / "goat", count=6, step=1)
    shutil.copytree(clip.video, tmp_path / "set" / "dark" / "frames")
    write_images(tmp_path / "set" / "dark" / "masks", clip.holes * 0)
    return tmp_path


def test_a_cluster_may_be_prepared_again(prefect_server):
    assert [line.rpartition(": ")[0] for line in init_cluster()] == ["work pool dfvi", "work pool dfvi-datasets"]
    assert {how for _, _, how in (line.rpartition(": ") for line in init_cluster())} == {"was there"}


def test_without_a_server_a_cluster_cannot_be_prepared(monkeypatch):
    monkeypatch.setattr(
        "flows.prefect_server.work_pools.PREFECT_API_URL", type("Unset", (), {"value": staticmethod(lambda: None)})
    )
    with pytest.raises(InputError, match="no Prefect server is configured"):
        list(init_cluster())


def test_a_worker_of_no_pool_is_an_error(prefect_server, capsys):
    assert main(["worker", "--pool", "nonsense"]) == 2
    assert "the server has no work pool nonsense; make it with: dfvi cluster init" in capsys.readouterr().err


@pytest.mark.slow
def test_workers_give_the_pixels_of_the_local_engine_and_a_failed_child_is_seen(dataset, deployed):
    with worker(limit=2):
        results = {kind: run_and_fail(dataset, kind) for kind in ("workers", "local")}
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
            engine=EngineSettings(kind=kind, jobs=2 if kind == "workers" else 1),
        )
    return {result.video: result for result in caught.value.summary.results}


@pytest.mark.slow
def test_every_deployment_runs_to_its_end_on_workers(dataset, deployed):
    shutil.rmtree(dataset / "set" / "dark")
    places = {"dataset": str(dataset / "set"), "output": str(dataset / "out"), "root": str(dataset / "root")}
    given = {
        "inpaint_dataset/dataset": places | {"settings": SETTINGS},
        "inpaint_dataset/nightly": places | {"settings": SETTINGS},
        "sweep/sweep": places | {"settings": SETTINGS, "vary": ["merge.rule=nearest"]},
        "housekeeping/weekly": {"root": places["root"]},
    }
    with worker(limit=2), worker(limit=4, pool="dfvi-datasets"):
        for together in (["inpaint_dataset/dataset"], [name for name in given if name != "inpaint_dataset/dataset"]):
            runs = {name: start(name, given[name]) for name in together}
            ended = {name: wait_for_end(run) for name, run in runs.items()}
            assert [state for state in ended.values() if not state.is_completed()] == []
    assert (dataset / "out" / "goat.mkv").exists()
    assert len(list((dataset / "out").glob("*/goat.mkv"))) == 1
    assert json.loads((dataset / "out" / "latest.json").read_text())["left_out"] == 1  # by the nightly run


def start(deployment, parameters):
    """Start a run; the server's SQLite may be locked for a minute on a machine with too much to do."""
    for left in reversed(range(3)):
        try:
            return run_deployment(deployment, parameters=parameters, timeout=0).id
        except PrefectHTTPStatusError as error:
            if error.response.status_code != 503 or not left:
                raise
    return None


def wait_for_end(run):
    """The last state; a crash, on a machine with too much to do, is none, for the run comes back."""
    return wait_until(lambda: (state := state_of(run)).is_final() and not state.is_crashed() and state, 300)


@pytest.mark.soak
def test_sigterm_drains_a_worker_and_a_second_one_stops_it_at_once(tmp_path, deployed):
    clip = panning_clip(tmp_path / "goat", count=40, height=120, width=160, step=1)
    runs = [submit(clip, tmp_path / name) for name in ("first", "second")]
    with worker() as first:
        wait_for_chunks(tmp_path / "first", first)
        first.send_signal(signal.SIGTERM)
        said, _ = first.communicate(timeout=200)
        assert first.returncode == 0, said
        assert "1 runs to finish" in said
    assert [state_of(run).name for run in runs] == ["Completed", "Scheduled"]
    with worker() as second:
        wait_for_chunks(tmp_path / "second", second)
        second.send_signal(signal.SIGTERM)
        assert any("1 runs to finish" in line for line in second.stdout)  # reads until it says so
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0
    assert (state_of(runs[1]).name, state_of(runs[1]).message[:22]) == ("Crashed", "its worker was stopped")
    assert not (tmp_path / "second" / "out.mkv").exists()


def submit(clip, folder):
    with get_client(sync_client=True) as client:
        parameters = {"video_path": str(clip.video), "mask": str(clip.mask), "output": str(folder / "out.mkv")}
        config = {"drafts": [], "encode": {"container": "mkv", "codec": "ffv1"}}
        parameters |= {"root": str(folder), "config": config}
        deployment = client.read_deployment_by_name("inpaint_video/video")
        return client.create_flow_run_from_deployment(deployment.id, parameters=parameters).id


def wait_for_chunks(root, process):
    wait_until(lambda: list(root.glob("*/estimate_flow/*/flow_fw/c.*")) or process.poll() is not None)
    assert process.poll() is None, process.stdout.read()


def state_of(run):
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run).state


@pytest.fixture
def lost(deployed, tmp_path, monkeypatch):
    """A run of a deployment that no worker has, and a look of those that bring lost runs back."""
    for name in ("SECONDS_BETWEEN_LOOKS", "SECONDS_BETWEEN_QUESTIONS", "REST_SECONDS", "SILENCE_SECONDS"):
        monkeypatch.setattr(f"flows.prefect_server.lost_runs.{name}", -1.0)
    # the clock of HTTP knows whole seconds, and may be a second late
    monkeypatch.setattr("flows.prefect_server.lost_runs.REST_SECONDS", -5.0)
    run, search = submit(panning_clip(tmp_path / "goat", count=2), tmp_path), LostRuns(["dfvi"])

    yield run, lambda: look(search)
    with get_client(sync_client=True) as client:
        client.delete_flow_run(run)


def look(*searches):
    """Let workers look for lost runs, all at once."""

    async def recover(search):
        async with get_client() as client:
            await search.recover(client)

    async def all_at_once():
        await asyncio.gather(*map(recover, searches))

    asyncio.run(all_at_once())


def put(run, state):
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, state, force=True)


def test_a_silent_run_has_crashed_and_comes_back_a_few_times(lost):
    run, look = lost
    for _ in range(RETURNS):
        put(run, Running())
        look()  # sees it for the first time
        assert state_of(run).name == "Running"
        look()
        assert (state_of(run).name, state_of(run).message) == (
            "Crashed",
            "no heartbeat for -1.0 s; finished frames are kept",
        )
        look()
        assert (state_of(run).name, state_of(run).message) == (
            "AwaitingRetry",
            "brought back after: no heartbeat for -1.0 s; finished frames are kept",
        )
    put(run, Running())
    for _ in range(3):
        look()
    assert state_of(run).name == "Crashed"


def test_several_workers_bring_a_run_back_once(lost):
    run, _ = lost
    put(run, Crashed())
    searches = [LostRuns(["dfvi"]) for _ in range(4)]
    look(*searches)
    look(*searches)
    with get_client(sync_client=True) as client:
        assert [state.name for state in client.read_flow_run_states(run)].count("AwaitingRetry") == 1


def test_a_crash_that_is_old_by_the_servers_clock_is_left_alone_and_not_asked_for(lost, monkeypatch):
    run, look = lost
    put(run, Crashed())
    monkeypatch.setattr("flows.prefect_server.lost_runs.OLDEST", timedelta(seconds=-3600))
    look()
    assert state_of(run).name == "Crashed"


@pytest.mark.parametrize("wrong", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_run_whose_clock_is_wrong_is_alive_as_long_as_it_is_heard_of(lost, wrong):
    run, look = lost
    put(run, Running())
    look()
    for _ in range(2):
        heard = count_heartbeats(run)
        emit_event(
            "prefect.flow-run.heartbeat",
            {"prefect.resource.id": f"prefect.flow-run.{run}"},
            occurred=datetime.now(UTC) + wrong,
        )
        wait_until(lambda heard=heard: count_heartbeats(run) > heard)
        look()
        assert state_of(run).name == "Running"
    look()
    assert state_of(run).name == "Crashed"


def test_a_run_that_has_ended_is_left_alone(lost):
    run, look = lost
    put(run, Completed())
    look()
    look()
    assert state_of(run).name == "Completed"


def count_heartbeats(run):
    wanted = EventFilter(
        event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
        any_resource=EventAnyResourceFilter(id=[f"prefect.flow-run.{run}"]),
        occurred=EventOccurredFilter(until=datetime.now(UTC) + timedelta(days=1)),
    )
    with get_client(sync_client=True) as client:
        return client.read_events(wanted, 1).total


def test_a_parent_that_comes_back_takes_over_its_children_but_for_those_that_failed(deployed):
    @prefect.flow
    def parent():
        with workers_engine(EngineSettings(kind="workers")) as engine:
            first, again = engine._start(REQUEST), engine._start(REQUEST)
            put(first.id, Failed())
            anew = engine._start(REQUEST)
            put(anew.id, Completed())
        return first.id, again.id, anew.id

    first, again, anew = parent()
    assert first == again != anew


def test_a_server_without_time_is_asked_again_and_one_that_refuses_is_not(monkeypatch):
    def error(status):
        asked = httpx.Request("POST", "http://server/api")
        return PrefectHTTPStatusError("", request=asked, response=httpx.Response(status, request=asked))

    answers = [httpx.ConnectError("refused"), error(503), "a run", error(409), "never"]

    def answer(*given, **options):
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("flows.engines.workers.run_deployment", answer)
    monkeypatch.setattr("flows.engines.workers.SECONDS_BETWEEN_TRIES", 0.0)
    engine = WorkersEngine(EngineSettings(kind="workers"), None)
    assert engine._run_deployment(REQUEST, "key") == "a run"
    with pytest.raises(PrefectHTTPStatusError):
        engine._run_deployment(REQUEST, "key")
    assert answers == ["never"]


def test_housekeeping_reads_back_repairs_and_deletes(tmp_path, prefect_server):
    root = Root.create(tmp_path / "root")
    kept, unused = (fill_store(root.store("goat", StageKey("estimate_flow", version))) for version in (1, 2))
    root.start_run("latest", "goat").use(kept.key.stage, kept.key.digest)
    found = housekeeping(str(root.path))
    assert (found.damaged, found.unused, found.deleted_bytes) == ([], 1, 0)
    assert found.unused_bytes == housekeeping(str(root.path), delete=True).deleted_bytes > 0
    assert not unused.folder.exists()
    kept["flow_fw"].chunk_path(0).write_bytes(b"damaged")
    with pytest.raises(RuntimeError, match="1 damaged, such as"):
        housekeeping(str(root.path))
    assert len(housekeeping(str(root.path), repair=True).damaged) == 1
    assert housekeeping(str(root.path)).damaged == []
