import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.registration.choice import ChoiceModel, choose, mean_in_hole
from dfvi_models.registration.distant_fusion import DistantColours
from dfvi_models.types import INVENTED, KNOWN, NO_SOURCE, Merged

HOLE = np.zeros((24, 30), bool)
HOLE[6:18, 8:22] = True
COUNT = int(HOLE.sum())


def merged(left=None):
    """Carried colours of 40 from frame 3, but for those of `left`."""
    frame = np.full((*HOLE.shape, 3), 90, np.uint8)
    left = np.zeros_like(HOLE) if left is None else left
    frame[HOLE], frame[left] = 40, 0
    return Merged(frame, left, np.where(HOLE & ~left, 3, KNOWN).astype(np.int32))


def distant(agreement, shift=0.0, flow_error=0.0, source=11, colour=200):
    return DistantColours(
        np.full((COUNT, 3), colour, np.float32),
        np.full(COUNT, source, np.int32),
        *(np.full(COUNT, value, np.float32) for value in (agreement, shift, flow_error)),
    )


def confidence(level):
    return np.full(COUNT, level, np.float32)


def test_registered_colours_replace_doubtful_ones_where_several_frames_agree():
    chosen, registered = choose(merged(), HOLE, confidence(0.01), distant(agreement=1.5))
    np.testing.assert_array_equal(registered, HOLE)
    assert (chosen.frame[HOLE] > 185).all()
    assert (chosen.source[HOLE] == 11).all()
    assert not chosen.hole.any()


def test_colours_carried_surely_stay_where_registration_missed():
    chosen, registered = choose(merged(), HOLE, confidence(0.95), distant(agreement=0.05, shift=3.0, flow_error=2.0))
    assert (chosen.frame[HOLE] < 48).all()
    assert (chosen.source[HOLE] == 3).all()
    assert not registered.any()


def test_pixels_outside_the_hole_are_bit_equal():
    chosen, _ = choose(merged(), HOLE, confidence(0.01), distant(agreement=1.5))
    np.testing.assert_array_equal(chosen.frame[~HOLE], 90)
    np.testing.assert_array_equal(chosen.source[~HOLE], KNOWN)


def test_what_flow_did_not_reach_is_filled_whole_and_no_longer_left():
    left = np.zeros_like(HOLE)
    left[6:18, 8:15] = True
    chosen, _ = choose(merged(left), HOLE, np.where(left[HOLE], 0, 0.99).astype(np.float32), distant(agreement=1.0))
    assert (chosen.frame[9:15, 8:11] == 200).all()
    assert not chosen.hole.any()


def test_what_no_frame_shows_stays_as_it_was():
    left = np.zeros_like(HOLE)
    left[6:18, 8:15] = True
    before = merged(left)
    chosen, _ = choose(before, HOLE, confidence(0.0), distant(0, source=NO_SOURCE, colour=0))
    np.testing.assert_array_equal(chosen.frame, before.frame)
    np.testing.assert_array_equal(chosen.hole, left)
    np.testing.assert_array_equal(chosen.source, before.source)


def test_each_number_of_the_model_changes_the_choice():
    """A term that is lost, or two that are swapped, must show."""
    args = (merged(), HOLE, confidence(0.3), distant(agreement=0.4, shift=0.5, flow_error=0.4))
    before = int(choose(*args)[0].frame[10, 12, 0])
    for name, sign in (
        ("offset", 1),
        ("confidence", -1),
        ("agreement", 1),
        ("shift", 1),
        ("flow_error", 1),
    ):
        model = ChoiceModel(**{name: getattr(ChoiceModel(), name) + 0.5})
        assert (int(choose(*args, model=model)[0].frame[10, 12, 0]) - before) * sign > 0, name


def test_a_frame_without_hole_stays_as_it_is():
    empty, none = np.zeros_like(HOLE), np.zeros(0, np.float32)
    before = Merged(np.full((24, 30, 3), 7, np.uint8), empty, np.full(HOLE.shape, INVENTED, np.int32))
    nothing = DistantColours(np.zeros((0, 3), np.float32), np.zeros(0, np.int32), none, none, none)
    assert choose(before, empty, none, nothing)[0] is before


def test_colours_of_another_hole_are_refused():
    with pytest.raises(ShapeError, match="168 pixels"):
        choose(merged(), HOLE, confidence(0.5)[1:], distant(1.0))


def test_the_mean_in_a_hole_does_not_look_outside():
    values = np.arange(COUNT, dtype=np.float32)
    np.testing.assert_allclose(mean_in_hole(np.full(COUNT, 3, np.float32), HOLE, 5), 3, rtol=1e-5)
    np.testing.assert_allclose(mean_in_hole(values, HOLE, 3)[0], np.mean([0, 1, 14, 15]), rtol=1e-5)


def test_where_flow_carried_nothing_an_unlikely_colour_is_left_to_invention():
    left = np.zeros_like(HOLE)
    left[6:18, 8:15] = True
    unlikely = distant(agreement=0.1, shift=2.0, flow_error=1.0)
    chosen, registered = choose(merged(left), HOLE, confidence(0.3), unlikely)
    np.testing.assert_array_equal(chosen.hole, left)
    assert not registered.any()
    assert not chosen.frame[left].any()
