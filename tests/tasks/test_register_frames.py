"""Registration as a stage: a camera that pans faster than flow can follow, and something that moves with it."""

import numpy as np
import pytest

from flows.configs.run_config import load_config
from flows.pipeline.stage_order import fill_clip
from storage.cache import array_layout
from storage.cache.root import Root
from storage.errors import InputError
from tasks.decode import DecodeParams, MediaInput, decode
from tasks.register_frames import RegisterFramesParams, register_frames
from tasks.stage.cached_stage import Job
from tests.clips import write_images
from tests.dfvi_models.registration.scenes import HEIGHT, WIDTH, hole_rms, panning, standing_hole, with_black_holes

FAST = (20, 3)
"""Pixels a frame: the background of a hole 35 wide is seen two frames away, but flow at half size does not find it."""


class Steps:
    """Runs stages without Prefect, and keeps their results and inputs."""

    def __init__(self, root, threads=1):
        self.job, self.done = Job(str(root), "clip", threads), []

    def __call__(self, stage, params, iteration=0, **inputs):
        given = {role: one for role, one in inputs.items() if one is not None}
        result = stage.run(self.job, params, given, iteration)
        self.done.append((stage, params, given, result))
        return result

    def last(self, stage):
        return next(step for step in reversed(self.done) if step[0] is stage)


@pytest.fixture
def scene(tmp_path):
    frames, holes = panning(7, FAST), standing_hole(7)
    write_images(tmp_path / "frames", with_black_holes(frames, holes))
    write_images(tmp_path / "masks", holes.astype(np.uint8) * 255)
    return frames, holes


def run(tmp_path, *settings, root="root", threads=1):
    step = Steps(Root.create(str(tmp_path / root)).path, threads)
    video, mask = MediaInput.video(str(tmp_path / "frames")), MediaInput.mask(str(tmp_path / "masks"))
    clip = step(decode, DecodeParams(dilation=0), video=video, mask=mask)
    config = load_config(settings=["drafts=[]", "estimate_flow.scale=0.5", *settings])
    filled = fill_clip(step, config, clip)
    return step, filled.merged.open(step.job)


def test_what_no_flow_follows_is_taken_from_frames_that_show_it(tmp_path, scene):
    frames, holes = scene
    step, with_distant = run(tmp_path)
    _, without = run(tmp_path, "register_frames.distances=[]")
    better, worse = (
        np.mean([hole_rms(store["frames"][t], frames[t], holes[t]) for t in range(7)])
        for store in (with_distant, without)
    )
    assert better < 10
    assert worse > 3 * better
    *_, result = step.last(register_frames)
    store = result.open(step.job)
    assert result.attributes["registered"] == sum(store["registered"][t].sum() for t in range(7)) > 3000
    assert with_distant.attributes["registered"] == result.attributes["registered"]
    taken = [set(np.unique(store["source"][t][store["registered"][t]])) for t in range(7)]
    assert all(sources <= set(range(7)) - {t - 1, t, t + 1} for t, sources in enumerate(taken))


def test_nothing_is_stored_outside_the_hole(tmp_path, scene):
    _, holes = scene
    step, _ = run(tmp_path)
    *_, result = step.last(register_frames)
    store = result.open(step.job)
    for t in range(7):
        assert not store["frames"][t][~holes[t]].any()
        assert not (store["holes"][t] | store["registered"][t])[~holes[t]].any()


def test_a_resumed_run_and_one_on_two_threads_give_the_same(tmp_path, scene):
    step, _ = run(tmp_path)
    _, params, inputs, result = step.last(register_frames)
    whole = result.open(step.job)
    opened = {role: given.open(step.job) for role, given in inputs.items()}
    root = Root.create(str(tmp_path / "other"))
    with root.writing("clip", whole.key, on_wait=lambda _: None) as out:
        out.begin()
        planes = array_layout.holes(7, HEIGHT, WIDTH)
        source = array_layout.values(7, HEIGHT, WIDTH, dtype="int32")
        out.create(frames=array_layout.frames(7, HEIGHT, WIDTH), holes=planes, source=source, registered=planes)
        for t in (1, 4):
            out.write(t, **{name: whole[name][t] for name in ("frames", "holes", "source", "registered")})
        register_frames.body(out, **opened, params=params, job=Job(step.job.root, "clip", threads=2))
        for name in ("frames", "holes", "source", "registered"):
            for t in range(7):
                np.testing.assert_array_equal(out[name][t], whole[name][t])
        assert out.attributes == whole.attributes


def test_only_what_comes_after_depends_on_its_parameters(tmp_path, scene):
    run(tmp_path)
    step, _ = run(tmp_path, "register_frames.bias=1")
    reused = {stage.name for stage, _, _, result in step.done if result.action == "reuse"}
    assert reused >= {"decode", "estimate_flow", "complete_flow", "propagate", "merge"}
    assert step.last(register_frames)[-1].action == "compute"


def test_presets_say_who_registers():
    def distances(preset):
        return load_config(preset).register_frames.distances

    assert distances("default") == distances("quality") == (2, 4, 8, 16, 25)
    assert [distances(name) for name in ("fast", "paper", "paper-rule", "paper-rule-plus")] == [()] * 4


@pytest.mark.parametrize("value", ["[0]", "[-2]", "near"])
def test_a_distance_that_is_none_is_refused(value):
    with pytest.raises(InputError, match=r"register_frames\.distances"):
        load_config(settings=[f"register_frames.distances={value}"])


def test_distances_are_kept_each_once_and_ascending():
    """The same frames are the same result."""
    assert RegisterFramesParams(distances=(8, 2, 8)) == RegisterFramesParams(distances=(2, 8))
