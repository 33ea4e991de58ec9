import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.holes import resize_hole_nearest
from dfvi_models.numerics.resizing import resize_frame


def test_shrinking_takes_the_mean_of_what_is_covered():
    frame = np.zeros((4, 6, 3), np.uint8)
    frame[::2, ::2] = 100
    assert resize_frame(frame, 2, 3).tolist() == np.full((2, 3, 3), 25).tolist()


def test_growing_is_bilinear_and_the_same_size_is_untouched():
    frame = np.array([[[0] * 3, [100] * 3]], np.uint8)
    assert resize_frame(frame, 1, 4)[0, :, 0].tolist() == [0, 25, 75, 100]
    assert resize_frame(frame, 1, 2) is frame


def test_a_hole_stays_true_or_false():
    hole = np.zeros((4, 4), bool)
    hole[:2, :2] = True
    small = resize_hole_nearest(hole, 2, 2)
    assert small.dtype == bool
    assert small.tolist() == [[True, False], [False, False]]


def test_wrong_shapes_and_sizes_are_refused():
    frame, hole = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), bool)
    with pytest.raises(ShapeError, match="uint8"):
        resize_frame(frame.astype(float), 2, 2)
    with pytest.raises(ShapeError, match="bool"):
        resize_hole_nearest(frame, 2, 2)
    for call in (lambda: resize_frame(frame, 0, 2), lambda: resize_hole_nearest(hole, 2, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            call()
