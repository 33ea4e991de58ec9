import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfvi_models.errors import ShapeError
from dfvi_models.merging.seam_blending import blend_seams


def blend_exactly(frame, filled, left, source, reach):
    """The same least squares problem, written down row by row and solved by a dense solver."""
    height, width = filled.shape
    number = np.cumsum(filled).reshape(filled.shape) - 1
    rows, right = [], []
    for y, x in np.argwhere(filled):
        row = np.zeros(filled.sum())
        row[number[y, x]] = 1 / reach
        rows.append(row)
        right.append(np.zeros(3))
        for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= j < height and 0 <= i < width) or left[j, i] or (filled[j, i] and (j, i) < (y, x)):
                continue  # no neighbour, or a link that was written down from the other side
            row = np.zeros(filled.sum())
            row[number[y, x]] = 1
            if filled[j, i]:
                row[number[j, i]] = -1
            seam = not filled[j, i] or source[j, i] != source[y, x]
            rows.append(row)
            right.append(seam * (frame[j, i].astype(float) - frame[y, x]))
    blended = frame.astype(float)
    if rows:
        blended[filled] += np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    return np.clip(blended, 0, 255)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 14), st.integers(1, 14)), st.sampled_from([0.5, 2.0, 8.0, 30.0]), st.integers(0, 2**32 - 1)
)
def test_blending_solves_the_least_squares_problem(shape, reach, seed):
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    kind = rng.choice(3, shape, p=[0.2, 0.7, 0.1])
    filled, left = kind == 1, kind == 2
    source = np.where(filled, np.arange(shape[1]) // 5, -1).astype(np.int32)
    blended = blend_seams(frame, filled, left, source, reach)
    np.testing.assert_array_equal(blended[~filled], frame[~filled])
    np.testing.assert_allclose(blended, blend_exactly(frame, filled, left, source, reach), rtol=0, atol=1.0)


def test_a_jump_between_two_sources_is_closed_from_both_sides():
    frame = np.full((8, 40, 3), 80, np.uint8)
    frame[:, 20:] = 120
    filled = np.ones((8, 40), bool)
    source = np.zeros((8, 40), np.int32)
    source[:, 20:] = 1
    row = blend_seams(frame, filled, ~filled, source, 5.0)[4, :, 0].astype(int)
    assert abs(row[20] - row[19]) <= 4
    assert (np.diff(row) >= 0).all()
    np.testing.assert_allclose(row[[0, -1]], [80, 120], atol=1)


def test_reach_zero_and_an_empty_fill_give_copies():
    frame = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    filled, source = np.ones((5, 6), bool), np.arange(30, dtype=np.int32).reshape(5, 6)
    for blended in (blend_seams(frame, filled, ~filled, source, 0), blend_seams(frame, ~filled, ~filled, source, 5)):
        np.testing.assert_array_equal(blended, frame)
        assert blended is not frame


def test_impossible_arguments_are_refused():
    frame, plane = np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), bool)
    for reach in (-1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="0 px or more"):
            blend_seams(frame, plane, plane, plane.astype(np.int32), reach)
    with pytest.raises(ShapeError, match=r"source \(4, 4\)"):
        blend_seams(frame, plane, plane, plane[:, :4].astype(np.int32), 1.0)
