"""The short form of the soaks of the store: flipped bits, and gc against runs that go on."""

import pytest

from benchmarks import soak_bit_flips, soak_gc

pytestmark = pytest.mark.slow


def test_a_flipped_bit_is_named_and_never_silently_wrong():
    found = soak_bit_flips.soak(12, seed=2)
    assert found.wrong == []
    assert found.counts["equal"] > 12


def test_gc_never_takes_what_two_runs_of_one_name_need():
    lost, freed = soak_gc.soak(2)
    assert lost == []
    assert freed > 0
