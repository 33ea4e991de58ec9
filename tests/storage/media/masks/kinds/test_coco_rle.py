"""COCO RLE in its forms. The compressed texts are those that pycocotools writes for these masks."""

import json
from fractions import Fraction

import numpy as np
import pytest

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.holes import read_holes
from storage.media.masks.kinds.coco_rle import decode_rle, encode_rle
from storage.media.masks.parsing import parse_mask

T, H, W = 2, 4, 5
HOLE = np.zeros((H, W), bool)
HOLE[1:3, 2:4] = True
RUNS = {"size": [H, W], "counts": [9, 2, 2, 2, 5]}  # columns: two of nothing and a pixel, 2 marked, 2 not, 2 marked
TEXT = {"size": [H, W], "counts": "92203"}  # 9, 2, 2, 2 - 2, 5 - 2
EMPTY = {"size": [H, W], "counts": [20]}


@pytest.fixture
def clip(tmp_path) -> Clip:
    return Clip(tmp_path / "video.mp4", "video", T, T, H, W, Fraction(25), Fraction(1, 25))


def holes_of(tmp_path, clip, content, **options):
    (tmp_path / "m.json").write_text(json.dumps(content))
    return np.array(list(read_holes(parse_mask(tmp_path / "m.json"), clip, **options)))


def test_runs_go_down_the_columns_and_begin_with_zeros():
    assert np.array_equal(decode_rle(RUNS), HOLE)
    assert np.array_equal(decode_rle(TEXT), HOLE)


def test_long_and_falling_runs_of_the_compressed_text():
    """1000 zeros, 24 ones, 7 zeros (a difference of -993), 69 ones (+45), by hand: 5 bits a letter, lowest first."""
    mask = decode_rle({"size": [100, 11], "counts": encode([1000, 24, 7, 69])})
    flat = mask.T.ravel()
    assert (flat[:1000].sum(), flat[1000:1024].sum(), flat[1024:1031].sum(), flat[1031:].sum()) == (0, 24, 0, 69)


def encode(runs):
    """The encoder of maskApi.c, written down again for the test."""
    text = ""
    for i, run in enumerate(runs):
        value, more = run - runs[i - 2] if i > 2 else run, True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text += chr((bits | 0x20 if more else bits) + 48)
    return text


def test_every_form_of_the_file_is_read(tmp_path, clip):
    images = [{"id": 7, "file_name": "f10.png"}, {"id": 3, "file_name": "f9.png"}]
    coco = {"images": images, "annotations": [{"image_id": 7, "category_id": 1, "segmentation": RUNS}]}
    second = np.array([HOLE & False, HOLE])
    assert np.array_equal(holes_of(tmp_path, clip, coco), second)
    tracks = {"annotations": [{"id": 1, "segmentations": [None, TEXT]}, {"id": 2, "segmentations": [None, None]}]}
    assert np.array_equal(holes_of(tmp_path, clip, tracks), second)
    assert np.array_equal(holes_of(tmp_path, clip, [EMPTY, [RUNS, EMPTY]]), second)
    assert np.array_equal(holes_of(tmp_path, clip, [None, TEXT]), second)
    assert np.array_equal(holes_of(tmp_path, clip, RUNS), np.array([HOLE, HOLE]))


def test_one_object_can_be_chosen(tmp_path, clip):
    other = {"size": [H, W], "counts": [0, 20]}
    tracks = {"annotations": [{"id": 1, "segmentations": [RUNS, TEXT]}, {"id": 2, "segmentations": [other, other]}]}
    assert holes_of(tmp_path, clip, tracks).all()
    assert np.array_equal(holes_of(tmp_path, clip, tracks, object_number=1), np.array([HOLE, HOLE]))
    with pytest.raises(InputError, match="has no object 3; there are 1, 2"):
        holes_of(tmp_path, clip, tracks, object_number=3)


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        3,
        [{"size": [H, W], "counts": [19]}, None],
        [{"size": [H, W], "counts": "9 2"}, None],
        [{"size": [H, W], "counts": [-1, 21]}, None],
        [{"size": [H], "counts": [20]}, None],
        {"images": [{"id": 1}], "annotations": [{"image_id": 1, "segmentation": [[0, 0, 1, 1, 2, 0]]}]},
        {"annotations": []},
    ],
)
def test_what_is_no_rle_is_one_clear_error(tmp_path, clip, content):
    with pytest.raises(InputError, match=r"m\.json: (not COCO RLE|frame 0 does not decode)"):
        holes_of(tmp_path, clip, content)


@pytest.mark.parametrize("seed", range(6))
def test_a_mask_that_is_written_reads_back(seed):
    random = np.random.default_rng(seed)
    mask = random.random((random.integers(1, 60), random.integers(1, 90))) < random.choice([0.0, 0.02, 0.5, 1.0])
    written = encode_rle(mask)
    assert isinstance(written["counts"], str)
    np.testing.assert_array_equal(decode_rle(written), mask)
