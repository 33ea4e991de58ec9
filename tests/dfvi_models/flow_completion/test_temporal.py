import numpy as np
import pytest

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.smooth import SmoothCompleter
from dfvi_models.flow_completion.temporal import BLOCK, TemporalCompleter

SHAPE = (48, 64)


def complete_all(completer, flow_fw, flow_bw, holes, wanted=None, threads=1):
    wanted = range(len(flow_fw)) if wanted is None else wanted
    return dict(completer.complete(flow_fw, flow_bw, holes, wanted=wanted, threads=threads))


def moving_object_clip(count):
    """A still scene with a band that moves 2 px down a frame; the hole covers part of it, and moves to the left."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    flow_fw, flow_bw = [], []
    for _ in range(count):
        band = np.abs(x - 32) < 6
        fw = np.where(band[..., None], (0.0, 2.0), (0.0, 0.0)).astype(np.float32)
        flow_fw.append(fw)
        flow_bw.append(-fw)
    holes = []
    for t in range(count):
        middle = 20 + 4 * t
        holes.append((np.abs(y - 24) < 8) & (np.abs(x - middle) < 9))
    return flow_fw[:-1], flow_bw[:-1], holes


def random_clip(count, seed=0):
    random = np.random.default_rng(seed)
    flows = [list(random.normal(0, 1, (count - 1, 20, 24, 2)).astype(np.float32)) for _ in range(2)]
    holes = [np.zeros((20, 24), bool) for _ in range(count)]
    for t, hole in enumerate(holes):
        hole[5:12, 4 + t % 9 : 12 + t % 9] = True
    return *flows, holes


def erase(flows, holes):
    return [np.where(hole[..., None], 99, flow).astype(np.float32) for hole, flow in zip(holes, flows, strict=True)]


def error_in_holes(completed, flow_fw, holes):
    return np.mean([np.linalg.norm(completed[t].fw - flow_fw[t], axis=-1)[holes[t]].mean() for t in completed])


def test_motion_seen_before_and_after_is_better_than_what_surrounds_the_hole():
    flow_fw, flow_bw, holes = moving_object_clip(8)
    erased, back = erase(flow_fw, holes[:-1]), erase(flow_bw, holes[1:])
    smooth = error_in_holes(complete_all(SmoothCompleter(1), erased, back, holes), flow_fw, holes)
    temporal = error_in_holes(complete_all(TemporalCompleter(1), erased, back, holes), flow_fw, holes)
    assert temporal < 0.6 * smooth


def test_one_motion_everywhere_is_continued_exactly():
    flow = np.broadcast_to(np.array([1.5, -0.75], np.float32), (*SHAPE, 2)).copy()
    hole = np.zeros(SHAPE, bool)
    hole[10:30, 20:40] = True
    erased = np.where(hole[..., None], 99, flow).astype(np.float32)
    for pair in complete_all(TemporalCompleter(3), [erased] * 4, [-erased] * 4, [hole] * 5).values():
        np.testing.assert_allclose(pair.fw, flow, atol=0.02)
        np.testing.assert_allclose(pair.bw, -flow, atol=0.02)


def test_flow_outside_the_grown_holes_is_bit_equal_and_inside_it_is_not_read():
    flow_fw, flow_bw, holes = random_clip(6)
    first = complete_all(TemporalCompleter(2), flow_fw, flow_bw, holes)
    second = complete_all(TemporalCompleter(2), erase(flow_fw, holes[:-1]), flow_bw, holes)
    for t, pair in first.items():
        np.testing.assert_array_equal(pair.fw, second[t].fw)
        changed = (pair.fw != flow_fw[t]).any(axis=-1)
        assert changed[holes[t]].all()
        assert not changed[:3].any()


@pytest.mark.parametrize("rounds", [1, 2])
def test_result_of_a_pair_depends_neither_on_what_else_is_wanted_nor_on_threads(rounds):
    flow_fw, flow_bw, holes = random_clip(2 * BLOCK + 5)
    completer = TemporalCompleter(1, rounds=rounds)
    whole = complete_all(completer, flow_fw, flow_bw, holes)
    some = complete_all(completer, flow_fw, flow_bw, holes, wanted=[BLOCK + 1, 2 * BLOCK + 3], threads=2)
    assert list(some) == [BLOCK + 1, 2 * BLOCK + 3]
    for t, pair in some.items():
        np.testing.assert_array_equal(pair.fw, whole[t].fw)
        np.testing.assert_array_equal(pair.bw, whole[t].bw)


def test_no_rounds_and_no_strength_are_the_smooth_fill():
    flow_fw, flow_bw, holes = random_clip(5)
    smooth = complete_all(SmoothCompleter(2), flow_fw, flow_bw, holes)
    for completer in (TemporalCompleter(2, rounds=0), TemporalCompleter(2, strength=0)):
        for t, pair in complete_all(completer, flow_fw, flow_bw, holes).items():
            np.testing.assert_array_equal(pair.fw, smooth[t].fw)


def test_each_flow_is_read_once_in_a_whole_run():
    flow_fw, flow_bw, holes = random_clip(3 * BLOCK)

    class Counted(list):
        reads = 0

        def __getitem__(self, t):
            Counted.reads += 1
            return super().__getitem__(t)

    complete_all(TemporalCompleter(1), Counted(flow_fw), flow_bw, holes)
    assert Counted.reads == len(flow_fw)


def test_clips_without_holes_without_pairs_and_wholly_hidden_ones_work():
    flow_fw, flow_bw, holes = random_clip(3)
    none = [np.zeros_like(hole) for hole in holes]
    np.testing.assert_array_equal(complete_all(TemporalCompleter(), flow_fw, flow_bw, none)[1].fw, flow_fw[1])
    everything = [np.ones_like(hole) for hole in holes]
    assert not complete_all(TemporalCompleter(), flow_fw, flow_bw, everything)[1].fw.any()
    assert complete_all(TemporalCompleter(), [], [], holes[:1]) == {}


def test_holes_may_be_larger_than_the_flow():
    flow_fw, flow_bw, holes = random_clip(5)
    double = [hole.repeat(2, axis=0).repeat(2, axis=1) for hole in holes]
    first = complete_all(TemporalCompleter(0), flow_fw, flow_bw, holes)
    for t, pair in complete_all(TemporalCompleter(0), flow_fw, flow_bw, double).items():
        np.testing.assert_array_equal(pair.fw, first[t].fw)


def test_lengths_and_numbers_that_do_not_fit_are_refused():
    flow_fw, flow_bw, holes = random_clip(4)
    with pytest.raises(ShapeError, match="need 3 flows"):
        TemporalCompleter().complete(flow_fw[1:], flow_bw, holes, wanted=[0])
    with pytest.raises(ValueError, match=r"0\.\.2"):
        TemporalCompleter().complete(flow_fw, flow_bw, holes, wanted=[3])
    with pytest.raises(ShapeError, match="must both be"):
        list(TemporalCompleter().complete(flow_fw, [flow[1:] for flow in flow_bw], holes, wanted=[0]))
    with pytest.raises(ValueError, match="decay above 0"):
        TemporalCompleter(decay=0)
