import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.flow_color import flow_to_rgb


def colour_of(dx, dy, max_magnitude=1.0):
    return flow_to_rgb(np.array([[[dx, dy]]], np.float32), max_magnitude)[0, 0].tolist()


def test_no_motion_is_white():
    assert colour_of(0, 0) == [255, 255, 255]
    assert (flow_to_rgb(np.zeros((3, 4, 2), np.float32)) == 255).all()


def test_direction_is_hue():
    # Values of the published C code: `colorcode` of the Middlebury flow software.
    assert colour_of(1, 0) == [255, 0, 0]
    red, green, blue = colour_of(0, 1)  # down: yellow
    assert (red > 200, green > 200, blue) == (True, True, 0)
    red, green, blue = colour_of(-1, 0)  # left: between cyan and blue
    assert (red, green > 100, blue) == (0, True, 255)
    red, green, blue = colour_of(0, -1)  # up: violet
    assert (red > 60, green, blue) == (True, 0, 255)


def test_speed_is_saturation_and_beyond_the_largest_it_darkens():
    assert colour_of(1, 0, 2.0) == [255, 127, 127]
    assert colour_of(4, 0, 2.0) == [191, 0, 0]


def test_without_a_largest_speed_the_fastest_pixel_is_in_full_colour():
    flow = np.array([[[8, 0], [4, 0]]], np.float32)
    np.testing.assert_array_equal(flow_to_rgb(flow)[0], [[255, 0, 0], [255, 127, 127]])


def test_unknown_flow_is_black_and_does_not_set_the_scale():
    flow = np.array([[[np.nan, 0], [np.inf, 1], [2e9, 0], [1, 0]]], np.float32)
    np.testing.assert_array_equal(flow_to_rgb(flow)[0], [[0, 0, 0], [0, 0, 0], [0, 0, 0], [255, 0, 0]])


def test_wrong_arguments_are_refused():
    with pytest.raises(ShapeError, match=r"\(4, 4\)"):
        flow_to_rgb(np.zeros((4, 4), np.float32))
    with pytest.raises(ValueError, match=r"above 0 px; got 0\.0"):
        flow_to_rgb(np.zeros((4, 4, 2), np.float32), 0.0)
