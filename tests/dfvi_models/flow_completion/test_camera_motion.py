import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.camera_motion import evaluate_camera_motion, fit_camera_motion

COEFFICIENTS = np.array([[3, -2, 0.5, 0.25, 0, 1], [-1, 0.125, 4, 0, -0.75, 0.5]])


def test_the_terms_are_those_of_the_docstring_in_that_order():
    flow = evaluate_camera_motion(COEFFICIENTS, (5, 9)).flow()
    for row, y in enumerate(np.linspace(-1, 1, 5)):
        for column, x in enumerate(np.linspace(-1, 1, 9)):
            expected = COEFFICIENTS @ [1, x, y, x * x, x * y, y * y]
            np.testing.assert_allclose(flow[row, column], expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(120, 200), (31, 45)])
def test_a_quadratic_flow_is_found_again(shape):
    flow = evaluate_camera_motion(COEFFICIENTS, shape).flow()
    fitted = fit_camera_motion(flow, np.zeros(shape, bool))
    np.testing.assert_allclose(fitted, COEFFICIENTS, atol=1e-4)


def test_moving_objects_and_holes_do_not_pull_on_the_fit():
    flow = evaluate_camera_motion(COEFFICIENTS, (180, 240)).flow()
    flow += np.random.default_rng(0).normal(0, 0.1, flow.shape).astype(np.float32)
    flow[20:90, 30:100] += (15, -8)  # an object over a ninth of the picture
    hole = np.zeros((180, 240), bool)
    hole[100:150, 120:200] = True
    flow[hole] = np.nan
    flow[90:160, 110:210][~hole[90:160, 110:210]] = 99  # dragged along by what is to be removed
    np.testing.assert_allclose(fit_camera_motion(flow, hole), COEFFICIENTS, atol=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (2, 2), (30, 1)])
def test_pictures_too_small_for_a_unique_fit_are_still_matched(shape):
    flow = np.full((*shape, 2), (2, -3), np.float32)
    fitted = fit_camera_motion(flow, np.zeros(shape, bool))
    np.testing.assert_allclose(evaluate_camera_motion(fitted, shape).flow(), flow, atol=1e-5)


def test_nothing_known_gives_no_motion():
    fitted = fit_camera_motion(np.full((20, 30, 2), 7, np.float32), np.ones((20, 30), bool))
    np.testing.assert_array_equal(fitted, np.zeros((2, 6)))


def test_it_is_the_same_at_single_pixels():
    motion = evaluate_camera_motion(COEFFICIENTS, (7, 11))
    y, x = np.array([0, 3, 6]), np.array([10, 2, 0])
    np.testing.assert_allclose(motion.at(y, x), motion.flow()[y, x], atol=1e-6)


def test_a_hole_of_another_size_is_refused():
    with pytest.raises(ShapeError, match=r"\(4, 5, 2\) and \(5, 4\)"):
        fit_camera_motion(np.zeros((4, 5, 2), np.float32), np.zeros((5, 4), bool))
