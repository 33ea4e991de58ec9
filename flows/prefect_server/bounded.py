"""Waits for Prefect that end: a server that dies or hangs takes no result away, and keeps nobody waiting for long.

Prefect's engine tells the server about a flow run before and after the flow itself, and asks again for minutes if the
server is gone. While the flow computes, a server that is gone does not matter.
"""

import copy
import functools
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from contextvars import copy_context
from types import FrameType
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from prefect import Flow
from prefect.settings import PREFECT_API_URL

from flows.prefect_server.background import can_be_replaced, connected

P = ParamSpec("P")
R = TypeVar("R")

_LOGGER = logging.getLogger(__name__)
SECONDS_TO_BEGIN = 180.0
SECONDS_AFTER_THE_END = 15.0
"""What Prefect gets to write down how a flow ended, while its server is there."""
SECONDS_FOR_AN_ARTIFACT = 10.0
SECONDS_BETWEEN_LOOKS = 0.5
SILENT = "the Prefect server does not answer any more"


class ServerGoneError(ConnectionError):
    """The Prefect server ended before the flow began."""


class _WaitEnded(BaseException):
    """Raised in the main thread, where it waits for Prefect. No `except Exception` of Prefect stops it."""


def run_flow(flow: Flow[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a flow; return what it returns and raise what it raises, whatever becomes of the Prefect server meanwhile.

    If a server in the background ends before the flow has begun, the flow is called once more, with another.
    Raises : ServerGoneError if the server, or that other one, ends before the flow has begun.
    """
    try:
        return _run_once(flow, *args, **kwargs)
    except ServerGoneError:
        if not can_be_replaced():
            raise
        with connected():
            return _run_once(flow, *args, **kwargs)


def _run_once(flow: Flow[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    call = _Call(flow)
    engine: Any = call.flow
    result: R
    try:
        if threading.current_thread() is threading.main_thread():
            with _waits_ended(call):
                result = engine(*args, **kwargs)
        else:
            result = _run_beside(call, *args, **kwargs)
    except (Exception, _WaitEnded) as error:
        call.finish()  # again: the interruption may have come just there
        if call.error is not None:
            raise call.error from None
        if not call.ended:
            if not call.began and (isinstance(error, _WaitEnded) or is_gone(PREFECT_API_URL.value())):
                raise ServerGoneError("the Prefect server ended just as the run began") from None
            raise
        _warn(error)
        result = call.result
    return result


def publish_artifact(create: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Make an artifact of the current run with Prefect's `create`; a server that does not answer costs a warning."""
    trouble: list[Exception] = [TimeoutError(f"no answer for {SECONDS_FOR_AN_ARTIFACT:.0f} s")]

    def attempt() -> None:
        try:
            create(*args, **kwargs)
            trouble.clear()
        except Exception as error:  # whatever the client raises
            trouble[:] = [error]

    thread = threading.Thread(target=copy_context().run, args=(attempt,), daemon=True)
    thread.start()
    thread.join(SECONDS_FOR_AN_ARTIFACT)
    if trouble:
        _warn(trouble[0])


class _Call:
    """One call of a flow: how far it is, and what came of it."""

    def __init__(self, flow: Flow[Any, Any]) -> None:
        self.flow = copy.copy(flow)
        self._original = flow

        @functools.wraps(flow.fn)
        def body(*args: Any, **kwargs: Any) -> Any:  # a plain function: Prefect makes a task of it for a child run
            return self._body(flow.fn, *args, **kwargs)

        self.flow.fn = body
        self.called_at = time.monotonic()
        self.began = self.ended = self.given_up = False
        self.ended_at = 0.0
        self.result: Any = None
        self.error: BaseException | None = None
        self.over, self.lock = threading.Event(), threading.Lock()
        self._on_sigterm = signal.getsignal(signal.SIGTERM)

    def __reduce__(self) -> tuple[type["_Call"], tuple[Flow[Any, Any]]]:
        """Begin anew in another process: a run's context goes there with its flow, and threads and locks cannot."""
        return _Call, (self._original,)

    def _body(self, body: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            if self.given_up:
                raise _WaitEnded("nobody waits for this run any more")
            self.began = True
        try:
            with _handling_sigterm(self._on_sigterm):
                self.result = body(*args, **kwargs)
            return self.result
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.ended_at, self.ended = time.monotonic(), True

    def has_waited_enough(self) -> bool:
        """Return whether the call waits for Prefect in vain."""
        if self.began and not self.ended:
            return False
        since, limit = (self.ended_at, SECONDS_AFTER_THE_END) if self.ended else (self.called_at, SECONDS_TO_BEGIN)
        return time.monotonic() - since > limit or is_gone(PREFECT_API_URL.value())

    def give_up(self) -> bool:
        """Leave a call that has waited enough to itself; its flow then never begins. Return whether it was left."""
        if not self.has_waited_enough():
            return False
        with self.lock:
            self.given_up = self.ended or not self.began
        return self.given_up

    def finish(self) -> None:
        """Interrupt nothing any more."""
        with self.lock:
            self.over.set()


def is_gone(url: str | None) -> bool:
    """Return whether a server of this machine takes no connections any more; of others we cannot know."""
    address = urlsplit(url or "")
    if address.hostname not in ("127.0.0.1", "localhost") or not address.port:
        return False
    with suppress(OSError), socket.create_connection((address.hostname, address.port), timeout=60):
        return False
    return True


def _run_beside(call: _Call, *args: Any, **kwargs: Any) -> Any:
    """Call the flow in a thread of its own, which is left to itself where it waits for Prefect in vain."""
    answer: Future[Any] = Future()

    def run() -> None:
        try:
            answer.set_result(call.flow(*args, **kwargs))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=copy_context().run, args=(run,), daemon=True).start()
    while not wait([answer], SECONDS_BETWEEN_LOOKS).done:
        if call.give_up():
            raise _WaitEnded(SILENT)
    return answer.result()


@contextmanager
def _waits_ended(call: _Call) -> Iterator[None]:
    """Interrupt the main thread where it waits for Prefect in vain, again and again until it comes back from there."""
    before = signal.getsignal(signal.SIGALRM)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if call.given_up and not call.over.is_set():
            raise _WaitEnded(SILENT)
        if callable(before):
            before(number, frame)

    def watch() -> None:
        while not call.over.wait(SECONDS_BETWEEN_LOOKS):
            if call.give_up():
                with call.lock:
                    if not call.over.is_set():
                        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    signal.signal(signal.SIGALRM, interrupt)
    threading.Thread(target=copy_context().run, args=(watch,), daemon=True).start()
    try:
        yield
    finally:
        call.finish()
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _handling_sigterm(handler: Any) -> Iterator[None]:
    """Let a handler of our own have SIGTERM while a flow computes: Prefect's would end it without a word."""
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    of_prefect = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, of_prefect)


def _warn(error: BaseException) -> None:
    reason = " ".join(str(error).split()) or type(error).__name__
    _LOGGER.warning("Prefect's server does not know all of this run, which is complete: %s", reason)
