"""Kills of single runs, and of the Prefect server behind them: all ends soon, nothing stays, results are equal."""

import json
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from flows.prefect_server.server_record import find_server
from storage.cache.housekeeping import verify
from storage.cache.root import Root
from tests.clips import panning_clip
from tests.flows.cli.test_main import command, contents, start

SERVER_SHARE = 0.3
LONGEST_END = 30.0  # seconds from the output, or the signal, to the end of the command
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ARGUMENTS = ("inpaint", "clip/frames", "--mask", "clip/masks", "--preset", "fast", "-o", "out.mkv", "--threads", "2")


def processes_of(home):
    """Processes whose Prefect home this is, and the servers among them."""
    found, servers = [], []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"PREFECT_HOME={home}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                said = (folder / "cmdline").read_bytes()
                found.append(int(folder.name))
                if b"prefect_server.serve" in said or b"prefect.server" in said:
                    servers.append(int(folder.name))
    return found, servers


def kill_one(folder, home, chance, hit_server, seconds):
    """Start a run, kill it or its server; return what was killed, and the seconds that its end took."""
    process = start([*ARGUMENTS, "--root", "disturbed"], folder, home)
    wait_for_root(folder / "disturbed", process)
    time.sleep(chance.uniform(0.0, 0.8 * seconds))  # a random moment, not a condition
    server = find_server(home)
    if process.poll() is not None or (hit_server and server is None):
        process.communicate()
        return None
    if hit_server:
        os.kill(server.pid, signal.SIGKILL)
        while not (folder / "out.mkv").exists() and process.poll() is None:
            time.sleep(0.01)
    else:
        number = chance.choice(SIGNALS)
        process.send_signal(number)
    since = time.monotonic()
    _, said = process.communicate(timeout=10 * LONGEST_END)
    took = time.monotonic() - since
    assert "Traceback" not in said
    if hit_server:
        assert process.returncode in (0, 1), said
        assert process.returncode == 0 or "just as the run began" in said, said
        return "server", took
    assert process.returncode in (-number, 128 + number, 0), said
    return number.name, took


def wait_for_root(root, process):
    while not (root / "dfvi-root.json").exists() and process.poll() is None:
        time.sleep(0.01)


def run_undisturbed(root, folder, home):
    """Run to the end; return the seconds from the root to the end."""
    process = start([*ARGUMENTS, "--root", root], folder, home)
    wait_for_root(folder / root, process)
    since = time.monotonic()
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return time.monotonic() - since


def soak(folder, kills):
    """Kill so many times, and print what was killed and how long the ends took."""
    home, chance = folder / "home", random.Random(1)
    panning_clip(folder / "clip", count=12, height=96, width=128)
    home.mkdir()
    seconds = run_undisturbed("undisturbed", folder, home)
    expected = (folder / "out.mkv").read_bytes()
    ended, tries = [], 0
    to_hit = round(kills * SERVER_SHARE)
    while len(ended) < kills and tries < 3 * kills:
        tries += 1
        hits = sum(victim == "server" for victim, _ in ended)
        (folder / "out.mkv").unlink(missing_ok=True)
        changed = folder / "disturbed"
        if changed.exists() and hits < to_hit:  # so that there is something to compute
            changed.rename(folder / f"disturbed-{tries}")
        killed = kill_one(folder, home, chance, hits < to_hit, seconds)
        ended += [killed] if killed else []
        assert len(processes_of(home)[1]) <= 1
    print(json.dumps({"kills": len(ended), "server": sum(v == "server" for v, _ in ended), "runs": tries}))
    print(f"the slowest end took {max(took for _, took in ended):.1f} s")
    assert max(took for _, took in ended) <= LONGEST_END
    assert len(ended) >= kills // 2
    run_undisturbed("disturbed", folder, home)
    assert (folder / "out.mkv").read_bytes() == expected
    assert list(verify(Root.open(folder / "disturbed"))) == []
    assert contents(Root.open(folder / "disturbed")) == contents(Root.open(folder / "undisturbed"))
    command(["server", "stop"], folder, home)
    assert processes_of(home)[0] == []


@pytest.mark.slow
def test_a_few_kills_of_runs_and_servers_leave_nothing_behind(tmp_path):
    soak(tmp_path, kills=2)


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.timeout(0)
def test_many_kills_of_runs_and_servers_leave_nothing_behind(tmp_path):
    soak(tmp_path, kills=int(os.environ.get("DFVI_SOAK_KILLS", "50")))
