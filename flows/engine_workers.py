"""The engine `workers`: each video is a run of the deployment of the single-video flow, taken by a Prefect worker.

Worker and parent share the root. A child that crashed may come back: the automations that `dfvi cluster init` makes
schedule it again, so a crash is believed only when it lasts.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from httpx import TransportError
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Cancelling

from flows.engine import ChildCrashedError, ChildFailedError, EngineSettings, Request, one_line
from flows.inpaint_video import Summary
from storage.errors import InputError
from storage.root import Root

JOBS = 32
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_COME_BACK = 60.0
"""A crashed run that has not been scheduled again after this time will not be."""
SECONDS_WITHOUT_SERVER = 600.0


@contextmanager
def workers_engine(settings: EngineSettings) -> Iterator["WorkersEngine"]:
    """Workers that serve the deployment.

    Raises : InputError if there is no such deployment.
    """
    with get_client(sync_client=True) as client:
        try:
            client.read_deployment_by_name(settings.deployment)
        except (ObjectNotFound, ValueError) as error:
            raise InputError(
                f"there is no deployment {settings.deployment}; make it with: dfvi cluster init && prefect deploy --all"
            ) from error
    yield WorkersEngine(settings)


class WorkersEngine:
    """Each thread that calls `run` waits for one run of the deployment."""

    def __init__(self, settings: EngineSettings) -> None:
        """Use the deployment that the settings name."""
        self.slots = settings.jobs or JOBS
        self._settings = settings
        self._lock = threading.Lock()  # Prefect numbers the children of a run without one
        self._running: set[UUID] = set()
        self._stopping = threading.Event()

    def run(self, request: Request) -> Summary:
        """Run one video on a worker; see `Engine`."""
        request = request.model_copy(update={"threads": self._settings.threads, "device": self._settings.device})
        with self._lock:
            child: Any = run_deployment(
                self._settings.deployment,
                parameters=request.model_dump(mode="json"),
                flow_run_name=request.name,
                timeout=0,  # come back at once: we look at its state ourselves
            )
        self._running.add(child.id)
        try:
            state = self._wait(child.id)
        finally:
            self._running.discard(child.id)
        if state.is_completed():
            return _summary(request)
        message = state.message or state.name or str(state.type)
        if state.is_crashed() or state.is_cancelled():
            raise ChildCrashedError(f"{state.name}: {message}; flow run {child.id}")
        raise ChildFailedError(f"{message}; flow run {child.id}")

    def stop(self) -> None:
        """Cancel the children that have not ended."""
        self._stopping.set()
        with get_client(sync_client=True) as client:
            for child in list(self._running):
                client.set_flow_run_state(child, Cancelling())

    def _wait(self, child: UUID) -> State:
        """The last state of a child."""
        crashed_at: float | None = None
        while not self._stopping.is_set():
            state = _read_state(child)
            if state is not None and state.type is StateType.CRASHED:
                crashed_at = crashed_at or time.monotonic()
                if time.monotonic() - crashed_at > SECONDS_TO_COME_BACK:
                    return state
            elif state is not None and state.is_final():
                return state
            else:
                crashed_at = None
            self._stopping.wait(SECONDS_BETWEEN_LOOKS)
        raise ChildCrashedError("stopped")


def _read_state(child: UUID) -> State | None:
    """State of a flow run; waits for a server that is away."""
    deadline = time.monotonic() + SECONDS_WITHOUT_SERVER
    while True:
        try:
            with get_client(sync_client=True) as client:
                return client.read_flow_run(child).state
        except (TransportError, PrefectHTTPStatusError) as error:
            if time.monotonic() > deadline:
                raise ChildFailedError(f"the Prefect server does not answer: {one_line(error)}") from error
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _summary(request: Request) -> Summary:
    """What the child has written down at its end."""
    record = Root(Path(request.root)).read_run(request.run, request.name)
    if record is None or not record.get("summary"):
        raise ChildFailedError(
            f"the run ended, but left no record in {request.root}; do the workers see the same folder?"
        )
    return Summary.model_validate(record["summary"])
