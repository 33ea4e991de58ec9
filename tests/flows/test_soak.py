"""Kill -9 at random moments of a dataset run, of the whole run or of one of its processes: nothing is lost or wrong."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from storage.cache.housekeeping import verify
from storage.cache.root import Root
from tests.flows.test_inpaint_dataset import NAMES, contents, make_dataset, start_batch

pytestmark = [pytest.mark.soak, pytest.mark.slow]
KILLS = int(os.environ.get("DFVI_SOAK_KILLS", "20"))
LONGEST_WAIT = 6.0  # seconds after the first process starts; a whole run takes longer


def children(pid):
    """Processes started by any thread of a process, but for Python's own helper."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for each in lists for child in each.read_text().split()]
    return [child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_a_dataset_run_that_is_killed_again_and_again_ends_as_if_undisturbed(tmp_path, prefect_server):
    for name in ("undisturbed", "disturbed"):
        make_dataset(tmp_path / name / "set", count=60, height=120, width=160)
    assert start_batch(tmp_path / "undisturbed", "out").communicate(timeout=300)
    chance = random.Random(1)
    killed = {"run": 0, "process": 0}
    tries = 0
    while sum(killed.values()) < KILLS and tries < 2 * KILLS:
        tries += 1
        process = start_batch(tmp_path / "disturbed", "out")
        while process.poll() is None and not children(process.pid):
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, LONGEST_WAIT))
        below = children(process.pid) if process.poll() is None else []
        if below:
            whole = chance.random() < 0.5
            os.kill(process.pid if whole else chance.choice(below), signal.SIGKILL)
            killed["run" if whole else "process"] += 1
        process.communicate(timeout=300)
    print(f"killed {killed} in {tries} runs")
    assert sum(killed.values()) >= KILLS // 3
    process = start_batch(tmp_path / "disturbed", "out")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, (out, err)
    assert list(verify(Root.open(tmp_path / "disturbed" / "root"))) == []
    assert contents(tmp_path / "disturbed" / "root") == contents(tmp_path / "undisturbed" / "root")
    for name in NAMES:
        outputs = [(tmp_path / which / "out" / f"{name}.mkv").read_bytes() for which in ("undisturbed", "disturbed")]
        assert outputs[0] == outputs[1]
