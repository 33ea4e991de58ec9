"""Regions: boxes around holes, each filled by itself."""

import numpy as np

from dfvi_models.shots.regions import LEAST_MARGIN, REACH, Region, find_regions

SMALL = (400, 500, 410, 520)
FAR = (700, 1500, 720, 1540)
MARGIN = 162  # of 1080 rows


def test_a_small_hole_gets_a_box_with_a_margin_and_far_ones_a_box_each():
    regions = find_regions([[SMALL, FAR]] * 4, 1080, 1920)
    assert regions == [
        Region(0, 4, (400 - MARGIN, 500 - MARGIN, 410 + MARGIN, 520 + MARGIN)),
        Region(0, 4, (700 - MARGIN, 1500 - MARGIN, 720 + MARGIN, 1540 + MARGIN)),
    ]


def test_boxes_that_overlap_are_joined_also_where_they_do_at_different_times():
    (region,) = find_regions([[SMALL], [(420, 640, 430, 660)]], 1080, 1920)
    assert region == Region(0, 2, (400 - MARGIN, 500 - MARGIN, 430 + MARGIN, 660 + MARGIN))


def test_a_region_does_not_depend_on_the_order_of_the_holes():
    rng = np.random.default_rng(3)
    places = [(int(y), int(x), int(y) + 9, int(x) + 9) for y, x in rng.integers(0, (1000, 1900), (12, 2))]
    assert find_regions([places], 2160, 3840) == find_regions([places[::-1]], 2160, 3840)


def test_what_takes_most_of_the_frame_is_the_whole_frame():
    assert find_regions([[(20, 20, 40, 60)]], 90, 110) == [Region(0, 1, (0, 0, 90, 110))]


def test_a_box_ends_at_the_edges_of_the_frame():
    (region,) = find_regions([[(0, 0, 4, 4)]], 480, 854)
    assert region.box == (0, 0, 4 + 72, 4 + 72)


def test_a_small_frame_still_gives_the_least_margin():
    (region,) = find_regions([[(100, 300, 104, 304)]], 240, 432)
    assert region.box == (100 - LEAST_MARGIN, 300 - LEAST_MARGIN, 104 + LEAST_MARGIN, 304 + LEAST_MARGIN)


def test_frames_far_from_any_hole_are_left_out_and_a_long_gap_makes_two_regions():
    boxes = [[] for _ in range(300)]
    boxes[100] = boxes[120] = boxes[250] = [SMALL]
    spans = [(region.first, region.stop) for region in find_regions(boxes, 1080, 1920)]
    assert spans == [(100 - REACH, 120 + REACH + 1), (250 - REACH, 250 + REACH + 1)]


def test_a_shot_without_hole_has_no_region():
    assert find_regions([[], []], 1080, 1920) == []


def test_a_hole_that_stands_still_needs_less_around_it_than_one_that_moves():
    (still,) = find_regions([[SMALL]] * 8, 1080, 1920)
    assert still.is_still
    assert still.box == (400 - 65, 500 - 65, 410 + 65, 520 + 65)
    (moves,) = find_regions([[(400, 500 + t, 410, 520 + t)] for t in range(8)], 1080, 1920)
    assert not moves.is_still
    assert moves.box == (400 - MARGIN, 500 - MARGIN, 410 + MARGIN, 527 + MARGIN)


def test_one_hole_that_moves_makes_a_region_that_does_not_stand_still_and_so_does_the_whole_frame():
    (region,) = find_regions([[SMALL, (430, 500 + t, 440, 520 + t)] for t in range(8)], 1080, 1920)
    assert not region.is_still
    (region,) = find_regions([[(20, 20, 40, 60)]] * 8, 90, 110)
    assert not region.is_still


def test_a_fast_picture_asks_for_more_around_a_hole_up_to_a_quarter_of_the_frame():
    for motion, margin in ((10, 65), (30, 120), (500, 270)):
        (region,) = find_regions([[SMALL]] * 8, 1080, 1920, {SMALL: motion})
        assert region.box == (400 - margin, 500 - margin, 410 + margin, 520 + margin)
