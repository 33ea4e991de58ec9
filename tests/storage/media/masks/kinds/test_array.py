"""NumPy arrays as masks: types, shapes, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.holes import read_holes
from storage.media.masks.parsing import parse_mask

T, H, W = 3, 8, 10
HOLES = np.zeros((T, H, W), bool)
HOLES[0, 1:3, 2:5] = HOLES[1, 2:4, 3:6] = HOLES[2, 3:5, 4:7] = True


@pytest.fixture
def clip(tmp_path) -> Clip:
    return Clip(tmp_path / "video.mp4", "video", T, T, H, W, Fraction(25), Fraction(1, 25))


def holes_of(path, clip, **options):
    return np.array(list(read_holes(parse_mask(path), clip, **options)))


@pytest.mark.parametrize(
    "values",
    [HOLES, HOLES.astype(np.uint8), HOLES * np.uint8(200), HOLES * np.int64(7), HOLES * 0.75, HOLES[..., None]],
    ids=["bool", "ones", "brightness", "labels", "floats", "with a channel"],
)
def test_arrays_of_every_usual_type_mark_the_same(tmp_path, clip, values):
    np.save(tmp_path / "m.npy", values)
    np.savez_compressed(tmp_path / "m.npz", masks=values)
    assert np.array_equal(holes_of(tmp_path / "m.npy", clip), HOLES)
    assert np.array_equal(holes_of(tmp_path / "m.npz", clip), HOLES)
    assert np.array_equal(holes_of(tmp_path / "m.npy", clip, start=1, stop=2), HOLES[1:2])


def test_one_frame_serves_all_and_one_object_can_be_chosen(tmp_path, clip):
    np.save(tmp_path / "one.npy", HOLES[0])
    assert all(np.array_equal(hole, HOLES[0]) for hole in holes_of(tmp_path / "one.npy", clip))
    labels = HOLES * 2 + np.roll(HOLES, 4, axis=2) * 5
    np.save(tmp_path / "labels.npy", labels)
    assert np.array_equal(holes_of(tmp_path / "labels.npy", clip, object_number=2), HOLES)
    np.save(tmp_path / "bool.npy", HOLES)
    with pytest.raises(InputError, match=r"decode\.mask_object=2 .* has no object numbers"):
        holes_of(tmp_path / "bool.npy", clip, object_number=2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, T, H, W)), r"\(2, 3, 8, 10\) of float64; expected \(T, H, W\)"),
        (np.asfortranarray(HOLES), "Fortran order"),
        (HOLES * 3.0, "floats from 0 to 1"),
        (np.array([object()]), "object; expected"),
        (HOLES[:, :-1], "the mask is 10x7, the video 10x8"),
        (HOLES[:2], "the mask has 2 frames, the video 3"),
    ],
)
def test_what_is_no_mask_is_refused_by_what_was_expected(tmp_path, clip, values, message):
    np.save(tmp_path / "m.npy", values, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        holes_of(tmp_path / "m.npy", clip)


def test_a_file_that_breaks_off_or_is_no_array_is_refused(tmp_path, clip):
    np.save(tmp_path / "m.npy", HOLES)
    (tmp_path / "m.npy").write_bytes((tmp_path / "m.npy").read_bytes()[:-5])
    with pytest.raises(InputError, match="breaks off in frame 2 of 3"):
        holes_of(tmp_path / "m.npy", clip)
    for name in ("n.npy", "n.npz"):
        (tmp_path / name).write_text("dear diary")
        with pytest.raises(InputError, match=r"write it with numpy\.save"):
            holes_of(tmp_path / name, clip)
    np.savez(tmp_path / "two.npz", a=HOLES, b=HOLES)
    with pytest.raises(InputError, match="expected one array, or one called masks; found a, b"):
        holes_of(tmp_path / "two.npz", clip)
