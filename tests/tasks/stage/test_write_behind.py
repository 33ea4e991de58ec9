"""Writing while computing: what is finished is written, errors are not lost, and little is held."""

import threading
from contextvars import ContextVar
from types import SimpleNamespace

import numpy as np
import pytest

from tasks.stage.write_behind import MOST_BYTES, write_behind

HELD = 5
ITEM = np.zeros(MOST_BYTES // HELD, np.uint8)  # so large that so many may be held


class Slow:
    """A store that writes when it is let, and knows what it wrote."""

    def __init__(self, fail_at=()):
        self.may_write = threading.Event()
        self.fail_at = set(fail_at)
        self.written = {}

    def write(self, t, **items):
        assert self.may_write.wait(20)
        if t in self.fail_at:
            raise OSError(f"no space left for {t}")
        self.written[t] = items


def test_the_next_item_is_computed_before_the_last_one_is_written():
    out = Slow()
    with write_behind(out) as write:
        for t in range(HELD):
            write(t, image=ITEM)
        assert out.written == {}
        out.may_write.set()
        for t in range(HELD, 50):
            write(t, image=ITEM)
    assert out.written == {t: {"image": ITEM} for t in range(50)}


def write_all(out, count, asked, error=None):
    """What the body of a stage does; `asked` are the items it has made."""
    with write_behind(out) as write:
        for t in range(count):
            write(t, image=ITEM)
            asked.append(t)
        out.may_write.set()
        if error:
            raise error


def test_no_more_items_are_held_than_said():
    out, asked = Slow(), []
    thread = threading.Thread(target=write_all, args=(out, 50, asked))
    thread.start()
    while len(asked) < HELD:
        thread.join(0.01)
    thread.join(0.1)
    assert len(asked) == HELD
    out.may_write.set()
    thread.join(20)
    assert len(asked) == len(out.written) == 50


def test_a_failed_write_ends_the_body_soon():
    out, asked = Slow(fail_at=[3]), []
    out.may_write.set()
    with pytest.raises(OSError, match="no space left for 3"):
        write_all(out, 50, asked)
    assert len(asked) <= 3 + HELD + 1
    assert set(asked) - {3} <= set(out.written)


def test_a_failed_last_write_is_not_lost():
    with pytest.raises(OSError, match="no space left for 1"):
        write_all(Slow(fail_at=[1]), 2, [])


def test_what_was_finished_before_an_error_is_written():
    out = Slow()
    with pytest.raises(ValueError, match="the third frame"):
        write_all(out, 2, [], ValueError("the third frame is broken"))
    assert sorted(out.written) == [0, 1]


def test_a_writer_knows_the_run_it_writes_for():
    run = ContextVar("run", default="none")
    seen = []
    run.set("this one")
    with write_behind(SimpleNamespace(write=lambda t: seen.append(run.get()))) as write:
        write(0)
    assert seen == ["this one"]
