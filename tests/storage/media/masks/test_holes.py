"""Masks in every form: polarity, threshold, labels, sizes, numbers of frames, emptiness."""

import contextlib
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.holes import read_holes
from storage.media.masks.kinds.alpha import AlphaMask
from storage.media.masks.kinds.box import BoxMask
from storage.media.masks.kinds.image import FolderMask, ImageMask
from storage.media.masks.kinds.image_value import image_value
from storage.media.masks.kinds.video import VideoMask
from storage.media.masks.parsing import parse_mask
from storage.media.reading import probe
from tests.storage.media_files import encode, moving_frames, write_png

H, W, T = 16, 24, 4
DARK_RED, GREEN, OLIVE, BLUE = (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)
DAVIS_PALETTE = [(0, 0, 0), DARK_RED, GREEN, OLIVE, BLUE, (128, 0, 128), (0, 128, 128), (128, 128, 128), (64, 0, 0)]


@pytest.fixture
def clip(tmp_path) -> Clip:
    return Clip(tmp_path / "video.mp4", "video", T, T, H, W, Fraction(25), Fraction(1, 25))


def squares() -> np.ndarray:
    """(T, H, W) bool: a square that moves."""
    holes = np.zeros((T, H, W), bool)
    for t in range(T):
        holes[t, 4:10, 2 + 3 * t : 8 + 3 * t] = True
    return holes


def white_on_black(hole: np.ndarray) -> np.ndarray:
    return np.repeat(np.where(hole, np.uint8(255), np.uint8(0))[..., None], 3, axis=-1)


