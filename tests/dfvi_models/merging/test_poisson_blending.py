import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfvi_models.errors import ShapeError
from dfvi_models.merging.poisson_blending import SCREEN, SURE, blend


def solve_exactly(frame, hole, colour, confidence, screen):
    """The same least squares problem by a dense solver."""
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(hole.sum())
    matrix, right = np.zeros((hole.sum(),) * 2), np.zeros((hole.sum(), 3))
    for y, x in np.argwhere(hole):
        n = number[y, x]
        hold = screen * confidence[n] / (1 + SURE - confidence[n])
        matrix[n, n] += hold
        right[n] += hold * colour[n]
        for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= j < hole.shape[0] and 0 <= i < hole.shape[1]):
                continue
            matrix[n, n] += 1
            m = number[j, i]
            if m < 0:
                right[n] += frame[j, i]
            else:
                matrix[n, m] -= 1
                right[n] += min(confidence[n], confidence[m]) * (colour[n] - colour[m])
    filled = frame.astype(np.float64)
    filled[hole] = np.linalg.solve(matrix, right)
    return np.clip(filled, 0, 255)


def make_case(seed, shape, share):
    random = np.random.default_rng(seed)
    frame = random.integers(0, 256, (*shape, 3)).astype(np.uint8)
    hole = random.random(shape) < share
    hole[0, 0] = False
    confidence = np.where(random.random(hole.sum()) < 0.2, 0, random.random(hole.sum())).astype(np.float32)
    return frame, hole, random.uniform(0, 255, (hole.sum(), 3)).astype(np.float32), confidence


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(1, 24), st.integers(1, 24)), st.sampled_from([0.3, 0.7, 0.97]))
def test_blend_solves_the_equation_it_states(seed, shape, share):
    frame, hole, colour, confidence = make_case(seed, shape, share)
    expected = solve_exactly(frame, hole, colour, confidence, SCREEN)
    assert np.abs(blend(frame, hole, colour, confidence) - expected).max() <= 1.0


def test_a_large_hole_without_any_colour_becomes_the_smooth_surface_through_its_rim():
    ramp = np.add.outer(np.arange(90.0), np.arange(120.0))
    frame = np.rint(ramp).astype(np.uint8)[..., None].repeat(3, axis=2)
    hole = np.zeros((90, 120), bool)
    hole[5:85, 5:115] = True
    count = int(hole.sum())
    blended = blend(frame, hole, np.zeros((count, 3), np.float32), np.zeros(count, np.float32))
    assert np.abs(blended.astype(int) - frame).max() <= 2


def test_certain_colours_are_kept_away_from_the_rim_even_if_they_fit_nothing_around():
    frame, hole = np.zeros((40, 50, 3), np.uint8), np.zeros((40, 50), bool)
    hole[5:35, 5:45] = True
    colour = np.random.default_rng(3).uniform(0, 255, (hole.sum(), 3)).astype(np.float32)
    blended = blend(frame, hole, colour, np.ones(len(colour), np.float32))
    kept = np.abs(blended[hole] - colour).reshape(30, 40, 3)
    assert kept[4:-4, 4:-4].max() <= 2


def test_a_brighter_copy_loses_its_offset_where_only_gradients_count():
    frame = np.full((30, 30, 3), 100, np.uint8)
    hole = np.zeros((30, 30), bool)
    hole[10:20, 10:20] = True
    colour = np.full((100, 3), 140, np.float32)
    np.testing.assert_array_equal(blend(frame, hole, colour, np.ones(100, np.float32), screen=0), frame)


def test_pixels_outside_the_hole_and_the_input_are_untouched():
    frame, hole, colour, confidence = make_case(5, (33, 21), 0.4)
    before = frame.copy()
    blended = blend(frame, hole, colour, confidence)
    np.testing.assert_array_equal(blended[~hole], before[~hole])
    np.testing.assert_array_equal(frame, before)


def test_what_stands_in_the_hole_is_not_read():
    frame, hole, colour, confidence = make_case(6, (33, 21), 0.4)
    other = np.where(hole[..., None], 255 - frame, frame)
    np.testing.assert_array_equal(blend(frame, hole, colour, confidence), blend(other, hole, colour, confidence))


def test_a_colour_too_few_is_refused():
    frame, hole, colour, confidence = make_case(7, (9, 9), 0.4)
    with pytest.raises(ShapeError, match="a colour and a confidence for each"):
        blend(frame, hole, colour[1:], confidence)
