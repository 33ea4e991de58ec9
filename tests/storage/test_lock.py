"""Locks: one holder at a time, and none after the holder died."""

import multiprocessing
import os
import signal
import threading
import time

from storage.lock import FileLock, hold, try_hold


def test_a_second_holder_waits_and_is_told_for_whom(tmp_path):
    path, waited, order = tmp_path / "locks" / "a.lock", [], []

    def second():
        with hold(FileLock(path), on_wait=waited.append):
            order.append("second")

    with hold(FileLock(path), on_wait=waited.append):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert len(waited) == 1
    assert waited[0].startswith(f"process {os.getpid()} on ")


def test_try_hold_does_not_wait(tmp_path):
    path = tmp_path / "a.lock"
    with try_hold(FileLock(path)) as first, try_hold(FileLock(path)) as second:
        assert (first, second) == (True, False)
    with try_hold(FileLock(path)) as free:
        assert free


def _hold_for_ever(path, ready):
    with hold(FileLock(path), on_wait=print):
        ready.set()
        time.sleep(600)


def test_kill_9_of_the_holder_frees_the_lock(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    process = spawn.Process(target=_hold_for_ever, args=(tmp_path / "a.lock", ready))
    process.start()
    assert ready.wait(30)
    with try_hold(FileLock(tmp_path / "a.lock")) as free:
        assert not free
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with try_hold(FileLock(tmp_path / "a.lock")) as free:
        assert free
