"""The engine `dask`: runs each video as a Prefect task on a worker of a Dask cluster, made here or already running.

Dask itself runs the video of a killed worker again elsewhere; its stages resume.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import prefect
from prefect.settings import temporary_settings

from flows.engines.protocol import (
    WITHOUT_HEARTBEATS,
    ChildCrashedError,
    ChildFailedError,
    EngineSettings,
    Request,
    explain_failure,
    one_line,
    threads_each,
)
from flows.inpaint_video import inpaint_video
from flows.pipeline.runner import available_threads
from flows.pipeline.summary import Summary
from storage.errors import InputError

if TYPE_CHECKING:
    from prefect_dask.task_runners import DaskTaskRunner

CONNECT_TIMEOUT = "30s"


@prefect.task(name="video", task_run_name="{request.name}", persist_result=False, retries=0)
def run_video(request: Request) -> Summary:
    """Run one video, on a Dask worker."""
    try:
        with temporary_settings(WITHOUT_HEARTBEATS):
            summary: Summary = inpaint_video(**request.parameters())
    except Exception as error:  # not every error can be pickled
        raise ChildFailedError(explain_failure(error)) from None
    return summary


@contextmanager
def dask_engine(settings: EngineSettings, count: int) -> Iterator["DaskEngine"]:
    """Open the Dask cluster at the address, or start one here for at most `count` videos; yield the engine.

    Raises : InputError if prefect-dask is not installed, or no scheduler answers at the address.
    """
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise InputError("the engine dask needs prefect-dask; install it with: pip install 'dfvi[cluster]'") from error
    jobs = max(1, min(settings.jobs or available_threads(), count))
    here: dict[str, Any] = {"n_workers": jobs, "threads_per_worker": 1, "memory_limit": 0, "dashboard_address": None}
    if settings.gpu_slots and settings.address is None:
        here["resources"] = {"GPU": 1}
    runner: DaskTaskRunner = DaskTaskRunner(
        address=settings.address,
        cluster_kwargs=None if settings.address else here,
        client_kwargs={"timeout": CONNECT_TIMEOUT},
    )
    with runner:
        engine = DaskEngine(settings, runner)
        if settings.address is None:
            runner.client.run(_silence)
        yield engine


def _silence() -> None:
    """Redirect the standard error of a Dask worker to nowhere: its logs go to the Prefect server."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


class DaskEngine:
    """Runs videos on a Dask cluster; each thread that calls `run` waits for one task."""

    def __init__(self, settings: EngineSettings, runner: "DaskTaskRunner") -> None:
        """Count the slots of the cluster: one for each thread of its workers, or for each GPU."""
        try:
            workers = runner.client.scheduler_info(n_workers=-1)["workers"].values()
        except (OSError, TimeoutError) as error:
            raise InputError(f"no Dask scheduler answers at {settings.address}: {one_line(error)}") from error
        self._gpu = settings.gpu_slots
        there = sum(int(w["resources"].get("GPU", 0) if self._gpu else w["nthreads"]) for w in workers)
        if not there:
            wanted = "a worker with the resource GPU (--resources GPU=1)" if self._gpu else "a worker"
            raise InputError(f"the Dask cluster at {settings.address} lacks {wanted}; start one")
        self.slots = settings.jobs or there
        self._settings, self._runner = settings, runner
        self._threads = settings.threads if settings.address else threads_each(settings, self.slots)
        self._futures: set[Any] = set()
        self._lock = threading.Lock()

    def run(self, request: Request) -> Summary:
        """Run one video on a worker; see `Engine`."""
        from dask.base import annotate

        request = request.model_copy(update={"threads": self._threads, "device": self._settings.device})
        with annotate(resources={"GPU": 1}) if self._gpu else nullcontext(), self._lock:
            future = self._runner.submit(run_video, {"request": request})
            self._futures.add(future)
        try:
            answer = future.result(raise_on_failure=False)
        except Exception as error:  # KilledWorker, CancelledError: the task never came to its end
            raise ChildCrashedError(explain_failure(error)) from error
        finally:
            self._futures.discard(future)
        if isinstance(answer, Summary):
            return answer
        raise answer if isinstance(answer, ChildFailedError) else ChildCrashedError(explain_failure(answer))

    def stop(self) -> None:
        """Cancel the tasks that have not ended."""
        for future in list(self._futures):
            future.wrapped_future.cancel(force=True)
