"""The engine `dask`: runs each video as a Prefect task on a worker of a Dask cluster, made here or already running.

Dask itself runs the video of a killed worker again elsewhere; its stages resume.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from flows.engines.child_run import child_task
from flows.engines.protocol import (
    TRIES,
    ChildCrashedError,
    ChildFailedError,
    EngineSettings,
    Request,
    ServerUnavailableError,
    explain_failure,
    one_line,
    threads_each,
    wait_for_server,
)
from flows.pipeline.runner import available_threads
from flows.pipeline.summary import Summary
from storage.errors import InputError

if TYPE_CHECKING:
    from prefect_dask.task_runners import DaskTaskRunner

CONNECT_TIMEOUT = "30s"


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
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def run(self, request: Request) -> Summary:
        """Run one video on a worker; see `Engine`."""
        request = request.model_copy(update={"threads": self._threads, "device": self._settings.device})
        for _ in range(TRIES):
            if self._stopping.is_set():
                raise ChildCrashedError("stopped")
            try:
                return self._run_once(request)
            except ServerUnavailableError as error:
                trouble = ChildFailedError(str(error))
                wait_for_server(self._stopping)
        raise trouble

    def _run_once(self, request: Request) -> Summary:
        from dask.base import annotate

        with annotate(resources={"GPU": 1}) if self._gpu else nullcontext(), self._lock:
            future = self._runner.submit(child_task, {"request": request})
            self._futures.add(future)
        try:
            answer = future.result(raise_on_failure=False)
        except Exception as error:  # KilledWorker, CancelledError: the task never came to its end
            raise ChildCrashedError(explain_failure(error)) from error
        finally:
            self._futures.discard(future)
        if isinstance(answer, Summary):
            return answer
        known = isinstance(answer, ChildFailedError | ServerUnavailableError)
        raise answer if known else ChildCrashedError(explain_failure(answer))

    def stop(self) -> None:
        """Cancel the tasks that have not ended."""
        self._stopping.set()
        for future in list(self._futures):
            future.wrapped_future.cancel(force=True)
