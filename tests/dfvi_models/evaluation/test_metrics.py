import math

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation.metrics import (
    end_point_error,
    flicker,
    gradient_similarity,
    psnr,
    psnr_in_hole,
    ssim,
    warping_error,
)


def frames(shape=(90, 110), noise=20, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    return np.clip(truth + rng.normal(0, noise, truth.shape), 0, 255).astype(np.uint8), truth


def reference_ssim(a, b, window):
    """The formulas of scikit-image's `structural_similarity`, one channel after the other."""
    scores = []
    for channel in range(3):
        x, y = a[..., channel].astype(np.float64), b[..., channel].astype(np.float64)
        ux, uy = uniform_filter(x, window), uniform_filter(y, window)
        norm = window**2 / (window**2 - 1)
        vx = norm * (uniform_filter(x * x, window) - ux * ux)
        vy = norm * (uniform_filter(y * y, window) - uy * uy)
        vxy = norm * (uniform_filter(x * y, window) - ux * uy)
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        scores_of_pixels = (2 * ux * uy + c1) * (2 * vxy + c2) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))
        cut = window // 2
        scores.append(scores_of_pixels[cut:-cut, cut:-cut].mean())
    return np.mean(scores)


def test_psnr_of_a_known_difference():
    truth = np.zeros((4, 5, 3), np.uint8)
    frame = truth.copy()
    frame[..., 0] = 3  # mean squared error 9 / 3
    assert psnr(frame, truth) == pytest.approx(10 * math.log10(255**2 / 3))


def test_equal_frames_score_infinity_and_one():
    _, truth = frames()
    assert psnr(truth, truth) == math.inf
    assert ssim(truth, truth) == pytest.approx(1, abs=1e-12)


def test_psnr_in_the_hole_looks_nowhere_else():
    frame, truth = np.full((4, 5, 3), 200, np.uint8), np.zeros((4, 5, 3), np.uint8)
    hole = np.zeros((4, 5), bool)
    hole[1:3, 1:3] = True
    frame[hole] = 2
    assert psnr_in_hole(frame, truth, hole) == pytest.approx(10 * math.log10(255**2 / 4))
    assert math.isnan(psnr_in_hole(frame, truth, np.zeros_like(hole)))


@pytest.mark.parametrize(("shape", "window"), [((90, 110), 65), ((65, 65), 65), ((40, 110), 39), ((33, 20), 19)])
def test_ssim_equals_the_formulas_of_scikit_image(shape, window):
    frame, truth = frames(shape)
    assert ssim(frame, truth) == pytest.approx(reference_ssim(frame, truth, window), abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 7)])
def test_ssim_of_tiny_frames_is_a_number(shape):
    assert -1 <= ssim(*frames(shape)) <= 1


def test_end_point_error_is_the_mean_distance_in_the_hole():
    truth = np.zeros((3, 4, 2), np.float32)
    flow = np.full((3, 4, 2), 9, np.float32)
    hole = np.zeros((3, 4), bool)
    hole[0, :2] = True
    flow[0, 0], flow[0, 1] = (3, 4), (0, 1)
    assert end_point_error(flow, truth, hole) == 3.0
    assert math.isnan(end_point_error(flow, truth, np.zeros_like(hole)))


def test_a_picture_that_moves_with_its_flow_has_no_warping_error():
    _, world = frames((20, 30))
    frame, next_frame = world[2:18, 3:27], world[1:17, 1:25]  # content moves by (2, 1)
    flow_fw = np.full((16, 24, 2), (2, 1), np.float32)
    everywhere = np.ones((16, 24), bool)
    assert warping_error(frame, next_frame, flow_fw, -flow_fw, everywhere) == 0
    assert warping_error(frame, next_frame, -flow_fw, flow_fw, everywhere) > 0.01


