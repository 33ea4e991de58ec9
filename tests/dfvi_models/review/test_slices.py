"""x-t slices: which row, and how rows become an image."""

import numpy as np

from dfvi_models.review.slices import row_through_holes, stack_rows


def test_the_row_is_the_one_that_crosses_most_of_all_holes():
    first, second = np.zeros((2, 6, 8), bool)
    first[2, :4] = True
    second[4, :3] = second[2, 7] = second[4, 4:] = True
    assert row_through_holes([first]) == 2
    assert row_through_holes([first, second]) == 4
    assert row_through_holes([np.zeros((6, 8), bool)]) is None


def test_frames_lie_below_one_another_and_each_is_repeated_alike():
    rows = [np.full((5, 3), value, np.uint8) for value in (10, 20, 30)]
    image = stack_rows(rows, 7)
    assert image.shape == (9, 5, 3)
    assert image[:, 0, 0].tolist() == [10, 10, 10, 20, 20, 20, 30, 30, 30]
    assert stack_rows(rows, 2).shape == (3, 5, 3)
