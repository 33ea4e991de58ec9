"""Runs that were lost with their process, worker or server, and how they come back: every `dfvi worker` looks for them.

A flow-run process that dies with its worker stays `Running` for ever, and one that dies alone is `Crashed` and never
tried again. Prefect's automations could mend both, but not reliably (3.8.8, measured): after a restart of the server an
event waits 15 minutes for one that was handled before it, and on SQLite two handlers can lock each other out. So the
workers ask for the runs of all our pools: no heartbeat for a while means crashed, and crashed means scheduled again.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter, EventOccurredFilter
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
PAGE, EVENTS_PAGE = 200, 50
"""Runs, and events, that Prefect tells of at once."""


class LostRuns:
    """Looks for the lost runs of work pools, and brings them back."""

    def __init__(self, pools: Iterable[str]) -> None:
        """Look after the runs of these pools."""
        self._pools = WorkPoolFilter(name=WorkPoolFilterName(any_=sorted(pools)))
        self._looked = self._listening_since = time.monotonic()

    async def look(self, client: PrefectClient) -> None:
        """Bring back what is lost. Does nothing if the last look was a moment ago."""
        if time.monotonic() - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        self._looked = time.monotonic()
        try:
            if time.monotonic() - self._listening_since > SILENCE_SECONDS:
                await self._end_silent(client)
            await self._bring_back(client)
        except Exception:  # while the server is away no heartbeat reaches it: silence starts to count anew
            self._listening_since = time.monotonic()
            raise

    async def _end_silent(self, client: PrefectClient) -> None:
        """Call crashed what should have been heard of."""
        since = datetime.now(UTC) - timedelta(seconds=SILENCE_SECONDS)
        at_work = await self._runs(client, StateType.PENDING, StateType.RUNNING)
        old = [run for run in at_work if run.state and run.state.timestamp < since]
        heard = await _heard(client, [run.id for run in old], since)
        message = f"no heartbeat for {SILENCE_SECONDS} s; finished frames are kept"
        for run in old:
            if run.id not in heard and await _is_still(client, run):
                await client.set_flow_run_state(run.id, Crashed(message=message), force=True)

    async def _bring_back(self, client: PrefectClient) -> None:
        """Schedule crashed runs again, RETURNS times at most."""
        latest = datetime.now(UTC) - timedelta(seconds=REST_SECONDS)
        for run in await self._runs(client, StateType.CRASHED):
            if not run.deployment_id or not run.state or not latest - OLDEST < run.state.timestamp < latest:
                continue
            states = await client.read_flow_run_states(run.id)
            if sum(state.name == "AwaitingRetry" for state in states) < RETURNS and await _is_still(client, run):
                message = f"brought back after: {run.state.message}"
                await client.set_flow_run_state(run.id, AwaitingRetry(message=message), force=True)

    async def _runs(self, client: PrefectClient, *types: StateType) -> list[FlowRun]:
        """Runs of the pools in one of these states."""
        wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))))
        found: list[FlowRun] = []
        while True:
            page = await client.read_flow_runs(
                flow_run_filter=wanted, work_pool_filter=self._pools, limit=PAGE, offset=len(found)
            )
            found += page
            if len(page) < PAGE:
                return found


async def _heard(client: PrefectClient, runs: Sequence[UUID], since: datetime) -> set[UUID]:
    """Those of the runs with a heartbeat since then."""
    if not runs:
        return set()
    wanted = EventFilter(
        event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
        any_resource=EventAnyResourceFilter(id=[f"prefect.flow-run.{run}" for run in runs]),
        occurred=EventOccurredFilter(since=since),
    )
    page = await client.read_events(wanted, EVENTS_PAGE)
    events = list(page.events)
    while page.next_page:
        page = await client.read_events_page(str(page.next_page))
        events += page.events
    return {UUID(event.resource.id.rpartition(".")[2]) for event in events}


async def _is_still(client: PrefectClient, run: FlowRun) -> bool:
    """Whether nothing has happened to a run since it was read: another worker looks after it, too."""
    now = await client.read_flow_run(run.id)
    return now.state_id == run.state_id
