import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.registration.features import HOLE_MARGIN, find_features, match_features
from tests.dfvi_models.registration.scenes import panning, standing_hole


def grey(frame):
    return np.ascontiguousarray(frame.mean(axis=-1).astype(np.uint8))


def test_matches_of_a_panning_camera_lie_apart_by_its_motion():
    first, second = (find_features(grey(frame), np.zeros(frame.shape[:2], bool)) for frame in panning(2, (9, 4)))
    here, there = match_features(first, second)
    assert len(here) > 50
    np.testing.assert_allclose(np.median(here - there, axis=0), (9, 4), atol=0.1)


def test_no_feature_lies_in_a_hole_or_beside_it():
    frame, hole = panning(1)[0], standing_hole(1)[0]
    frame = np.where(hole[..., None], np.random.default_rng(0).integers(0, 255, frame.shape), frame)
    points = find_features(grey(frame), hole).points
    inside = (points[:, 0] > 60 - HOLE_MARGIN) & (points[:, 0] < 95 + HOLE_MARGIN - 1)
    inside &= (points[:, 1] > 45 - HOLE_MARGIN) & (points[:, 1] < 75 + HOLE_MARGIN - 1)
    assert len(points) > 50
    assert not inside.any()


def test_a_plain_picture_has_no_features_and_matches_nothing():
    plain = find_features(np.full((60, 80), 90, np.uint8), np.zeros((60, 80), bool))
    textured = find_features(grey(panning(1)[0]), np.zeros((120, 160), bool))
    assert len(plain.points) == 0
    assert [len(points) for points in match_features(plain, textured)] == [0, 0]


def test_a_hole_of_another_size_is_refused():
    with pytest.raises(ShapeError, match="a hole like it"):
        find_features(np.zeros((60, 80), np.uint8), np.zeros((60, 81), bool))
