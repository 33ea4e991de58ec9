"""Runs that were lost with their process, worker or server, and how they come back: every `dfvi worker` looks for them.

A flow-run process that dies with its worker stays `Running` for ever, and one that dies alone is `Crashed` and never
tried again. Prefect's automations could mend both, but not reliably (3.8.8, measured): after a restart of the server an
event waits 15 minutes for one that was handled before it, and on SQLite two handlers can lock each other out. So the
workers ask for the runs of all our pools: no heartbeat for a while means crashed, and crashed means scheduled again.

No clock of a worker is trusted. A run is silent when a worker has seen no new heartbeat of it, and no new state, for a
while by its own stopwatch; how old a crash is, is said by the server, of its own states. One worker mends at a time.
"""

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

from httpx import HTTPError, HTTPStatusError
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter, EventOccurredFilter
from prefect.exceptions import ObjectAlreadyExists
from prefect.states import AwaitingRetry, Crashed

HEARTBEAT_SECONDS = 30
"""The shortest that Prefect allows; a `dfvi worker` sets it for its runs."""
SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS
REST_SECONDS = 15
"""Between a crash and the next try. Prefect 3.8.8's worker releases a run's slot just after it reports the crash, and
dies (`this borrower is already holding ...`) if the run comes back before."""
RETURNS = 3
"""How often a run comes back: what has killed it so often will kill it again. Then it stays crashed."""
OLDEST = timedelta(days=1)
"""A crash that nobody was there to see for so long is not to be mended by surprise."""
SECONDS_BETWEEN_LOOKS = 10.0
SECONDS_BETWEEN_QUESTIONS = 20.0
"""Between two questions for the last heartbeat of a run."""
SECONDS_TO_MEND = 30.0
"""After this time the turn of a worker that was killed while it mended goes to another."""
TURN = "dfvi-lost-runs"
PAGE = 200
"""Runs that Prefect tells of at once."""
CLOCKS_APART = timedelta(days=1)
"""So far may the clock of a worker be ahead, and its heartbeats still be found."""


@dataclass
class Sign:
    """The last sign of life of a run: its state and heartbeats, and when we first saw this, by our stopwatch."""

    state: UUID | None
    heartbeats: int
    seen: float
    asked: float


class LostRuns:
    """Looks for the lost runs of work pools, and brings them back."""

    def __init__(self, pools: Iterable[str]) -> None:
        """Look after the runs of these pools."""
        self._pools = WorkPoolFilter(name=WorkPoolFilterName(any_=sorted(pools)))
        self._looked = time.monotonic()
        self._signs: dict[UUID, Sign] = {}

    async def recover(self, client: PrefectClient) -> None:
        """Bring back what is lost. Does nothing if the last look was a moment ago."""
        if time.monotonic() - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        self._looked = time.monotonic()
        try:
            silent = await self._silent(client)
            crashed = await self._crashed(client)
            if not silent and not crashed:
                return
            async with _turn(client) as is_ours:
                if is_ours:
                    await _end(client, silent)
                    await _bring_back(client, crashed)
        except Exception:  # while the server is away no heartbeat reaches it: silence starts to count anew
            self._signs.clear()
            raise

    async def _silent(self, client: PrefectClient) -> list[FlowRun]:
        """Return the runs that should have been heard of by now."""
        wanted = FlowRunFilter(state=_in_state(StateType.PENDING, StateType.RUNNING))
        runs = await self._runs(client, wanted)
        self._signs = {run.id: self._signs[run.id] for run in runs if run.id in self._signs}
        silent = []
        for run in runs:
            sign = self._signs.get(run.id)
            now = time.monotonic()
            if sign is not None and now - sign.asked < SECONDS_BETWEEN_QUESTIONS:
                continue
            heartbeats = await _heartbeats(client, run.id)
            if sign is None or (sign.state, sign.heartbeats) != (run.state_id, heartbeats):
                self._signs[run.id] = Sign(run.state_id, heartbeats, now, now)
                continue
            sign.asked = now
            if now - sign.seen > SILENCE_SECONDS:
                silent.append(run)
        return silent

    async def _crashed(self, client: PrefectClient) -> list[FlowRun]:
        """Return the runs that have crashed lately, but not just now."""
        now = await _server_time(client)
        lately = FlowRunFilterEndTime(after_=now - OLDEST, before_=now - timedelta(seconds=REST_SECONDS))
        wanted = FlowRunFilter(state=_in_state(StateType.CRASHED), end_time=lately)
        return [run for run in await self._runs(client, wanted) if run.deployment_id]

    async def _runs(self, client: PrefectClient, wanted: FlowRunFilter) -> list[FlowRun]:
        found: list[FlowRun] = []
        while True:
            page = await client.read_flow_runs(
                flow_run_filter=wanted, work_pool_filter=self._pools, limit=PAGE, offset=len(found)
            )
            found += page
            if len(page) < PAGE:
                return found


async def _end(client: PrefectClient, silent: list[FlowRun]) -> None:
    """Call silent runs crashed."""
    message = f"no heartbeat for {SILENCE_SECONDS} s; finished frames are kept"
    for run in silent:
        if await _is_still(client, run):
            await client.set_flow_run_state(run.id, Crashed(message=message), force=True)


async def _bring_back(client: PrefectClient, crashed: list[FlowRun]) -> None:
    """Schedule crashed runs again, RETURNS times at most."""
    for run in crashed:
        states = await client.read_flow_run_states(run.id)
        if sum(state.name == "AwaitingRetry" for state in states) < RETURNS and await _is_still(client, run):
            message = f"brought back after: {run.state.message if run.state else 'a crash'}"
            await client.set_flow_run_state(run.id, AwaitingRetry(message=message), force=True)


async def _is_still(client: PrefectClient, run: FlowRun) -> bool:
    """Return whether nothing has happened to a run since it was read."""
    now = await client.read_flow_run(run.id)
    return now.state_id == run.state_id


@asynccontextmanager
async def _turn(client: PrefectClient) -> AsyncIterator[bool]:
    """Take the turn of mending, which one worker has at a time; tell whether it is ours.

    The slot decays by itself: whoever is killed with it, worker or server, keeps it for SECONDS_TO_MEND at most.
    """
    with suppress(ObjectAlreadyExists):
        await client.upsert_global_concurrency_limit_by_name(TURN, 1, slot_decay_per_second=1 / SECONDS_TO_MEND)
    try:
        await client.increment_concurrency_slots([TURN], 1, "concurrency")
    except HTTPStatusError as error:
        if error.response.status_code != 423:
            raise
        yield False
        return
    started = time.monotonic()
    try:
        yield True
    finally:
        with suppress(HTTPError):  # then it decays
            await client.release_concurrency_slots([TURN], 1, time.monotonic() - started)


async def _heartbeats(client: PrefectClient, run: UUID) -> int:
    """Return how many heartbeats of a run the server has; the clock that they were stamped with does not matter."""
    wanted = EventFilter(
        event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
        any_resource=EventAnyResourceFilter(id=[f"prefect.flow-run.{run}"]),
        occurred=EventOccurredFilter(until=datetime.now(UTC) + CLOCKS_APART),
    )
    return (await client.read_events(wanted, 1)).total


async def _server_time(client: PrefectClient) -> datetime:
    """Return the time by the server's clock, which its states carry."""
    said = (await client.hello()).headers.get("date")
    return parsedate_to_datetime(said) if said else datetime.now(UTC)


def _in_state(*types: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))
