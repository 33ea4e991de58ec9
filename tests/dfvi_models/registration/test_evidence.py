import numpy as np

from dfvi_models.registration.evidence import ADDED, BLOCK, FLOW_ERROR, RESIDUAL, SHIFT, gather_evidence, surroundings
from dfvi_models.registration.views import look_at
from tests.dfvi_models.registration.scenes import panning, standing_hole

STEP = np.array([[1, 0, -20.0], [0, 1, -6.0], [0, 0, 1]])
"""From the first frame to the one after two steps: what stood at x stands at x - 20."""


def evidence_of(change=lambda other: other, homography=STEP):
    frames, hole = panning(3, (10, 3)), standing_hole(1)[0]
    other = change(frames[2].astype(float)).clip(0, 255).astype(np.uint8)
    around = surroundings(look_at(frames[0], hole))
    return around, gather_evidence(around, look_at(other, np.zeros_like(hole)), homography)


def in_hole(around, found):
    rows, columns = found.squares.shape[:2]
    return found.squares[around.hole.reshape(rows, BLOCK, columns, BLOCK).all(axis=(1, 3))]


def test_a_frame_that_fits_leaves_nothing_to_say():
    squares = in_hole(*evidence_of())
    np.testing.assert_allclose(squares[:, [0, 1, 2, RESIDUAL, FLOW_ERROR, SHIFT, ADDED]], 0, atol=0.2)


def test_a_brighter_frame_is_brought_down_to_what_surrounds_the_hole():
    squares = in_hole(*evidence_of(lambda other: other * 0.8 + 30))
    apart = squares[:, :3].mean()
    assert -14 < apart < -2  # 0.2 * 110 - 30
    assert squares[:, ADDED].mean() > 2
    assert squares[:, SHIFT].mean() < 0.5  # flow does not follow exposure


def test_a_frame_put_down_beside_its_place_shows_residual_and_shift():
    around, fits = evidence_of()
    _, beside = evidence_of(homography=STEP + np.array([[0, 0, 3.0], [0, 0, 0], [0, 0, 0]]))
    assert in_hole(around, beside)[:, RESIDUAL].mean() > in_hole(around, fits)[:, RESIDUAL].mean() + 3
    assert 2 < in_hole(around, beside)[:, SHIFT].mean() < 4


def test_a_frame_that_shows_nothing_of_the_hole_gives_no_evidence():
    far = np.array([[1, 0, 150.0], [0, 1, 0], [0, 0, 1]])
    assert evidence_of(homography=far)[1] is None


def test_a_hole_at_the_corner_of_the_picture_has_surroundings():
    frame, hole = panning(1)[0], np.zeros((120, 160), bool)
    hole[:10, 150:] = True
    around = surroundings(look_at(frame, hole))
    assert all(side % BLOCK == 0 for side in around.hole.shape)
    assert around.hole.sum() == 100
