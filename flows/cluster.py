"""What a Prefect server needs before dfvi is deployed on it: work pools, and automations that bring lost runs back.

A flow-run process that dies with its worker stays `Running` for ever, and one that dies alone is `Crashed` and never
tried again. Two automations mend that: no heartbeat for a while means crashed, and crashed means scheduled again. How
often a run may come back is up to the flows: `flows.returns`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker

from storage.errors import InputError

POOLS = {
    "dfvi": "runs of single videos: one worker a GPU, started with --limit 1",
    "dfvi-datasets": "runs that wait for others: datasets, sweeps, housekeeping; no GPU",
}
HEARTBEAT_SECONDS = 30
"""The shortest that Prefect allows; set for the deployments in prefect.yaml."""
SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS
REST_SECONDS = 15
"""Between a crash and the next try. Prefect 3.8.8's worker releases a run's slot just after it reports the crash, and
dies (`this borrower is already holding ...`) if the run comes back before."""
OF_DEPLOYMENTS = {"prefect.resource.id": "prefect.deployment.*", "prefect.resource.role": "deployment"}
"""Runs that people start on a terminal have no deployment, and must not come back."""
FINAL = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling")


def init_cluster() -> Iterator[str]:
    """Make the pools and automations that are not there yet, and say of each what was done.

    Raises : InputError if no server is configured, or it does not answer.
    """
    with _client() as client:
        for name, description in POOLS.items():
            yield f"work pool {name}: {_make_pool(client, name, description)}"
        for automation in automations():
            yield f"automation {automation.name}: {_make_automation(client, automation)}"


def automations() -> list[AutomationCore]:
    """The two that bring lost runs of deployments back."""
    heartbeat = "prefect.flow-run.heartbeat"
    silent = EventTrigger(
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=OF_DEPLOYMENTS,
        for_each={"prefect.resource.id"},
        after={heartbeat},
        expect={heartbeat, *(f"prefect.flow-run.{state}" for state in FINAL)},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=SILENCE_SECONDS),
    )
    crashed = EventTrigger(  # proactive, to wait: a worker that gets a run back while it still mourns it dies itself
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=OF_DEPLOYMENTS,
        for_each={"prefect.resource.id"},
        after={"prefect.flow-run.Crashed"},
        expect={f"prefect.flow-run.{state}" for state in ("Scheduled", "AwaitingRetry", "Pending", "Running")},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=REST_SECONDS),
    )
    message = f"no heartbeat for {SILENCE_SECONDS} s"
    return [
        AutomationCore(
            name="dfvi: a silent run has crashed",
            description=message,
            enabled=True,  # said aloud: what is not set is not sent, and would not mend one that was switched off
            trigger=silent,
            actions=[ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=message, force=True)],
        ),
        AutomationCore(
            name="dfvi: a crashed run comes back",
            description="its stages resume; the flow itself refuses to come back too often",
            enabled=True,
            trigger=crashed,
            actions=[
                ChangeFlowRunState(
                    state=StateType.SCHEDULED, name="AwaitingRetry", message="brought back after a crash", force=True
                )
            ],
        ),
    ]


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    address = PREFECT_API_URL.value()
    if not address:
        raise InputError(
            "no Prefect server is configured; start one with `prefect server start`, then set PREFECT_API_URL to its "
            "address, such as http://127.0.0.1:4200/api"
        )
    try:
        with get_client(sync_client=True) as client:
            client.hello()
            yield client
    except HTTPError as error:
        raise InputError(f"the Prefect server at {address} does not answer: {error}") from error


def _make_pool(client: SyncPrefectClient, name: str, description: str) -> str:
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(
            WorkPoolCreate(name=name, description=description, type="process", base_job_template=template)
        )
        return "made"
    return "was there"


def _make_automation(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    there = client.read_automations_by_name(wanted.name)
    if not there:
        client.create_automation(wanted)
        return "made"
    for one_too_many in there[1:]:
        client.delete_automation(one_too_many.id)
    fields = ("description", "enabled", "trigger", "actions")
    if all(_same(getattr(there[0], name), getattr(wanted, name)) for name in fields):
        return "was there"
    client.update_automation(there[0].id, wanted)
    return "brought up to date"


def _same(stored: object, wanted: object) -> bool:
    """Whether two parts of an automation mean the same; the server adds ids."""
    return _plain(stored) == _plain(wanted)


def _plain(part: object) -> object:
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if isinstance(part, EventTrigger | ChangeFlowRunState):
        return part.model_dump(exclude={"id"})
    return part
