import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.laplace import TOLERANCE, fill_smooth
from tests.paths import GOLDEN

GOLDEN_FILE = GOLDEN / "regionfill.npz"
CASES = [
    "inner",
    "corner_tl",
    "corner_br_and_box",
    "full_height_strip",
    "rows_and_border",
    "random",
    "fractional",
    "empty",
    "all_but_one",
    "single_pixels",
]


def solve_exactly(values, hole):
    """Laplace's equation by a dense solver, float64."""
    numbers = np.full(hole.shape, -1)
    numbers[hole] = np.arange(hole.sum())
    matrix, right = np.zeros((hole.sum(),) * 2), np.zeros((hole.sum(), values.shape[2]))
    for y, x in np.argwhere(hole):
        n = numbers[y, x]
        for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= j < hole.shape[0] and 0 <= i < hole.shape[1]:
                matrix[n, n] += 1
                if hole[j, i]:
                    matrix[n, numbers[j, i]] -= 1
                else:
                    right[n] += values[j, i]
    filled = values.astype(np.float64)
    filled[hole] = np.linalg.solve(matrix, right)
    return filled


@pytest.mark.parametrize("case", CASES)
def test_fill_equals_the_references_direct_solution(case):
    with np.load(GOLDEN_FILE) as golden:
        values, mask, expected = (golden[f"{case}_{name}"] for name in ("I", "mask", "out"))
    for tolerance in (TOLERANCE, 1e-4):
        filled = fill_smooth(values[..., None], mask > 0, tolerance=tolerance)[..., 0]
        np.testing.assert_allclose(filled, expected, rtol=0, atol=tolerance)


@settings(max_examples=60, deadline=None)
@example((3, 14), 3, 0.9, 5253)  # a ragged hole whose first cycles shrink faster than the later ones
@given(
    st.tuples(st.integers(1, 17), st.integers(1, 17)),
    st.integers(1, 3),
    st.sampled_from([0.2, 0.6, 0.9, 0.98]),
    st.integers(0, 2**32 - 1),
)
def test_any_hole_in_any_small_picture_is_filled_exactly(shape, channels, share, seed):
    rng = np.random.default_rng(seed)
    values = rng.uniform(-20, 20, (*shape, channels)).astype(np.float32)
    hole = rng.random(shape) < share
    hole.flat[rng.integers(hole.size)] = False  # one known pixel makes the solution unique
    filled = fill_smooth(values, hole)
    np.testing.assert_array_equal(filled[~hole], values[~hole])
    np.testing.assert_allclose(filled, solve_exactly(values, hole), rtol=0, atol=0.02)


def test_a_ramp_is_continued_across_the_hole():
    y, x = np.mgrid[:60, :81].astype(np.float32)
    ramp = np.stack([0.1 * x - 0.2 * y, 3 + 0.05 * y], axis=-1)
    hole = np.zeros((60, 81), bool)
    hole[7:50, 9:70] = True
    torn = np.where(hole[..., None], np.float32(np.nan), ramp)
    np.testing.assert_allclose(fill_smooth(torn, hole), ramp, atol=0.01)


def test_long_thin_holes_are_filled_to_the_same_tolerance():
    values = np.zeros((3, 2001, 1), np.float32)
    values[:, -1] = 100
    hole = np.ones((3, 2001), bool)
    hole[:, [0, -1]] = False
    expected = np.linspace(0, 100, 2001)
    np.testing.assert_allclose(fill_smooth(values, hole)[1, :, 0], expected, atol=0.02)


def test_a_large_hole_is_filled_to_the_tolerance_asked_for():
    """x^2 - y^2 is harmonic, on the pixel grid too: the exact answer is known."""
    y, x = np.mgrid[:120, :160] / 10
    values = (x**2 - y**2)[..., None].astype(np.float32)
    hole = np.zeros((120, 160), bool)
    hole[2:-2, 2:-2] = True
    np.testing.assert_allclose(fill_smooth(values, hole, tolerance=1e-3), values, rtol=0, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1), (13, 9)])
def test_a_hole_over_the_whole_picture_gives_zero(shape):
    filled = fill_smooth(np.full((*shape, 2), 5, np.float32), np.ones(shape, bool))
    np.testing.assert_array_equal(filled, 0)


def test_values_in_the_hole_are_not_read_and_the_input_is_kept():
    values = np.ones((9, 9, 2), np.float32)
    hole = np.zeros((9, 9), bool)
    hole[3:6, 3:6] = True
    values[hole] = np.nan
    np.testing.assert_allclose(fill_smooth(values, hole), 1, atol=1e-5)
    assert np.isnan(values[hole]).all()


def test_huge_values_end_the_iteration_and_stay_relatively_exact():
    values = np.random.default_rng(0).uniform(-1e6, 1e6, (15, 15, 1)).astype(np.float32)
    hole = np.zeros((15, 15), bool)
    hole[4:11, 3:12] = True
    np.testing.assert_allclose(fill_smooth(values, hole), solve_exactly(values, hole), rtol=0, atol=10)


@pytest.mark.parametrize(
    ("values", "hole"),
    [
        (np.zeros((4, 4, 2)), np.zeros((4, 4), bool)),
        (np.zeros((4, 4), np.float32), np.zeros((4, 4), bool)),
        (np.zeros((4, 4, 2), np.float32), np.zeros((4, 5), bool)),
        (np.zeros((4, 4, 2), np.float32), np.zeros((4, 4), np.uint8)),
    ],
)
def test_wrong_shapes_and_types_are_refused(values, hole):
    with pytest.raises(ShapeError, match="expected values"):
        fill_smooth(values, hole)
