"""Runs one child run per video, a bounded number at a time; a video that fails never stops the others."""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from contextvars import copy_context
from itertools import islice

from flows.engines.protocol import (
    ChildCrashedError,
    ChildFailedError,
    Engine,
    EngineSettings,
    Request,
    VideoResult,
    explain_failure,
    one_line,
)


def fan_out(requests: Iterable[Request], engine: Engine) -> Iterator[tuple[Request, VideoResult]]:
    """Run all requests, as many at once as the engine has slots, and yield each as it ends.

    Requests are taken one by one: as many are in memory as run.
    """
    left = iter(requests)
    running: dict[Future[VideoResult], Request] = {}
    with ThreadPoolExecutor(engine.slots) as pool:
        try:
            while True:
                for request in islice(left, engine.slots - len(running)):
                    running[pool.submit(copy_context().run, run_one, engine, request)] = request
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        except BaseException:
            engine.stop()
            raise


def run_one(engine: Engine, request: Request) -> VideoResult:
    """Run one video and return its result; an error becomes a result that says so."""
    try:
        return VideoResult.of(engine.run(request))
    except ChildCrashedError as error:
        return VideoResult(video=request.name, state="crashed", error=one_line(error))
    except ChildFailedError as error:
        return VideoResult(video=request.name, state="failed", error=one_line(error))
    except Exception as error:  # the engine itself: no server, no scheduler
        return VideoResult(video=request.name, state="failed", error=explain_failure(error))


def start_engine(settings: EngineSettings, requests: list[Request], networks: bool) -> AbstractContextManager[Engine]:
    """Start the engine that the settings ask for.

    networks : whether any of the requests runs a network, and so wants a GPU.
    Raises   : InputError if it cannot be started.
    """
    if settings.kind == "dask":
        from flows.engines.dask import dask_engine

        return dask_engine(settings, len(requests))
    if settings.kind == "workers":
        from flows.engines.workers import workers_engine

        return workers_engine(settings)
    from flows.engines.local import local_engine

    return local_engine(settings, len(requests), networks)
