"""Work that goes on in a process of its own, whatever becomes of the server: a run, or previews.

The process writes how far it is into a file of the project, and holds a lock as long as it lives, which the kernel
frees with it. A server that was started again reads both; what was killed is begun again, and goes on in the store.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from flows.prefect_server.loopback import python_command
from flows.studio.document import Plain
from flows.studio.project import write_json
from storage.backends.file_lock import is_held
from storage.errors import InputError

FILE = "job.json"
LOCK = "job.lock"
LOG = "job.log"
SECONDS_TO_START = 20.0
"""After so long a process that does not hold its lock is dead."""

Kind = Literal["run", "preview", "track", "find"]
Status = Literal["waiting", "working", "done", "failed", "stopped"]


class Step(Plain):
    """One command of a job, and what came of it."""

    title: str
    arguments: tuple[str, ...]
    """Of the command `dfvi`."""
    output: str
    """Name of the file or folder it makes, in the project's folder."""
    preset: str = ""
    """Empty where nothing is filled."""
    status: Status = "waiting"
    error: str = ""
    summary: dict[str, Any] | None = None
    """What the command says with `--json`, last of all."""


class StageProgress(Plain):
    """How many items of a stage are finished."""

    title: str
    finished: int
    total: int


class JobState(BaseModel):
    """The file that says how far a job is."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    kind: Kind
    steps: list[Step]
    fingerprint: str
    """Of what was marked when it began."""
    first: int
    """Number of the first frame that it works on."""
    last: int
    frames: int
    """How many frames are likely to be worked on, for the estimate of time."""
    number: int = 0
    """Of the object that is followed or was found."""
    pid: int = 0
    began: float = 0.0
    """Seconds since the epoch."""
    ended: float | None = None
    stages: list[StageProgress] = []
    share: float = 0.0
    """How much of all steps is done, 0 to 1."""
    seconds_left: float | None = None
    """None as long as nobody knows."""

    @property
    def status(self) -> Status:
        """Say what became of it, by its steps."""
        for status in ("failed", "stopped", "working"):
            if any(step.status == status for step in self.steps):
                return status
        return "done" if all(step.status == "done" for step in self.steps) else "waiting"


def read_job(folder: Path) -> JobState | None:
    """Return the job of a project that goes on or was the last; one whose process was killed is stopped."""
    try:
        state = JobState.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    if state.status in ("waiting", "working") and not is_alive(folder):
        with suppress(OSError, ValidationError):  # it may have ended between the two looks
            state = JobState.model_validate_json((folder / FILE).read_bytes())
        if state.status in ("waiting", "working") and time.time() - state.began > _grace(state):
            state.steps = [_stopped(step) for step in state.steps]
    return state


def start(folder: Path, state: JobState) -> None:
    """Begin a job. Raises InputError if one goes on."""
    before = read_job(folder)
    if before is not None and before.status in ("waiting", "working"):
        raise InputError("something is being worked on already; stop it first, or wait until it is done")
    state.began = time.time()
    write_state(folder, state)
    with (folder / LOG).open("wb") as log:
        subprocess.Popen(
            python_command(f"from flows.studio.job import main; main({str(folder)!r})"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # it goes on if the server is killed, or stopped with Ctrl-C
        )


def stop(folder: Path) -> None:
    """End the job that goes on; what is finished is kept."""
    state = read_job(folder)
    if state is not None and state.pid and is_alive(folder):
        with suppress(ProcessLookupError):
            os.kill(state.pid, signal.SIGTERM)


def is_alive(folder: Path) -> bool:
    """Return whether a process works for the project."""
    return is_held(folder / LOCK)


def write_state(folder: Path, state: JobState) -> None:
    """Write how far a job is."""
    write_json(folder / FILE, state)


def _grace(state: JobState) -> float:
    return 0.0 if state.pid else SECONDS_TO_START


def _stopped(step: Step) -> Step:
    return step.model_copy(update={"status": "stopped"}) if step.status in ("waiting", "working") else step
