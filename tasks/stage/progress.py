"""How far a stage is: a bar on a terminal; elsewhere a log line each ten seconds and a Prefect progress artifact."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Protocol
from uuid import UUID

from tqdm import tqdm

SECONDS_BETWEEN_LOG_LINES = 10.0
SECONDS_BETWEEN_ARTIFACTS = 1.0  # an update costs 12-18 ms
BACK_OFF = 10.0
"""Seconds of rest for each second that the server took to answer."""
SECONDS_TO_CLOSE = 2.0
"""What a finished stage waits until its last progress is shown."""


Listener = Callable[[str, int, int], None]
"""Is told the title of a stage, how many items are finished, and of how many, whenever one more is."""
listeners: list[Listener] = []
"""Are told of every stage that this process works on, from whichever thread; they should be quick."""


class Counted(Protocol):
    """What is watched: something that knows how many items it has, and how many were there from the start."""

    items: int
    items_found: int


class Progress:
    """Counts finished items, from any thread. A thread of its own tells Prefect: no stage waits for a server."""

    def __init__(self, name: str, counted: Counted, logger: logging.LoggerAdapter[Any] | logging.Logger) -> None:
        """Watch `counted`, whose total may still grow, under the title `name`."""
        self._name, self._counted, self._logger = name, counted, logger
        self._lock = threading.Lock()
        self._done = 0
        self._started = time.monotonic()
        self._closed = threading.Event()
        self._bar: tqdm[Any] | None = None
        self._reporter: threading.Thread | None = None
        if sys.stderr.isatty():
            self._bar = tqdm(desc=name, unit="frame", dynamic_ncols=True)
        else:
            context = copy_context()  # says which task runs, on which server; threads start without it
            self._reporter = threading.Thread(target=context.run, args=(self._report,), name="progress", daemon=True)
            self._reporter.start()

    def step(self) -> None:
        """Count one more finished item."""
        with self._lock:
            self._done += 1
            if self._bar is not None:
                self._bar.total, self._bar.initial = self._counted.items, self._counted.items_found
                self._bar.n = max(self._bar.n, self._counted.items_found)
                self._bar.update()
            for listener in listeners:
                listener(self._name, self._counted.items_found + self._done, self._counted.items)

    def close(self) -> None:
        """Finish the bar, or the artifact; a server that does not answer is not waited for."""
        if self._bar is not None:
            self._bar.close()
        self._closed.set()
        if self._reporter is not None:
            self._reporter.join(SECONDS_TO_CLOSE)

    def _report(self) -> None:
        """Say how far the stage is, again and again, until it is closed; the slower the server, the less often."""
        artifact: UUID | None = None
        last_line, pause = self._started, SECONDS_BETWEEN_ARTIFACTS
        closed = False
        while not closed:
            closed = self._closed.wait(pause)
            if closed and artifact is None:
                return
            now = time.monotonic()
            if not closed and now - last_line >= SECONDS_BETWEEN_LOG_LINES:
                last_line = now
                self._say(now)
            try:
                artifact = _show_in_prefect(artifact, self._name, 100 * self._share())
            except Exception as error:  # whatever the client raises
                self._logger.debug("%s: progress could not be shown: %s", self._name, error)
            spent = time.monotonic() - now
            pause = min(max(SECONDS_BETWEEN_ARTIFACTS, BACK_OFF * spent), SECONDS_BETWEEN_LOG_LINES)

    def _share(self) -> float:
        return min((self._counted.items_found + self._done) / max(self._counted.items, 1), 1.0)

    def _say(self, now: float) -> None:
        total, finished = self._counted.items, self._counted.items_found + self._done
        if self._done:
            left = (now - self._started) / self._done * (total - finished)
            self._logger.info("%s: %d of %d, about %.0f s left", self._name, finished, total, left)


@contextmanager
def watch(name: str, counted: Counted, logger: logging.LoggerAdapter[Any] | logging.Logger) -> Iterator[Progress]:
    """Show the progress of `counted` for the length of a `with` block."""
    progress = Progress(name, counted, logger)
    try:
        yield progress
    finally:
        progress.close()


def run_logger() -> "logging.LoggerAdapter[Any] | logging.Logger":
    """Return the logger of the Prefect run this is called in; outside one, that of the program."""
    if _in_task_run():
        from prefect import get_run_logger

        return get_run_logger()
    return logging.getLogger(__name__)


def _show_in_prefect(artifact: UUID | None, name: str, percent: float) -> UUID | None:
    """Create or update the progress artifact of the task run; outside one there is none."""
    if not _in_task_run():
        return None
    from prefect.artifacts import create_progress_artifact, update_progress_artifact

    if artifact is not None:
        update_progress_artifact(artifact, progress=percent)
        return artifact
    created = create_progress_artifact(percent, description=name)
    return created if isinstance(created, UUID) else None


def _in_task_run() -> bool:
    """Return whether this runs as a Prefect task; then Prefect has long been imported."""
    if "prefect.context" not in sys.modules:
        return False
    from prefect.context import TaskRunContext

    return TaskRunContext.get() is not None
