from itertools import product

import numpy as np
import pytest

from dfvi_models.image_inpainting.key_frames import key_frames
from tests.paths import GOLDEN

GOLDEN_FILE = GOLDEN / "key_ids.npz"


@pytest.mark.parametrize(
    ("unfinished", "expected"),
    [
        ("", []),
        ("0", []),
        ("1", [0]),
        ("000", []),
        ("1111", [0, 3]),
        ("0110000", [1, 2]),
        ("0011100", [2, 4]),
        ("1100011", [0, 1, 5, 6]),
    ],
)
def test_ends_of_runs_are_chosen(unfinished, expected):
    assert key_frames([c == "1" for c in unfinished]) == expected


def test_key_frames_equal_the_reference():
    with np.load(GOLDEN_FILE) as golden:
        sequences = np.split(golden["seq"], golden["seq_offsets"][1:-1])
        expected = np.split(golden["key_ids"], golden["key_offsets"][1:-1])
    for sequence, ids in zip(sequences, expected, strict=True):
        assert key_frames(sequence.tolist()) == ids.tolist()


def test_something_unfinished_always_gives_an_unfinished_key_frame():
    for count in range(1, 11):
        for unfinished in product([False, True], repeat=count):
            chosen = key_frames(unfinished)
            assert all(unfinished[t] for t in chosen)
            assert bool(chosen) == any(unfinished)
