"""The engine `local`: runs videos in processes on this machine, one process per GPU, or N on the CPU.

A process lives for many videos: starting one costs seconds. Killed, it is replaced, and its video is run again, for the
stages resume; a video that kills its process TRIES times is reported as crashed.
"""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
from prefect.context import hydrated_context, serialize_context
from prefect.settings import temporary_settings

from flows.engines.protocol import (
    TRIES,
    WITHOUT_HEARTBEATS,
    ChildCrashedError,
    ChildFailedError,
    EngineSettings,
    Request,
    ServerUnavailableError,
    threads_each,
    wait_for_server,
)
from flows.pipeline.runner import available_threads
from flows.pipeline.summary import Summary
from storage.errors import InputError

SECONDS_TO_STOP = 5.0
SPAWN = get_context("spawn")  # fork after stores were opened can deadlock


@contextmanager
def local_engine(settings: EngineSettings, count: int, networks: bool) -> Iterator["LocalEngine"]:
    """Start processes for at most `count` videos, gone at the end of the block; each sees one GPU if networks run.

    Raises : InputError if the settings name a GPU that is not there.
    """
    gpus, device = choose_gpus(settings) if networks and settings.device != "cpu" else ((), settings.device)
    settings = settings.model_copy(update={"device": device})
    jobs = max(1, min(settings.jobs or len(gpus) or available_threads(), count))
    engine = LocalEngine(settings, jobs, gpus)
    try:
        yield engine
    finally:
        engine.close()


def choose_gpus(settings: EngineSettings) -> tuple[tuple[str, ...], str]:
    """Return the GPUs to spread the processes over, and the device inside a process, which sees only one of them.

    Raises : InputError if the device is cuda:N, and there are not so many.
    """
    gpus = settings.devices or find_gpus()
    kind, _, number = settings.device.partition(":")
    if kind != "cuda" or not gpus:
        return gpus, settings.device
    if not number:
        return gpus, "cuda:0"
    if not number.isdecimal() or int(number) >= len(gpus):
        raise InputError(f"--device {settings.device}: there are {len(gpus)} GPUs, cuda:0 to cuda:{len(gpus) - 1}")
    return (gpus[int(number)],), "cuda:0"


def find_gpus() -> tuple[str, ...]:
    """Return the CUDA devices of this machine, as CUDA_VISIBLE_DEVICES names them; none if there is no driver."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return tuple(name.strip() for name in chosen.split(",") if name.strip())
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in listed.splitlines() if line.strip())


class LocalEngine:
    """Runs videos in a fixed number of processes; each thread that calls `run` takes a free one."""

    def __init__(self, settings: EngineSettings, jobs: int, gpus: tuple[str, ...]) -> None:
        """Prepare `jobs` processes, spread over `gpus`; they start when they are needed."""
        self.slots = jobs
        self._settings, self._threads = settings, threads_each(settings, jobs)
        with temporary_settings(WITHOUT_HEARTBEATS):
            self._context = cloudpickle.dumps(serialize_context())  # makes the runs children of this one
        self._stopping = threading.Event()
        self._all = [Slot({"CUDA_VISIBLE_DEVICES": gpus[n % len(gpus)]} if gpus else {}) for n in range(jobs)]
        self._free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        for slot in self._all:
            self._free.put(slot)

    def run(self, request: Request) -> Summary:
        """Run one video in a free process; see `Engine`."""
        request = request.model_copy(update={"threads": self._threads, "device": self._settings.device})
        slot = self._free.get()
        try:
            return self._try(slot, request)
        finally:
            self._free.put(slot)

    def _try(self, slot: "Slot", request: Request) -> Summary:
        for _ in range(TRIES):
            if self._stopping.is_set():
                raise ChildCrashedError("stopped")
            try:
                return slot.run(request, self._context)
            except EOFError:
                if self._stopping.is_set():
                    raise ChildCrashedError("stopped") from None
                status = _explain_status(slot.reap())
                trouble: Exception = ChildCrashedError(f"its process died {TRIES} times ({status}); frames are kept")
            except ServerUnavailableError as error:
                trouble = ChildFailedError(str(error))
                wait_for_server(self._stopping)
        raise trouble

    def stop(self) -> None:
        """End the processes; the frames they have finished are kept."""
        self._stopping.set()
        for slot in self._all:
            slot.stop()

    def close(self) -> None:
        """End the processes when no video is left."""
        self._stopping.set()
        for slot in self._all:
            slot.dismiss()
        for slot in self._all:
            slot.reap()


class Slot:
    """One process, started when it is first needed and again after it died."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Prepare a process; `environment` is set in it before it imports anything large."""
        self._environment = environment
        self._process: Any = None
        self._connection: Connection | None = None
        self._stopped = False
        self._lock = threading.Lock()  # between a process that starts and one that stops them all

    def run(self, request: Request, context: bytes) -> Summary:
        """Run one video. Raises EOFError if the process dies, ChildFailedError if the run raises."""
        connection = self._connection or self._start()
        try:
            connection.send_bytes(pickle.dumps((request, context)))
            kind, answer = pickle.loads(connection.recv_bytes())
        except OSError as error:  # broken pipe, connection reset
            raise EOFError from error
        if kind == "server unavailable":
            raise ServerUnavailableError(answer)
        if kind == "failed":
            raise ChildFailedError(answer)
        summary: Summary = answer
        return summary

    def stop(self) -> None:
        """Ask the process to end, and start no other. Prefect is told that its run has crashed."""
        with self._lock:
            self._stopped = True
            with contextlib.suppress(AttributeError, ValueError):  # not started, or reaped meanwhile
                self._process.terminate()

    def dismiss(self) -> None:
        """Close the connection: the process then ends by itself."""
        if self._connection is not None:
            self._connection.close()

    def reap(self) -> int | None:
        """Wait for the end of the process and forget it; return its exit status."""
        process, connection, self._process, self._connection = self._process, self._connection, None, None
        if process is None:
            return None
        process.join(SECONDS_TO_STOP)
        if process.exitcode is None:
            process.kill()
            process.join()
        if connection is not None:
            connection.close()
        status: int | None = process.exitcode
        return status

    def _start(self) -> Connection:
        mine, theirs = SPAWN.Pipe()
        with self._lock:
            if self._stopped:
                raise EOFError("stopped")
            self._process = SPAWN.Process(target=serve, args=(theirs, self._environment), daemon=False)
            self._process.start()
        theirs.close()
        self._connection = mine
        return mine


def serve(connection: Connection, environment: dict[str, str]) -> None:
    """Run requests and send answers until the other end of the connection closes; the main function of a process."""
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which ends us
    threading.Thread(target=_die_with_parent, daemon=True).start()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # no bars of many processes, and no pipe of the caller kept; logs go to the server
        os.dup2(nowhere, descriptor)
    with contextlib.suppress(EOFError, OSError):
        while True:
            request, context = pickle.loads(connection.recv_bytes())
            connection.send_bytes(pickle.dumps(_answer(request, cloudpickle.loads(context))))


def _answer(request: Request, context: dict[str, Any]) -> tuple[str, Summary | str]:
    from flows.engines.child_run import run_child

    try:
        with hydrated_context(context):
            return "done", run_child(request)
    except ServerUnavailableError as error:
        return "server unavailable", str(error)
    except ChildFailedError as error:
        return "failed", str(error)


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)


def _explain_status(status: int | None) -> str:
    if status is not None and status < 0:
        return f"killed by {signal.Signals(-status).name}; out of memory?"
    return f"exit status {status}"