def test_warping_error_of_a_known_flicker_between_two_pixels():
    frame = np.zeros((1, 3, 3), np.uint8)
    next_frame = np.zeros((1, 3, 3), np.uint8)
    next_frame[0, 1] = 102
    still = np.zeros((1, 3, 2), np.float32)
    half = still + np.array([0.5, 0], np.float32)
    region = np.array([[True, False, False]])
    assert warping_error(frame, next_frame, half, -half, region) == pytest.approx(0.2**2)
    assert warping_error(frame, next_frame, still, still, ~region) == pytest.approx(0.4**2 / 2)


def test_occluded_pixels_do_not_count():
    frame, next_frame = np.zeros((1, 3, 3), np.uint8), np.full((1, 3, 3), 255, np.uint8)
    still = np.zeros((1, 3, 2), np.float32)
    elsewhere = still + np.array([5, 0], np.float32)
    everywhere = np.ones((1, 3), bool)
    assert warping_error(frame, next_frame, still, still, everywhere) == 1
    assert math.isnan(warping_error(frame, next_frame, still, elsewhere, everywhere))
    assert math.isnan(warping_error(frame, next_frame, elsewhere, still, everywhere))


def test_arrays_that_do_not_belong_together_are_refused():
    frame, truth = frames((8, 9))
    with pytest.raises(ShapeError, match=r"\(8, 9, 3\) uint8 and \(8, 8, 3\) uint8"):
        psnr(frame, truth[:, :8])
    with pytest.raises(ShapeError, match="float64"):
        ssim(frame, truth.astype(np.float64))
    with pytest.raises(ShapeError, match=r"hole must be \(8, 9\); got \(9, 8\)"):
        psnr_in_hole(frame, truth, np.ones((9, 8), bool))
    flow = np.zeros((8, 9, 2), np.float32)
    with pytest.raises(ShapeError, match=r"\(8, 9, 2\), \(8, 8, 2\)"):
        end_point_error(flow, flow[:, :8], np.ones((8, 9), bool))
    with pytest.raises(ShapeError, match=r"flows must be \(8, 9, 2\)"):
        warping_error(frame, truth, flow, flow[:, :8], np.ones((8, 9), bool))


def half_hole(shape=(60, 80)):
    hole = np.zeros(shape, bool)
    hole[15:45, 20:60] = True
    return hole


def test_detail_prefers_texture_a_pixel_off_to_smoke_where_psnr_prefers_smoke():
    truth = np.repeat(np.random.default_rng(0).integers(60, 190, (60, 80, 1), dtype=np.uint8), 3, axis=2)
    hole = half_hole()
    smoke = np.where(hole[..., None], np.uint8(125), truth)
    displaced = np.where(hole[..., None], np.roll(truth, 1, axis=1), truth)
    assert psnr_in_hole(smoke, truth, hole) > psnr_in_hole(displaced, truth, hole)
    assert gradient_similarity(smoke, truth, hole) < gradient_similarity(displaced, truth, hole) - 0.2
    assert gradient_similarity(truth, truth, hole) == 1


def test_detail_of_a_known_step_is_the_formula():
    truth = np.zeros((9, 9, 3), np.uint8)
    truth[:, 5:] = 40
    hole = np.zeros((9, 9), bool)
    hole[4, 4] = True  # Sobel sees 4 * 40 there, a quarter of it is 40; in the flat result nothing
    constant = 170 / 9
    assert gradient_similarity(np.zeros_like(truth), truth, hole) == pytest.approx(
        constant / (40**2 + constant), rel=1e-3
    )
    assert math.isnan(gradient_similarity(truth, truth, np.zeros((9, 9), bool)))


def test_flicker_is_the_change_of_the_error_and_not_that_of_the_scene():
    truth = [np.full((60, 80, 3), level, np.uint8) for level in (50, 120)]
    hole = half_hole()
    steady = [frame + np.uint8(7) for frame in truth]
    wavering = [truth[0] + np.uint8(7), truth[1] - np.uint8(5)]
    assert flicker(steady, truth, hole) == 0
    assert flicker(wavering, truth, hole) == 12
    assert math.isnan(flicker(truth, truth, np.zeros_like(hole)))
