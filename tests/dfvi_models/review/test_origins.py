"""Where the pixels of a hole came from, on arrays of a few pixels."""

import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.review.origins import ORIGINS, count_origins, label_origins
from dfvi_models.types import INVENTED, KNOWN


def names(labels):
    return [ORIGINS[label] for label in labels[0]]


def row(*values, dtype=np.int32):
    return np.array([values], dtype)


def test_each_pixel_is_named_by_the_frame_it_was_taken_from():
    source = row(KNOWN, 3, 7, 2, INVENTED, 4)
    hole = row(0, 1, 1, 1, 1, 1, dtype=bool)
    left = row(0, 0, 0, 0, 0, 1, dtype=bool)
    registered = row(0, 0, 0, 1, 0, 0, dtype=bool)
    labels = label_origins(source, hole, 5, left=left, registered=registered)
    assert names(labels) == ["outside", "earlier", "later", "distant", "invented", "open"]
    assert count_origins(labels).tolist() == [1, 1, 1, 1, 0, 1, 1]


def test_what_a_plate_shows_or_was_carried_from_one_is_painted():
    labels = label_origins(row(KNOWN, 2, 4), row(1, 1, 1, dtype=bool), 3, plates=[2])
    assert names(labels) == ["painted", "painted", "later"]


def test_arrays_of_two_frames_are_refused():
    with pytest.raises(ShapeError, match=r"source is \(1, 2\), hole is \(1, 3\)"):
        label_origins(row(1, 2), row(1, 1, 1, dtype=bool), 0)
