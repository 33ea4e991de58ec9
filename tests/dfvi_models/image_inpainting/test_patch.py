import cv2
import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.evaluation.metrics import psnr_in_hole
from dfvi_models.image_inpainting.patch import PatchInpainter
from dfvi_models.image_inpainting.patch_match import NO_MATCH, search, take_over, vote
from dfvi_models.image_inpainting.smooth import SmoothInpainter


def inpaint(frames, holes, **options):
    options = {"wanted": range(len(frames))} | options
    return dict(PatchInpainter().inpaint(frames, holes, **options))


def torn(frame, hole, colour=0):
    return np.where(hole[..., None], np.uint8(colour), frame)


def checks(height=80, width=120, cell=6):
    y, x = np.mgrid[:height, :width]
    bright = (y // cell + x // cell) % 2 == 0
    return np.where(bright[..., None], np.uint8([220, 180, 90]), np.uint8([30, 60, 120]))


def box(shape, y0, y1, x0, x1):
    hole = np.zeros(shape, bool)
    hole[y0:y1, x0:x1] = True
    return hole


def rough(seed, height=90, width=120):
    """Coarse-grained noise: texture without period."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3))
    blurred = cv2.GaussianBlur(noise, (0, 0), 1.2)
    return np.clip(128 + 40 * blurred / blurred.std(), 0, 255).astype(np.uint8)


def test_a_periodic_texture_is_continued():
    frame, hole = checks(), box((80, 120), 30, 52, 45, 75)
    filled = inpaint([torn(frame, hole)], [hole])[0]
    np.testing.assert_allclose(filled[hole].astype(int), frame[hole], atol=2)


def test_an_edge_is_continued_where_the_smooth_fill_blurs_it():
    y, x = np.mgrid[:80, :120]
    frame = np.where((y + x // 4 > 55)[..., None], np.uint8([200, 40, 40]), np.uint8([20, 90, 160]))
    hole = box((80, 120), 25, 50, 45, 70)
    filled = inpaint([torn(frame, hole)], [hole])[0]
    smooth = next(SmoothInpainter().inpaint([torn(frame, hole)], [hole], wanted=[0]))[1]
    assert psnr_in_hole(filled, frame, hole) > psnr_in_hole(smooth, frame, hole) + 6


def test_texture_in_the_hole_is_as_rough_as_around_it():
    frame, hole = rough(1), box((90, 120), 30, 60, 40, 80)
    filled = inpaint([torn(frame, hole)], [hole])[0]
    assert filled[hole].std() > 0.7 * frame[~hole].std()


def test_brightness_that_changes_over_the_picture_leaves_no_outline():
    frame = np.repeat(np.linspace(40, 200, 120)[None, :, None], 80, axis=0).repeat(3, axis=2).astype(np.uint8)
    hole = box((80, 120), 20, 60, 40, 80)
    filled = inpaint([torn(frame, hole)], [hole])[0].astype(int)
    steps = np.abs(np.diff(filled, axis=1))[20:60, 38:82]
    assert steps.max() <= 6
    np.testing.assert_allclose(filled[hole], frame[hole], atol=15)


def test_pixels_outside_the_hole_and_the_input_stay_bit_equal():
    frame, hole = rough(2), np.random.default_rng(3).random((90, 120)) < 0.01
    hole[:12, :30] = hole[70:, 100:] = True  # at the border too
    given = torn(frame, hole, 7)
    kept = given.copy()
    filled = inpaint([given], [hole])[0]
    np.testing.assert_array_equal(filled[~hole], frame[~hole])
    np.testing.assert_array_equal(given, kept)


def test_what_stands_in_the_hole_has_no_say():
    frame, hole = rough(4), box((90, 120), 20, 60, 30, 70)
    filled = inpaint([torn(frame, hole, 0), torn(frame, hole, 255)], [hole, hole])
    np.testing.assert_array_equal(filled[0], filled[1])


@pytest.mark.parametrize("shape", [(7, 8), (8, 7), (8, 8), (7, 60), (60, 7), (9, 30), (17, 18), (33, 61)])
def test_a_constant_frame_stays_constant_at_any_size_that_holds_a_patch(shape):
    frame, hole = np.full((*shape, 3), 90, np.uint8), np.ones(shape, bool)
    hole[:7, :7] = False
    np.testing.assert_array_equal(inpaint([torn(frame, hole)], [hole])[0], 90)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 40), (40, 1), (2, 2), (6, 50), (50, 6), (40, 30)])
@pytest.mark.parametrize("known", [0, 1, 6])
def test_frames_and_holes_that_leave_no_patch_are_filled_as_the_smooth_inpainter_does(shape, known):
    frame, hole = rough(7, 50, 50)[: shape[0], : shape[1]], np.ones(shape, bool)
    hole[:known, :known] = False
    smooth = next(SmoothInpainter().inpaint([torn(frame, hole)], [hole], wanted=[0]))[1]
    np.testing.assert_array_equal(inpaint([torn(frame, hole)], [hole])[0], smooth)


def test_without_a_wholly_known_patch_the_smooth_inpainter_fills():
    frame, hole = rough(5), np.zeros((90, 120), bool)
    hole[::6] = True
    smooth = next(SmoothInpainter().inpaint([frame], [hole], wanted=[0]))[1]
    np.testing.assert_array_equal(inpaint([frame], [hole])[0], smooth)


def test_a_single_wholly_known_patch_is_enough():
    frame, hole = rough(6, 20, 20), np.ones((20, 20), bool)
    hole[6:13, 6:13] = False
    filled = inpaint([torn(frame, hole)], [hole])[0]
    np.testing.assert_array_equal(filled[~hole], frame[~hole])
    assert (filled[hole] > 0).any()


def test_hole_pixels_in_an_odd_last_row_and_column_are_filled():
    frame, hole = checks(81, 121), box((81, 121), 50, 81, 90, 121)
    filled = inpaint([torn(frame, hole)], [hole])[0]
    assert np.mean(np.abs(filled[hole].astype(int) - frame[hole])) < 40  # grey against checks would miss by 60
    assert filled[80, 120].any()


def test_the_result_is_the_same_for_every_number_of_threads_and_every_choice_of_frames():
    rng = np.random.default_rng(0)
    frames = [rough(seed, 40, 50) for seed in range(5)]
    holes = [box((40, 50), y, y + 14, x, x + 15) for y, x in rng.integers(5, 25, (5, 2))]
    whole = inpaint(frames, holes)
    for threads, wanted in ((2, [0, 1, 2, 3, 4]), (3, [1, 4])):
        filled = inpaint(frames, holes, wanted=wanted, threads=threads)
        assert list(filled) == wanted
        for t in wanted:
            np.testing.assert_array_equal(filled[t], whole[t])


def test_arrays_that_are_views_of_others_are_taken():
    frame, hole = rough(8), box((90, 120), 20, 60, 30, 70)
    backwards = inpaint([frame[::-1, ::-1].copy()[::-1, ::-1]], [hole[::-1, ::-1].copy()[::-1, ::-1]])[0]
    np.testing.assert_array_equal(backwards, inpaint([frame], [hole])[0])


def test_a_frame_without_hole_is_returned_as_it_is():
    np.testing.assert_array_equal(inpaint([checks()], [np.zeros((80, 120), bool)])[0], checks())


def test_inputs_that_do_not_belong_together_are_refused():
    with pytest.raises(ShapeError, match="1 frames need as many holes; got 0"):
        inpaint([checks()], [])
    with pytest.raises(ShapeError, match=r"frame 0 .* \(40, 61\)"):
        inpaint([checks()], [np.zeros((40, 61), bool)])


def matched(height=9, width=20, source_x=5, target_x=12):
    """One target in a row of one possible centre row each, and one source."""
    source = np.zeros((height, width), bool)
    source[4, source_x] = True
    match = np.full(height * width, NO_MATCH, np.int32)
    targets = np.array([4 * width + target_x], np.int32)
    match[targets] = 4 * width + source_x
    return source, targets, match


def test_the_error_of_a_match_is_the_difference_of_pixels_and_of_mean_colours():
    source, targets, match = matched()
    picture, mean = np.zeros((9, 20, 3), np.uint8), np.zeros((9, 20, 3), np.uint8)
    picture[3, 10, 1] = 5  # in the target's patch: row 4 ± 3, column 12 ± 3
    picture[0, 12] = picture[3, 16] = 255  # beside it
    mean[4, 12, 2] = 2
    error = np.zeros(180, np.int32)
    search(picture, mean, source, targets, match, error, 1, 20, 0)
    assert error[targets[0]] == 25 + 24 * 4


def test_votes_are_weighted_and_come_from_the_same_place_in_the_patch():
    match, weight = np.full(180, NO_MATCH, np.int32), np.zeros(180, np.float32)
    picture = np.zeros((9, 20, 3), np.uint8)
    for y in range(3, 6):
        for x in range(3, 17):
            match[y * 20 + x] = 4 * 20 + 4
    weight[4 * 20 + 12], weight[5 * 20 + 13] = 3, 1
    picture[5, 4] = 100  # below the source: pixel (5, 12) seen from the patch at (4, 12)
    picture[4, 3] = 20  # left of it: pixel (5, 12) seen from the patch at (5, 13)
    colours = vote(picture, match, weight, np.array([5 * 20 + 12], np.int32))
    np.testing.assert_array_equal(colours, [[80, 80, 80]])


def test_a_coarse_match_becomes_the_same_shift_doubled_and_an_impossible_one_the_neighbours():
    coarse = np.full(10 * 15, NO_MATCH, np.int32)
    coarse[5 * 15 + 8] = 4 * 15 + 5  # one up, three to the left
    source = np.zeros((20, 30), bool)
    source[8:10, 10:13] = True
    targets = np.array([11 * 30 + 17, 11 * 30 + 18], np.int32)
    match = np.full(600, NO_MATCH, np.int32)
    match[targets] = 8 * 30 + 10
    take_over(coarse, 15, source, targets, match)
    assert match[targets].tolist() == [9 * 30 + 11, 9 * 30 + 12]
