"""Following an object forwards, backwards, and between two frames."""

import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.segmentation.distance import overlap
from dfvi_models.segmentation.following import Followed, Look, ObjectFollower
from dfvi_models.segmentation.tracking import Span, follow, join, spans_between, track
from tests.dfvi_models.segmentation.moving_object import HEIGHT, WIDTH, moving_object

COUNT = 9


@pytest.fixture(scope="module")
def clip():
    return moving_object(COUNT)


@pytest.mark.parametrize("given", [[0], [COUNT - 1], [4], [0, COUNT - 1]])
def test_an_object_is_followed_both_ways_and_between(clip, given):
    frames, masks = clip
    found, certainty = track(frames, {t: masks[t] for t in given})
    shares = [overlap(one, other) for one, other in zip(found, masks, strict=True)]
    assert min(shares) > 0.85
    assert all(shares[t] == 1 and certainty[t] == 1 for t in given)
    assert ((certainty > 0.5) & (certainty <= 1)).all()


def test_it_does_not_follow_what_looks_alike_and_stands_still(clip):
    """Flow alone would leave parts behind; the scene without the object is not marked."""
    frames, masks = clip
    found, _ = track(frames, {0: masks[0]})
    left_behind = masks[0] & ~masks[-1]
    assert left_behind.sum() > 200
    assert (found[-1] & left_behind).sum() < 0.05 * left_behind.sum()


def test_nothing_is_carried_over_a_cut_and_shots_that_are_not_given_are_empty(clip):
    frames, masks = clip
    found, certainty = track(frames, {1: masks[1]}, [(0, 4), (4, COUNT)])
    assert all(found[t].any() for t in range(4))
    assert not any(found[t].any() for t in range(4, COUNT))
    assert certainty[4:].max() == 0


def test_a_correction_pulls_the_frames_around_it(clip):
    frames, masks = clip
    wrong = np.roll(masks[0], 25, axis=1)
    lost, _ = track(frames, {0: wrong})
    mended, _ = track(frames, {0: wrong, 4: masks[4]})
    assert overlap(mended[5], masks[5]) > 0.85 > overlap(lost[5], masks[5])
    assert overlap(mended[3], masks[3]) > overlap(lost[3], masks[3])


def test_what_goes_on_later_is_as_if_it_had_never_been_left(clip):
    frames, masks = clip
    share = masks[0].astype(np.uint8) * np.uint8(255)

    def steps(start, begin, order, threads=1):
        follower = ObjectFollower(Look.of(frames[0]), share)
        return dict(follow(follower, frames, start, begin.share, order, certainty=begin.certainty, threads=threads))

    whole = steps(0, Followed(share, 1.0), range(1, 5))
    rest = steps(2, whole[2], range(3, 5), threads=2)
    assert np.array_equal(whole[4].share, rest[4].share)
    assert whole[4].certainty == rest[4].certainty


def test_it_grows_less_sure_with_every_correction_and_never_surer(clip):
    frames, masks = clip
    _, certainty = track(frames, {0: masks[0]})
    assert (np.diff(certainty) <= 0).all()
    _, jumping = track([frames[t] for t in (0, 1, 2, 3, 8, 3, 8, 3, 8)], {0: masks[0]})
    assert np.array_equal(jumping[:4], certainty[:4])
    assert jumping[-1] < 0.8 * certainty[-1]


def test_what_has_left_is_not_found_again():
    frames, masks = moving_object(6)
    found, certainty = track(frames, {0: np.zeros_like(masks[0])})
    assert not any(mask.any() for mask in found)
    assert certainty[1:].max() == 0


def test_spans_cover_every_frame_of_shots_in_which_it_is_given():
    assert spans_between([3, 5], [(0, 9), (9, 12)]) == [
        Span(0, 4, False, True),
        Span(3, 6, True, True),
        Span(5, 9, True, False),
    ]
    assert spans_between([0, 11], [(0, 1), (1, 12)]) == [Span(0, 1, False, True), Span(1, 12, False, True)]
    assert spans_between([], [(0, 4)]) == []


def test_two_tracks_are_joined_by_how_sure_and_how_near_they_are():
    shares = [np.zeros((20, 40), np.uint8) for _ in range(2)]
    shares[0][4:16, 4:16] = 255
    shares[1][4:16, 8:20] = 255
    first, second = Followed(shares[0], 0.9), Followed(shares[1], 0.9)
    near_first, near_second = join(first, second, 1, 9), join(first, second, 9, 1)
    assert overlap(near_first.share > 127, shares[0] > 127) > overlap(near_first.share > 127, shares[1] > 127)
    assert overlap(near_second.share > 127, shares[1] > 127) > overlap(near_second.share > 127, shares[0] > 127)
    assert join(first, Followed(shares[0], 0.9), 1, 1).certainty > near_first.certainty
    lost = Followed(np.zeros_like(shares[0]), 0.0)
    assert np.array_equal(join(lost, second, 1, 9).share > 127, shares[1] > 127)
    assert join(first, None, 1, 0) is first
    with pytest.raises(ShapeError, match="no track"):
        join(None, None, 1, 1)


def test_a_frame_that_does_not_exist_or_a_mask_of_another_size_is_refused(clip):
    frames, masks = clip
    with pytest.raises(ShapeError, match="given in frame 9"):
        track(frames, {COUNT: masks[0]})
    with pytest.raises(ShapeError, match="given in frame 0"):
        track(frames, {0: np.zeros((HEIGHT, WIDTH + 1), bool)})
