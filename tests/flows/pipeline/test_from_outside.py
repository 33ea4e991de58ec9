"""What it takes to add a method or a stage: it is done here from outside, and nothing else is touched."""

import numpy as np
import pytest
from pydantic import Field

from dfvi_models import registry
from dfvi_models.methods import EstimatorMethod
from dfvi_models.types import FlowPair
from flows.configs.run_config import RunConfig, explain_keys, lay_over, load_config, parse_settings, read_preset
from flows.pipeline.plan import Planner
from flows.pipeline.preflight import stages_on
from flows.pipeline.runner import Runner
from flows.pipeline.stage_order import FilledResult, fill_clip
from storage.cache import array_layout
from storage.cache.root import Root
from tasks.decode import MediaInput, decode
from tasks.encode import encode
from tasks.estimate_flow import estimate_flow
from tasks.shots.filled_clip import FilledClip
from tasks.shots.filled_shots import FilledShot, FilledShots
from tasks.stage.cached_stage import Job, StageParams, stage
from tests.clips import panning_clip


class Still(EstimatorMethod):
    """Nothing moves, or everything by the same amount."""

    name = "still"

    shift: float = 0.0
    """Pixels to the right from frame to frame."""

    def build(self, resources, *, working_size):
        return StillEstimator(self.shift, working_size)


class StillEstimator:
    def __init__(self, shift, size):
        self.flow = np.full((*size, 2), (shift, 0), np.float32)

    def estimate(self, frames, holes, *, wanted, threads=1):
        return ((t, FlowPair(fw=self.flow, bw=-self.flow)) for t in sorted(wanted))


class BrightenParams(StageParams):
    """How much lighter the result becomes."""

    by: int = Field(0, ge=0, le=255)
    """Grey levels added."""


@stage(version=1)
def brighten(out, *, merged, fill=None, params, job):
    """Write every frame a little lighter: the same arrays as merge."""
    seen = FilledClip(merged, fill)
    size = (seen.count, seen.height, seen.width)
    for t in out.create(frames=array_layout.frames(*size), holes=array_layout.holes(*size)):
        out.write(
            t, frames=np.minimum(seen.frames[t].astype(int) + params.by, 255).astype(np.uint8), holes=seen.holes[t]
        )
    out.attributes.update(merged.attributes)


class BrighterConfig(RunConfig):
    brighten: BrightenParams = BrightenParams()
    """What makes it lighter."""


def inpaint_brighter(step, config, video, mask):
    clip = step(decode, config.decode, video=video, mask=mask)
    filled = fill_clip(step, config, clip)
    brighter = FilledResult(step(brighten, config.brighten, merged=filled.merged, fill=filled.fill))
    shown = FilledShots((FilledShot(0, brighter.merged),))
    return step(encode, config.encode, clip=clip, filled=shown, video=video)


@pytest.fixture
def still():
    registry.register(Still)
    yield
    registry.unregister(Still)


@pytest.fixture
def inputs(tmp_path):
    clip = panning_clip(tmp_path / "clip", count=3)
    return MediaInput.video(str(clip.video)), MediaInput.mask(str(clip.mask))


def settings(*more):
    quick = ["drafts=[]", "register_frames.distances=[]", "fill_key_frames.inpainter=smooth"]
    return [*quick, "encode.container=png", *more]


def test_a_flow_estimator_takes_a_class_and_its_registration(still, inputs, tmp_path, prefect_server):
    root = Root.create(tmp_path / "root")
    config = load_config(settings=settings("estimate_flow.estimator=still", "estimate_flow.shift=1.5"))
    assert config.model_dump()["estimate_flow"]["shift"] == 1.5
    planner, runner = Planner(root, "clip"), Runner(Job(str(root.path), "clip"))
    for step in (planner, runner):
        clip = step(decode, config.decode, video=inputs[0], mask=inputs[1])
        step(estimate_flow, config.estimate_flow, clip=clip)
    assert [each.digest for each in planner.stages] == [each.digest for each in runner.done]
    assert (runner.done[1].open(runner.job)["flow_fw"][0] == (1.5, 0)).all()
    changed = load_config(settings=settings("estimate_flow.estimator=still", "estimate_flow.shift=2"))
    assert estimate_flow.key(changed.estimate_flow, {"clip": clip}).digest != runner.done[1].digest


def test_a_stage_takes_its_file_its_place_and_its_section(inputs, tmp_path, prefect_server):
    root = Root.create(tmp_path / "root")
    config = lay_over(BrighterConfig, read_preset("default"), [parse_settings(settings("brighten.by=9"))])
    assert {key: value for key, value, _ in explain_keys(config)}["brighten.by"] == "9"
    planner, runner, again = Planner(root, "clip"), Runner(Job(str(root.path), "clip")), Planner(root, "clip")
    for step in (planner, runner, again):
        inpaint_brighter(step, config, *inputs)
    assert {each.stage for each in planner.stages} == {
        each.name for each, _ in stages_on(lambda step: inpaint_brighter(step, config, *inputs))
    }
    assert [each.digest for each in planner.stages if each.stage == "brighten"] == [None]
    assert [each.digest for each in again.stages] == [each.digest for each in runner.done]
    assert {each.action for each in again.stages} == {"reuse"}
    plain, lighter = (next(r for r in runner.done if r.stage == name) for name in ("deflicker", "brighten"))
    before, after = (result.open(runner.job)["frames"][1].astype(int) for result in (plain, lighter))
    hole = next(r for r in runner.done if r.stage == "decode").open(runner.job)["holes"][1]
    np.testing.assert_array_equal(after[hole], np.minimum(before[hole] + 9, 255))
