import tracemalloc

import numpy as np

from dfvi_models.shots.ramps import straight_windows


def test_windows_in_which_all_changes_evenly_are_straight_and_a_still_one_is_not():
    ramp = np.repeat(np.clip(np.arange(60) - 20, 0, 20), 6).reshape(60, 6).astype(np.float32)
    found = straight_windows(4 * ramp)
    assert found[0].linear > 0.9
    assert 20 < found[0].centre < 40
    assert straight_windows(np.zeros((60, 6), np.float32)) == []


def test_long_windows_need_no_more_memory_than_a_few_copies_of_the_frames():
    pixels = np.zeros((512, 1008), np.float32)
    tracemalloc.start()
    straight_windows(pixels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * pixels.nbytes
