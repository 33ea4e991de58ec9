"""The process of a job: runs commands of `dfvi` one after the other, and writes down how far they are."""

import contextlib
import io
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from flows.cli import main as cli
from flows.cli.stopping import SECONDS_TO_LEAVE, Listener, leave_within
from flows.studio.estimate import Estimate, titles_of_step
from flows.studio.jobs import LOCK, LOG, JobState, Status, read_job, write_state
from storage.backends.file_lock import FileLock, hold
from tasks.stage import progress

SECONDS_BETWEEN_WRITES = 0.4
STOPPED = 128
"""Exit codes from here on are those of signals."""


def main(folder: str) -> None:
    """Work on the job that is written down in the folder of a project."""
    Listener().listen()
    place = Path(folder)
    with hold(FileLock(place / LOCK), on_wait=lambda holder: None):  # noqa: ARG005
        state = read_job(place)
        if state is None:
            sys.exit("there is no job")
        Worker(place, state).work()
    leave_within(SECONDS_TO_LEAVE, 0)  # threads of Prefect may still wait for a server


class Worker:
    """Runs the steps of a job."""

    def __init__(self, folder: Path, state: JobState) -> None:
        """Work on `state` in the project's folder."""
        self._folder, self._state = folder, state
        self._lock = threading.Lock()
        self._written = 0.0

    def work(self) -> None:
        """Run all steps up to the first that is stopped; one that fails does not hold up the others."""
        self._state.pid = os.getpid()
        progress.listeners.append(self._hear)
        for number in range(len(self._state.steps)):
            if self._run(number) == "stopped":
                break
        self._state.ended = time.time()
        if self._state.status == "done":
            self._state.share, self._state.seconds_left = 1.0, 0.0
        write_state(self._folder, self._state)

    def _run(self, number: int) -> Status:
        step = self._state.steps[number]
        self._estimate = Estimate(titles_of_step(step), self._state.frames)
        self._number = number
        self._set(number, status="working")
        before = (self._folder / LOG).stat().st_size
        with contextlib.redirect_stdout(io.StringIO()) as said:
            code = cli.main([*step.arguments, "--json"])
        status: Status = "done" if code == 0 else "stopped" if code >= STOPPED else "failed"
        summary = _last_object(said.getvalue()) if status == "done" else None
        error = "" if status == "done" else _told(self._folder / LOG, before)
        self._set(number, status=status, summary=summary, error=error)
        return status

    def _set(self, number: int, **changes: object) -> None:
        with self._lock:
            self._state.steps[number] = self._state.steps[number].model_copy(update=changes)
            self._write()

    def _hear(self, title: str, finished: int, total: int) -> None:
        with self._lock:
            self._estimate.hear(title, finished, total)
            if time.monotonic() - self._written > SECONDS_BETWEEN_WRITES:
                self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        self._state.stages = self._estimate.stages()
        count = len(self._state.steps)
        self._state.share = (self._number + self._estimate.share()) / count
        left = self._estimate.seconds_left()
        self._state.seconds_left = None if left is None else left * (count - self._number)
        write_state(self._folder, self._state)


def _last_object(text: str) -> dict[str, Any]:
    """The last JSON object of those that a command has printed one after the other."""
    decoder, rest = json.JSONDecoder(), text.strip()
    found: dict[str, Any] = {}
    while rest:
        found, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
    return found


def _told(log: Path, start: int) -> str:
    """What the command has said on its way out."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(line.removeprefix("dfvi: ") for line in lines if line.startswith("dfvi: "))
