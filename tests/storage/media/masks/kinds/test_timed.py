"""Masks that count for some time only."""

from fractions import Fraction

import numpy as np
import pytest

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.holes import read_holes
from storage.media.masks.kinds.box import BoxMask
from storage.media.masks.kinds.image import ImageMask
from storage.media.masks.kinds.timed import TimedMask
from storage.media.masks.kinds.union import SEPARATOR
from storage.media.masks.parsing import parse_mask, place_masks
from storage.media.times import parse_span
from tests.clips import write_images
from tests.storage.media_files import encode, write_png

H, W, T = 16, 24, 10
BOX = "2,3,8,6"


@pytest.fixture
def clip(tmp_path) -> Clip:
    """Ten frames, one a second."""
    return Clip(tmp_path / "video.mp4", "video", T, T, H, W, Fraction(1), Fraction(1))


def sizes(text, clip, **options):
    """Hole pixels of each frame."""
    return [int(hole.sum()) for hole in read_holes(parse_mask(text), clip, **options)]


def write_mask(folder, count):
    """A mask whose frame t marks t + 1 pixels."""
    images = np.zeros((count, H, W), np.uint8)
    for t in range(count):
        images[t, 0, : t + 1] = 255
    write_images(folder, images)
    return str(folder)


def test_a_box_counts_from_its_time_on_until_its_end_which_is_not_part_of_it(clip):
    assert sizes(f"{BOX}@2s-0:05", clip) == [0, 0, 48, 48, 48, 0, 0, 0, 0, 0]
    assert sizes(f"{BOX}@f7-", clip) == [0] * 7 + [48] * 3
    assert sizes(f"{BOX}@f2-f5", clip, start=4, stop=6) == [48, 0]


def test_timed_masks_are_joined_where_their_times_overlap(clip):
    together = SEPARATOR.join(["0,0,4,1@f1-f5", "0,1,4,1@f4-f7", "0,2,1,1"])
    assert sizes(together, clip) == [1, 5, 5, 5, 9, 5, 5, 1, 1, 1]


def test_an_inverted_mask_marks_nothing_outside_its_time(clip):
    assert sizes(f"{BOX}@f4-f6", clip, invert=True) == [0] * 4 + [H * W - 48] * 2 + [0] * 4


def test_a_mask_of_several_frames_runs_along_with_the_video_or_begins_with_its_time(clip, tmp_path):
    whole, part = write_mask(tmp_path / "whole", T), write_mask(tmp_path / "part", 3)
    assert sizes(f"{whole}@f2-f5", clip) == [0, 0, 3, 4, 5, 0, 0, 0, 0, 0]
    assert sizes(f"{part}@f2-f5", clip) == [0, 0, 1, 2, 3, 0, 0, 0, 0, 0]
    assert sizes(f"{part}@f2-f5", clip, start=3, stop=6) == [2, 3, 0]


def test_a_mask_of_another_length_is_refused_or_spread_over_its_time(clip, tmp_path):
    part = write_mask(tmp_path / "part", 3)
    with pytest.raises(InputError, match=r"part@f2-f8: the mask has 3 frames, its time 6, the video 10; give a single"):
        sizes(f"{part}@f2-f8", clip)
    assert sizes(f"{part}@f2-f8", clip, fit=True) == [0, 0, 1, 1, 2, 2, 3, 3, 0, 0]


def test_a_mask_video_is_spread_by_time_also_where_the_rate_of_the_video_varies(tmp_path):
    varying = Clip(tmp_path / "v.mkv", "video", 6, 6, H, W, Fraction(1), Fraction(1), pts=(0, 1, 10, 11, 12, 19))
    frames = [np.full((H, W, 3), 255 * (t % 2), np.uint8) for t in range(5)]
    mask = encode(tmp_path / "mask.mkv", frames, rate=Fraction(1, 2))
    assert sizes(f"{mask}@10s-19s", varying, fit=True) == [0, 0, 0, 0, H * W, 0]


def test_one_object_of_a_label_map_can_be_chosen_in_a_time(clip, tmp_path):
    labels = np.zeros((H, W), np.uint8)
    labels[0, :5], labels[1, :3] = 1, 2
    np.save(tmp_path / "labels.npy", labels.astype(np.int32))
    assert sizes(f"{tmp_path / 'labels.npy'}@f1-f3", clip, object_number=2) == [0, 3, 3] + [0] * 7


def test_a_name_with_an_at_sign_is_a_file_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = np.full((H, W, 3), 255, np.uint8)
    for name in ("logo@2x.png", "logo.png", "logo.png@0:10-0:20"):
        write_png(tmp_path / "made.png", image).rename(tmp_path / name)
    assert isinstance(parse_mask("logo@2x.png").parts[0], ImageMask)
    assert isinstance(parse_mask("logo.png@0:10-0:20").parts[0], ImageMask)
    (timed,) = parse_mask("logo@2x.png@0:10-0:20").parts
    assert (timed.paths[0].name, timed.span) == ("logo@2x.png", parse_span("10s-20s"))
    assert isinstance(parse_mask(tmp_path / "logo@2x.png").parts[0], ImageMask)
    with pytest.raises(InputError, match=r"mask 'none@2x.png': no such file"):
        parse_mask("none@2x.png")
    with pytest.raises(InputError, match=r"mask 'none.png': no such file"):
        parse_mask("none.png@0:10-0:20")


@pytest.mark.parametrize("text", [f"{BOX}@0:10", f"{BOX}@later", f"{BOX}@10-20", "alpha@9s-3s"])
def test_what_stands_after_a_mask_must_be_a_time(text):
    with pytest.raises(InputError, match=rf"^mask '{text}': '.*' (is no time|may be seconds|ends before)"):
        parse_mask(text)


def test_a_time_outside_the_video_is_one_line_with_its_length(clip):
    with pytest.raises(InputError, match=r"mask box 2,3,8,6@0:20-0:30 begins at 0:20, and .*video.mp4 has 10 frames"):
        sizes(f"{BOX}@20s-30s", clip)


def test_masks_of_a_manifest_keep_their_time_when_they_are_placed(tmp_path):
    assert place_masks(f"{BOX}@f1-f2\nlogo.png@0:10-\nalpha@-5s", tmp_path).splitlines() == [
        f"{BOX}@f1-f2",
        f"{tmp_path}/logo.png@0:10-",
        "alpha@-5s",
    ]


def test_the_digest_covers_mask_and_time_and_not_how_the_time_is_written():
    texts = [BOX, f"{BOX}@0:01-2s", f"{BOX}@0:01-3s", "2,3,8,7@0:01-2s"]
    assert len({parse_mask(text).digest() for text in texts}) == 4
    assert parse_mask(f"{BOX}@1.0s-0:02").digest() == parse_mask(f"{BOX}@0:01-2s").digest()
    (timed,) = parse_mask(f"{BOX}@1s-2s").parts
    assert isinstance(timed, TimedMask)
    assert isinstance(timed.mask, BoxMask)
