"""The part of a picture that shows some holes."""

import numpy as np

from dfvi_models.review.framing import view_of_holes


def holes(*boxes, height=100, width=200):
    found = []
    for y0, y1, x0, x1 in boxes:
        found.append(np.zeros((height, width), bool))
        found[-1][y0:y1, x0:x1] = True
    return found


def test_all_holes_are_shown_with_room_around_them():
    rows, columns = view_of_holes(holes((40, 50, 100, 120), (50, 60, 130, 150)))
    assert (rows.start, rows.stop) == (32, 68)  # 40 to 60, and 40% of 20 on each side
    assert (columns.start, columns.stop) == (80, 170)


def test_a_hole_at_the_border_is_shown_as_large_as_one_elsewhere():
    rows, columns = view_of_holes(holes((0, 40, 190, 200)))
    assert (rows.start, rows.stop) == (0, 72)
    assert (columns.start, columns.stop) == (150, 200)  # a quarter of the picture


def test_the_whole_picture_is_shown_without_a_hole_and_where_the_hole_is_nearly_all():
    whole = (slice(0, 100), slice(0, 200))
    assert view_of_holes(holes((0, 0, 0, 0))) == whole
    assert view_of_holes(holes((10, 80, 10, 160))) == whole
