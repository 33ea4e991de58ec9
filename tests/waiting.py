"""Waiting for a condition instead of for a time."""

import time


def wait_until(holds, seconds=60.0):
    """Wait until `holds()` is true and return its value. Raises AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, f"not true within {seconds} s: {getattr(holds, '__name__', holds)}"
        time.sleep(0.01)
    return value
