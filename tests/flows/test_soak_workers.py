"""Kill -9 of workers, flow runs, both, the server, and the dataset run itself, at random moments, on a real cluster."""

import os
import random
import signal
import time
from contextlib import ExitStack, suppress

import pytest

from storage.cache.housekeeping import verify
from storage.cache.root import Root
from tests.clips import panning_clip
from tests.flows.test_inpaint_dataset import SETTINGS, contents
from tests.postgres import BINARIES, postgres
from tests.real_cluster import Cluster

pytestmark = [pytest.mark.soak, pytest.mark.slow]
VIDEOS = 8
ROUNDS = int(os.environ.get("DFVI_SOAK_ROUNDS", "10"))
LONGEST_REST = 20.0  # seconds between two kills
LONGEST_WAIT = 60.0  # seconds for a victim that is at work
LONGEST_RUN = 1500.0
VICTIMS = ("worker", "run", "both", "server", "parent")


def kill_some(cluster, parent, root, chance, killed):
    """Kill one victim after the other, in any order; return when each result was sealed so far."""
    victims = [VICTIMS[n % len(VICTIMS)] for n in range(ROUNDS)]
    chance.shuffle(victims)
    started, seals = time.monotonic(), {}
    for victim in victims:
        watch(cluster, root, seals, chance.uniform(2.0, LONGEST_REST))
        deadline = time.monotonic() + LONGEST_WAIT
        while not (pids := find(cluster, parent, victim)) and time.monotonic() < deadline:
            watch(cluster, root, seals, 0.2)
        if victim == "server":
            cluster.kill("server")
            cluster.start_server()
        if victim in ("worker", "both"):
            cluster.kill(chance.choice(("one", "two")))
        if victim in ("run", "both", "parent") and pids:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
        killed[victim] += bool(pids)
        state = cluster.state(parent)
        print(f"{time.monotonic() - started:4.0f} s: killed {victim}; then {state and state.name}", flush=True)
    return seals


def watch(cluster, root, seals, seconds):
    """Let the cluster work for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        watch_seals(root, seals)
        cluster.mend()
        time.sleep(0.05)


def find(cluster, parent, victim):
    """Processes of the runs that are meant; any will do for a worker or the server, which are killed at work."""
    return [pid for pid, run in cluster.flow_runs().items() if (run == parent) == (victim == "parent")]


def watch_seals(root, seals):
    """Remember when each result was sealed; one that was sealed before must not be sealed again."""
    for path in root.glob("*/*/*/manifest.json"):
        with suppress(FileNotFoundError):
            stamp = path.stat().st_mtime_ns
            assert seals.setdefault(path, stamp) == stamp, f"computed twice: {path}"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_dataset_run_on_workers_survives_kill_9_of_anything(tmp_path, database, prefect_server):
    from flows.inpaint_dataset import inpaint_dataset

    if database == "postgresql" and not BINARIES:
        pytest.skip("PostgreSQL is not installed")
    for step in range(VIDEOS):
        panning_clip(tmp_path / "set" / f"v{step}", count=40, height=120, width=160, step=step % 4 + 1)
    quiet = tmp_path / "undisturbed"
    inpaint_dataset(str(tmp_path / "set"), str(quiet / "out"), settings=SETTINGS, root=str(quiet / "root"))
    root, killed = tmp_path / "root", dict.fromkeys(VICTIMS, 0)
    with ExitStack() as stack:
        address = (
            {"PREFECT_API_DATABASE_CONNECTION_URL": stack.enter_context(postgres())} if database != "sqlite" else {}
        )
        cluster = stack.enter_context(Cluster(tmp_path / "cluster", **address))
        for name, pool, limit in (("one", "dfvi", 1), ("two", "dfvi", 1), ("datasets", "dfvi-datasets", 4)):
            cluster.start_worker(name, pool, limit)
        names = {"dataset": "set", "output": "out", "root": "root"}
        places = {key: str(tmp_path / name) for key, name in names.items()}
        started = time.monotonic()
        parent = cluster.submit("inpaint_dataset/dataset", **places, settings=SETTINGS)
        seals = kill_some(cluster, parent, root, random.Random(database), killed)
        state = cluster.wait(parent, LONGEST_RUN)
        print(f"{database}: killed {killed}; {state.name} after {time.monotonic() - started:.0f} s: {state.message}")
        assert state.is_completed(), (state, cluster.log("datasets"))
    watch_seals(root, seals)
    assert list(verify(Root.open(root))) == []
    assert contents(root) == contents(quiet / "root")
    for step in range(VIDEOS):
        assert (tmp_path / "out" / f"v{step}.mkv").read_bytes() == (quiet / "out" / f"v{step}.mkv").read_bytes()
