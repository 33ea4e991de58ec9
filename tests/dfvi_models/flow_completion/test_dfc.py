from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.dfc import DfcCompleter
from dfvi_models.flow_completion.dfc_inputs import (
    carry_over,
    fill_initially,
    resize_flow_clipped,
    window_numbers,
)
from dfvi_models.networks.runtime import Runtime
from dfvi_models.numerics.holes import dilate_by_square, resize_hole_for_bilinear, resize_hole_nearest
from dfvi_models.types import FlowPair
from tests.dfvi_models.networks.golden_networks import dfc

Array = NDArray[np.float32]
SIZES = [(12, 16), (16, 20), (20, 28)]


class Mixer(nn.Module):
    """In place of a network: every output is another fixed mixture of all input channels."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.inputs, self.calls = 33 * maps, 0
        random = torch.Generator().manual_seed(maps)
        self.mixture = torch.randn(2 * maps, self.inputs, generator=random) / self.inputs**0.5

    def forward(self, stack: Tensor) -> Tensor:
        self.calls += len(stack)
        return torch.stack([torch.einsum("oc,chw->ohw", self.mixture, one) for one in stack])


def mixers() -> list[Mixer]:
    return [Mixer(1), Mixer(2), Mixer(2)]


class Counted(Sequence[NDArray]):
    """A sequence that remembers what was read."""

    def __init__(self, items: Sequence[NDArray]) -> None:
        self.items, self.reads = items, [0] * len(items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, t: int) -> NDArray:  # type: ignore[override]
        self.reads[t] += 1
        return self.items[t]


def clip(frames: int, height: int = 24, width: int = 30) -> tuple[Array, Array, NDArray[np.bool_]]:
    random = np.random.default_rng(frames)
    flow_fw, flow_bw = random.normal(size=(2, frames - 1, height, width, 2)).astype(np.float32) * 3
    holes = np.zeros((frames, height, width), bool)
    for t in range(frames):
        holes[t, 5 + t % 4 : 15, 8 : 20 + t % 5] = t % 7 != 3
    return flow_fw, flow_bw, holes


def completed_all_at_once(
    clip: tuple[Array, Array, NDArray[np.bool_]], networks: list[Mixer], *, faithful: bool, kernel: int
) -> list[FlowPair]:
    """The three stages on whole arrays, written down as plainly as they go."""
    flow_fw, flow_bw, holes = clip
    frames, size = len(holes), holes.shape[1:]
    full = [hole if faithful else dilate_by_square(hole, kernel) for hole in holes]
    known = {("fw", k): flow_fw[k] for k in range(frames - 1)} | {("bw", k + 1): flow_bw[k] for k in range(frames - 1)}
    if faithful:
        known["bw", 0] = np.zeros_like(flow_fw[0])
    ends = {"fw": (0, frames - 2), "bw": (0 if faithful else 1, frames - 1)}
    done: dict[tuple[str, int], Array] = {}
    for network, grid in zip(networks, SIZES, strict=True):
        resize_hole = resize_hole_nearest if faithful else resize_hole_for_bilinear
        small = [resize_hole(hole, *grid) for hole in full]
        if faithful and not done:
            small = [dilate_by_square(hole, kernel) for hole in small]
        flows = {}
        for (way, k), flow in known.items():
            fitted = resize_flow_clipped(flow, grid)
            if not done:
                flows[way, k] = fill_initially(fitted, small[k])
            else:
                flows[way, k] = carry_over(done[way, k], fitted, small[k], everywhere=faithful)

        def window(way: str, centre: int, flows=flows, small=small) -> Array:
            numbers = window_numbers(centre, *ends[way])
            maps = [np.concatenate((flows[way, k].transpose(2, 0, 1), small[k][None])) for k in numbers]
            return np.concatenate(maps).astype(np.float32)

        result = {}
        for way, k in known:
            if not done:
                stack, channels = window(way, k), slice(0, 2)
            else:
                centre = frames - 1 if faithful and way == "fw" and k == frames - 2 else k
                stack = np.concatenate((window("fw", centre), window("bw", centre)))
                channels = slice(0, 2) if way == "fw" else slice(2, 4)
            net = network(torch.from_numpy(stack[None]))[0, channels].numpy().transpose(1, 2, 0)
            result[way, k] = np.where(small[k][..., None], net, flows[way, k])
        done = result
    final = {(way, k): carry_over(done[way, k], flow, full[k], everywhere=faithful) for (way, k), flow in known.items()}
    assert size == flow_fw.shape[1:3]
    return [FlowPair(final["fw", t], final["bw", t + 1]) for t in range(frames - 1)]


@pytest.mark.parametrize("faithful", [False, True])
@pytest.mark.parametrize(("frames", "batch", "kernel"), [(2, 1, 0), (3, 2, 3), (7, 4, 0), (13, 1, 4), (29, 3, 0)])
def test_the_stream_equals_the_whole_clip_at_once(frames: int, batch: int, kernel: int, faithful: bool) -> None:
    given = clip(frames)
    completer = DfcCompleter(
        mixers(),
        sizes=SIZES,
        enlarge_kernel=kernel,
        faithful=faithful,
        runtime=Runtime(device="cpu", batch=batch),
    )
    found = list(completer.complete(*given, wanted=range(frames - 1), threads=2))
    assert [t for t, _ in found] == list(range(frames - 1))
    expected = completed_all_at_once(given, mixers(), faithful=faithful, kernel=kernel)
    for (_, pair), other in zip(found, expected, strict=True):
        np.testing.assert_allclose(pair.fw, other.fw, atol=2e-5)
        np.testing.assert_allclose(pair.bw, other.bw, atol=2e-5)


@pytest.mark.parametrize("wanted", [[0], [17], [3, 4, 30], [39]])
def test_a_result_does_not_depend_on_what_else_is_wanted(wanted: list[int]) -> None:
    given = clip(41)
    completer = DfcCompleter(mixers(), sizes=SIZES, runtime=Runtime(device="cpu", batch=3))
    everything = dict(completer.complete(*given, wanted=range(40)))
    some = dict(completer.complete(*given, wanted=wanted))
    assert list(some) == wanted
    for t in wanted:
        np.testing.assert_array_equal(some[t].fw, everything[t].fw)
        np.testing.assert_array_equal(some[t].bw, everything[t].bw)


def test_known_flow_stays_bit_equal_outside_the_hole() -> None:
    flow_fw, flow_bw, holes = clip(9)
    completer = DfcCompleter(mixers(), sizes=SIZES, runtime=Runtime(device="cpu"))
    for t, pair in completer.complete(flow_fw, flow_bw, holes, wanted=range(8)):
        np.testing.assert_array_equal(pair.fw[~holes[t]], flow_fw[t][~holes[t]])
        np.testing.assert_array_equal(pair.bw[~holes[t + 1]], flow_bw[t][~holes[t + 1]])
        assert not holes[t].any() or (pair.fw[holes[t]] != flow_fw[t][holes[t]]).all()


def test_reading_is_lazy_bounded_and_once_a_stage() -> None:
    flow_fw, flow_bw, holes = map(Counted, clip(60))
    completer = DfcCompleter(mixers(), sizes=SIZES, runtime=Runtime(device="cpu", batch=2))
    results = completer.complete(flow_fw, flow_bw, holes, wanted=range(59))
    for t in range(0, 30, 10):
        while next(results)[0] < t:
            pass
        assert holes.reads[t + 26 :] == [0] * len(holes.reads[t + 26 :])
    list(results)
    for counted in (flow_fw, flow_bw, holes):
        assert max(counted.reads) <= 4  # three stages and the result


def test_a_gap_in_what_is_wanted_is_jumped_over() -> None:
    holes = Counted(clip(200)[2])
    flow_fw, flow_bw, _ = clip(200)
    completer = DfcCompleter(mixers(), sizes=SIZES, runtime=Runtime(device="cpu"))
    assert [t for t, _ in completer.complete(flow_fw, flow_bw, holes, wanted=[0, 150])] == [0, 150]
    assert holes.reads[40:130] == [0] * 90


def test_frames_without_hole_cost_no_network() -> None:
    flow_fw, flow_bw, holes = clip(8)
    networks = mixers()
    completer = DfcCompleter(networks, sizes=SIZES, runtime=Runtime(device="cpu"))
    found = list(completer.complete(flow_fw, flow_bw, np.zeros_like(holes), wanted=range(7)))
    assert [network.calls for network in networks] == [0, 0, 0]
    np.testing.assert_array_equal([pair.fw for _, pair in found], flow_fw)


def test_running_out_of_memory_costs_time_but_no_result() -> None:
    class Scarce(Mixer):
        def forward(self, stack: Tensor) -> Tensor:
            if len(stack) > 1:
                raise torch.OutOfMemoryError("injected")
            return super().forward(stack)

    given = clip(7)
    results = [
        [
            pair.fw
            for _, pair in DfcCompleter(
                [kind(1), kind(2), kind(2)], sizes=SIZES, runtime=Runtime(device="cpu", batch=4)
            ).complete(*given, wanted=range(6))
        ]
        for kind in (Mixer, Scarce)
    ]
    np.testing.assert_array_equal(*results)


def test_a_clip_of_one_frame_has_nothing_to_complete() -> None:
    completer = DfcCompleter(mixers(), sizes=SIZES, runtime=Runtime(device="cpu"))
    assert list(completer.complete([], [], np.zeros((1, 8, 8), bool), wanted=[])) == []


def test_lengths_sizes_and_numbers_that_do_not_fit_are_refused() -> None:
    flow_fw, flow_bw, holes = clip(4)
    completer = DfcCompleter(mixers(), sizes=SIZES, runtime=Runtime(device="cpu"))
    with pytest.raises(ShapeError, match="4 frames need 3 flows each way; got 2 and 3"):
        list(completer.complete(flow_fw[:2], flow_bw, holes, wanted=[0]))
    with pytest.raises(ValueError, match=r"0\.\.2; got 1\.\.3"):
        list(completer.complete(flow_fw, flow_bw, holes, wanted=[1, 3]))
    with pytest.raises(ShapeError, match=r"frame 0 needs .* \(24, 29\)"):
        list(completer.complete(flow_fw, flow_bw, holes[:, :, 1:], wanted=[0]))
    with pytest.raises(ShapeError, match="uint8"):
        list(completer.complete(flow_fw, flow_bw, holes.astype(np.uint8), wanted=[0]))  # type: ignore[arg-type]


def test_networks_in_the_wrong_order_or_without_sizes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\[66, 33\]"):
        DfcCompleter([Mixer(2), Mixer(1)], sizes=SIZES[:2])
    with pytest.raises(ShapeError, match="a size for each"):
        DfcCompleter(mixers(), sizes=SIZES[:2])
    with pytest.raises(ShapeError, match=r"got \[\]"):
        DfcCompleter([])


def test_the_real_networks_complete_a_short_clip() -> None:
    given = clip(3)
    networks = [dfc("resnet50", 1), dfc("resnet50", 2), dfc("resnet50", 2)]
    completer = DfcCompleter(networks, sizes=SIZES, runtime=Runtime(device="cpu"))
    for t, pair in completer.complete(*given, wanted=[0, 1]):
        assert pair.fw.shape == given[0][t].shape
        assert np.isfinite(pair.fw).all()
        assert np.isfinite(pair.bw).all()
