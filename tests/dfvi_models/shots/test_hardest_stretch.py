"""The hardest stretch: most hidden for its whole length, least moving."""

import numpy as np

from dfvi_models.shots.hardest_stretch import hardest_stretch

GREY = np.full((64, 64, 3), 90, np.uint8)


def clip(sizes, moving=()):
    """Frames with a hole of a width for each; those of `moving` are brighter by 40 in every other frame."""
    for t, width in enumerate(sizes):
        hole = np.zeros((64, 64), bool)
        hole[:20, :width] = True
        yield GREY + np.uint8(40 if t in moving and t % 2 else 0), hole


def test_the_largest_hole_is_the_hardest_place():
    assert hardest_stretch(clip([5, 5, 5, 9, 9, 5, 5]), 2) == 3


def test_a_hole_that_stays_is_harder_than_a_larger_one_that_moves_on():
    def moving_then_still():
        for t in range(8):
            hole = np.zeros((64, 64), bool)
            hole[:20, 8 * t : 8 * t + 7 if t < 4 else 0] = True
            hole[40:60, :4] = t >= 4
            yield GREY, hole

    assert hardest_stretch(moving_then_still(), 3) == 4


def test_of_equal_holes_the_one_where_nothing_moves_is_harder():
    assert hardest_stretch(clip([5] * 9, moving=range(5)), 3) == 5


def test_a_clip_shorter_than_the_stretch_is_all_of_it():
    assert hardest_stretch(clip([5, 9]), 4) == 0
