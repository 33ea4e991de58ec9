import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfvi_models.errors import ShapeError
from dfvi_models.image_inpainting.key_frames import key_frames
from dfvi_models.merging.nearest import merge_nearest
from dfvi_models.propagation.nearest import propagate
from dfvi_models.types import INVENTED, NO_SOURCE
from tests import oracles
from tests.paths import GOLDEN

DIRECTIONS = ("forward", "backward")


def propagate_all(frames, holes, flow_fw, flow_bw, limit, **options):
    """Both sweeps over every frame: {t: Candidates} forward and backward."""
    return tuple(
        dict(
            propagate(
                frames,
                holes,
                flow_fw,
                flow_bw,
                direction=direction,
                max_consistency_error=limit,
                wanted=range(len(frames)),
                **options,
            )
        )
        for direction in DIRECTIONS
    )


def fill_once(frames, holes, flow_fw, flow_bw, limit, **options):
    forward, backward = propagate_all(frames, holes, flow_fw, flow_bw, limit, **options)
    return [merge_nearest(frames[t], holes[t], t, forward[t], backward[t]) for t in range(len(frames))]


def mean_filled(frame, hole):
    """The golden files' stand-in for the key-frame inpainter."""
    filled = frame.copy()
    filled[hole] = np.rint(frame[~hole].astype(np.float64).mean(axis=0))
    return filled


@pytest.mark.parametrize("clip", ["prop_pan", "prop_still", "prop_still_gaps"])
def test_a_whole_run_equals_the_reference_bit_for_bit(clip):
    with np.load(GOLDEN / f"{clip}.npz") as file:
        golden = dict(file)
    frames, holes = list(golden["frames_bgr"]), list(golden["masks"] > 0)
    expected_keys = np.split(golden["fixed_key_ids"], golden["fixed_key_offsets"][1:-1])
    for iteration, holes_after in enumerate(golden["fixed_holes_after_iter"]):
        merged = fill_once(frames, holes, golden["flow_f"], golden["flow_b"], float(golden["th_warp"]))
        frames, holes = [m.frame for m in merged], [m.hole for m in merged]
        assert [int(hole.sum()) for hole in holes] == holes_after.tolist()
        keys = key_frames([bool(hole.any()) for hole in holes])
        if iteration < len(expected_keys):
            assert keys == expected_keys[iteration].tolist()
        for t in keys:
            frames[t], holes[t] = mean_filled(frames[t], holes[t]), np.zeros_like(holes[t])
    assert not any(hole.any() for hole in holes)
    np.testing.assert_array_equal(frames, golden["fixed_out"])


@pytest.mark.parametrize("clip", ["prop_pan", "prop_still", "prop_still_gaps"])
def test_time_stamps_of_both_sweeps_equal_the_reference(clip):
    with np.load(GOLDEN / f"{clip}.npz") as file:
        golden = dict(file)
    holes = golden["masks"] > 0
    sweeps = propagate_all(golden["frames_bgr"], holes, golden["flow_f"], golden["flow_b"], float(golden["th_warp"]))
    for side, candidates in enumerate(sweeps):
        for t, hole in enumerate(holes):
            np.testing.assert_array_equal(candidates[t].source[0], golden["iter0_timestamps"][t, hole, side])


