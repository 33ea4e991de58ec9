"""What a person paints becomes label images, and these a mask that --mask takes."""

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.holes import read_holes
from storage.media.masks.kinds.image_value import image_value
from storage.media.masks.parsing import parse_mask
from tasks.services.painted_masks import Marked, as_overlay, store_painting, write_mask

H, W = 12, 20


def png(alpha):
    content = io.BytesIO()
    Image.fromarray(np.dstack([np.full((*alpha.shape, 3), 255, np.uint8), alpha]), "RGBA").save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def alpha():
    alpha = np.zeros((H, W), np.uint8)
    alpha[2:5, 3:9] = 255
    alpha[2, 3] = 100  # the soft rim of a stroke
    return alpha


def test_paint_is_kept_as_a_label_image_that_masks_are_read_from(tmp_path, alpha):
    name = store_painting(png(alpha), tmp_path, 2, H, W)
    np.testing.assert_array_equal(image_value(tmp_path / name) > 0, alpha >= 128)
    np.testing.assert_array_equal(image_value(tmp_path / name, 1), np.zeros((H, W)))
    with Image.open(io.BytesIO(as_overlay(tmp_path / name))) as overlay:
        np.testing.assert_array_equal(np.asarray(overlay)[..., 1] > 0, alpha >= 128)


def test_equal_paint_is_one_file_and_other_paint_another(tmp_path, alpha):
    assert store_painting(png(alpha), tmp_path, 1, H, W) == store_painting(png(alpha), tmp_path, 1, H, W)
    assert store_painting(png(255 - alpha), tmp_path, 1, H, W) != store_painting(png(alpha), tmp_path, 1, H, W)


@pytest.mark.parametrize("content", [b"", b"GIF89a", png(np.zeros((H + 1, W), np.uint8))])
def test_what_is_no_image_of_the_videos_size_is_refused(tmp_path, content):
    with pytest.raises(InputError, match="painted"):
        store_painting(content, tmp_path, 1, H, W)


def test_the_mask_marks_what_boxes_and_paint_mark_frame_by_frame(tmp_path, alpha):
    image = tmp_path / store_painting(png(alpha), tmp_path, 2, H, W)
    frames = [[(1, Marked(((1, 1, 3, 2),)))], [(1, Marked(((-2, 10, 5, 9),))), (2, Marked((), (image,)))], []]
    assert write_mask(tmp_path / "mask.json", frames, H, W) == 2
    clip = Clip(tmp_path / "v.mp4", "video", 3, 3, H, W, Fraction(25), Fraction(1, 25))
    expected = np.zeros((3, H, W), bool)
    expected[0, 1:3, 1:4] = expected[1, 10:12, :3] = True
    expected[1] |= alpha >= 128
    mask = parse_mask(tmp_path / "mask.json")
    np.testing.assert_array_equal(list(read_holes(mask, clip)), expected)
    np.testing.assert_array_equal(list(read_holes(mask, clip, object_number=2))[1], alpha >= 128)
