import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfvi_models.errors import ShapeError
from dfvi_models.propagation.traced import trace
from dfvi_models.types import NO_SOURCE

DIRECTIONS = ("forward", "backward")


def trace_all(frames, holes, flow_fw, flow_bw, direction, wanted=None, **options):
    wanted = range(len(frames)) if wanted is None else wanted
    return dict(trace(frames, holes, flow_fw, flow_bw, direction=direction, wanted=wanted, **options))


def panning_clip(count, shape, move, seed=0):
    """A random scene that moves by whole pixels a frame, and its exact flows."""
    (height, width), (dx, dy) = shape, move
    random = np.random.default_rng(seed)
    scene = random.integers(0, 256, (height + abs(dy) * count, width + abs(dx) * count, 3)).astype(np.uint8)
    frames = []
    for t in range(count):
        top, left = (abs(move) * count * (move > 0) - move * t for move in (dy, dx))
        frames.append(scene[top : top + height, left : left + width].copy())
    there = np.broadcast_to(np.array(move, np.float32), (height, width, 2)).copy()
    return frames, [there] * (count - 1), [-there] * (count - 1)


def box(shape, rows, columns):
    hole = np.zeros(shape, bool)
    hole[rows, columns] = True
    return hole


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("move", [(1, 0), (0, 2), (-3, 1)])
def test_a_scene_that_moves_by_whole_pixels_is_traced_exactly(direction, move):
    frames, flow_fw, flow_bw = panning_clip(9, (20, 24), move)
    hole = box((20, 24), slice(8, 13), slice(9, 14))
    traced = trace_all(frames, [hole] * 9, flow_fw, flow_bw, direction)
    found = 0
    for t, candidates in traced.items():
        truth = frames[t][hole]
        for k in range(2):
            seen = candidates.source[k] != NO_SOURCE
            np.testing.assert_array_equal(candidates.colour[k][seen], truth[seen])
            assert (candidates.error[k] == 0).all()
            found += seen.sum()
    assert found > 200


def test_sources_and_errors_of_a_path_worked_out_by_hand():
    """One row, moving 1 px right a frame, hole at x = 2 and 3: what is at 3 in frame 2 was seen at 1 in frame 0."""
    frames = [np.array([[[10 * x + t] * 3 for x in range(6)]], np.uint8) for t in range(3)]
    hole = box((1, 6), slice(None), slice(2, 4))
    flow_fw = [np.zeros((1, 6, 2), np.float32) for _ in range(2)]
    flow_bw = [np.zeros((1, 6, 2), np.float32) for _ in range(2)]
    for fw, bw in zip(flow_fw, flow_bw, strict=True):
        fw[..., 0], bw[..., 0] = 1, -1
    flow_fw[1][..., 0] = 1.25
    traced = trace_all(frames, [hole] * 3, flow_fw, flow_bw, "forward")[2]
    np.testing.assert_array_equal(traced.source, [[1, 0], [0, NO_SOURCE]])
    np.testing.assert_array_equal(traced.colour[..., 0], [[11, 10], [0, 0]])
    np.testing.assert_array_equal(traced.error, [[0.25, 0.25], [0.25, 0]])


def test_colours_between_pixels_are_sampled_once_and_bilinearly():
    frames = [np.array([[[0] * 3, [100] * 3, [200] * 3, [0] * 3, [0] * 3]], np.uint8)] * 3
    hole = box((1, 5), slice(None), slice(3, 4))
    flow_bw = [np.full((1, 5, 2), (-1.5, 0), np.float32)] * 2
    flow_fw = [np.full((1, 5, 2), (1.5, 0), np.float32)] * 2
    traced = trace_all(frames, [hole] * 3, flow_fw, flow_bw, "forward")
    assert traced[1].colour[0, 0].tolist() == [150] * 3
    assert traced[2].source[:, 0].tolist() == [1, 0]
    assert traced[2].colour[1, 0].tolist() == [0] * 3


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_still_scene_is_copied_from_where_the_hole_was_not(direction):
    frame = np.random.default_rng(1).integers(0, 256, (12, 30, 3)).astype(np.uint8)
    holes = [box((12, 30), slice(3, 9), slice(2 * t, 2 * t + 6)) for t in range(10)]
    still = [np.zeros((12, 30, 2), np.float32)] * 9
    traced = trace_all([frame] * 10, holes, still, still, direction)
    reached = 0
    for t, candidates in traced.items():
        seen = candidates.source[0] != NO_SOURCE
        np.testing.assert_array_equal(candidates.colour[0][seen], frame[holes[t]][seen])
        reached += seen.sum()
    assert reached > 200


def test_a_step_whose_way_back_misses_ends_the_path():
    frames, flow_fw, flow_bw = panning_clip(3, (8, 8), (2, 0))
    hole = box((8, 8), slice(3, 5), slice(3, 5))
    wrong = [flow + 6 for flow in flow_fw]
    assert (trace_all(frames, [hole] * 3, wrong, flow_bw, "forward")[1].source == NO_SOURCE).all()
    assert (trace_all(frames, [hole] * 3, flow_fw, flow_bw, "forward")[1].source[0] == 0).all()


