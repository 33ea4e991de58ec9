import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.image_inpainting.smooth import SmoothInpainter


def inpaint(frames, holes, **options):
    options = {"wanted": range(len(frames))} | options
    return dict(SmoothInpainter().inpaint(frames, holes, **options))


def ramp(height=40, width=60):
    y, x = np.mgrid[:height, :width]
    return np.stack([4 * x, 6 * y, 2 * x + y], axis=-1).astype(np.uint8)


def test_a_ramp_is_continued_and_nothing_else_changes():
    frame, hole = ramp(), np.zeros((40, 60), bool)
    hole[10:20, 12:40] = hole[30:40, 50:60] = True
    torn = np.where(hole[..., None], np.uint8(0), frame)
    filled = inpaint([torn], [hole])[0]
    np.testing.assert_array_equal(filled[~hole], frame[~hole])
    inner = hole.copy()
    inner[30:] = False  # at the picture's corner nothing tells the slope
    np.testing.assert_allclose(filled[inner].astype(int), frame[inner], atol=8)
    np.testing.assert_array_equal(torn[hole], 0)


def test_what_stands_in_the_hole_has_no_say():
    hole = np.zeros((40, 60), bool)
    hole[5:30, 5:30] = True
    first, second = ramp(), ramp()
    first[hole], second[hole] = 0, 255
    filled = inpaint([first, second], [hole, hole])
    np.testing.assert_array_equal(filled[0], filled[1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (33, 17)])
def test_a_hole_over_the_whole_frame_gives_mid_grey(shape):
    frame = np.zeros((*shape, 3), np.uint8)
    np.testing.assert_array_equal(inpaint([frame], [np.ones(shape, bool)])[0], 128)


@pytest.mark.parametrize("shape", [(1, 2), (1, 9), (9, 1), (2, 2), (33, 17)])
def test_a_constant_frame_stays_constant_at_any_size(shape):
    frame = np.full((*shape, 3), 90, np.uint8)
    hole = np.ones(shape, bool)
    hole[0, 0] = False
    # OpenCV's Telea drifts by a few grey levels over a long way, of which a fifth arrives.
    np.testing.assert_allclose(inpaint([frame], [hole])[0].astype(int), 90, atol=1)


def test_the_result_is_the_same_for_every_number_of_threads_and_every_choice_of_frames():
    rng = np.random.default_rng(0)
    frames = list(rng.integers(0, 256, (5, 30, 40, 3), dtype=np.uint8))
    holes = list(rng.random((5, 30, 40)) < 0.3)
    whole = inpaint(frames, holes)
    for threads, wanted in ((2, [0, 1, 2, 3, 4]), (3, [1, 4])):
        filled = inpaint(frames, holes, wanted=wanted, threads=threads)
        assert list(filled) == wanted
        for t in wanted:
            np.testing.assert_array_equal(filled[t], whole[t])


def test_a_frame_without_hole_is_returned_as_it_is():
    np.testing.assert_array_equal(inpaint([ramp()], [np.zeros((40, 60), bool)])[0], ramp())


def test_inputs_that_do_not_belong_together_are_refused():
    with pytest.raises(ShapeError, match="1 frames need as many holes; got 0"):
        inpaint([ramp()], [])
    with pytest.raises(ShapeError, match=r"frame 0 .* \(40, 61\)"):
        inpaint([ramp()], [np.zeros((40, 61), bool)])


def test_what_stands_in_the_hole_is_never_looked_at():
    rng = np.random.default_rng(4)
    frame = rng.integers(0, 256, (24, 30, 3), dtype=np.uint8)
    hole = np.zeros((24, 30), bool)
    hole[:9, 5:20] = hole[15:, 22:] = True  # at the picture's border OpenCV's Telea would look
    other = np.where(hole[..., None], rng.integers(0, 256, frame.shape, dtype=np.uint8), frame)
    np.testing.assert_array_equal(inpaint([frame], [hole])[0], inpaint([other], [hole])[0])
