"""Videos of several shots: nothing crosses a cut, and each shot is a unit of its own for the cache."""

import numpy as np
import pytest

from flows.configs.run_config import load_config
from flows.pipeline.plan import plan_video
from flows.pipeline.stage_order import inpaint_clip
from storage.cache.root import Root
from storage.errors import InputError
from tasks.decode import MediaInput, decode
from tasks.find_shots import find_shots
from tasks.shots.filled_shots import ShownClip
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job
from tests.clips import write_images
from tests.dfvi_models.shots.made_up_shots import shot

LENGTHS = (7, 5, 6)
HOLE = (slice(30, 44), slice(60, 80))


def holes_of(count, empty=()):
    holes = np.zeros((count, 90, 160), np.uint8)
    holes[:, *HOLE] = 255
    holes[list(empty)] = 0
    return holes


def joined(takes):
    return [frame for take in takes for frame in take]


def computed(runner):
    return {(result.stage, result.shot) for result in runner.done if result.action == "compute"}


@pytest.fixture
def made(tmp_path):
    """Makes a video of shots, inpaints it, and returns what was done and the frames shown."""

    def make(name, frames, holes, *settings, root="root"):
        write_images(tmp_path / name / "frames", np.stack(frames))
        write_images(tmp_path / name / "masks", holes)
        inputs = MediaInput.video(str(tmp_path / name / "frames")), MediaInput.mask(str(tmp_path / name / "masks"))
        config = load_config("fast", settings=["decode.dilation=1", "encode.container=png", *settings])
        runner = DirectRunner(Job(str(Root.create(tmp_path / root).path), "clip"))
        results = inpaint_clip(runner, config, *inputs)
        shown = ShownClip(results.clip.open(runner.job), results.filled.open(runner.job))
        plan = plan_video(tmp_path / root, "clip", config, *inputs)
        return runner, np.stack([shown.frames[t] for t in range(shown.count)]), plan

    return make


@pytest.fixture
def takes():
    return [shot(seed, length, 2) for seed, length in enumerate(LENGTHS, 1)]


def test_joined_shots_give_bit_for_bit_what_each_shot_alone_gives(made, takes):
    runner, together, _ = made("joined", joined(takes), holes_of(sum(LENGTHS)))
    assert {result.shot for result in runner.done} == {"", "0-6", "7-11", "12-17"}
    alone = [
        made(f"alone {n}", take, holes_of(len(take)), "find_shots.shots=none", root=f"root {n}")[1]
        for n, take in enumerate(takes)
    ]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    _, ruined, _ = made("ruined", joined(takes), holes_of(sum(LENGTHS)), "find_shots.shots=none")
    assert (ruined != together).any()


def test_a_mask_corrected_in_one_shot_recomputes_that_shot_alone_and_the_plan_says_so(made, takes, tmp_path):
    made("first", joined(takes), holes_of(18))
    corrected = holes_of(18)
    corrected[9, 44:46, 60:80] = 255
    runner, _, plan = made("second", joined(takes), corrected)
    assert {shot for _, shot in computed(runner)} == {"", "7-11"}
    assert {stage for stage, shot in computed(runner) if not shot} == {"decode", "find_shots", "encode"}
    assert {row.shot for row in plan} == {"", "0-6", "7-11", "12-17"}
    assert {row.action for row in plan} == {"reuse"}


def test_a_plan_tells_which_shots_are_reused_and_why_the_corrected_one_is_not(made, takes, tmp_path):
    made("first", joined(takes), holes_of(18))
    corrected = holes_of(18)
    corrected[9, 44:46, 60:80] = 255
    write_images(tmp_path / "second" / "masks", corrected)
    inputs = MediaInput.video(str(tmp_path / "first/frames")), MediaInput.mask(str(tmp_path / "second/masks"))
    config = load_config("fast", settings=["decode.dilation=1", "encode.container=png"])
    plan = plan_video(tmp_path / "root", "clip", config, *inputs)
    assert [(row.action, row.why) for row in plan if row.stage == "decode"] == [("compute", "input mask changed")]
    runner = DirectRunner(Job(str(tmp_path / "root"), "clip"))
    clip = runner(decode, config.decode, video=inputs[0], mask=inputs[1])
    runner(find_shots, config.find_shots, clip=clip)
    plan = plan_video(tmp_path / "root", "clip", config, *inputs)
    assert {row.action for row in plan if row.shot in ("0-6", "12-17")} == {"reuse"}
    corrected_rows = [row for row in plan if row.shot == "7-11"]
    assert {row.action for row in corrected_rows} == {"compute"}
    assert corrected_rows[0].why == "input clip changed"


def test_a_shot_without_hole_is_neither_worked_on_nor_stored_and_is_shown_as_it_was(made, takes):
    runner, shown, _ = made("clip", joined(takes), holes_of(18, empty=range(7, 12)))
    assert {result.shot for result in runner.done} == {"", "0-6", "12-17"}
    np.testing.assert_array_equal(shown[7:12], takes[1])


def test_the_same_shot_at_another_place_is_known_again(made, takes):
    made("first", joined(takes), holes_of(18))
    swapped = takes[1] + takes[0] + takes[2]
    runner, _, _ = made("second", swapped, holes_of(18))
    assert {shot for _, shot in computed(runner)} == {""}


def test_shots_are_given_as_frames_of_the_video_or_in_a_file_and_counted_from_its_start(made, takes, tmp_path):
    (tmp_path / "shots.txt").write_text("# by hand\n7\n12\n")
    for name, given in (("list", "[7, 12]"), ("file", str(tmp_path / "shots.txt"))):
        runner, _, _ = made(
            name, joined(takes), holes_of(18), f"find_shots.shots={given}", "decode.start=3", root=f"root {name}"
        )
        assert {result.shot for result in runner.done} == {"", "3-6", "7-11", "12-17"}


def test_a_shot_that_begins_outside_the_video_is_one_line(made, takes):
    with pytest.raises(InputError, match=r"find_shots.shots names frame 40; .* may begin at 1 to 17 of this video"):
        made("clip", joined(takes), holes_of(18), "find_shots.shots=[40]")


def test_a_file_of_shots_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "shots.txt").write_text("seven\n")
    for path in (tmp_path / "shots.txt", tmp_path / "missing.txt"):
        with pytest.raises(
            InputError, match=r"find_shots.shots = .*expected auto, none, a list of frame numbers, or a"
        ):
            load_config(settings=[f"find_shots.shots={path}"])


def test_a_plan_from_nothing_says_that_shots_are_not_known_yet(takes, tmp_path):
    write_images(tmp_path / "frames", np.stack(joined(takes)))
    write_images(tmp_path / "masks", holes_of(18))
    inputs = MediaInput.video(str(tmp_path / "frames")), MediaInput.mask(str(tmp_path / "masks"))
    plan = plan_video(tmp_path / "root", "clip", load_config("fast"), *inputs)
    assert [row.stage for row in plan][:2] == ["decode", "find_shots"]
    assert [row.digest for row in plan if row.stage == "encode"] == [None]
    assert "find_shots, which tells the shots" in next(row.why for row in plan if row.stage == "estimate_flow")
