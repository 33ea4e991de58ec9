import cv2
import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.image_inpainting.baselines import (
    NOTHING_KNOWN,
    HarmonicInpainter,
    TeleaInpainter,
    TemporalMedianInpainter,
)
from tests.clips import texture

ALL = (TeleaInpainter, HarmonicInpainter, TemporalMedianInpainter)


def still_clip(count=6, height=30, width=40):
    """A camera that stands still, and a hole that moves by its own width."""
    frames = [texture(height, width)] * count
    holes = np.zeros((count, height, width), bool)
    for t in range(count):
        holes[t, 10:16, 5 * t : 5 * t + 5] = True
    hidden = [np.where(h[..., None], np.uint8(7), f) for f, h in zip(frames, holes, strict=True)]
    return frames, hidden, list(holes)


def fill(inpainter, frames, holes, **options):
    return dict(inpainter.inpaint(frames, holes, **({"wanted": range(len(frames))} | options)))


@pytest.mark.parametrize("kind", ALL)
def test_only_the_hole_changes_and_what_stands_in_it_is_not_looked_at(kind):
    _, hidden, holes = still_clip()
    other = [np.where(h[..., None], np.uint8(200), f) for f, h in zip(hidden, holes, strict=True)]
    first, second = fill(kind(), hidden, holes), fill(kind(), other, holes)
    for t, hole in enumerate(holes):
        np.testing.assert_array_equal(first[t], second[t])
        np.testing.assert_array_equal(first[t][~hole], hidden[t][~hole])


@pytest.mark.parametrize("kind", ALL)
def test_threads_and_what_else_is_wanted_change_nothing(kind):
    _, hidden, holes = still_clip()
    everything = fill(kind(), hidden, holes)
    part = fill(kind(), hidden, holes, wanted=[4, 2], threads=3)
    assert list(part) == [2, 4]
    for t, frame in part.items():
        np.testing.assert_array_equal(frame, everything[t])


@pytest.mark.parametrize("kind", ALL)
def test_a_hole_over_everything_becomes_grey_and_none_is_left_alone(kind):
    frame = texture(20, 20)
    filled = fill(kind(), [frame, frame], [np.ones((20, 20), bool), np.zeros((20, 20), bool)])
    np.testing.assert_array_equal(filled[1], frame)
    if kind is not TemporalMedianInpainter:  # which finds the pixels in the other frame
        assert (filled[0] == NOTHING_KNOWN).all()
    assert (fill(kind(), [frame], [np.ones((20, 20), bool)])[0] == NOTHING_KNOWN).all()


@pytest.mark.parametrize("kind", ALL)
def test_frames_and_holes_that_do_not_fit_are_refused(kind):
    frame = texture(20, 20)
    with pytest.raises(ShapeError, match="as many holes"):
        fill(kind(), [frame], [])
    with pytest.raises(ShapeError, match="uint8"):
        fill(TeleaInpainter(), [frame.astype(float)], [np.ones((20, 20), bool)])


def test_telea_is_what_opencv_gives():
    _, hidden, holes = still_clip()
    expected = cv2.inpaint(hidden[2], holes[2].astype(np.uint8), 3, cv2.INPAINT_TELEA)
    np.testing.assert_array_equal(fill(TeleaInpainter(), hidden, holes)[2][holes[2]], expected[holes[2]])


def test_the_harmonic_fill_continues_a_slope():
    slope = np.repeat(np.arange(0, 200, 5, dtype=np.uint8)[None, :, None], 20, axis=0).repeat(3, axis=2)
    hole = np.zeros(slope.shape[:2], bool)
    hole[8:12, 15:25] = True
    filled = fill(HarmonicInpainter(), [slope], [hole])[0]
    assert np.abs(filled.astype(int) - slope)[hole].max() <= 1


def test_the_median_restores_what_a_standing_camera_saw():
    clean, hidden, holes = still_clip()
    for t, frame in fill(TemporalMedianInpainter(), hidden, holes).items():
        np.testing.assert_array_equal(frame, clean[t])


def test_the_median_of_known_values_in_the_window_only():
    greys = [10, 20, 70, 90, 250]
    frames = [np.full((9, 9, 3), grey, np.uint8) for grey in greys]
    holes = [np.zeros((9, 9), bool) for _ in greys]
    holes[2][4, 4] = holes[1][4, 4] = True
    assert fill(TemporalMedianInpainter(radius=2), frames, holes)[2][4, 4, 0] == 90  # of 10, 90, 250
    assert fill(TemporalMedianInpainter(radius=1), frames, holes)[2][4, 4, 0] == 90  # of 90
    assert fill(TemporalMedianInpainter(radius=1), frames, holes)[1][4, 4, 0] == 10  # of 10; 70 is hidden
    holes[1][4, 4] = False
    assert fill(TemporalMedianInpainter(radius=2), frames, holes)[2][4, 4, 0] == 55  # between 20 and 90


def test_a_pixel_no_frame_shows_is_filled_smoothly():
    frames = [np.full((9, 9, 3), 50, np.uint8)] * 3
    holes = [np.zeros((9, 9), bool) for _ in frames]
    for hole in holes:
        hole[4, 4] = True
    assert fill(TemporalMedianInpainter(), frames, holes)[1][4, 4].tolist() == [50, 50, 50]


def test_a_window_without_frames_is_refused():
    with pytest.raises(ValueError, match="1 frame or more"):
        TemporalMedianInpainter(radius=0)
