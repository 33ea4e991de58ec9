"""Warnings of stages reach the user, of those too that are reused."""

import logging

import numpy as np

import flows.pipeline.runner
from flows.cli.looking.plan import describe_plan
from flows.configs.run_config import load_config
from flows.pipeline.plan import PlannedStage
from flows.pipeline.runner import Runner
from flows.pipeline.stage_order import inpaint_clip
from flows.pipeline.summary import StageSummary, Summary, describe
from storage.cache.root import Root
from tasks.decode import DecodeParams, MediaInput, decode
from tasks.shots.shot import Shot
from tasks.shots.shot_batches import batches
from tasks.stage.cached_stage import Job, StageResult
from tests.clips import panning_clip, write_images
from tests.dfvi_models.shots.made_up_shots import shot


def test_a_mask_that_covers_nearly_everything_warns_when_computed_and_when_reused(tmp_path, caplog):
    clip = panning_clip(tmp_path / "clip", count=3)
    Root.create(tmp_path / "root")
    inputs = {"video": MediaInput.video(str(clip.video)), "mask": MediaInput.mask(str(clip.mask))}
    job = Job(str(tmp_path / "root"), "clip")
    actions = []

    def without_prefect(job, *, params, iteration, **inputs):
        result = decode.run(job, params, inputs, iteration)
        actions.append(result.action)
        return result

    for _ in range(2):
        runner = Runner(job)
        with caplog.at_level(logging.WARNING):
            runner(without_prefect, DecodeParams(invert_mask=True), **inputs)
            runner(without_prefect, DecodeParams(invert_mask=True), **inputs)
        (warning,) = runner.warnings
        assert "of all frames; if it marks what is kept set decode.invert_mask" in warning
        assert "decode.mask_threshold" in warning
        assert [record.getMessage() for record in caplog.records] == [f"clip: {warning}"]
        caplog.clear()
    assert actions == ["compute", "reuse", "reuse", "reuse"]
    fine = Runner(job)
    fine(without_prefect, DecodeParams(), **inputs)
    assert fine.warnings == []
    assert np.mean(clip.holes) < 0.2


def many_shots(tmp_path, count):
    frames = [frame for seed in range(count) for frame in shot(seed, 2)]
    masks = np.zeros((2 * count, *frames[0].shape[:2]), np.uint8)
    masks[:, 40:50, 60:80] = 255
    write_images(tmp_path / "frames", np.stack(frames))
    write_images(tmp_path / "masks", masks)
    return MediaInput.video(str(tmp_path / "frames")), MediaInput.mask(str(tmp_path / "masks"))


def test_many_shots_are_few_tasks_and_come_out_as_they_do_one_by_one(tmp_path, prefect_server, monkeypatch):
    inputs = many_shots(tmp_path, 6)
    begins = list(range(2, 12, 2))
    config = load_config("fast", settings=["drafts=[]", f"find_shots.shots={begins}", "encode.container=png"])
    monkeypatch.setattr(flows.pipeline.runner, "MOST_SHOTS_AS_TASKS", 3)
    monkeypatch.setattr(flows.pipeline.runner, "MOST_BATCHES", 2)
    tasks = []
    whole = flows.pipeline.runner.task_of
    monkeypatch.setattr(flows.pipeline.runner, "task_of", lambda *given: tasks.append(given[2]) or whole(*given))
    digests, shown = [], []
    for number, threads in enumerate((1, 2)):
        runner = Runner(Job(str(Root.create(tmp_path / f"root {number}").path), "clip", threads))
        results = inpaint_clip(runner, config, *inputs, runner.each_shot if number else None)
        digests.append([(result.stage, result.digest) for result in runner.done])
        filled = results.filled.open(runner.job)
        shown.append([shot.filled.frames[t] for shot in filled.shots for t in range(2)])
    assert tasks == ["fill_shots clip 0-5", "fill_shots clip 6-11"]
    assert digests[0] == digests[1]
    np.testing.assert_array_equal(shown[0], shown[1])


def test_shots_are_batched_with_their_neighbours_by_how_much_there_is_to_fill(tmp_path):
    clip = StageResult("clip", "decode", "d")
    shots = [Shot(clip, t, t + 1, "d", {"hole_pixels": size}) for t, size in enumerate((9, 1, 1, 1, 6))]
    assert [[shot.first for shot in batch] for batch in batches(shots, 2)] == [[0], [1, 2, 3, 4]]
    assert [len(batch) for batch in batches(shots, 50)] == [1, 1, 1, 1, 1]


def summary_of(stages):
    return Summary(
        video="film",
        output="out.mp4",
        root=".dfvi",
        seconds=1,
        frames=100,
        hole_pixels=1,
        propagated=1,
        invented=0,
        stages=stages,
    )


def test_the_table_of_a_film_has_a_row_for_each_stage_not_for_each_shot():
    rows = [
        StageSummary(stage="merge", iteration=0, action=action, seconds=1, digest="d", why="", shot=f"{t}-{t}")
        for action, count in (("compute", 60), ("reuse", 40))
        for t in range(count)
    ]
    lines = describe(summary_of(rows)).splitlines()
    assert [line.split()[2:] for line in lines[1:3]] == [
        ["compute", "60.00", "60", "shots"],
        ["reuse", "40.00", "40", "shots"],
    ]
    assert len(describe(summary_of(rows[:30])).splitlines()) == 33


def test_the_plan_of_a_film_has_a_row_for_each_stage_action_and_reason():
    rows = [PlannedStage("film", "merge", 0, "compute", f"reason {t % 2}", "d", f"{t}-{t}") for t in range(100)]
    assert [line.split()[1:3] for line in describe_plan(rows).splitlines()[1:]] == [["50", "shots"], ["50", "shots"]]
    assert len(describe_plan(rows[:30]).splitlines()) == 31
