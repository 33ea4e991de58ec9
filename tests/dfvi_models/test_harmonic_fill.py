import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfvi_models.errors import ShapeError
from dfvi_models.harmonic_fill import harmonic_fill
from tests.dfvi_models.golden_networks import golden

CASES = sorted({key.rpartition("_")[0] for key in golden("regionfill")})


@pytest.mark.parametrize("case", CASES)
def test_every_golden_case_is_solved(case: str) -> None:
    """Solved by the paper's code with a sparse direct solver in float64; stored as float32."""
    vectors = golden("regionfill")
    filled = harmonic_fill(vectors[f"{case}_I"][..., None], vectors[f"{case}_mask"] > 0)
    np.testing.assert_allclose(filled[..., 0], vectors[f"{case}_out"], rtol=0, atol=1e-4)


def test_a_plane_is_continued_through_the_hole() -> None:
    y, x = np.mgrid[:9, :12].astype(np.float64)
    plane = np.stack((3 * x - 2 * y + 1, y), axis=-1)
    hole = np.zeros((9, 12), bool)
    hole[2:7, 3:10] = True
    np.testing.assert_allclose(harmonic_fill(np.where(hole[..., None], 99, plane), hole), plane, atol=1e-8)


def test_a_large_hole_is_solved_to_convergence() -> None:
    """x^2 - y^2 is harmonic, on the pixel grid too: the exact answer is known."""
    y, x = np.mgrid[:120, :160] / 10.0
    values = (x**2 - y**2)[..., None]
    hole = np.zeros((120, 160), bool)
    hole[2:-2, 2:-2] = True
    np.testing.assert_allclose(harmonic_fill(values, hole), values, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.floats(0, 1))
def test_each_hole_pixel_is_the_mean_of_its_neighbours(seed: int, height: int, width: int, share: float) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(size=(height, width, 2))
    hole = random.random((height, width)) < share
    filled = harmonic_fill(values, hole)
    np.testing.assert_array_equal(filled[~hole], values[~hole])
    if hole.all():
        assert not filled.any()
        return
    for y, x in np.argwhere(hole):
        around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        inside = [filled[p] for p in around if 0 <= p[0] < height and 0 <= p[1] < width]
        np.testing.assert_allclose(filled[y, x], np.mean(inside, axis=0), atol=1e-7)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(3, 4\) bool"):
        harmonic_fill(np.zeros((3, 5, 2)), np.zeros((3, 4), bool))
    with pytest.raises(ShapeError, match="uint8"):
        harmonic_fill(np.zeros((3, 4, 2)), np.zeros((3, 4), np.uint8))  # type: ignore[arg-type]
