"""An object is found in a box around it."""

import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.segmentation.distance import overlap
from dfvi_models.segmentation.outlining import outline_in_box
from tests.dfvi_models.segmentation.moving_object import moving_object


@pytest.fixture(scope="module")
def picture():
    frames, masks = moving_object(1)
    return frames[0], masks[0]


def test_what_stands_out_in_a_box_is_the_object(picture):
    frame, mask = picture
    box = (slice(18, 58), slice(12, 60))
    found = outline_in_box(frame, box)
    assert overlap(found, mask) > 0.9
    assert not found[:18].any()
    assert np.array_equal(found, outline_in_box(frame, box))


def test_where_nothing_stands_out_the_box_itself_is_taken(picture):
    flat = np.full_like(picture[0], 90)
    found = outline_in_box(flat, (slice(5, 15), slice(5, 25)))
    assert found[5:15, 5:25].all()
    assert found.sum() == 200
    assert outline_in_box(picture[0], (slice(0, 80), slice(0, 144))).all()


def test_a_box_without_pixels_and_what_is_no_frame_are_refused(picture):
    with pytest.raises(ShapeError, match="holds no pixel"):
        outline_in_box(picture[0], (slice(90, 99), slice(0, 9)))
    with pytest.raises(ShapeError, match="must be"):
        outline_in_box(picture[0][..., 0], (slice(0, 9), slice(0, 9)))