def palette_png(index: np.ndarray, palette: list[tuple[int, int, int]], bits: int = 8) -> bytes:
    """A PNG with a palette, written by hand: OpenCV writes none."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = index.shape
    if bits == 1:
        rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in index.astype(np.uint8))
    else:
        rows = b"".join(b"\0" + row.tobytes() for row in index.astype(np.uint8))
    header = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
    colours = bytes(value for colour in palette for value in colour)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", colours)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def holes_of(text, clip, **options) -> np.ndarray:
    return np.array(list(read_holes(parse_mask(text), clip, **options)))


# what the user means


def test_forms_of_a_mask_are_told_apart(tmp_path):
    image = write_png(tmp_path / "m.png", white_on_black(squares()[0]))
    video = encode(tmp_path / "m.mkv", list(white_on_black(squares())), codec="ffv1", pixel_format="bgr0")
    assert parse_mask("alpha").parts == (AlphaMask(),)
    assert parse_mask("10,20,30,40").parts == parse_mask(" 10, 20 ,30,40 ").parts == (BoxMask(10, 20, 30, 40),)
    assert parse_mask("-5,-6,30,40").parts == (BoxMask(-5, -6, 30, 40),)
    assert parse_mask(str(image)).parts == parse_mask(image).parts == (ImageMask(image),)
    assert parse_mask(video).parts == (VideoMask(video),)
    assert parse_mask(tmp_path).parts == (FolderMask(tmp_path),)


def test_a_file_named_like_a_box_or_alpha_must_be_said_clearly(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("1,2,3,4", "alpha"):
        write_png(tmp_path / "a.png", white_on_black(squares()[0])).rename(name)
        with pytest.raises(InputError, match=rf"write \./{name} for the file"):
            parse_mask(name)
        assert parse_mask(f"./{name}").parts == parse_mask(Path(name)).parts == (ImageMask(Path(name)),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "no.png",
            "no such file or folder; .*expected a folder of images, .*, a video, alpha, or a box x,y,w,h",
        ),
        ("1,2,3", "a box x,y,w,h"),
        ("1,2,0,4", "w and h of at least 1 pixel; got 0x4"),
        ("1,2,3,-4", "got 3x-4"),
        ("http://example.org/m.png", "got a URL"),
        ("/dev/null", "got a device"),
    ],
)
def test_what_is_no_mask_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_mask(text)


# every form


@pytest.mark.parametrize("form", ["video", "lossy video", "folder", "jpegs"])
def test_white_is_removed_whatever_the_form(tmp_path, clip, form):
    frames = list(white_on_black(squares()))
    if form == "video":
        path = encode(tmp_path / "m.mkv", frames, codec="ffv1", pixel_format="bgr0")
    elif form == "lossy video":
        path = encode(tmp_path / "m.mp4", frames, options={"crf": "18"})
    else:
        path = tmp_path / "masks"
        for t, frame in enumerate(frames):
            write_png(path / f"{t}{'.jpg' if form == 'jpegs' else '.png'}", frame)
    assert np.array_equal(holes_of(path, clip), squares())
    assert np.array_equal(holes_of(path, clip, invert=True), ~squares())
    assert np.array_equal(holes_of(path, clip, start=1, stop=3), squares()[1:3])


def test_one_image_serves_all_frames(tmp_path, clip):
    path = write_png(tmp_path / "m.png", white_on_black(squares()[0])[..., 0])
    holes = holes_of(path, clip)
    assert holes.shape == (T, H, W)
    assert all(np.array_equal(hole, squares()[0]) for hole in holes)
    assert len(holes_of(path, clip, start=2)) == T - 2


def test_a_box_is_x_y_width_height_and_is_clipped_to_the_frame(clip):
    hole = holes_of("2,3,5,6", clip)[0]
    assert hole[3:9, 2:7].all()
    assert hole.sum() == 30
    assert holes_of("-3,-4,5,6", clip)[0].sum() == 2 * 2
    assert holes_of(f"{W - 2},{H - 1},100,100", clip)[0].sum() == 2
    assert holes_of("2,3,5,6", clip, invert=True)[0].sum() == H * W - 30


@pytest.mark.parametrize("box", [f"{W},0,5,5", f"0,{H},5,5", "-5,0,5,5", "0,-9,5,9"])
def test_a_box_outside_the_frame_is_refused(clip, box):
    with pytest.raises(InputError, match=f"mask box {box} lies outside the frame of {W}x{H}"):
        holes_of(box, clip)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mov", "png", "rgba"),
        ("a.mov", "qtrle", "argb"),
        ("a.webm", "libvpx-vp9", "yuva420p"),
        ("a.webm", "libvpx", "yuva420p"),
        ("folder", "", ""),
    ],
)
def test_transparent_is_removed_when_the_mask_is_the_alpha_channel(tmp_path, name, codec, pixel_format):
    alpha = np.where(squares(), np.uint8(0), np.uint8(255))
    frames = [np.dstack([frame, a]) for frame, a in zip(moving_frames(T, H, W), alpha, strict=True)]
    path = tmp_path / name
    if codec:
        options = {"b": "2000000", "auto-alt-ref": "0"} if "vpx" in codec else {}
        encode(path, frames, codec=codec, pixel_format=pixel_format, options=options)
    else:
        for t, frame in enumerate(frames):
            write_png(path / f"{t}.png", frame)
    clip = probe(path)
    assert clip.has_alpha
    assert (holes_of("alpha", clip) != squares()).mean() < (0.02 if "vpx" in codec else 1e-9)
    assert (holes_of("alpha", clip, invert=True) == squares()).mean() < 0.02
    assert (holes_of("alpha", clip, start=2) != squares()[2:]).mean() < 0.02


def test_a_video_without_alpha_cannot_be_its_own_mask(clip):
    with pytest.raises(InputError, match="has no alpha channel to be the mask"):
        holes_of("alpha", clip)


# values


def test_threshold_is_of_the_brightest_channel(tmp_path, clip):
    image = np.zeros((H, W, 3), np.uint8)
    image[0, 0], image[0, 1], image[0, 2], image[0, 3] = (255, 0, 0), (0, 0, 128), (127, 127, 127), (1, 0, 0)
    path = write_png(tmp_path / "m.png", image)
    assert holes_of(path, clip)[0, 0, :5].tolist() == [True, True, False, False, False]
    assert holes_of(path, clip, threshold=0)[0, 0, :5].tolist() == [True, True, True, True, False]
    assert holes_of(path, clip, threshold=200)[0, 0, :5].tolist() == [True, False, False, False, False]
    with pytest.raises(InputError, match="mask threshold 256; expected 0 to 255"):
        holes_of(path, clip, threshold=256)


@pytest.mark.parametrize("threshold", [0, 127, 250])
def test_every_object_of_a_label_image_counts_whatever_its_colour(tmp_path, clip, threshold):
    index = np.zeros((H, W), np.uint8)
    index[0, : len(DAVIS_PALETTE)] = range(len(DAVIS_PALETTE))  # 1 is dark red, 4 dark blue, 8 darker still
    (tmp_path / "m.png").write_bytes(palette_png(index, DAVIS_PALETTE))
    assert np.array_equal(holes_of(tmp_path / "m.png", clip, threshold=threshold)[0], index > 0)


def test_labels_of_one_bit_count(tmp_path, clip):
    (tmp_path / "m.png").write_bytes(palette_png(squares()[0], [(0, 0, 0), (9, 9, 9)], bits=1))
    assert np.array_equal(holes_of(tmp_path / "m.png", clip)[0], squares()[0])


def test_a_picture_saved_with_a_palette_is_read_by_brightness(tmp_path, clip):
    """White first, black second: an index of 1 is not an object here."""
    (tmp_path / "m.png").write_bytes(palette_png(~squares()[0], [(255, 255, 255), (0, 0, 0)]))
    assert np.array_equal(holes_of(tmp_path / "m.png", clip)[0], squares()[0])


def test_a_damaged_label_image_is_refused(tmp_path, clip):
    data = palette_png(squares()[0], DAVIS_PALETTE)
    for cut in (30, len(data) // 2, len(data) - 14):
        (tmp_path / "m.png").write_bytes(data[:cut])
        with pytest.raises(InputError, match=r"m\.png: (the image )?does not decode"):
            image_value(tmp_path / "m.png")


def test_sixteen_bits_are_scaled_and_a_label_of_one_does_not_vanish(tmp_path, clip):
    image = np.zeros((H, W), np.uint16)
    image[0, :4] = 1, 32_000, 33_000, 65_535
    path = write_png(tmp_path / "m.png", image)
    assert holes_of(path, clip)[0, 0, :5].tolist() == [False, False, True, True, False]
    assert holes_of(path, clip, threshold=0)[0, 0, :5].tolist() == [True, True, True, True, False]


def test_painted_strokes_on_transparent_white_count_alone(tmp_path, clip):
    image = np.dstack([np.full((H, W, 3), 255, np.uint8), np.where(squares()[0], np.uint8(255), np.uint8(0))])
    assert np.array_equal(holes_of(write_png(tmp_path / "m.png", image), clip)[0], squares()[0])


def test_float_images_are_refused(tmp_path, clip):
    write_png(tmp_path / "m.tif", np.ones((H, W), np.float32))
    with pytest.raises(InputError, match="float32 pixels; expected 8 or 16 bits"):
        holes_of(tmp_path / "m.tif", clip)


# what does not fit


@pytest.mark.parametrize("form", ["video", "folder"])
def test_another_number_of_frames_is_refused_with_both_numbers(tmp_path, clip, form):
    frames = list(white_on_black(squares()))[:3]
    path = tmp_path / "m.mkv" if form == "video" else tmp_path / "masks"
    if form == "video":
        encode(path, frames, codec="ffv1", pixel_format="bgr0")
    else:
        for t, frame in enumerate(frames):
            write_png(path / f"{t}.png", frame)
    with pytest.raises(InputError, match="the mask has 3 frames, the video 4; export the mask again"):
        holes_of(path, clip)


@pytest.mark.parametrize("form", ["video", "folder", "image"])
def test_another_size_is_refused_with_both_sizes(tmp_path, clip, form):
    frames = [frame[:, :-2] for frame in white_on_black(squares())]
    path = {"video": tmp_path / "m.mkv", "folder": tmp_path / "masks", "image": tmp_path / "masks" / "0.png"}[form]
    if form == "video":
        encode(path, frames, codec="ffv1", pixel_format="bgr0")
    else:
        for t, frame in enumerate(frames):
            write_png(tmp_path / "masks" / f"{t}.png", frame)
    with pytest.raises(InputError, match=f"the mask is {W - 2}x{H}, the video {W}x{H}; export the mask in the size"):
        holes_of(path, clip)


def test_some_frames_without_a_hole_are_fine(tmp_path, clip):
    holes = squares()
    holes[[0, 1, 3]] = False
    path = encode(tmp_path / "m.mkv", list(white_on_black(holes)), codec="ffv1", pixel_format="bgr0")
    assert np.array_equal(holes_of(path, clip), holes)


def test_an_empty_image_is_refused_at_once(tmp_path, clip):
    path = write_png(tmp_path / "m.png", np.zeros((H, W), np.uint8))
    with pytest.raises(InputError, match="the mask is empty"):
        holes_of(path, clip)
    white = write_png(tmp_path / "w.png", np.full((H, W), 255, np.uint8))
    with pytest.raises(InputError, match="the inverted mask is empty"):
        holes_of(white, clip, invert=True)
    assert holes_of(white, clip).all()


def test_unreadable_masks_are_refused(tmp_path, clip):
    (tmp_path / "m.mp4").write_text("dear diary")
    with pytest.raises(InputError, match="not a video file that can be read"):
        holes_of(tmp_path / "m.mp4", clip)
    path = write_png(tmp_path / "m.png", white_on_black(squares()[0]))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="does not decode"):
        holes_of(path, clip)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_arbitrary_bytes_are_masks_or_input_errors(tmp_path, data):
    samples = [palette_png(squares()[0], DAVIS_PALETTE)]
    image = white_on_black(squares()[0])
    samples += [cv2.imencode(kind, image)[1].tobytes() for kind in (".png", ".tif", ".webp", ".bmp")]
    content = bytearray(data.draw(st.sampled_from(samples)))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "any.png"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(InputError):
        value = image_value(path)
        assert (value.ndim, value.dtype) == (2, np.uint8)


# digest


def test_digest_follows_content_and_box(tmp_path):
    first = write_png(tmp_path / "a.png", white_on_black(squares()[0]))
    same = write_png(tmp_path / "b.png", white_on_black(squares()[0]))
    other = write_png(tmp_path / "c.png", white_on_black(squares()[1]))
    digests = [parse_mask(text).digest() for text in (first, same, other, "1,2,3,4", " 1,2,3,4", "1,2,3,5", "alpha")]
    assert digests[0] == digests[1]
    assert digests[3] == digests[4]
    assert len(set(digests)) == 5


def test_grey_and_colour_masks_say_the_same(tmp_path):
    grey = write_png(tmp_path / "a.png", np.where(squares()[0], np.uint8(200), np.uint8(3)))
    colour = write_png(tmp_path / "b.png", np.repeat(cv2.imread(str(grey), 0)[..., None], 3, axis=2))
    assert np.array_equal(image_value(grey), image_value(colour))


# several masks, and masks that are fitted


def test_several_masks_are_their_union_in_any_order(tmp_path, clip):
    image = write_png(tmp_path / "m.png", white_on_black(squares()[0]))
    video = encode(tmp_path / "m.mkv", list(white_on_black(squares())), codec="ffv1", pixel_format="bgr0")
    text = f"{image}\n0,0,2,2\n{video}"
    expected = squares() | squares()[0]
    expected[:, :2, :2] = True
    assert np.array_equal(holes_of(text, clip), expected)
    assert np.array_equal(holes_of(text, clip, invert=True, start=1), ~expected[1:])
    assert parse_mask(text).digest() == parse_mask(f"{video}\n{image}\n0,0,2,2").digest()
    assert parse_mask(str(image)).digest() != parse_mask(text).digest()


@pytest.mark.parametrize("box", ["10 20 30 20", "10.5,20,30,20", "10;20;30;20", "10x20x30x20"])
def test_what_looks_like_a_box_is_told_what_a_box_looks_like(box):
    with pytest.raises(InputError, match=r"a box is four whole numbers with commas, x,y,w,h: .* such as 10,20,64,48"):
        parse_mask(box)


@pytest.mark.parametrize("form", ["gif", "avif", "folder"])
def test_a_single_frame_serves_all_whatever_it_is_stored_in(tmp_path, clip, form):
    path = tmp_path / f"m.{form}"
    if form == "folder":
        path.mkdir()
    image = Image.fromarray(white_on_black(squares()[0]))
    image.save(path / "0.png" if form == "folder" else path, quality=100)
    holes = holes_of(path, clip)
    assert holes.shape == (T, H, W)
    assert all(np.array_equal(hole, squares()[0]) for hole in holes)


def test_a_mask_of_another_size_and_rate_is_fitted_when_asked(tmp_path, clip):
    """Half the size and half the rate: each mask frame serves the two frames of its time."""
    frames = [frame[::2, ::2] for frame in white_on_black(squares())[::2]]
    path = encode(tmp_path / "m.mkv", frames, codec="ffv1", pixel_format="bgr0", rate=Fraction(25, 2))
    with pytest.raises(InputError, match=r"the mask is 12x8, the video 24x16; .*--set decode\.fit_mask=true"):
        holes_of(path, clip)
    expected = squares()[[0, 0, 2, 2]][:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)
    assert np.array_equal(holes_of(path, clip, fit=True), expected)
    assert np.array_equal(holes_of(path, clip, fit=True, start=1, stop=3), expected[1:3])
    for t, frame in enumerate(white_on_black(squares())[::2]):
        write_png(tmp_path / "masks" / f"{t}.png", frame)
    with pytest.raises(InputError, match=r"the mask has 2 frames, the video 4; .*--set decode\.fit_mask=true"):
        holes_of(tmp_path / "masks", clip)
    assert np.array_equal(holes_of(tmp_path / "masks", clip, fit=True), squares()[[0, 0, 2, 2]])


def test_a_mask_video_that_ends_too_early_is_not_stretched(tmp_path, clip):
    path = encode(tmp_path / "m.mkv", list(white_on_black(squares())[:2]), codec="ffv1", pixel_format="bgr0")
    with pytest.raises(InputError, match=r"the mask lasts 0\.08 s, the video 0\.16 s"):
        holes_of(path, clip, fit=True)
