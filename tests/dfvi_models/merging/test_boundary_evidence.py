import numpy as np

from dfvi_models.merging.boundary_evidence import boundary_evidence


def test_jump_and_step_of_a_ramp_beside_a_flat_fill():
    """Columns hold 0, 10, 20, ...; the hole is columns 3 to 5 over the full height, filled with 50."""
    frame = np.repeat(np.arange(0, 100, 10, dtype=np.uint8)[None, :, None], 4, axis=0).repeat(3, axis=2)
    hole = np.zeros((4, 10), bool)
    hole[:, 3:6] = True
    evidence = boundary_evidence(frame, hole, np.full((12, 3), 50, np.float32), np.ones(12, bool)).reshape(4, 3, 2)
    np.testing.assert_allclose(evidence[:, 0, 0], np.log1p(30), rtol=1e-5)  # 50 against 20
    np.testing.assert_allclose(evidence[:, 2, 0], np.log1p(10), rtol=1e-5)  # 50 against 60
    np.testing.assert_allclose(evidence[:, 1, 0], (np.log1p(30) + np.log1p(10)) / 2, atol=0.02)
    np.testing.assert_allclose(evidence[..., 1], np.log1p(10), atol=0.02)


def test_a_hole_that_meets_nothing_known_gives_nothing():
    frame = np.full((5, 5, 3), 9, np.uint8)
    assert not boundary_evidence(frame, np.ones((5, 5), bool), np.ones((25, 3), np.float32), np.ones(25, bool)).any()
    hole = np.zeros((5, 5), bool)
    hole[2, 2] = True
    assert not boundary_evidence(frame, hole, np.zeros((1, 3), np.float32), np.zeros(1, bool)).any()


def test_hole_pixels_of_the_frame_are_not_read_and_pixels_nothing_reached_take_what_is_around():
    random = np.random.default_rng(0)
    frame = random.integers(0, 256, (12, 12, 3)).astype(np.uint8)
    hole = np.zeros((12, 12), bool)
    hole[3:9, 3:9] = True
    reached = random.random(36) < 0.5
    colour = random.uniform(0, 255, (36, 3)).astype(np.float32)
    first = boundary_evidence(frame, hole, colour, reached)
    second = boundary_evidence(np.where(hole[..., None], 0, frame).astype(np.uint8), hole, colour, reached)
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all()
    assert (first > 0).all()
