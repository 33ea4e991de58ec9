"""The child run of one video, in whatever process an engine gives it: its summary, or an error that can be pickled."""

import prefect
from httpx import TransportError
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import temporary_settings

from flows.engines.protocol import (
    WITHOUT_HEARTBEATS,
    ChildFailedError,
    Request,
    ServerUnavailableError,
    explain_failure,
)
from flows.inpaint_video import inpaint_video
from flows.pipeline.summary import Summary
from flows.prefect_server.bounded import ServerGoneError, run_flow


def run_child(request: Request) -> Summary:
    """Run one video; once it computes, a server that is gone does not matter.

    Raises : ServerUnavailableError if the server was gone before, ChildFailedError if the run raised.
    """
    try:
        return run_flow(inpaint_video, **request.parameters())
    except (PrefectHTTPStatusError, TransportError, ServerGoneError) as error:
        raise ServerUnavailableError(explain_failure(error)) from None
    except Exception as error:  # not every error can be pickled
        raise ChildFailedError(explain_failure(error)) from None


@prefect.task(name="video", task_run_name="{request.name}", persist_result=False, retries=0)
def child_task(request: Request) -> Summary:
    """Run one video as a Prefect task."""
    with temporary_settings(WITHOUT_HEARTBEATS):
        return run_child(request)
