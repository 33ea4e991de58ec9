import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.registration.views import look_at, working_scale, working_size
from tests.dfvi_models.registration.scenes import panning, standing_hole


def test_the_working_size_is_a_whole_fraction_of_the_frame_and_never_larger():
    sizes = [(240, 432), (480, 854), (1080, 1920), (60, 80)]
    assert [working_scale(*size) for size in sizes] == [1, 2, 4, 1]
    assert [working_size(*size) for size in sizes] == [(240, 432), (240, 427), (270, 480), (60, 80)]


def test_a_pixel_of_the_view_that_touches_the_hole_belongs_to_it():
    frame, hole = np.zeros((480, 864, 3), np.uint8), np.zeros((480, 864), bool)
    hole[101, 203] = True
    assert np.argwhere(look_at(frame, hole).hole).tolist() == [[50, 101]]


def test_what_stands_in_the_hole_changes_nothing_but_the_colours_there():
    frame, hole = panning(1)[0], standing_hole(1)[0]
    other = np.where(hole[..., None], 255 - frame, frame)
    first, second = look_at(frame, hole), look_at(other, hole)
    np.testing.assert_array_equal(first.grey, second.grey)
    np.testing.assert_array_equal(first.features.points, second.features.points)
    np.testing.assert_array_equal(first.features.descriptors, second.features.descriptors)


def test_a_hole_of_another_size_is_refused():
    with pytest.raises(ShapeError, match="its hole"):
        look_at(np.zeros((60, 80, 3), np.uint8), np.zeros((61, 80), bool))
