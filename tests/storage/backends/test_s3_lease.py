"""Locks in an object store: leases that are renewed, run out, and are never held twice."""

import errno
import time

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError

from storage.backends import s3_lease as lease
from storage.backends.root_url import store_path_at
from storage.cache.root import Root
from storage.errors import InputError
from tests.storage.conftest import KEY, fill_store
from tests.waiting import wait_until

LEASE = 1.0


@pytest.fixture
def lock_path(bucket, request, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_SECONDS", LEASE)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.2)
    return store_path_at(f"{bucket}/{request.node.name}") / ".locks" / "a.lock"


@pytest.fixture
def silent(lock_path, monkeypatch):
    """A holder that is alive but renews nothing, as one whose network is gone."""
    monkeypatch.setattr(lease.Lease, "_renew", lambda self: None)
    lock = lock_path.lock()
    assert lock.take()
    return lock


def notices(lock):
    """Whether a holder knows by now that its lock may be another's."""
    try:
        lock.check()
    except OSError:
        return True
    return False


def test_a_lease_that_is_renewed_outlives_its_length(lock_path):
    holder = lock_path.lock()
    assert holder.take()
    end = time.monotonic() + LEASE + lease.SLACK_SECONDS + 1.0
    while time.monotonic() < end:
        written = lock_path.read_bytes()
        wait_until(lambda written=written: lock_path.read_bytes() != written)
        assert not lock_path.lock().take()
        holder.check()
    holder.release()
    assert lock_path.lock().take()


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_notices(lock_path, silent):
    silent.check()
    second = lock_path.lock()
    wait_until(second.take)
    with pytest.raises(OSError, match="may be another's now") as caught:
        silent.check()
    assert caught.value.errno == errno.ESTALE  # passes: the stage is tried again, and then waits
    silent.release()
    assert not lock_path.lock().take()  # the second's: the first let go of nothing
    second.release()
    assert lock_path.lock().take()


def test_a_holder_whose_lock_was_taken_notices_at_its_next_renewal(lock_path):
    holder = lock_path.lock()
    assert holder.take()
    lock_path.write_whole(b"process 1 on elsewhere\nits token\n")
    wait_until(lambda: not holder._renewing.is_alive())
    holder._ends += 1e6  # it is the other's content that it notices, not the time
    with pytest.raises(OSError, match="may be another's now"):
        holder.check()
    holder.release()
    assert lock_path.read_bytes().startswith(b"process 1 on elsewhere")


def test_a_store_is_not_written_without_its_lock(bucket, silent):
    root = Root.create(f"{bucket}/unlocked")
    with root.writing("goat", KEY, on_wait=print) as store:
        store.check_lock = silent.check
        fill_store(store, seal=False)
        wait_until(lambda: notices(silent))
        for late in (store.seal, lambda: store.write(0)):
            with pytest.raises(OSError, match="may be another's now"):
                late()
    assert root.store("goat", KEY).state == "partial"


def test_an_answer_that_got_lost_does_not_lose_the_lock(lock_path, monkeypatch):
    real_put, written = obstore.put, []

    def put_twice(client, key, content, *, mode):
        real_put(client, key, content, mode=mode)
        written.append(content)
        raise AlreadyExistsError("the client asked again, and found what it had written itself")

    monkeypatch.setattr(obstore, "put", put_twice)
    lock = lock_path.lock()
    assert lock.take()
    wait_until(lambda: len(written) >= 3)  # taken, and renewed twice
    lock.check()
    lock.release()
    monkeypatch.undo()
    assert lock_path.lock().take()


@pytest.mark.parametrize("ignored", ["If-None-Match", "If-Match"])
def test_a_store_that_ignores_conditions_is_refused(bucket, ignored, monkeypatch):
    real_put = obstore.put

    def put(client, key, content, mode=None, **options):
        is_ignored = mode == "create" if ignored == "If-None-Match" else isinstance(mode, dict)
        return real_put(client, key, content, mode=None if is_ignored else mode, **options)

    monkeypatch.setattr(obstore, "put", put)
    with pytest.raises(InputError, match="ignores If-None-Match or If-Match"):
        Root.create(f"{bucket}/careless")
