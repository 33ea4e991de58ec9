import threading

import cv2
import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.flow_estimation.dis import DisEstimator


def textured(height, width, seed=0):
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip((smooth - smooth.mean()) * 6 + 128, 0, 255).astype(np.uint8)


def shifted_clip(count, height=96, width=128, dx=3, dy=-2):
    """Frames of a picture whose content moves by (dx, dy) a frame."""
    world = textured(height + 64, width + 64)
    return [world[32 - dy * t :, 32 - dx * t :][:height, :width] for t in range(count)]


def no_holes(frames):
    return [np.zeros(frame.shape[:2], bool) for frame in frames]


def estimate(frames, holes=None, estimator=None, **options):
    holes = no_holes(frames) if holes is None else holes
    options = {"wanted": range(len(frames) - 1)} | options
    return dict((estimator or DisEstimator()).estimate(frames, holes, **options))


def test_a_translation_is_found_in_both_directions():
    flow = estimate(shifted_clip(2))[0]
    inner = (slice(12, -12), slice(12, -12))
    np.testing.assert_allclose(np.median(flow.fw[inner], axis=(0, 1)), [3, -2], atol=0.1)
    np.testing.assert_allclose(np.median(flow.bw[inner], axis=(0, 1)), [-3, 2], atol=0.1)
    assert flow.fw.dtype == flow.bw.dtype == np.float32


def test_what_stands_in_a_hole_has_no_say():
    frames = shifted_clip(2)
    holes = no_holes(frames)
    for hole in holes:
        hole[30:60, 40:80] = True
    expected = estimate(frames, holes)[0]
    scribbled = [frame.copy() for frame in frames]
    for t, hole in enumerate(holes):
        scribbled[t][hole] = 200 * t
    flow = estimate(scribbled, holes)[0]
    np.testing.assert_array_equal(flow.fw, expected.fw)
    np.testing.assert_array_equal(flow.bw, expected.bw)


def test_the_result_is_the_same_for_every_number_of_threads_and_every_choice_of_pairs():
    frames = shifted_clip(6)
    holes = no_holes(frames)
    holes[2][20:50, 30:90] = True
    whole = estimate(frames, holes)
    for threads, wanted in ((2, range(5)), (3, [1, 2, 4]), (1, [3])):
        flows = estimate(frames, holes, wanted=wanted, threads=threads)
        assert list(flows) == list(wanted)
        for t in wanted:
            np.testing.assert_array_equal(flows[t].fw, whole[t].fw)
            np.testing.assert_array_equal(flows[t].bw, whole[t].bw)


@pytest.mark.parametrize("threads", [1, 3])
def test_each_frame_is_read_once_and_few_are_held(threads):
    class Counting(list):
        def __init__(self, items):
            super().__init__(items)
            self.read = []
            self.busy = threading.Lock()

        def __getitem__(self, t):
            assert self.busy.acquire(blocking=False), "two threads read at once"
            self.read.append(t)
            self.busy.release()
            return super().__getitem__(t)

    frames = Counting(shifted_clip(12, 40, 48, dx=1, dy=1))
    flows = DisEstimator("ultrafast", None).estimate(frames, no_holes(list(frames)), wanted=range(11), threads=threads)
    frames.read.clear()
    next(flows)
    assert len(frames.read) <= 2 * threads + 2
    list(flows)
    assert sorted(frames.read) == list(range(12))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (37, 1), (7, 5), (12, 12), (33, 47), (64, 9)])
@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_any_size_gives_finite_flow_of_that_size(shape, preset):
    frames = [textured(*shape, seed=t) for t in range(2)]
    holes = no_holes(frames)
    holes[1][:] = True
    flow = estimate(frames, holes, DisEstimator(preset))[0]
    assert flow.fw.shape == flow.bw.shape == (*shape, 2)
    assert np.isfinite(flow.fw).all()
    assert np.isfinite(flow.bw).all()


def test_small_pictures_still_give_the_right_flow():
    flow = estimate(shifted_clip(2, 20, 24, dx=1, dy=0))[0]
    np.testing.assert_allclose(np.median(flow.fw[4:-4, 4:-4], axis=(0, 1)), [1, 0], atol=0.2)


def test_flow_comes_out_at_the_working_size_in_its_pixels():
    flow = estimate(shifted_clip(2, 96, 128, dx=4, dy=-2), estimator=DisEstimator(working_size=(48, 64)))[0]
    assert flow.fw.shape == (48, 64, 2)
    np.testing.assert_allclose(np.median(flow.fw[8:-8, 8:-8], axis=(0, 1)), [2, -1], atol=0.1)


def test_one_frame_has_no_pairs():
    assert estimate(shifted_clip(1)) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "slow"}, "ultrafast, fast, medium; got 'slow'"),
        ({"finest_scale": -1}, "0 .* or more; got -1"),
        ({"working_size": (0, 5)}, r"got \(0, 5\)"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DisEstimator(**options)


def test_inputs_that_do_not_belong_together_are_refused():
    frames = shifted_clip(2, 40, 40)
    with pytest.raises(ShapeError, match="2 frames need as many holes; got 1"):
        estimate(frames, no_holes(frames)[:1])
    with pytest.raises(ShapeError, match=r"frame 0 .* \(40, 41\)"):
        estimate(frames, [np.zeros((40, 41), bool)] * 2)
    with pytest.raises(ShapeError, match=r"differ in size: \(40, 40\) and \(40, 30\)"):
        estimate([frames[0], frames[1][:, :30]])
    with pytest.raises(ValueError, match=r"0\.\.0; got 1\.\.1"):
        estimate(frames, wanted=[1])
