import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.holes import (
    MOST_BOXES,
    dilate_by_disc,
    dilate_by_square,
    hole_boxes,
    hole_indices,
    resize_hole_for_bilinear,
    resize_hole_nearest,
    resize_hole_touching,
)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([0, 0.1, 0.9, 1]), st.integers(0, 2**32 - 1))
def test_indices_are_those_of_flatnonzero(height, width, share, seed):
    hole = np.random.default_rng(seed).random((height, width)) < share
    np.testing.assert_array_equal(hole_indices(hole), np.flatnonzero(hole))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 0.3), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_boxes_hold_every_hole_pixel_once_and_its_margin(height, width, share, margin, seed):
    hole = np.random.default_rng(seed).random((height, width)) < share
    count = np.zeros(hole.shape, int)
    boxes = hole_boxes(hole, margin)
    for box in boxes:
        count[box] += 1
    assert count.max(initial=0) <= 1
    square = np.pad(hole, margin)
    near = np.lib.stride_tricks.sliding_window_view(square, (2 * margin + 1,) * 2).any(axis=(2, 3))
    assert (count[near] == 1).all()
    assert len(boxes) <= MOST_BOXES


def test_far_blobs_get_boxes_of_their_own():
    hole = np.zeros((20, 30), bool)
    hole[2:4, 3:5] = hole[15:18, 20:29] = True
    assert hole_boxes(hole, 1) == [(slice(1, 5), slice(2, 6)), (slice(14, 19), slice(19, 30))]


def test_dilation_grows_a_point_to_a_disc_and_stops_at_the_border():
    hole = np.zeros((15, 15), bool)
    hole[7, 7] = hole[0, 0] = True
    grown = dilate_by_disc(hole, 3)
    y, x = np.mgrid[:15, :15]
    assert grown[7, 4:11].all()
    assert grown[4:11, 7].all()
    assert not grown[4, 4]
    assert not grown[((y - 7) ** 2 + (x - 7) ** 2 > 16) & (y + x > 6)].any()
    assert grown[0, 3]
    assert grown.dtype == np.bool_


def test_dilation_by_zero_is_a_copy():
    hole = np.eye(4, dtype=bool)
    grown = dilate_by_disc(hole, 0)
    np.testing.assert_array_equal(grown, hole)
    assert grown is not hole


def test_dilation_refuses_negative_radii_and_other_types():
    with pytest.raises(ValueError, match="0 px or more; got -1"):
        dilate_by_disc(np.zeros((3, 3), bool), -1)
    with pytest.raises(ShapeError, match="uint8"):
        dilate_by_disc(np.zeros((3, 3), np.uint8), 1)


def test_a_square_reaches_as_far_as_its_half_and_an_even_one_further_right_and_down():
    hole = np.zeros((9, 9), bool)
    hole[4, 4] = True
    for side, first, last in ((3, 3, 5), (4, 2, 5), (5, 2, 6)):
        rows, columns = np.nonzero(dilate_by_square(hole, side))
        low, high = 8 - last, 8 - first  # the anchor of an even square lies right of its middle
        assert {(rows.min(), rows.max()), (columns.min(), columns.max())} <= {(first, last), (low, high)}
    assert dilate_by_square(hole, 1) is hole


def test_a_thin_line_vanishes_by_sampling_but_not_by_touching():
    hole = np.zeros((9, 16), bool)
    hole[:, 6] = True
    assert not resize_hole_nearest(hole, 3, 4).any()
    np.testing.assert_array_equal(resize_hole_touching(hole, 3, 4), [[False, True, False, False]] * 3)
    assert (resize_hole_for_bilinear(hole, 3, 4) >= resize_hole_touching(hole, 3, 4)).all()


def test_a_bilinear_image_is_not_mixed_with_the_hole_outside_the_resized_hole():
    cv2 = pytest.importorskip("cv2")
    hole = np.random.default_rng(0).random((13, 17)) < 0.1
    image = np.where(hole, np.float32(1000), np.float32(1))
    for height, width in ((6, 8), (20, 30), (13, 30)):
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(resized[~resize_hole_for_bilinear(hole, height, width)], 1, atol=1e-3)


@pytest.mark.parametrize("resize", [resize_hole_nearest, resize_hole_touching, resize_hole_for_bilinear])
def test_a_hole_of_the_right_size_is_handed_back(resize):
    hole = np.eye(5, dtype=bool)
    assert resize(hole, 5, 5) is hole
