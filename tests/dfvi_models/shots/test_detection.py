import itertools

import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.shots.detection import (
    CORE,
    MARGIN,
    ShotChange,
    find_shot_changes,
    overlapping_parts,
    shots_between,
)
from tests.dfvi_models.shots.made_up_shots import HEIGHT, WIDTH, mix, shot


def test_hard_cuts_are_found_at_their_very_frame():
    assert find_shot_changes(shot(1, 20) + shot(2, 15) + shot(3, 20)) == [ShotChange(20, 20), ShotChange(35, 35)]


@pytest.mark.parametrize("speed", [0, 3, 12])
def test_one_take_has_no_change_however_fast_the_camera_pans(speed):
    assert find_shot_changes(shot(4, 40, speed)) == []


def test_flashes_are_no_cuts():
    frames = shot(5, 40)
    for t in (12, 13, 25):
        frames[t] = np.clip(1.6 * frames[t] + 50, 0, 255).astype(np.uint8)
    assert find_shot_changes(frames) == []


def test_a_cut_next_to_a_flash_is_found():
    frames = shot(5, 20) + shot(6, 20)
    frames[22] = np.clip(1.6 * frames[22] + 50, 0, 255).astype(np.uint8)
    assert find_shot_changes(frames) == [ShotChange(20, 20)]


def test_a_large_thing_that_passes_is_no_cut():
    frames, thing = shot(7, 40), shot(8, 1)[0]
    for step in range(12):
        left = max(0, -110 + 22 * step)
        right = min(WIDTH, 22 * step)
        frames[12 + step] = frames[12 + step].copy()
        frames[12 + step][:, left:right] = thing[:, left:right]
    assert find_shot_changes(frames) == []


def test_a_dissolve_is_one_gradual_change_over_its_mixed_frames():
    before, after, length = shot(9, 40, 0.5), shot(10, 40, 0.5), 12
    mixed = [mix(before[28 + k], after[k], (k + 1) / (length + 1)) for k in range(length)]
    (change,) = find_shot_changes(before[:28] + mixed + after[length:])
    assert abs(change.first - 28) <= 2
    assert abs(change.stop - 40) <= 3


def test_a_fade_through_black_is_one_change_with_the_black_in_it():
    before, after, black = shot(11, 30, 0), shot(12, 30, 0), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    out = [mix(before[0], black, k / 9) for k in range(1, 9)]
    into = [mix(black, after[0], k / 9) for k in range(1, 9)]
    (change,) = find_shot_changes(before + out + [black] * 5 + into + after)
    assert abs(change.first - 30) <= 2
    assert abs(change.stop - 51) <= 2


def test_changes_are_the_same_wherever_they_fall_among_the_parts_that_are_looked_at_together():
    for before in (255, 384):
        assert find_shot_changes(shot(13, before, 0) + shot(14, 60)) == [ShotChange(before, before)]


def test_few_thumbnails_are_held_and_every_frame_is_decided_once_however_long_the_video():
    parts = list(overlapping_parts(itertools.repeat(shot(15, 1)[0], 1500)))
    assert max(len(held) for _, held, _ in parts) == CORE + 2 * MARGIN
    assert [t for _, _, (first, stop) in parts for t in range(first, stop)] == list(range(1500))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_very_short_videos_have_no_changes(count):
    assert find_shot_changes(shot(16, count)) == []


def test_anything_that_is_no_frame_is_refused():
    with pytest.raises(ShapeError, match=r"a frame must be \(H, W, 3\) uint8; got \(4, 4\)"):
        find_shot_changes([np.zeros((4, 4), np.uint8)])


def test_a_gradual_change_is_a_shot_of_its_own():
    assert shots_between([ShotChange(3, 3), ShotChange(7, 9)], 12) == [(0, 3), (3, 7), (7, 9), (9, 12)]
    assert shots_between([], 5) == [(0, 5)]
    assert shots_between([ShotChange(0, 4)], 5) == [(0, 4), (4, 5)]
