"""What a Prefect server needs before dfvi is deployed on it: the work pools."""

from collections.abc import Iterator
from contextlib import contextmanager

from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker

from storage.errors import InputError

POOLS = {
    "dfvi": "runs of single videos: one `dfvi worker` a GPU",
    "dfvi-datasets": "runs that wait for others: datasets, sweeps, housekeeping; no GPU",
}


def init_cluster() -> Iterator[str]:
    """Make the pools that are not there yet, and say of each what was done.

    Raises : InputError if no server is configured, or it does not answer.
    """
    with server_client() as client:
        for name, description in POOLS.items():
            yield f"work pool {name}: {_make_pool(client, name, description)}"


@contextmanager
def server_client() -> Iterator[SyncPrefectClient]:
    """A client of the configured server. Raises InputError if none is configured, or it does not answer."""
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
