"""The short form of the soaks: kills, flipped bits, and gc against runs that go on."""

import pytest

from benchmarks import soak_bit_flips, soak_gc, soak_kills

pytestmark = pytest.mark.slow


def test_a_flipped_bit_is_named_and_never_silently_wrong():
    found = soak_bit_flips.soak(12, seed=2)
    assert found.wrong == []
    assert found.counts["equal"] > 12


def test_gc_never_takes_what_two_runs_of_one_name_need():
    lost, freed = soak_gc.soak(2)
    assert lost == []
    assert freed > 0


def test_a_killed_run_and_a_killed_server_lose_nothing_and_leave_nothing_behind(tmp_path):
    found = soak_kills.soak(tmp_path, kills=1, server_kills=1, seed=1)
    assert found.wrong == []
    assert found.longest_end < soak_kills.SECONDS_TO_END
