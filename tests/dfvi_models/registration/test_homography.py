import cv2
import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.registration.homography import fit_plane, is_plausible, moved_to_box, to_larger_grid

SIZE = (120, 160)
TILT = np.array([[1.02, 0.03, 5.0], [-0.02, 0.98, -3.0], [1e-4, 2e-4, 1.0]])


def through(homography, points):
    return cv2.perspectiveTransform(np.asarray(points, np.float64)[:, None], homography)[:, 0]


def matches(homography, count=60, wrong=20):
    random = np.random.default_rng(0)
    first = random.uniform((0, 0), (160, 120), (count, 2))
    second = through(homography, first)
    second[:wrong] = random.uniform((0, 0), (160, 120), (wrong, 2))
    return first.astype(np.float32), second.astype(np.float32)


def test_the_plane_of_most_matches_is_found_among_wrong_ones():
    plane = fit_plane(*matches(TILT), SIZE)
    corners = [[0, 0], [160, 0], [160, 120], [0, 120]]
    np.testing.assert_allclose(through(plane.homography, corners), through(TILT, corners), atol=0.05)
    assert plane.inliers[20:].all()
    assert plane.inliers[:20].sum() <= 1


def test_the_same_matches_give_the_same_plane():
    first, second = (fit_plane(*matches(TILT), SIZE) for _ in range(2))
    np.testing.assert_array_equal(first.homography, second.homography)


def test_matches_without_a_plane_give_none():
    random = np.random.default_rng(1)
    points = random.uniform(0, 120, (2, 8, 2)).astype(np.float32)
    assert fit_plane(*points, SIZE).homography is None
    assert not fit_plane(*points, SIZE).inliers.any()


def test_points_that_are_not_in_pairs_are_refused():
    with pytest.raises(ShapeError, match="two lists"):
        fit_plane(np.zeros((20, 2), np.float32), np.zeros((19, 2), np.float32), SIZE)


@pytest.mark.parametrize(
    ("change", "plausible"),
    [
        (np.eye(3), True),
        (TILT, True),
        (np.diag([0.2, 0.2, 1.0]), False),  # a 25th of the area
        (np.diag([-1.0, 1.0, 1.0]), False),  # mirrored
        (np.array([[1, 0, 0], [0, 1, 0], [-0.02, 0, 1.0]]), False),  # a corner behind the camera
    ],
)
def test_what_no_camera_does_is_not_plausible(change, plausible):
    assert is_plausible(change, SIZE) is plausible


def test_a_homography_of_the_half_size_moves_pixels_twice_as_far():
    shift = np.array([[1, 0, 3.0], [0, 1, -2.0], [0, 0, 1]])
    np.testing.assert_allclose(to_larger_grid(shift, (60, 80), SIZE) @ [10, 20, 1], [16, 16, 1])


def test_pixel_centres_not_corners_are_kept_between_grids():
    turn = np.array([[0, -1, 79.0], [1, 0, 0], [0, 0, 1]])  # a quarter turn of an 80 x 80 grid
    np.testing.assert_allclose(to_larger_grid(turn, (80, 80), (160, 160)) @ [0, 0, 1], [159, 0, 1])


def test_a_box_counts_its_pixels_from_its_own_corner():
    np.testing.assert_allclose(moved_to_box(TILT, 7, 11) @ [2, 3, 1], TILT @ [13, 10, 1])
