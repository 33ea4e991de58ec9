"""The engine `workers`: runs each video as a run of a deployment, which a `dfvi worker` takes.

Worker and parent share the root. The workers bring crashed children back, so a crash is believed only when it lasts. A
parent that comes back itself takes over its children.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from httpx import TransportError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.runtime import flow_run
from prefect.states import Cancelling

from flows.engines.protocol import ChildCrashedError, ChildFailedError, EngineSettings, Request, one_line
from flows.pipeline.summary import Summary
from storage.cache.root import Root
from storage.errors import InputError

JOBS = 32
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BETWEEN_TRIES = 5.0
"""Pause before a server that does not answer is asked again; Prefect's client has asked five times then."""
SECONDS_TO_COME_BACK = 120.0
"""A crashed run that no worker has scheduled again after this time, with the server there, never will be."""
SECONDS_WITHOUT_SERVER = 600.0
PAGE = 200
"""Runs that Prefect tells of at once."""


@contextmanager
def workers_engine(settings: EngineSettings) -> Iterator["WorkersEngine"]:
    """Open the engine of the workers that serve the deployment.

    Raises : InputError if there is no such deployment.
    """
    with get_client(sync_client=True) as client:
        try:
            client.read_deployment_by_name(settings.deployment)
        except (ObjectNotFound, ValueError) as error:
            raise InputError(
                f"there is no deployment {settings.deployment}; make it with: dfvi cluster init && prefect deploy --all"
            ) from error
        yield WorkersEngine(settings, client)


class WorkersEngine:
    """Runs videos on workers; each thread that calls `run` waits for one run of the deployment."""

    def __init__(self, settings: EngineSettings, client: SyncPrefectClient) -> None:
        """Use the deployment that the settings name."""
        self.slots = settings.jobs or JOBS
        self._settings, self._client = settings, client
        self._starting = threading.Lock()  # Prefect numbers the children of a run without one
        self._states = RunStates(client)
        self._stopping = threading.Event()

    def run(self, request: Request) -> Summary:
        """Run one video on a worker; see `Engine`."""
        request = request.model_copy(update={"threads": self._settings.threads, "device": self._settings.device})
        with self._starting:
            child = self._start(request)
        with self._states.watching(child.id):
            state = self._wait(child.id)
        if state.is_completed():
            return _summary(request)
        message = state.message or state.name or str(state.type)
        if state.is_crashed() or state.is_cancelled():
            raise ChildCrashedError(f"{state.name}: {message}; flow run {child.id}")
        raise ChildFailedError(f"{message}; flow run {child.id}")

    def stop(self) -> None:
        """Cancel the children that have not ended."""
        self._stopping.set()
        for child in self._states.watched():
            self._client.set_flow_run_state(child, Cancelling())

    def _start(self, request: Request) -> FlowRun:
        """Return the child run of a video: a new one, or the one that this run started before it was lost, if that did
        not fail.
        """
        key = f"{flow_run.id}/{request.run}/{request.name}"
        child = self._run_deployment(request, key)
        if child.state is not None and child.state.type in (StateType.FAILED, StateType.CANCELLED):
            return self._run_deployment(request, f"{key}/{flow_run.run_count}")
        return child

    def _run_deployment(self, request: Request, key: str) -> FlowRun:
        """Create a run, or find the one created with this key; a server that does not answer is asked again."""
        deadline = time.monotonic() + SECONDS_WITHOUT_SERVER
        while True:
            try:
                child: Any = run_deployment(
                    self._settings.deployment,
                    parameters=request.model_dump(mode="json"),
                    flow_run_name=request.name,
                    idempotency_key=key,
                    timeout=0,  # come back at once: we look at its state ourselves
                )
            except (TransportError, PrefectHTTPStatusError) as error:
                refused = isinstance(error, PrefectHTTPStatusError) and error.response.status_code < 500
                if refused or time.monotonic() > deadline or self._stopping.wait(SECONDS_BETWEEN_TRIES):
                    raise
            else:
                started: FlowRun = child
                return started

    def _wait(self, child: UUID) -> State:
        """Wait for the end of a child run and return its state."""
        crashed_at = None
        while not self._stopping.wait(SECONDS_BETWEEN_LOOKS):
            state = self._states.read(child)
            if state is None or not state.is_final():
                crashed_at = None
            elif state.type is not StateType.CRASHED:
                return state
            else:
                crashed_at = crashed_at or time.monotonic()
                if time.monotonic() - crashed_at > SECONDS_TO_COME_BACK:
                    return state
        raise ChildCrashedError("stopped")


class RunStates:
    """Asks for the states of all runs at once, however many threads wait for one."""

    def __init__(self, client: SyncPrefectClient) -> None:
        """Ask through `client`."""
        self._client = client
        self._lock = threading.Lock()
        self._watched: set[UUID] = set()
        self._states: dict[UUID, State | None] = {}
        self._asked: frozenset[UUID] = frozenset()
        self._looked, self._answered = 0.0, time.monotonic()

    @contextmanager
    def watching(self, run: UUID) -> Iterator[None]:
        """Include a run in what is asked, for the length of a `with` block."""
        self._watched.add(run)
        try:
            yield
        finally:
            self._watched.discard(run)

    def watched(self) -> list[UUID]:
        """Return the runs that somebody waits for."""
        return list(self._watched)

    def read(self, run: UUID) -> State | None:
        """Return the state of a watched run, a second old at most; None while the server does not answer.

        Raises : ChildFailedError if it has not answered for SECONDS_WITHOUT_SERVER, or knows no such run: somebody has
                 deleted it.
        """
        with self._lock:
            if time.monotonic() - self._looked >= SECONDS_BETWEEN_LOOKS:
                watched = self.watched()
                try:
                    self._states, self._asked = self._read_all(watched), frozenset(watched)
                    self._answered = time.monotonic()
                except (TransportError, PrefectHTTPStatusError) as error:
                    self._states, self._asked = {}, frozenset()
                    if time.monotonic() - self._answered > SECONDS_WITHOUT_SERVER:
                        raise ChildFailedError(f"the Prefect server does not answer: {one_line(error)}") from error
                self._looked = time.monotonic()
            if run in self._asked and run not in self._states:
                raise ChildFailedError(f"flow run {run} was deleted on the Prefect server; finished frames are kept")
            return self._states.get(run)

    def _read_all(self, runs: Sequence[UUID]) -> dict[UUID, State | None]:
        states = {}
        for start in range(0, len(runs), PAGE):
            wanted = FlowRunFilter(id=FlowRunFilterId(any_=list(runs[start : start + PAGE])))
            found = self._client.read_flow_runs(flow_run_filter=wanted, limit=PAGE)
            states.update({run.id: run.state for run in found})
        return states


def _summary(request: Request) -> Summary:
    """Read the summary that the child run has written into the root."""
    record = Root(request.root).last_run(request.run, request.name, request.output)
    if record is None:
        raise ChildFailedError(
            f"the run ended, but left no record in {request.root}; do the workers see the same root?"
        )
    return Summary.model_validate(record.summary)
