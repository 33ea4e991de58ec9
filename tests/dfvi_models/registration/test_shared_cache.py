import threading
from collections import Counter

import pytest

from dfvi_models.registration.shared_cache import SharedCache


def test_threads_that_want_the_same_item_make_it_once():
    made, entered, go = Counter(), threading.Event(), threading.Event()

    def make(key):
        made[key] += 1
        entered.set()
        go.wait(10)
        return key * 2

    cache, got = SharedCache(make, 4), []
    threads = [threading.Thread(target=lambda: got.append(cache[3])) for _ in range(4)]
    for thread in threads:
        thread.start()
    entered.wait(10)
    go.set()
    for thread in threads:
        thread.join(10)
    assert got == [6, 6, 6, 6]
    assert made == {3: 1}


def test_what_was_not_used_for_longest_is_forgotten():
    made = Counter()

    def make(key):
        made[key] += 1
        return key

    cache = SharedCache(make, 2)
    assert [cache[key] for key in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    assert made == {1: 1, 2: 2, 3: 1}


def test_an_item_that_could_not_be_made_is_tried_again():
    attempts = []

    def make(key):
        attempts.append(key)
        if len(attempts) == 1:
            raise OSError("away")
        return key

    cache = SharedCache(make, 2)
    with pytest.raises(OSError, match="away"):
        cache[5]
    assert cache[5] == 5
