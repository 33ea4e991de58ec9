"""Which frames a person is shown first."""

from dfvi_models.review.moments import frames_to_show, odd_masks, worst_moments


def test_the_worst_frames_lie_apart_and_come_worst_first():
    doubt = [0, 5, 9, 8, 0, 3, 6]
    assert worst_moments(doubt, apart=2, most=9) == [2, 6]
    assert worst_moments(doubt, apart=1, most=9, least=3) == [2, 3, 6, 1]
    assert worst_moments(doubt, apart=1, most=3) == [2, 3, 6]


def test_a_clip_without_doubt_has_no_worst_frame():
    assert worst_moments([0.0, 0.0], apart=1, most=3, least=0) == []


def test_a_mask_that_jumps_for_one_frame_is_odd_and_one_that_grows_is_not():
    assert odd_masks([100, 104, 20, 100, 98]) == [2]
    assert odd_masks([100, 100, 300, 110]) == [2]
    assert odd_masks([10, 30, 90, 270]) == []
    assert odd_masks([0, 0, 50, 50]) == []


def test_of_a_long_clip_all_frames_around_the_worst_are_shown_and_some_between():
    shown = frames_to_show(1000, [500, 20], most=40, beside=5)
    assert set(range(495, 506)) | set(range(15, 26)) <= set(shown)
    assert {0, 999} <= set(shown)
    assert len(shown) <= 40
    assert frames_to_show(8, [3], most=8, beside=2) == list(range(8))
