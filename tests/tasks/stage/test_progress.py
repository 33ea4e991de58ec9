"""Progress of a stage, shown and not shown: from a thread of its own, which no stage waits for."""

import logging
import threading
import time
from contextvars import ContextVar
from types import SimpleNamespace

import pytest

from tasks.stage import progress as module
from tasks.stage.progress import watch
from tests.waiting import wait_until

COUNTED = SimpleNamespace(items=4, items_found=0)
HERE = logging.getLogger("here")


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_ARTIFACTS", 0.0)


def test_a_server_that_does_not_answer_costs_no_stage_and_no_word_on_the_terminal(monkeypatch, caplog, often):
    caplog.set_level(logging.DEBUG)
    asked = []

    def refuse(*given):
        asked.append(given)
        raise ConnectionError("nobody there")

    monkeypatch.setattr(module, "_show_in_prefect", refuse)
    with watch("merge", COUNTED, HERE):
        wait_until(lambda: len(asked) > 2)
    assert "progress could not be shown: nobody there" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


def test_a_server_that_hangs_slows_no_step_and_is_not_waited_for_at_the_end(monkeypatch, often):
    asked, answer = threading.Event(), threading.Event()

    def hang(*_):
        asked.set()
        answer.wait(60)

    monkeypatch.setattr(module, "_show_in_prefect", hang)
    monkeypatch.setattr(module, "SECONDS_TO_CLOSE", 0.1)
    started = time.monotonic()
    with watch("merge", COUNTED, HERE) as progress:
        assert asked.wait(20)
        for _ in range(4):
            progress.step()
    assert time.monotonic() - started < 20
    answer.set()


def test_a_slow_server_is_asked_less_often(monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_ARTIFACTS", 0.001)
    pauses = []

    class Closed(threading.Event):
        def wait(self, timeout=None):
            pauses.extend([timeout] if timeout is not None else [])  # threads start by such an event, too
            return super().wait(timeout)

    monkeypatch.setattr(module.threading, "Event", Closed)
    monkeypatch.setattr(module, "_show_in_prefect", lambda *_: time.sleep(0.02))
    with watch("merge", COUNTED, HERE):
        wait_until(lambda: len(pauses) > 1)
    assert pauses[0] == 0.001
    assert pauses[1] >= 0.2


def test_the_thread_that_reports_knows_the_run_and_shows_the_last_step(monkeypatch, often):
    run = ContextVar("run", default="none")
    shown = []

    def show(artifact, name, percent):
        shown.append((run.get(), percent))
        return "artifact"

    monkeypatch.setattr(module, "_show_in_prefect", show)
    run.set("this one")
    with watch("merge", COUNTED, HERE) as progress:
        wait_until(lambda: shown)
        for _ in range(4):
            progress.step()
    assert shown[-1] == ("this one", 100)


def test_a_long_stage_says_how_far_it_is(monkeypatch, caplog, often):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOG_LINES", 0.0)
    monkeypatch.setattr(module, "_show_in_prefect", lambda *_: None)
    with watch("merge", COUNTED, HERE) as progress:
        progress.step()
        wait_until(lambda: "merge: 1 of 4, about" in caplog.text)
