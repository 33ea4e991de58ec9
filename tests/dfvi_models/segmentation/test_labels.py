"""Pixels that several objects claim belong to one of them."""

import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.segmentation.labels import label_objects


def test_a_pixel_belongs_to_the_object_with_the_largest_share_and_of_equal_ones_to_the_higher_number():
    one = np.array([[255, 200, 128, 127, 0, 90]], np.uint8)
    two = np.array([[255, 220, 0, 0, 140, 100]], np.uint8)
    assert label_objects({2: two, 1: one}).tolist() == [[2, 2, 1, 0, 2, 0]]
    assert label_objects({7: one}).tolist() == [[7, 7, 7, 0, 0, 0]]


def test_objects_of_several_sizes_and_none_are_refused():
    with pytest.raises(ShapeError, match="one size"):
        label_objects({1: np.zeros((2, 2), np.uint8), 2: np.zeros((2, 3), np.uint8)})
    with pytest.raises(ShapeError, match="one size"):
        label_objects({})
