"""Edits of holes."""

import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.masks.editing import grow, pinholes, shifted, specks


def hole_of(*rows):
    return np.array([[letter == "#" for letter in row] for row in rows])


def test_growing_and_shrinking_by_a_pixel():
    hole = hole_of(".....", "..#..", ".....")
    assert np.array_equal(grow(hole, 1), hole_of("..#..", ".###.", "..#.."))
    assert np.array_equal(grow(grow(hole, 1), -1), hole)
    assert not grow(hole, -1).any()


def test_a_hole_does_not_shrink_away_from_the_border():
    assert np.array_equal(grow(hole_of("##..", "##..", "##.."), -1), hole_of("#...", "#...", "#..."))


def test_gaps_are_small_and_surrounded():
    hole = hole_of("######.#", "#.#..#.#", "####.###", "#.######")
    assert np.array_equal(pinholes(hole, 1), hole_of("........", ".#......", "........", "........"))
    assert np.array_equal(pinholes(hole, 3), hole_of("........", ".#.##...", "....#...", "........"))


def test_specks_are_small_parts_that_touch_no_other():
    hole = hole_of("##..#", "##...", "...#.", "#...#")
    assert np.array_equal(specks(hole, 2), hole_of("....#", ".....", "...#.", "#...#"))
    assert not specks(hole_of("#####"), 4).any()


def test_holes_that_are_no_planes_of_bool_are_refused():
    with pytest.raises(ShapeError, match="bool"):
        pinholes(np.zeros((2, 2), np.uint8), 1)
    with pytest.raises(ShapeError, match="bool"):
        specks(np.zeros((2, 2, 2), bool), 1)


@pytest.mark.parametrize(
    ("frames", "order"), [(0, "abcd"), (1, "aabc"), (-1, "bcdd"), (3, "aaaa"), (-3, "dddd"), (9, "aaaa"), (-9, "dddd")]
)
def test_shifted_holes_are_as_many_and_the_ends_stand_in(frames, order):
    holes = {name: np.full((1, 1), k) for k, name in enumerate("abcd")}
    assert [int(hole[0, 0]) for hole in shifted(holes.values(), frames)] == ["abcd".index(name) for name in order]
