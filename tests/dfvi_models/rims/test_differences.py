import numpy as np

from dfvi_models.rims.differences import Shown, differing
from tests.dfvi_models.registration.scenes import textured

REACH = 10


def surroundings():
    """A picture, and pixels to a hole along its left side."""
    colour = textured(40, 60)
    distance = np.maximum(np.arange(60, dtype=np.float32)[None] - 19, 0).repeat(40, axis=0)
    return colour, distance


def shown(*pictures):
    return [Shown(picture, np.ones(picture.shape[:2], bool)) for picture in pictures]


def nothing(found):
    return not (found.shaded.any() or found.doubtful.any())


def test_alike_pictures_do_not_differ():
    colour, distance = surroundings()
    assert nothing(differing(colour, distance, REACH, shown(colour, colour, colour)))


def test_other_exposure_is_no_difference():
    colour, distance = surroundings()
    dim = np.clip(colour.astype(int) - 20, 0, 255).astype(np.uint8)
    assert nothing(differing(colour, distance, REACH, shown(dim, dim)))


def test_a_darker_copy_is_shaded_up_to_the_reach():
    colour, distance = surroundings()
    dark = colour.copy()
    dark[5:35, 20:32] = dark[5:35, 20:32] * 0.6
    found = differing(dark, distance, REACH, shown(colour, colour)).shaded
    assert found[8:32, 21:29].mean() > 0.95
    assert not found[:, 31:].any()
    assert not found[:, :20].any()


def test_a_slightly_darker_copy_is_doubtful():
    _, distance = surroundings()
    colour = np.full((40, 60, 3), 150, np.uint8)
    dark = colour.copy()
    dark[5:35, 20:32] = 143
    found = differing(dark, distance, REACH, shown(colour, colour))
    assert not found.shaded.any()
    assert found.doubtful[8:32, 26:29].mean() > 0.8


def test_other_texture_is_doubtful_beside_the_hole_only():
    colour, distance = surroundings()
    other = colour.copy()
    other[5:35, 20:32] = (200, 30, 30)
    found = differing(other, distance, REACH, shown(colour, colour))
    assert found.doubtful[8:32, 20:24].mean() > 0.95
    assert not found.doubtful[:, 28:].any()
    assert not found.shaded.any()


def test_frames_must_agree_and_be_two():
    colour, distance = surroundings()
    dark, bright = (np.clip(colour * share, 0, 255).astype(np.uint8) for share in (0.5, 1.4))
    mixed = [np.where(np.arange(60)[None, :, None] < 40, one, colour) for one in (dark, bright)]
    assert nothing(differing(colour, distance, REACH, shown(*mixed)))
    assert nothing(differing(dark, distance, REACH, shown(colour)))


def test_unusable_places_are_not_looked_at():
    colour, distance = surroundings()
    dark = (colour * 0.5).astype(np.uint8)
    unusable = [Shown(colour, np.zeros(distance.shape, bool))] * 3
    assert nothing(differing(dark, distance, REACH, unusable))


def test_only_what_two_frames_show_is_judged():
    colour, distance = surroundings()
    half = np.broadcast_to(np.arange(40)[:, None] < 20, distance.shape)
    judged = differing(colour, distance, REACH, [*shown(colour), Shown(colour, half)]).judged
    np.testing.assert_array_equal(judged, half & (distance > 0) & (distance <= REACH))
