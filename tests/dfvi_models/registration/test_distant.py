import weakref

import numpy as np
import pytest

from dfvi_models.registration.distant import DISTANCES, SPARE_VIEWS, DistantFrames, references
from dfvi_models.registration.distant_fusion import DistantColours
from dfvi_models.types import NO_SOURCE
from tests.dfvi_models.registration.scenes import hole_rms, panning, standing_hole, with_black_holes


def distant(frames, holes):
    return DistantFrames(with_black_holes(frames, holes), holes)


def laid_in(frame, hole, found):
    filled = frame.astype(float)
    filled[hole] = found.colour
    return filled


def test_references_lie_near_and_far_but_are_no_neighbours():
    assert references(0, 1) == []
    assert references(0, 2) == []
    assert references(10, 100) == [0, 2, 6, 8, 12, 14, 18, 26, 35, 99]
    assert references(1, 3) == []
    assert references(2, 5) == [0, 4]


def test_a_hole_that_pans_away_in_one_frame_is_filled_from_frames_where_it_is_gone():
    frames, holes = panning(9), standing_hole(9)
    found = distant(frames, holes).colours(4)
    assert (found.source != NO_SOURCE).all()
    assert hole_rms(laid_in(frames[4], holes[4], found), frames[4], holes[4]) < 4
    assert set(found.source) <= {0, 2, 6, 8}


def test_a_change_of_exposure_is_taken_back_at_the_rim():
    frames, holes = panning(9), standing_hole(9)
    dim = frames * np.linspace(1, 0.7, 9)[:, None, None, None]
    frames = dim.astype(np.uint8)
    found = distant(frames, holes).colours(4)
    assert hole_rms(laid_in(frames[4], holes[4], found), frames[4], holes[4]) < 6


def test_a_wrong_frame_is_outvoted():
    frames, holes = panning(9), standing_hole(9)
    frames[8, 40:80, 10:60] = 255  # a person walks in where the hole of frame 4 would look
    found = distant(frames, holes).colours(4)
    assert hole_rms(laid_in(frames[4], holes[4], found), frames[4], holes[4]) < 6


def test_a_frame_colours_do_not_depend_on_what_else_was_asked():
    frames, holes = panning(9), standing_hole(9)
    alone = distant(frames, holes).colours(6)
    clip = distant(frames, holes)
    later = [clip.colours(t) for t in (0, 3, 6)][-1]
    for name in DistantColours.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(alone, name), getattr(later, name))


class Watched:
    """Small empty frames, and how many of them are held at most."""

    def __init__(self, count):
        self.count, self.held, self.most = count, [], 0

    def __len__(self):
        return self.count

    def __getitem__(self, t):
        frame = np.zeros((32, 48, 3), np.uint8)
        self.held = [weakref.ref(frame), *(held for held in self.held if held() is not None)]
        self.most = max(self.most, len(self.held))
        return frame


def test_no_more_frames_are_held_than_are_near_however_long_and_small_the_clip():
    frames, holes = Watched(80), np.ones((80, 32, 48), bool)
    clip = DistantFrames(frames, holes)
    for t in range(80):
        clip.colours(t)
    assert 2 * DISTANCES[-1] < frames.most <= 2 * DISTANCES[-1] + SPARE_VIEWS + 2


def test_what_stands_in_holes_is_never_read():
    frames, holes = panning(7), standing_hole(7)
    noise = np.random.default_rng(0).integers(0, 255, frames.shape).astype(np.uint8)
    first = DistantFrames(with_black_holes(frames, holes), holes).colours(3)
    second = DistantFrames(np.where(holes[..., None], noise, frames), holes).colours(3)
    np.testing.assert_array_equal(first.colour, second.colour)


@pytest.mark.parametrize(
    "frames",
    [np.full((5, 60, 80, 3), 90, np.uint8), panning(1, height=60, width=80), panning(2, height=60, width=80)],
    ids=["plain", "one frame", "two frames"],
)
def test_where_nothing_can_be_registered_nothing_is_shown(frames):
    holes = standing_hole(len(frames), 60, 80, slice(20, 40), slice(30, 50))
    found = distant(frames, holes).colours(0)
    assert (found.source == NO_SOURCE).all()


def test_a_frame_without_hole_has_no_colours():
    assert len(distant(panning(3), np.zeros((3, 120, 160), bool)).colours(1).colour) == 0


def test_a_hole_over_the_whole_frame_shows_nothing():
    holes = np.ones((3, 60, 80), bool)
    assert (distant(panning(3, height=60, width=80), holes).colours(1).source == NO_SOURCE).all()


def test_a_large_frame_is_registered_as_exactly_as_a_small_one():
    frames = panning(6, (20, 6), 480, 640)
    holes = standing_hole(6, 480, 640, slice(200, 280), slice(240, 330))
    found = distant(frames, holes).colours(2)
    assert (found.source != NO_SOURCE).mean() > 0.95
    assert hole_rms(laid_in(frames[2], holes[2], found), frames[2], holes[2]) < 8
