from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.flow_estimation.flownet2 import FlowNet2Estimator
from dfvi_models.flow_estimation.pair_network import LearnedEstimator, flow_of_any_size, frame_to_tensor
from dfvi_models.networks.runtime import Runtime
from tests.dfvi_models.networks.golden_networks import flownet2, golden

CPU = Runtime(device="cpu", batch=2)


class Difference(nn.Module):
    """A network for tests: dx = red difference of the two frames, dy = green difference, per pixel."""

    def __init__(self, most: int = 99) -> None:
        super().__init__()
        self.most = most

    def forward(self, frame_a: Tensor, frame_b: Tensor) -> Tensor:
        assert frame_a.shape[2] % 8 == 0
        assert frame_a.shape[3] % 8 == 0
        if len(frame_a) > self.most:
            raise torch.OutOfMemoryError("injected")
        return (frame_b - frame_a)[:, :2]


class Padded(LearnedEstimator):
    multiple = 8


def clip(frames: int, height: int = 10, width: int = 13) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(frames)]


class CountedFrames(Sequence[NDArray[np.uint8]]):
    """Frames that remember how often each was read."""

    def __init__(self, frames: list[NDArray[np.uint8]]) -> None:
        self.frames, self.reads = frames, [0] * len(frames)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, t: int) -> NDArray[np.uint8]:  # type: ignore[override]
        self.reads[t] += 1
        return self.frames[t]


def estimator(**settings: object) -> LearnedEstimator:
    return Padded(Difference(), **{"runtime": CPU, **settings})  # type: ignore[arg-type]


def test_both_directions_have_the_right_frames_in_the_right_order() -> None:
    frames = clip(6)
    pairs = dict(estimator().estimate(frames, [], wanted=range(5), threads=2))
    assert list(pairs) == [0, 1, 2, 3, 4]
    for t, pair in pairs.items():
        difference = frames[t + 1][..., :2].astype(np.float32) - frames[t][..., :2]
        np.testing.assert_array_equal(pair.fw, difference)
        np.testing.assert_array_equal(pair.bw, -difference)


@pytest.mark.parametrize("wanted", [[0], [3], [1, 4], [4]])
def test_a_result_does_not_depend_on_what_else_is_wanted(wanted: list[int]) -> None:
    frames = clip(6, 64, 64)
    whole = FlowNet2Estimator(flownet2(), runtime=CPU)
    everything = dict(whole.estimate(frames, [], wanted=range(5)))
    some = dict(whole.estimate(frames, [], wanted=wanted))
    assert list(some) == wanted
    for t in wanted:
        np.testing.assert_array_equal(some[t].fw, everything[t].fw)
        np.testing.assert_array_equal(some[t].bw, everything[t].bw)


def test_frames_are_read_lazily_and_at_most_twice() -> None:
    frames = CountedFrames(clip(9))
    results = estimator().estimate(frames, [], wanted=range(8))
    next(results)
    assert frames.reads[4:] == [0] * 5
    list(results)
    assert max(frames.reads[1:]) <= 2


def test_running_out_of_memory_costs_time_but_no_result() -> None:
    frames = clip(9)
    little = Padded(Difference(most=3), runtime=Runtime(device="cpu", batch=8))
    for (t, pair), (_, other) in zip(
        little.estimate(frames, [], wanted=range(8)), estimator().estimate(frames, [], wanted=range(8)), strict=True
    ):
        np.testing.assert_array_equal(pair.fw, other.fw, err_msg=str(t))
        np.testing.assert_array_equal(pair.bw, other.bw, err_msg=str(t))


def test_clips_of_one_frame_have_no_flow() -> None:
    assert list(estimator().estimate(clip(1), [], wanted=[])) == []
    with pytest.raises(ValueError, match=r"0\.\.-1; got 0\.\.0"):
        list(estimator().estimate(clip(1), [], wanted=[0]))


def test_frames_of_two_sizes_are_refused() -> None:
    with pytest.raises(ShapeError, match="frame 2 is"):
        list(estimator().estimate([*clip(2), *clip(1, 8, 8)], [], wanted=[0, 1]))


def test_a_frame_of_floats_is_refused() -> None:
    with pytest.raises(ShapeError, match="uint8"):
        frame_to_tensor(np.zeros((4, 4, 3), np.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (65, 127)])
def test_flownet2_takes_odd_and_tiny_frames(size: tuple[int, int]) -> None:
    (_, pair), *_ = FlowNet2Estimator(flownet2(), runtime=CPU).estimate(clip(2, *size), [], wanted=[0])
    assert pair.fw.shape == pair.bw.shape == (*size, 2)
    assert pair.fw.dtype == np.float32
    assert np.isfinite(pair.fw).all()


def test_padding_repeats_the_edge_and_is_cut_off_again() -> None:
    seen = []

    def network(a: Tensor, b: Tensor) -> Tensor:
        seen.append(a)
        return a[:, :2]

    a = torch.arange(2.0 * 3 * 5 * 6).reshape(2, 3, 5, 6)
    torch.testing.assert_close(flow_of_any_size(network, a, a, multiple=4, smallest=9), a[:, :2])
    assert seen[0].shape == (2, 3, 12, 12)
    assert torch.equal(seen[0][..., 11, 11], a[..., 4, 5])


def test_a_working_size_gives_flow_on_that_grid_in_its_pixels() -> None:
    frames = [np.full((20, 30, 3), value, np.uint8) for value in (100, 104)]
    (_, pair), *_ = estimator(working_size=(10, 10)).estimate(frames, [], wanted=[0])
    assert pair.fw.shape == (10, 10, 2)
    np.testing.assert_allclose(pair.fw, 4)


def test_network_input_equals_the_papers_within_one_grey_level() -> None:
    """One grey level: OpenCV's rounding of a uint8 resize differs between versions and processors."""
    vectors = golden("preprocess")
    height, width = vectors["size_hw"].tolist()
    for k in (1, 2):
        rgb = np.ascontiguousarray(vectors[f"image{k}_bgr"][..., ::-1])
        tensor = frame_to_tensor(rgb, (height, width))
        np.testing.assert_allclose(tensor.float(), vectors[f"flownet_in{k}"], atol=1)
