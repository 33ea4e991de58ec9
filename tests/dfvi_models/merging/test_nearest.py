from dataclasses import replace

import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.merging.nearest import merge_nearest
from dfvi_models.types import INVENTED, KNOWN, Candidates


def candidates(colour, sources, invented=False):
    count = len(sources)
    return Candidates(
        colour=np.full((1, count, 3), colour, np.uint8),
        source=np.array([sources], np.int32),
        error=np.zeros((1, count), np.float32),
        invented=np.full((1, count), invented),
    )


FRAME = np.full((1, 4, 3), 77, np.uint8)
HOLE = np.array([[True, True, True, False]])


@pytest.mark.parametrize(
    ("before", "after", "colour", "source"),
    [
        (4, 7, 1, 4),  # one frame back, two ahead
        (3, 6, 2, 6),
        (3, 7, 1, 3),  # as near: the earlier
        (-1, 9, 2, 9),
        (0, -1, 1, 0),
    ],
)
def test_the_nearer_frame_wins_and_the_earlier_one_in_a_tie(before, after, colour, source):
    merged = merge_nearest(FRAME, HOLE, 5, candidates(1, [before] * 3), candidates(2, [after] * 3))
    np.testing.assert_array_equal(merged.frame[0, :3], colour)
    np.testing.assert_array_equal(merged.source[0], [source, source, source, KNOWN])
    assert not merged.hole.any()


def test_what_nothing_reaches_stays_a_black_hole():
    merged = merge_nearest(FRAME, HOLE, 5, candidates(1, [-1, 4, -1]), candidates(2, [-1, -1, 6]))
    np.testing.assert_array_equal(merged.frame[0, :, 0], [0, 1, 2, 77])
    np.testing.assert_array_equal(merged.hole[0], [True, False, False, False])
    np.testing.assert_array_equal(merged.source[0], [-1, 4, 6, KNOWN])


def test_invented_colours_are_told_apart():
    merged = merge_nearest(FRAME, HOLE, 5, candidates(1, [4] * 3, invented=True), candidates(2, [-1] * 3))
    np.testing.assert_array_equal(merged.source[0], [INVENTED] * 3 + [KNOWN])


def test_the_frame_handed_in_is_not_written_to():
    frame = FRAME.copy()
    merge_nearest(frame, HOLE, 5, candidates(1, [4] * 3), candidates(2, [7] * 3))
    np.testing.assert_array_equal(frame, FRAME)


def test_candidates_of_another_hole_are_refused():
    with pytest.raises(ShapeError, match=r"backward candidates of frame 5 are \(1, 2\) .* the hole has 3 pixels"):
        merge_nearest(FRAME, HOLE, 5, candidates(1, [4] * 3), candidates(2, [7] * 2))


@pytest.mark.parametrize("field", ["colour", "error", "invented"])
def test_candidates_whose_arrays_differ_are_refused(field):
    good = candidates(1, [4] * 3)
    bad = replace(good, **{field: getattr(good, field)[:, :2]})
    with pytest.raises(ShapeError, match="forward candidates of frame 5"):
        merge_nearest(FRAME, HOLE, 5, bad, good)


def test_a_hole_of_another_size_is_refused():
    with pytest.raises(ShapeError, match=r"\(1, 4, 3\) uint8 and \(1, 3\)"):
        merge_nearest(FRAME, HOLE[:, :3], 5, candidates(1, [4] * 3), candidates(2, [7] * 3))


def test_seam_blending_draws_the_filled_pixels_together_and_nothing_else():
    frame, hole = np.full((3, 20, 3), 100, np.uint8), np.zeros((3, 20), bool)
    hole[:, 5:15] = True
    forward, backward = candidates(60, [4] * 30), candidates(140, [-1] * 30)
    plain = merge_nearest(frame, hole, 5, forward, backward)
    blended = merge_nearest(frame, hole, 5, forward, backward, seam_blending=4.0)
    np.testing.assert_array_equal(plain.frame[hole], 60)
    np.testing.assert_array_equal(blended.frame[~hole], 100)
    row = blended.frame[1, 5:15, 0].astype(int)
    assert row[0] > 90
    assert row[5] < row[2] < row[0]
    np.testing.assert_array_equal(blended.source, plain.source)
    np.testing.assert_array_equal(blended.hole, plain.hole)
