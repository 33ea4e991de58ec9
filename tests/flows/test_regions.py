"""Regions: a small hole is filled in a box around it, by itself, and laid over the decoded frames."""

import numpy as np
import pytest

from flows.configs.run_config import load_config
from flows.pipeline.plan import plan_video
from flows.pipeline.stage_order import inpaint_clip
from storage.cache.root import Root
from tasks.decode import MediaInput
from tasks.shots.filled_shots import ShownClip
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job
from tests.clips import write_images

COUNT, HEIGHT, WIDTH = 5, 200, 420
LEFT, RIGHT = (slice(60, 74), slice(40, 60)), (slice(80, 92), slice(350, 366))


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(5)
    coarse = rng.integers(40, 215, (HEIGHT // 4 + 1, WIDTH // 4 + 12, 3), np.uint8)
    texture = np.kron(coarse, np.ones((4, 4, 1), np.uint8))
    return np.stack([texture[:HEIGHT, 3 * t : 3 * t + WIDTH] for t in range(COUNT)])


def holes_of(*places):
    holes = np.zeros((COUNT, HEIGHT, WIDTH), np.uint8)
    for place in places:
        holes[:, *place] = 255
    return holes


@pytest.fixture
def fill(tmp_path):
    """Fills frames; returns what was done, the frames shown, and what a plan says afterwards."""

    def run(name, frames, holes, *settings, root="root"):
        write_images(tmp_path / name / "frames", frames)
        write_images(tmp_path / name / "masks", holes)
        inputs = MediaInput.video(str(tmp_path / name / "frames")), MediaInput.mask(str(tmp_path / name / "masks"))
        config = load_config("fast", settings=["decode.dilation=0", "encode.container=png", *settings])
        runner = DirectRunner(Job(str(Root.create(tmp_path / root).path), "clip"))
        results = inpaint_clip(runner, config, *inputs)
        shown = ShownClip(results.clip.open(runner.job), results.filled.open(runner.job))
        plan = plan_video(tmp_path / root, "clip", config, *inputs)
        return runner, np.stack([shown.frames[t] for t in range(COUNT)]), plan

    return run


def regions_of(runner, action=None):
    return {result.shot for result in runner.done if result.shot and action in (None, result.action)}


def test_two_regions_are_filled_as_each_alone_and_only_hole_pixels_change(fill, frames):
    runner, both, plan = fill("both", frames, holes_of(LEFT, RIGHT))
    assert regions_of(runner) == {"0-4 108x110+0+12", "0-4 112x108+302+32"}
    assert {row.action for row in plan} == {"reuse"}
    _, left, _ = fill("left", frames, holes_of(LEFT), root="left root")
    _, right, _ = fill("right", frames, holes_of(RIGHT), root="right root")
    expected = np.where(holes_of(LEFT)[..., None] > 0, left, np.where(holes_of(RIGHT)[..., None] > 0, right, frames))
    np.testing.assert_array_equal(both, expected)
    assert (both[holes_of(LEFT) > 0] != frames[holes_of(LEFT) > 0]).any()


def test_a_region_is_known_again_where_something_changes_far_from_it(fill, frames):
    fill("first", frames, holes_of(LEFT, RIGHT))
    changed = frames.copy()
    changed[2, 150:, 200:240] = 0
    changed[3, 100:110, 400:410] = 0
    runner, _, _ = fill("second", changed, holes_of(LEFT, RIGHT))
    assert regions_of(runner, "reuse") == {"0-4 108x110+0+12"}
    assert regions_of(runner, "compute") == {"0-4 112x108+302+32"}


def test_whole_frames_are_filled_where_regions_are_none(fill, frames):
    runner, shown, _ = fill("clip", frames, holes_of(LEFT), "find_shots.regions=none")
    assert regions_of(runner) == set()
    assert "cut_region" not in {result.stage for result in runner.done}
    outside = holes_of(LEFT) == 0
    np.testing.assert_array_equal(shown[outside], frames[outside])


def test_holes_grow_in_a_region_as_far_as_in_the_whole_frame(fill, frames):
    runner, _, _ = fill("clip", frames, holes_of(LEFT), "grow_holes.reach=0.1")
    (grown,) = (result for result in runner.done if result.stage == "grow_holes")
    assert grown.open(runner.job).key.params["reach"] == pytest.approx(0.1 * HEIGHT / 108)


def test_a_plate_is_laid_over_a_region(fill, frames, tmp_path):
    write_images(tmp_path / "plates", frames[2:3])
    (plate,) = (tmp_path / "plates").iterdir()
    torn = np.where(holes_of(LEFT)[..., None] > 0, np.uint8(0), frames)
    _, shown, _ = fill("clip", torn, holes_of(LEFT), f"plates={{2: {plate}}}")
    np.testing.assert_array_equal(shown[2], frames[2])


def test_a_small_hole_that_stands_still_does_not_grow(fill, frames):
    there_and_back, twice = np.concatenate([frames, frames[::-1]]), np.concatenate([holes_of(LEFT)] * 2)
    runner, _, plan = fill("clip", there_and_back, twice, "grow_holes.reach=0.1")
    assert "grow_holes" not in {result.stage for result in runner.done}
    assert {row.action for row in plan} == {"reuse"}
