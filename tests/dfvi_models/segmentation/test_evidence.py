"""The parts of which following is made: colours, distances, the cut, and certainty."""

import numpy as np
import pytest

from dfvi_models.segmentation.boundary_cut import cut, edge_weights
from dfvi_models.segmentation.certainty import first_to_correct
from dfvi_models.segmentation.colour_models import learn_colours, log_odds, to_lab
from dfvi_models.segmentation.distance import FAR, box_around, signed_distance


def halves(left, right, width=60):
    frame = np.zeros((30, width, 3), np.uint8)
    frame[:, : width // 2], frame[:, width // 2 :] = left, right
    return frame


def test_colours_seen_in_the_object_are_likely_its_own_and_unknown_ones_are_even():
    frame = halves((200, 40, 40), (40, 40, 200))
    share = np.zeros((30, 60), np.float32)
    share[:, :30] = 1
    known = learn_colours(to_lab(frame), share).probability(to_lab(frame))
    assert known[:, :30].min() > 0.9
    assert known[:, 30:].max() < 0.1
    green = to_lab(np.full((30, 60, 3), (40, 200, 40), np.uint8))
    assert learn_colours(to_lab(frame), share).probability(green) == pytest.approx(0.5)


def test_a_colour_may_mean_the_object_in_one_place_and_not_in_another():
    frame = halves((120, 120, 120), (120, 120, 120), width=160)
    share = np.zeros((30, 160), np.float32)
    share[:, :40] = 1
    lab = to_lab(frame)
    local = learn_colours(lab, share, cell=20.0).probability(lab)
    assert local[:, :20].min() > 0.85
    assert local[:, 80:].max() < 0.1
    assert learn_colours(lab, share).probability(lab) == pytest.approx(0.25, abs=0.01)
    moved = np.zeros((30, 160, 2), np.float32)
    moved[..., 0] = 80
    assert learn_colours(lab, share, cell=20.0, moved=moved).probability(lab)[:, 85:100].min() > 0.85


def test_log_odds_are_bounded_and_even_at_one_half():
    assert log_odds(np.array([0.5, 1.0, 0.0], np.float32), 3.0).tolist() == [0.0, 1.0, -1.0]


def test_distances_are_positive_inside():
    inside = np.zeros((9, 9), bool)
    inside[3:6, 3:6] = True
    distance = signed_distance(inside)
    assert distance[4, 4] == pytest.approx(1.5, abs=0.1)
    assert distance[4, 3] == pytest.approx(0.5)
    assert distance[4, 2] == pytest.approx(-0.5)
    assert (signed_distance(np.ones((4, 4), bool)) == FAR).all()
    assert (signed_distance(np.zeros((4, 4), bool)) == -FAR).all()


def test_the_box_around_an_object_stays_in_the_frame():
    inside = np.zeros((9, 9), bool)
    assert box_around(inside, 2) is None
    inside[0, 7] = True
    assert box_around(inside, 2) == (slice(0, 3), slice(5, 9))


def test_the_cut_goes_along_the_edge_and_closes_gaps_in_the_evidence():
    lab = to_lab(halves((200, 40, 40), (40, 40, 200)))
    evidence = np.full((30, 60), -0.2, np.float32)
    evidence[:, :26] = 0.2
    evidence[:, 26:34] = 0  # nobody knows
    evidence[10:13, 10:13] = -0.2
    share = cut(evidence, edge_weights(lab), np.full((30, 60), 0.5, np.float32), 400) > 0.5
    assert share[:, :30].all()
    assert not share[:, 30:].any()


def test_the_frame_to_correct_is_in_the_middle_of_what_is_unsure():
    certainty = np.ones(100, np.float32)
    certainty[40:61] = 0.3
    certainty[90] = 0.2
    everything = np.ones(100, bool)
    assert abs(first_to_correct(certainty, [0], everything) - 50) <= 1
    assert first_to_correct(certainty, [0, *range(30, 70)], everything) == 90
    assert first_to_correct(certainty, [], ~everything) is None
    assert first_to_correct(certainty, range(100), everything) is None