def test_paths_are_no_longer_than_allowed():
    frames, flow_fw, flow_bw = panning_clip(8, (9, 9), (1, 0))
    hole = box((9, 9), slice(2, 7), slice(2, 7))
    traced = trace_all(frames, [hole] * 8, flow_fw, flow_bw, "forward", max_steps=2)
    for t, candidates in traced.items():
        seen = candidates.source != NO_SOURCE
        assert (t - candidates.source[seen] <= 2).all()
    assert (traced[7].source[0].reshape(5, 5) != NO_SOURCE).tolist() == [[True, True, False, False, False]] * 5


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(DIRECTIONS), st.sets(st.integers(0, 6), min_size=1))
def test_the_result_of_a_frame_does_not_depend_on_what_else_is_wanted(seed, direction, wanted):
    random = np.random.default_rng(seed)
    frames = list(random.integers(0, 256, (7, 11, 13, 3)).astype(np.uint8))
    holes = list(random.random((7, 11, 13)) < 0.5)
    flow_fw = list(random.normal(0, 1, (6, 11, 13, 2)).astype(np.float32))
    flow_bw = list(random.normal(0, 1, (6, 11, 13, 2)).astype(np.float32))
    whole = trace_all(frames, holes, flow_fw, flow_bw, direction)
    some = trace_all(frames, holes, flow_fw, flow_bw, direction, wanted=wanted)
    assert list(some) == sorted(wanted, reverse=direction == "backward")
    for t, candidates in some.items():
        for name in ("colour", "source", "error", "invented"):
            np.testing.assert_array_equal(getattr(candidates, name), getattr(whole[t], name))


def test_colours_inside_holes_are_never_read():
    random = np.random.default_rng(4)
    frames = list(random.integers(0, 256, (6, 11, 13, 3)).astype(np.uint8))
    holes = list(random.random((6, 11, 13)) < 0.5)
    flows = [list(random.normal(0, 1, (5, 11, 13, 2)).astype(np.float32)) for _ in range(2)]
    other = [np.where(hole[..., None], 255 - frame, frame) for frame, hole in zip(frames, holes, strict=True)]
    for direction in DIRECTIONS:
        first = trace_all(frames, holes, *flows, direction)
        second = trace_all(other, holes, *flows, direction)
        assert sum((c.source != NO_SOURCE).sum() for c in first.values()) > 200
        for t in first:
            np.testing.assert_array_equal(first[t].colour, second[t].colour)


def test_a_colour_an_inpainter_made_is_marked_and_a_single_frame_has_no_candidates():
    frames, flow_fw, flow_bw = panning_clip(2, (6, 6), (0, 1))
    hole = box((6, 6), slice(3, 4), slice(2, 4))
    made = box((6, 6), slice(2, 3), slice(2, 3))
    traced = trace_all(frames, [hole] * 2, flow_fw, flow_bw, "forward", invented=[made] * 2)
    assert traced[1].invented[0].tolist() == [True, False]
    assert (trace_all(frames[:1], [hole], [], [], "backward")[0].source == NO_SOURCE).all()


class Counted(list):
    """A list that counts how often each item is read."""

    def __init__(self, items):
        super().__init__(items)
        self.reads = [0] * len(items)

    def __getitem__(self, t):
        self.reads[t] += 1
        return super().__getitem__(t)


def test_every_input_is_read_once():
    frames, flow_fw, flow_bw = panning_clip(8, (9, 9), (1, 0))
    inputs = [Counted(items) for items in (frames, [box((9, 9), slice(2, 7), slice(2, 7))] * 8, flow_fw, flow_bw)]
    for direction in DIRECTIONS:
        trace_all(*inputs, direction)
    assert all(count == 2 for items in inputs for count in items.reads)  # once for each direction


def test_a_flow_too_few_and_an_unknown_direction_are_refused():
    frames, flow_fw, flow_bw = panning_clip(3, (6, 6), (1, 0))
    holes = [np.zeros((6, 6), bool)] * 3
    with pytest.raises(ShapeError, match="3 frames need 2 flows each way; got 1 and 2"):
        trace(frames, holes, flow_fw[:1], flow_bw, direction="forward", wanted=[0])
    with pytest.raises(ValueError, match="sideways"):
        trace(frames, holes, flow_fw, flow_bw, direction="sideways", wanted=[0])
    with pytest.raises(ValueError, match=r"0\.\.2"):
        trace(frames, holes, flow_fw, flow_bw, direction="forward", wanted=[3])
    with pytest.raises(ValueError, match="max_steps"):
        trace(frames, holes, flow_fw, flow_bw, direction="forward", wanted=[0], max_steps=0)
