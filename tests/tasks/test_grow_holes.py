"""Growth as a stage: a box moves over a panned scene with a shadow that its mask leaves out."""

import cv2
import numpy as np
import pytest

from flows.configs.run_config import load_config
from flows.pipeline.plan import plan_video
from flows.pipeline.stage_order import inpaint_clip
from flows.pipeline.summary import describe, summarise
from storage.cache import array_layout
from storage.cache.root import Root
from tasks.decode import MediaInput
from tasks.grow_holes import GrowHolesParams, grow_holes
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job
from tests.clips import write_images
from tests.dfvi_models.registration.scenes import HEIGHT, WIDTH, panning

COUNT = 9
SHADOW = (slice(66, 74), slice(56, 86))
QUICK = ["drafts=[]", "estimate_flow.scale=0.5", "deflicker.strength=0", "decode.dilation=0"]


@pytest.fixture
def scene(tmp_path):
    frames, holes = panning(COUNT, step=(8, 1)), np.zeros((COUNT, HEIGHT, WIDTH), bool)
    holes[:, 45:66, 56:86] = True
    shown = frames.copy()
    shown[:, SHADOW[0], SHADOW[1]] //= 2
    shown[holes] = 0
    write_images(tmp_path / "frames", shown)
    write_images(tmp_path / "masks", holes.astype(np.uint8) * 255)
    return frames, holes


def run(tmp_path, *settings):
    root = Root.create(str(tmp_path / "root"))
    step = DirectRunner(Job(str(root.path), "clip"))
    inputs = MediaInput.video(str(tmp_path / "frames")), MediaInput.mask(str(tmp_path / "masks"))
    config = load_config(settings=[*QUICK, *settings], encode={"container": "png"})
    return step, inpaint_clip(step, config, *inputs), (config, *inputs)


def images_of(step, results):
    store = results.encoded.open(step.job)
    return np.stack([cv2.imread(str(store.file(name)))[..., ::-1] for name in sorted(store.manifest.files)])


def test_a_shadow_is_removed_with_what_cast_it_and_reported(tmp_path, scene):
    frames, holes = scene
    step, results, request = run(tmp_path)
    errors = [
        np.abs(images_of(*done).astype(int) - frames)[:, SHADOW[0], SHADOW[1]].mean()
        for done in ((step, results), run(tmp_path, "grow_holes.reach=0")[:2])
    ]
    assert errors[0] < 6
    assert errors[1] > 30
    (grown,) = [result for result in step.done if result.stage == "grow_holes"]
    stored = np.stack(list(grown.open(step.job)["holes"]))
    assert grown.attributes["added_pixels"] == (stored & ~holes).sum() > 1000
    assert grown.attributes["hole_pixels"] == stored.sum()
    summary = summarise(step.job, results, step.done, tmp_path, 1.0)
    assert summary.hole_pixels == stored.sum()
    assert summary.propagated + summary.invented == pytest.approx(1)
    assert f"shadows and blurred edges beside the mask are {summary.grown:.1%} of the hole" in describe(summary)
    plan = plan_video(Root.open(step.job.root).path, "clip", *request)
    assert {row.action for row in plan} == {"reuse"}


def test_sixteen_bits_are_kept_outside_the_grown_hole_only(tmp_path, scene):
    frames, _ = scene
    deep = [cv2.imread(str(path)).astype(np.uint16) * 257 + 3 for path in sorted((tmp_path / "frames").iterdir())]
    for path, frame in zip(sorted((tmp_path / "frames").iterdir()), deep, strict=True):
        cv2.imwrite(str(path), frame)
    step, results, _ = run(tmp_path)
    store = results.encoded.open(step.job)
    (grown,) = [result for result in step.done if result.stage == "grow_holes"]
    for t, name in enumerate(sorted(store.manifest.files)):
        image = cv2.imread(str(store.file(name)), cv2.IMREAD_UNCHANGED)
        kept = (image == deep[t]).all(axis=2)
        hole = grown.open(step.job)["holes"][t]
        np.testing.assert_array_equal(kept[~hole], True)
        assert kept[hole].mean() < 0.01
    assert len(frames) == t + 1


def test_a_resumed_growth_is_that_of_one_run(tmp_path, scene):
    step, *_ = run(tmp_path)
    clip, _, grown, *_ = step.done
    whole = grown.open(step.job)
    with Root.create(str(tmp_path / "other")).writing("clip", whole.key, on_wait=lambda _: None) as out:
        out.begin()
        out.create(holes=array_layout.holes(COUNT, HEIGHT, WIDTH))
        for t in (0, 4):
            out.write(t, holes=whole["holes"][t])
        grow_holes.body(
            out, clip=clip.open(step.job), params=GrowHolesParams(), job=Job(step.job.root, "clip", threads=2)
        )
        for t in range(COUNT):
            np.testing.assert_array_equal(out["holes"][t], whole["holes"][t])
        assert out.attributes == whole.attributes


def test_presets_say_whose_holes_grow():
    names = ("default", "quality", "fast", "paper", "paper-rule")
    assert [load_config(name).grow_holes.reach > 0 for name in names] == [True, True, False, False, False]