@st.composite
def clips(draw):
    """Random frames, holes and rough flow of a small random size, with a random threshold."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    count, height, width = draw(st.integers(1, 5)), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    frames = rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    holes = rng.random((count, height, width)) < draw(st.sampled_from([0.0, 0.2, 0.7, 1.0]))
    shift = rng.integers(-2, 3, (max(count - 1, 0), 1, 1, 2))
    noise = draw(st.sampled_from([0.0, 0.5, 2.0]))
    shape = (max(count - 1, 0), height, width, 2)
    flow_fw = (shift + noise * rng.standard_normal(shape)).astype(np.float32)
    flow_bw = (-shift + noise * rng.standard_normal(shape)).astype(np.float32)
    return list(frames), list(holes), list(flow_fw), list(flow_bw), draw(st.sampled_from([0.3, 1.0, 5.0]))


@settings(max_examples=150, deadline=None)
@given(clips(), st.booleans())
def test_hole_pixels_alone_give_what_whole_frames_give(clip, reach_border):
    holes = clip[1]
    merged = fill_once(*clip, reach_border=reach_border)
    expected = oracles.propagate_and_merge(*clip, reach_border)
    for one, (frame, hole, source) in zip(merged, expected, strict=True):
        np.testing.assert_array_equal(one.frame, frame)
        np.testing.assert_array_equal(one.hole, hole)
        np.testing.assert_array_equal(one.source, source)
    for direction, candidates in zip(DIRECTIONS, propagate_all(*clip, reach_border=reach_border), strict=True):
        planes = oracles.sweep(*clip, direction, reach_border)
        for t, hole in enumerate(holes):
            np.testing.assert_array_equal(candidates[t].error[0], planes[t][2][hole])


@settings(max_examples=50, deadline=None)
@given(clips())
def test_pixels_outside_the_holes_never_change(clip):
    frames, holes = clip[:2]
    for frame, hole, merged in zip(frames, holes, fill_once(*clip), strict=True):
        np.testing.assert_array_equal(merged.frame[~hole], frame[~hole])
        assert not (merged.hole & ~hole).any()


@settings(max_examples=100, deadline=None)
@given(clips(), st.data())
def test_a_resumed_sweep_equals_a_whole_one(clip, data):
    frames, holes, flow_fw, flow_bw, limit = clip
    invented = [np.random.default_rng(t).random(hole.shape) < 0.3 for t, hole in enumerate(holes)]
    wanted = data.draw(st.lists(st.integers(0, len(frames) - 1), unique=True))
    for direction, whole in zip(DIRECTIONS, propagate_all(*clip, invented=invented), strict=True):
        asked = []

        def read(t, whole=whole, asked=asked):
            asked.append(t)
            return whole[t]

        resumed = list(
            propagate(
                frames,
                holes,
                flow_fw,
                flow_bw,
                direction=direction,
                max_consistency_error=limit,
                wanted=wanted,
                previous=read,
                invented=invented,
            )
        )
        assert [t for t, _ in resumed] == sorted(wanted, reverse=direction == "backward")
        assert not set(asked) & set(wanted)
        for t, candidates in resumed:
            for name in ("colour", "source", "error", "invented"):
                np.testing.assert_array_equal(getattr(candidates, name), getattr(whole[t], name))


@settings(max_examples=50, deadline=None)
@given(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 2**32 - 1))
def test_a_picture_shifted_by_whole_pixels_is_restored_exactly(dx, dy, seed):
    rng = np.random.default_rng(seed)
    world = rng.integers(1, 256, (40, 40, 3), dtype=np.uint8)
    corners = [(15 - dy * t, 15 - dx * t) for t in range(4)]  # content moves by (dx, dy) a frame
    frames = [world[y : y + 16, x : x + 16] for y, x in corners]
    holes = [np.zeros((16, 16), bool) for _ in frames]
    holes[2][6:9, 6:10] = True
    flow_fw = [np.full((16, 16, 2), (dx, dy), np.float32)] * 3
    flow_bw = [-flow_fw[0]] * 3
    merged = fill_once(frames, holes, flow_fw, flow_bw, 1.0)[2]
    np.testing.assert_array_equal(merged.frame, frames[2])
    assert not merged.hole.any()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.data())
def test_a_still_scene_is_copied_from_the_nearer_frame(count, data):
    frames = [np.full((4, 5, 3), 10 * (t + 1), np.uint8) for t in range(count)]
    hidden = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    holes = [np.full((4, 5), flag) for flag in hidden]
    still = [np.zeros((4, 5, 2), np.float32)] * (count - 1)
    seen = [t for t in range(count) if not hidden[t]]
    for t, merged in enumerate(fill_once(frames, holes, still, still, 1.0, reach_border=True)):
        if not seen:
            assert merged.hole.all()
            continue
        nearest = min(seen, key=lambda s: (abs(s - t), s))  # equally near: the earlier one
        assert (merged.frame == 10 * (nearest + 1)).all()
        assert (merged.source == (-1 if nearest == t else nearest)).all()


def still_clip(count=3, hole_from=1):
    frames = [np.full((3, 4, 3), t + 1, np.uint8) for t in range(count)]
    holes = [np.full((3, 4), t >= hole_from) for t in range(count)]
    still = [np.zeros((3, 4, 2), np.float32)] * (count - 1)
    return frames, holes, still, still


def test_a_clip_of_one_frame_has_candidates_from_nowhere():
    frames, holes, flow_fw, flow_bw = still_clip(1, hole_from=0)
    for sweep in propagate_all(frames, holes, flow_fw, flow_bw, 1.0):
        assert (sweep[0].source == NO_SOURCE).all()
        assert sweep[0].colour.shape == (1, 12, 3)


def test_colours_made_by_an_inpainter_stay_marked_wherever_they_go():
    frames, holes, flow_fw, flow_bw = still_clip()
    invented = [np.zeros((3, 4), bool) for _ in frames]
    invented[0][0, 0] = True
    merged = fill_once(frames, holes, flow_fw, flow_bw, 1.0, invented=invented, reach_border=True)
    assert [m.source[0, 0] for m in merged] == [-1, INVENTED, INVENTED]
    assert [m.source[0, 1] for m in merged] == [-1, 0, 0]


def test_errors_add_up_along_the_chain():
    frames, holes, _, _ = still_clip()
    flow_fw = [np.full((3, 4, 2), (0.25, 0), np.float32)] * 2
    flow_bw = [np.zeros((3, 4, 2), np.float32)] * 2
    forward, _ = propagate_all(frames, holes, flow_fw, flow_bw, 1.0)
    assert forward[1].error[0, 5] == 0.25
    assert forward[2].error[0, 5] == 0.5


def test_flow_of_another_size_is_brought_to_the_frames_grid():
    frames = [np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)] * 2
    frames = [frames[0], np.roll(frames[0], 2, axis=1)]
    holes = [np.zeros((8, 12), bool), np.zeros((8, 12), bool)]
    holes[1][2:5, 4:8] = True
    flow_fw = [np.full((4, 6, 2), (1, 0), np.float32)]  # one pixel at half size is two at full size
    merged = fill_once(frames, holes, flow_fw, [-flow_fw[0]], 1.0)
    np.testing.assert_array_equal(merged[1].frame, frames[1])


def test_starting_in_the_middle_needs_the_candidates_before():
    frames, holes, flow_fw, flow_bw = still_clip()
    arguments = {"direction": "forward", "max_consistency_error": 1.0, "wanted": [2]}
    with pytest.raises(ValueError, match="frame 2 needs the candidates of frame 1"):
        list(propagate(frames, holes, flow_fw, flow_bw, **arguments))


def test_candidates_of_another_hole_are_refused():
    frames, holes, flow_fw, flow_bw = still_clip()
    forward, _ = propagate_all(frames, holes, flow_fw, flow_bw, 1.0)
    arguments = {"direction": "forward", "max_consistency_error": 1.0, "wanted": [2]}
    with pytest.raises(ShapeError, match=r"candidates of frame 1 are \(1, 0\) .* the hole has 12 pixels"):
        list(propagate(frames, holes, flow_fw, flow_bw, previous=lambda t: forward[0], **arguments))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": "sideways"}, "sideways"),
        ({"wanted": [3]}, r"0\.\.2; got 3\.\.3"),
        ({"max_consistency_error": 0.0}, "above 0 px; got 0.0"),
        ({"max_consistency_error": float("nan")}, "above 0 px; got nan"),
        ({"invented": []}, "as many planes of invented pixels; got 0"),
    ],
)
def test_impossible_arguments_are_refused_at_the_call(change, message):
    arguments = {"direction": "forward", "max_consistency_error": 1.0, "wanted": [0, 1, 2]} | change
    with pytest.raises(ValueError, match=message):
        propagate(*still_clip(), **arguments)


@pytest.mark.parametrize("plane", [np.zeros((3, 5), bool), np.zeros((3, 4), np.uint8)])
def test_invented_planes_of_another_size_or_type_are_refused(plane):
    arguments = {"direction": "forward", "max_consistency_error": 1.0, "wanted": [0, 1]}
    with pytest.raises(ShapeError, match=r"invented pixels of frame 0 must be \(3, 4\) bool"):
        list(propagate(*still_clip(), invented=[plane] * 3, **arguments))


def test_arrays_that_may_not_be_written_to_are_read():
    clip = still_clip()
    for arrays in clip:
        for array in arrays:
            array.setflags(write=False)
    assert [m.source[0, 0] for m in fill_once(*clip, 1.0)] == [-1, 0, 0]


def test_lengths_that_do_not_belong_together_are_refused():
    frames, holes, flow_fw, flow_bw = still_clip()
    arguments = {"direction": "forward", "max_consistency_error": 1.0, "wanted": [0]}
    with pytest.raises(ShapeError, match="3 frames need 2 flows each way; got 1 and 2"):
        propagate(frames, holes, flow_fw[:1], flow_bw, **arguments)


@pytest.mark.parametrize(
    ("hole", "message"),
    [(np.zeros((3, 4), np.uint8), "uint8"), (np.ones((3, 5), bool), r"hole 1 \(3, 5\)")],
)
def test_holes_of_another_type_or_size_are_refused(hole, message):
    frames, holes, flow_fw, flow_bw = still_clip()
    holes[1] = hole
    arguments = {"direction": "forward", "max_consistency_error": 1.0, "wanted": [0, 1]}
    with pytest.raises(ShapeError, match=message):
        list(propagate(frames, holes, flow_fw, flow_bw, **arguments))
