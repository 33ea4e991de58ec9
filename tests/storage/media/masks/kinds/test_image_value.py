"""Mask images as programs write them: palettes, orientation, pages, animations."""

import io

import numpy as np
import pytest
from PIL import Image

from storage.errors import InputError
from storage.media.masks.kinds.image_value import count_pages, image_value, page_values

H, W = 12, 20
HOLE = np.zeros((H, W), bool)
HOLE[2:6, 3:9] = True
GREY = np.where(HOLE, 230, 6).astype(np.uint8)  # a mask whose black is not quite black


def save(path, image, kind=None, **options):
    image.save(path, kind, **options)
    return path


def palette_image(index, palette):
    image = Image.fromarray(index.astype(np.uint8), "P")
    image.putpalette([value for colour in palette for value in colour])
    return image


def test_a_grey_ramp_stored_with_a_palette_is_brightness(tmp_path):
    image = palette_image(GREY, [(level, level, level) for level in range(256)])
    assert np.array_equal(image_value(save(tmp_path / "m.png", image)), GREY)


def test_an_adaptive_palette_of_tinted_greys_is_brightness(tmp_path):
    image = palette_image(HOLE * 2 + (GREY == 6), [(0, 0, 0), (9, 6, 5), (255, 250, 252)])
    value = image_value(save(tmp_path / "m.png", image))
    assert np.array_equal(value > 127, HOLE)


def test_one_object_of_a_label_image_can_be_chosen(tmp_path):
    index = HOLE * 2
    index[8:, :] = 3
    path = save(tmp_path / "m.png", palette_image(index, [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]))
    assert np.array_equal(image_value(path) > 0, index > 0)
    assert np.array_equal(image_value(path, 2) > 0, HOLE)
    grey = save(tmp_path / "g.png", Image.fromarray(index.astype(np.uint8)))
    assert np.array_equal(image_value(grey, 3) > 0, index == 3)
    wide = save(tmp_path / "w.png", Image.fromarray(index.astype(np.uint16)))
    assert np.array_equal(image_value(wide, 3) > 0, index == 3)
    colour = save(tmp_path / "c.png", Image.fromarray(np.dstack([GREY, GREY, 255 - GREY])))
    with pytest.raises(InputError, match=r"decode\.mask_object=3 .*this image has colours; export it as a PNG with a"):
        image_value(colour, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG", "AVIF"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_is_applied_in_every_format(tmp_path, kind, orientation):
    turns = {2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1], 5: lambda a: a.T,
             6: lambda a: np.rot90(a, 3), 7: lambda a: a[::-1, ::-1].T, 8: lambda a: np.rot90(a)}  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.where(HOLE, 255, 0).astype(np.uint8))
    path = save(tmp_path / "m", stored.convert("RGB"), kind, exif=exif)
    assert ((image_value(path) > 127) != turns[orientation](HOLE)).mean() < 0.01


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("TIFF", {"compression": "tiff_lzw"}),
        ("GIF", {"disposal": 2}),
        ("WEBP", {"lossless": True}),
        ("PNG", {}),
        ("AVIF", {"quality": 100}),
    ],
)
def test_pages_and_animations_are_a_mask_a_frame(tmp_path, kind, options):
    holes = [np.roll(HOLE, 2 * t, axis=1) for t in range(4)]
    first, *rest = [Image.fromarray(np.where(hole, 255, 0).astype(np.uint8)).convert("RGB") for hole in holes]
    path = save(tmp_path / "m", first, kind, save_all=True, append_images=rest, **options)
    assert count_pages(path) == 4
    assert np.array_equal([value > 127 for value in page_values(path, 0, 4)], holes)
    assert np.array_equal([value > 127 for value in page_values(path, 1, 3)], holes[1:3])


def test_thumbnails_in_a_tiff_are_no_frames(tmp_path):
    page = Image.fromarray(np.where(HOLE, 255, 0).astype(np.uint8))
    small = page.resize((10, 6))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    path = save(tmp_path / "m.tif", page, save_all=True, append_images=[small])
    assert count_pages(path) == 1
    assert np.array_equal(next(page_values(path, 0, 1)) > 0, HOLE)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_a_truncated_animation_is_refused(tmp_path, kind):
    first, *rest = [Image.fromarray(np.where(np.roll(HOLE, 2 * t), 255, 0).astype(np.uint8)) for t in range(4)]
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=rest)
    data = buffer.getvalue()
    for share in (0.4, 0.6, 0.8, 0.95):
        (tmp_path / "m").write_bytes(data[: int(share * len(data))])
        with pytest.raises(InputError):
            list(page_values(tmp_path / "m", 0, count_pages(tmp_path / "m")))
