"""The worker of `dfvi worker`: finishes its run before it stops, and brings back lost runs.

Prefect's own worker takes its runs down with it, and they stay `Running`.
"""

import abc
import asyncio
import os
import platform
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
from httpx import HTTPError
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from flows.prefect_server.lost_runs import HEARTBEAT_SECONDS, LostRuns
from flows.prefect_server.work_pools import POOLS, server_client
from storage.errors import InputError

if TYPE_CHECKING:
    import anyio.abc
    from prefect.client.schemas.objects import FlowRun

Say = Callable[[str], None]
SECONDS_BETWEEN_LOOKS = 0.2


class DrainingWorker(ProcessWorker, abc.ABC):  # ABC keeps it out of Prefect's registry, which has one class a type
    """Runs each flow run in a process of its own, at most `limit` at once; told to stop, it finishes them first."""

    def __init__(self, pool: str, limit: int, name: str | None = None) -> None:
        """Serve the work pool `pool`, which exists."""
        name = name or f"{platform.node()}-{os.getpid()}"
        super().__init__(pool, name=name, limit=limit, create_pool_if_not_found=False)
        self._lost_runs = LostRuns({pool, *POOLS})
        self._asking = asyncio.Lock()
        self._draining = False

    async def get_and_submit_flow_runs(self) -> list["FlowRun"]:
        """Take runs that are due, unless the worker is about to stop; bring back those that were lost."""
        try:
            await self._lost_runs.recover(self.client)
        except (HTTPError, ObjectNotFound) as error:  # the server is away, or the run was deleted: look again later
            self._logger.warning("cannot look for lost runs: %s", error)
        async with self._asking:
            return [] if self._draining else await super().get_and_submit_flow_runs()

    async def run(
        self,
        flow_run: "FlowRun",
        configuration: ProcessJobConfiguration,
        task_status: "anyio.abc.TaskStatus[int] | None" = None,
    ) -> ProcessWorkerResult:
        """Run one flow run and wait for it; stopped meanwhile, end its process and say so."""
        try:
            return await super().run(flow_run, configuration, task_status)
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                message = "its worker was stopped; finished frames are kept"
                await self.client.set_flow_run_state(flow_run.id, Crashed(message=message), force=True)
            raise

    async def drain(self) -> None:
        """Take no new run, and return when those that were taken are done."""
        self._draining = True
        async with self._asking:  # what is being taken now will have been counted
            pass
        while self.limiter.borrowed_tokens:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


def run_worker(pool: str, limit: int, name: str | None, say: Say) -> None:
    """Work until SIGTERM, SIGINT or SIGHUP, then finish the run at hand. A second signal ends it; it comes back.

    Raises : InputError if no server answers, or it has no such work pool.
    """
    with server_client() as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound as error:
            raise InputError(f"the server has no work pool {pool}; make it with: dfvi cluster init") from error
    os.environ["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] = str(HEARTBEAT_SECONDS)  # the processes of its runs inherit it
    asyncio.run(_serve(DrainingWorker(pool, limit, name), say))


async def _serve(worker: DrainingWorker, say: Say) -> None:
    """Run the worker until it is told to stop."""
    serving = asyncio.create_task(worker.start(printer=say))
    draining: list[asyncio.Task[None]] = []

    def stop() -> None:
        if draining or not worker.is_setup:
            say("stopping at once; a run that has not ended comes back on another worker")
            serving.cancel()
            return
        say(f"{worker.limiter.borrowed_tokens} runs to finish, then the worker stops; once more to stop at once")
        draining.append(asyncio.create_task(worker.drain()))
        draining[0].add_done_callback(lambda _: serving.cancel())

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as it is under nohup
            loop.add_signal_handler(number, stop)
    try:
        await serving
    except asyncio.CancelledError:
        say("the worker has stopped")
