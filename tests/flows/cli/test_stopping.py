"""Signals: one line, exit code 128 + signal, at the start and in the middle of a run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.cli.stopping import SIGNALS
from tests.clips import panning_clip
from tests.paths import REPOSITORY


def take_signals():
    """Undo what the caller of the tests ignores, as nohup and background jobs do: it is inherited."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def start(arguments, cwd, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli.main", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=take_signals,
    )


def listens(process, signals=SIGNALS):
    """Whether a process handles the signals already."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return all(caught >> (number - 1) & 1 for number in signals)


def wait_until(condition, process):
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def ended_by(process, number):
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said.splitlines() == [
        f"dfvi: stopped by {number.name}; finished frames are kept, run the same command again to go on"
    ]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_at_the_start_is_one_line(tmp_path, number):
    process = start(["inpaint", "v.mkv", "--mask", "m.png", "-o", "o.mkv"], tmp_path)
    wait_until(lambda: listens(process), process)
    ended_by(process, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_the_middle_of_a_run_is_one_line_and_the_run_goes_on_next_time(tmp_path, number, prefect_server):
    from prefect.settings import PREFECT_API_URL

    panning_clip(tmp_path / "clip", count=30, height=240, width=320)
    arguments = ["inpaint", "clip/frames", "--mask", "clip/masks", "-o", "out.mkv", "--root", "root"]
    process = start(arguments, tmp_path, PREFECT_API_URL=PREFECT_API_URL.value())
    chunks = tmp_path.joinpath("root").glob
    wait_until(lambda: list(chunks("*/estimate_flow/*/flow_fw/c.*")), process)
    ended_by(process, number)
    assert not (tmp_path / "out.mkv").exists()


def test_a_signal_that_is_ignored_stays_ignored(tmp_path):
    command = ["nohup", sys.executable, "-m", "flows.cli.main", "inpaint", "v.mkv", "--mask", "m.png", "-o", "o.mkv"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: listens(process, [signal.SIGTERM]), process)
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "v.mkv" in said
