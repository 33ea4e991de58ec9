"""Work pools of a Prefect server, and whether the configured server answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)
from prefect.workers.process import ProcessWorker

from storage.errors import InputError

POOLS = {
    "dfvi": "runs of single videos: one `dfvi worker` a GPU",
    "dfvi-datasets": "runs that wait for others: datasets, sweeps, housekeeping; no GPU",
}


SECONDS_TO_ANSWER = 20.0


def init_cluster() -> Iterator[str]:
    """Create the work pools that do not exist yet; yield a line about each.

    Raises : InputError if no server is configured, or it does not answer.
    """
    with server_client() as client:
        for name, description in POOLS.items():
            yield f"work pool {name}: {_make_pool(client, name, description)}"


@contextmanager
def server_client() -> Iterator[SyncPrefectClient]:
    """Open a client of the configured server. Raises InputError if none is configured, or it does not answer."""
    address = PREFECT_API_URL.value()
    if not address:
        raise InputError(
            "no Prefect server is configured; start one with `prefect server start`, then set PREFECT_API_URL to its "
            "address, such as http://127.0.0.1:4200/api"
        )
    require_answer(address)
    try:
        with get_client(sync_client=True) as client:
            yield client
    except HTTPError as error:
        raise InputError(f"the Prefect server at {_shown(address)} does not answer: {error}") from error


def require_answer(address: str) -> None:
    """Ask the configured server once whether it is there. Raises InputError if it is not."""
    impatient = {
        PREFECT_API_URL: address,
        PREFECT_CLIENT_MAX_RETRIES: 0,
        PREFECT_API_REQUEST_TIMEOUT: SECONDS_TO_ANSWER,
    }
    try:
        with temporary_settings(impatient), get_client(sync_client=True) as client:
            trouble = client.api_healthcheck()
            if trouble is not None:
                raise trouble
    except Exception as error:  # whatever an address that is none, a proxy, or another program there makes of it
        problem = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"the Prefect server at {_shown(address)} does not answer: {problem}; start it, or unset PREFECT_API_URL "
            "to have one in the background"
        ) from error


def _shown(address: str) -> str:
    """Return an address without the name and the password in it."""
    try:
        parts = urlsplit(address)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return "PREFECT_API_URL"


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
