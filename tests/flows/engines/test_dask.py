"""The engine `dask`: workers that are killed, a scheduler that is running already, GPU slots."""

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from flows.engines.protocol import EngineSettings
from storage.cache.housekeeping import verify
from storage.cache.root import Root
from storage.errors import InputError
from tests.flows.test_inpaint_dataset import NAMES, contents, make_dataset, run, states
from tests.paths import REPOSITORY
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


@contextmanager
def dask(*arguments):
    """A `dask` command for the length of a block."""
    from prefect.settings import PREFECT_API_URL

    here = {"PREFECT_API_URL": PREFECT_API_URL.value(), "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        env=os.environ | here,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, prefect_server):
    folder = tmp_path_factory.mktemp("undisturbed")
    make_dataset(folder / "set", count=12)
    run(folder, engine=EngineSettings(jobs=1))
    return contents(folder / "root")


def workers_of(pid):
    """The processes of a LocalCluster's workers."""
    children = [int(p.name) for p in Path("/proc").glob("[0-9]*") if parent_of(p) == pid]
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def parent_of(process):
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


@pytest.mark.soak
def test_the_video_of_a_killed_worker_is_run_again(undisturbed, tmp_path):
    make_dataset(tmp_path / "set", count=12)
    killed = []

    def kill_one_that_works():
        wait_until(lambda: list((tmp_path / "root").glob("*/estimate_flow")))
        killed.extend(workers_of(os.getpid())[:1])
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one_that_works)
    killer.start()
    summary = run(tmp_path, engine=EngineSettings(kind="dask", jobs=2))
    killer.join()
    assert len(killed) == 1
    assert states(summary) == dict.fromkeys(NAMES, "done")
    assert list(verify(Root.open(tmp_path / "root"))) == []
    assert contents(tmp_path / "root") == undisturbed


def test_a_running_scheduler_is_used_and_each_video_takes_a_gpu_slot(undisturbed, tmp_path):
    from prefect.client.orchestration import get_client

    make_dataset(tmp_path / "set", count=12)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    with ExitStack() as stack:
        stack.enter_context(dask("scheduler", "--host", address, "--no-dashboard"))
        settings = EngineSettings(kind="dask", address=address, gpu_slots=True, jobs=2)
        with pytest.raises(InputError, match=r"lacks a worker with the resource GPU"):
            run(tmp_path, engine=settings)
        worker = ("--nthreads", "2", "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path / "dask"))
        stack.enter_context(dask("worker", address, *worker, "--resources", "GPU=1"))
        wait_until(lambda: "GPU" in str(scheduler_info(address)))
        summary = run(tmp_path, engine=settings)
    assert states(summary) == dict.fromkeys(NAMES, "done")
    assert contents(tmp_path / "root") == undisturbed
    with get_client(sync_client=True) as client:
        runs = [r for r in client.read_flow_runs() if str(tmp_path) in str(r.parameters.get("video_path"))]
    spans = sorted((r.start_time, r.end_time) for r in runs if r.parent_task_run_id)
    assert len(spans) == len(NAMES)
    assert all(before[1] <= after[0] for before, after in pairwise(spans)), "two at once on one GPU"


def scheduler_info(address):
    from distributed import Client

    with Client(address, timeout="60s") as client:
        return client.scheduler_info(n_workers=-1)["workers"]


def test_no_scheduler_at_the_address_is_an_error_before_work(undisturbed, tmp_path, monkeypatch):
    monkeypatch.setattr("flows.engines.dask.CONNECT_TIMEOUT", "1s")
    make_dataset(tmp_path / "set")
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run(tmp_path, engine=EngineSettings(kind="dask", address="tcp://127.0.0.1:9"))
