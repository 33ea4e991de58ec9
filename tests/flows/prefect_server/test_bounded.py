"""Calls of flows whose Prefect server dies or hangs: the result is there, and nobody waits for long."""

import logging
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import cloudpickle
import prefect
import pytest
from prefect.artifacts import create_markdown_artifact
from prefect.flow_engine import FlowRunEngine

from flows.prefect_server import bounded
from flows.prefect_server.bounded import ServerGoneError, is_gone, publish_artifact, run_flow

SOON = 30.0
"""Seconds; on an idle machine it takes one."""


@pytest.fixture
def impatient(monkeypatch, prefect_server):
    monkeypatch.setattr(bounded, "SECONDS_AFTER_THE_END", 0.2)
    monkeypatch.setattr(bounded, "SECONDS_BETWEEN_LOOKS", 0.05)


def hang(*_, **__):
    threading.Event().wait(600)


@prefect.flow(persist_result=False)
def double(number: int, then: object = None) -> int:
    """Do what is asked in between, and double a number."""
    then()
    return 2 * number


def test_a_flow_that_is_called_can_go_to_another_process():
    carried = cloudpickle.loads(cloudpickle.dumps(bounded._Call(double).flow))
    assert carried.fn(4, then=lambda: None) == 8


def test_a_flow_is_called_as_ever(prefect_server):
    handler = signal.getsignal(signal.SIGALRM)
    assert run_flow(double, 4, then=lambda: None) == 8
    assert signal.getsignal(signal.SIGALRM) is handler
    with pytest.raises(ZeroDivisionError):
        run_flow(double, 4, then=lambda: 1 / 0)


def test_a_result_is_returned_though_the_server_hangs_at_the_end(impatient, monkeypatch, caplog):
    started = time.monotonic()
    assert run_flow(double, 4, then=lambda: monkeypatch.setattr(FlowRunEngine, "set_state", hang)) == 8
    assert time.monotonic() - started < SOON
    ours = [record for record in caplog.records if record.name == bounded.__name__]
    assert [record.levelno for record in ours] == [logging.WARNING]


def run_beside(*args, **kwargs):
    """Call a flow in another thread than the main one, with the settings of this one, as the task of an engine does."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, run_flow, *args, **kwargs).result(SOON)


def test_on_any_thread_a_result_is_returned_though_the_server_hangs_at_the_end(impatient, monkeypatch):
    assert run_beside(double, 4, then=lambda: monkeypatch.setattr(FlowRunEngine, "set_state", hang)) == 8


def test_on_any_thread_errors_are_those_of_the_flow(prefect_server):
    with pytest.raises(ZeroDivisionError):
        run_beside(double, 4, then=lambda: 1 / 0)


def test_on_any_thread_a_server_that_is_gone_before_the_flow_began_is_one_error(impatient, monkeypatch):
    monkeypatch.setattr(FlowRunEngine, "create_flow_run", hang)
    monkeypatch.setattr(bounded, "is_gone", lambda url: True)
    began = []
    with pytest.raises(ServerGoneError):
        run_beside(double, 4, then=lambda: began.append(True))
    assert not began


def test_a_result_is_returned_though_prefect_fails_at_the_end(prefect_server, monkeypatch, caplog):
    def fail(*_, **__):
        raise ConnectionError("no server")

    assert run_flow(double, 4, then=lambda: monkeypatch.setattr(FlowRunEngine, "set_state", fail)) == 8
    assert "no server" in caplog.text


def test_the_error_of_a_flow_is_raised_though_the_server_hangs_at_the_end(impatient, monkeypatch):
    def fail():
        monkeypatch.setattr(FlowRunEngine, "set_state", hang)
        raise ValueError("of the flow itself")

    with pytest.raises(ValueError, match="of the flow itself"):
        run_flow(double, 4, then=fail)


def test_a_server_that_is_gone_before_the_flow_began_is_one_error(impatient, monkeypatch):
    monkeypatch.setattr(FlowRunEngine, "create_flow_run", hang)
    monkeypatch.setattr(bounded, "is_gone", lambda url: True)
    with pytest.raises(ServerGoneError, match="just as the run began"):
        run_flow(double, 4, then=lambda: None)


def test_a_flow_that_had_not_begun_is_called_again_with_another_server(impatient, monkeypatch):
    create, gone = FlowRunEngine.create_flow_run, []

    def hang_once(engine, client):
        if not gone:
            gone.append(True)
            hang()
        return create(engine, client)

    monkeypatch.setattr(FlowRunEngine, "create_flow_run", hang_once)
    monkeypatch.setattr(bounded, "can_be_replaced", lambda: True)
    monkeypatch.setattr(bounded, "is_gone", lambda url: len(gone) == 1 and not gone.append(True))
    assert run_flow(double, 4, then=lambda: None) == 8


def test_while_a_flow_computes_a_server_that_is_gone_does_not_matter(impatient, monkeypatch):
    looked = threading.Semaphore(0)
    has_waited_enough = bounded._Call.has_waited_enough

    def look(call):
        looked.release()
        return has_waited_enough(call)

    def compute():
        monkeypatch.setattr(bounded, "is_gone", lambda url: True)
        monkeypatch.setattr(bounded._Call, "has_waited_enough", look)
        for _ in range(5):
            assert looked.acquire(timeout=SOON)
        monkeypatch.undo()

    assert run_flow(double, 4, then=compute) == 8


def test_only_a_port_of_this_machine_that_takes_no_connection_is_gone():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        assert not is_gone(address)
    assert is_gone(address)
    assert not is_gone("https://example.invalid/api")
    assert not is_gone(None)


def test_an_artifact_that_cannot_be_made_costs_a_warning(monkeypatch, caplog):
    monkeypatch.setattr(bounded, "SECONDS_FOR_AN_ARTIFACT", 0.1)
    publish_artifact(hang, "text")
    publish_artifact(lambda text: 1 / 0, "text")
    assert "no answer for 0 s" in caplog.text
    assert "division by zero" in caplog.text


def test_an_artifact_belongs_to_the_run_that_makes_it(prefect_server):
    made = []

    @prefect.flow(persist_result=False)
    def show():
        publish_artifact(lambda: made.append(create_markdown_artifact("a word", key="a-word")))

    show()
    assert len(made) == 1
