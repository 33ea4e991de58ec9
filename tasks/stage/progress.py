"""How far a stage is: a bar on a terminal; elsewhere a log line each ten seconds and a Prefect progress artifact."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Protocol
from uuid import UUID

from tqdm import tqdm

SECONDS_BETWEEN_LOG_LINES = 10.0
SECONDS_BETWEEN_ARTIFACTS = 1.0  # an update costs 12-18 ms


class Counted(Protocol):
    """What is watched: something that knows how many items it has, and how many were there from the start."""

    items: int
    items_found: int


class Progress:
    """Counts finished items, from any thread."""

    def __init__(self, name: str, counted: Counted, logger: logging.LoggerAdapter[Any] | logging.Logger) -> None:
        """Watch `counted`, whose total may still grow, under the title `name`."""
        self._name, self._counted, self._logger = name, counted, logger
        self._lock = threading.Lock()
        self._context = copy_context()  # says which task runs; threads start without it
        self._done = 0
        self._started = self._last_line = self._last_artifact = time.monotonic()
        self._artifact: UUID | None = None
        on_terminal = sys.stderr.isatty()
        self._bar: tqdm[Any] | None = tqdm(desc=name, unit="frame", dynamic_ncols=True) if on_terminal else None

    def step(self) -> None:
        """One more item is finished."""
        with self._lock:
            self._done += 1
            if self._bar is not None:
                self._bar.total, self._bar.initial = self._counted.items, self._counted.items_found
                self._bar.n = max(self._bar.n, self._counted.items_found)
                self._bar.update()
            else:
                self._tell(time.monotonic())

    def close(self) -> None:
        """Finish the bar, or the artifact."""
        if self._bar is not None:
            self._bar.close()
        elif self._artifact is not None:
            items = self._counted.items
            self._show(100.0 * (self._counted.items_found + self._done) / max(items, 1))

    def _tell(self, now: float) -> None:
        total, found = self._counted.items, self._counted.items_found
        share = (found + self._done) / max(total, 1)
        if now - self._last_line >= SECONDS_BETWEEN_LOG_LINES:
            self._last_line = now
            left = (now - self._started) / self._done * (total - found - self._done)
            self._logger.info("%s: %d of %d, about %.0f s left", self._name, found + self._done, total, left)
        if now - self._last_artifact >= SECONDS_BETWEEN_ARTIFACTS:
            self._last_artifact = now
            self._show(100 * share)

    def _show(self, percent: float) -> None:
        """Tell Prefect; a server that does not answer must not cost the stage."""
        try:
            self._artifact = self._context.run(_show_in_prefect, self._artifact, self._name, percent)
        except Exception as error:  # whatever the client raises
            self._logger.warning("%s: progress could not be shown: %s", self._name, error)


@contextmanager
def watch(name: str, counted: Counted, logger: logging.LoggerAdapter[Any] | logging.Logger) -> Iterator[Progress]:
    """Show the progress of `counted` for the length of a `with` block."""
    progress = Progress(name, counted, logger)
    try:
        yield progress
    finally:
        progress.close()


def run_logger() -> "logging.LoggerAdapter[Any] | logging.Logger":
    """The logger of the Prefect run this is called in; outside one, that of the program."""
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
    """Whether this runs as a Prefect task; then Prefect has long been imported."""
    if "prefect.context" not in sys.modules:
        return False
    from prefect.context import TaskRunContext

    return TaskRunContext.get() is not None
