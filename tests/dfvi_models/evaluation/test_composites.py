import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation.composites import CONTACT_DARKNESS, Overlay, centre_of, lay_over

CLEAN = np.full((80, 120, 3), 200, np.uint8)
MASK = np.zeros((80, 120), bool)
MASK[20:50, 40:60] = True
RED = np.where(MASK[..., None], np.array([250, 0, 0], np.uint8), np.uint8(77))
"""An object, and around it what its own clip shows there."""


def laid(motion=(0.0, 0.0), shadow=None, frame=CLEAN, mask=MASK):
    return lay_over(frame, Overlay(RED, mask, motion, shadow)).astype(int)


def test_inside_stands_the_object_and_far_away_the_clean_frame():
    frame = laid()
    np.testing.assert_array_equal(frame[30:40, 45:55], np.broadcast_to([250, 0, 0], (10, 10, 3)))
    np.testing.assert_array_equal(frame[:10], 200)
    np.testing.assert_array_equal(frame[60:], 200)


def test_nothing_of_the_objects_own_surroundings_comes_along():
    assert laid(motion=(20.0, 0.0))[..., 0].min() >= 199  # between red 250 and white 200; 77 is not
    assert laid(motion=(20.0, 0.0))[..., 1].max() == 200


def test_edges_are_smeared_along_the_motion_and_not_across_it():
    still, fast = laid(), laid(motion=(16.0, 0.0))
    beside, below = fast[35, 60:66, 1], fast[50:56, 50, 1]
    assert (still[35, 63:66, 1] == 200).all()
    assert (beside[:4] < 195).all()
    np.testing.assert_array_equal(below, still[50:56, 50, 1])


def test_a_shadow_darkens_the_ground_on_its_side_and_most_where_the_object_stands():
    frame = laid(shadow=1.0)
    assert frame[44, 70, 1] < 150  # to the right, where the upper part falls
    np.testing.assert_array_equal(frame[44, 10:25], 200)
    assert 200 * (1 - CONTACT_DARKNESS) < frame[52, 50, 1] < 160
    mirrored = laid(shadow=-1.0)
    assert mirrored[44, 29, 1] < 150
    assert (mirrored[44, 75:90] == 200).all()


def test_a_frame_without_object_stays_as_it_is():
    np.testing.assert_array_equal(laid(shadow=1.0, mask=np.zeros_like(MASK)), CLEAN)


def test_an_object_of_another_size_is_refused():
    with pytest.raises(ShapeError, match="must agree"):
        lay_over(CLEAN[:79], Overlay(RED, MASK, (0, 0), None))


def test_the_centre_is_the_mean_place():
    assert centre_of(MASK) == (49.5, 34.5)
    assert centre_of(np.zeros((3, 3), bool)) is None
