import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfvi_models.numerics.bilinear import bilinear_corners, bilinear_vector, sample_bilinear


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_a_plane_is_sampled_exactly_everywhere_up_to_its_border(height, width, seed):
    random = np.random.default_rng(seed)
    a, b, c = random.uniform(-3, 3, 3)
    y, x = random.uniform(0, height - 1, 20), random.uniform(0, width - 1, 20)
    y[:2], x[:2] = (0, height - 1), (0, width - 1)
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([a + b * rows + c * columns, rows], axis=-1)
    np.testing.assert_allclose(sample_bilinear(image, y, x), np.stack([a + b * y + c * x, y], axis=1), atol=1e-9)


def test_weights_and_pixels_by_hand():
    rows, columns, weights = bilinear_corners(1.25, 2.5, 4, 5)
    assert (rows, columns) == ((1, 1, 2, 2), (2, 3, 2, 3))
    assert weights == (0.375, 0.375, 0.125, 0.125)


def test_on_the_last_pixel_the_ones_outside_do_not_count():
    rows, columns, weights = bilinear_corners(3.0, 4.0, 4, 5)
    assert (rows, columns, weights) == ((3,) * 4, (4,) * 4, (1.0, 0.0, 0.0, 0.0))


def test_python_and_machine_code_agree():
    field = np.random.default_rng(1).random((6, 8, 2)).astype(np.float32)
    sampled = sample_bilinear(field, np.array([4.3]), np.array([6.7]))[0]
    assert bilinear_vector(field, 4.3, 6.7) == pytest.approx(tuple(sampled))
