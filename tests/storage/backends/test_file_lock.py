"""Locks: one holder at a time, and none after the holder died."""

import multiprocessing
import os
import signal
import threading
import time

import pytest

from storage.backends import s3_lease as lease
from storage.backends.file_lock import hold, try_hold
from storage.backends.root_url import store_path_at
from tests.waiting import wait_until


@pytest.fixture
def short_lease(monkeypatch):
    """Seconds are long in a test. Children that are started keep the usual ones."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(lease.Lease, "poll_seconds", 0.1)


@pytest.fixture
def make_lock(location, short_lease):
    """Makes locks of the same name, in a file or in an object."""
    return (store_path_at(location) / "locks" / "a.lock").lock


def test_a_second_holder_waits_and_is_told_for_whom(make_lock):
    waited, order = [], []

    def second():
        with hold(make_lock(), on_wait=waited.append):
            order.append("second")

    with hold(make_lock(), on_wait=waited.append):
        thread = threading.Thread(target=second)
        thread.start()
        wait_until(lambda: waited)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert len(waited) == 1
    assert waited[0].startswith(f"process {os.getpid()} on ")


def test_try_hold_does_not_wait(make_lock):
    with try_hold(make_lock()) as first, try_hold(make_lock()) as second:
        assert (first, second) == (True, False)
    with try_hold(make_lock()) as free:
        assert free


def test_one_of_many_who_want_a_lock_gets_it(make_lock):
    locks = [make_lock() for _ in range(6)]
    taken = []
    threads = [threading.Thread(target=lambda lock=lock: taken.append(lock.take())) for lock in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lock in locks:
        lock.release()
    assert sorted(taken) == [False] * 5 + [True]


def _hold_for_ever(location, ready):
    with hold((store_path_at(location) / "a.lock").lock(), on_wait=print):
        ready.set()
        time.sleep(600)


def test_kill_9_of_the_holder_frees_the_lock(location, short_lease):
    lock = (store_path_at(location) / "a.lock").lock
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    process = spawn.Process(target=_hold_for_ever, args=(location, ready))
    process.start()
    assert ready.wait(30)
    with try_hold(lock()) as free:
        assert not free
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with hold(lock(), on_wait=print):
        pass
