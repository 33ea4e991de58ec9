"""The whole pipeline on small clips: what is reused, what is recomputed, and what comes out."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import flows.pipeline.delivery
from flows.configs.run_config import load_config
from flows.inpaint_video import inpaint_video
from flows.pipeline.plan import plan_video
from storage.cache.housekeeping import list_stores, unreached
from storage.cache.root import Root
from storage.errors import InputError
from tasks.decode import MediaInput, decode
from tests.clips import panning_clip, write_images

BEFORE_PROPAGATION = {"decode", "find_shots", "grow_holes", "estimate_flow", "complete_flow"}


def small_config(*settings, **layers):
    return load_config(settings=["drafts=[]", "decode.dilation=1", "encode.container=png", *settings], **layers)


def read_folder(folder):
    return np.stack([cv2.imread(str(path))[..., ::-1] for path in sorted(Path(folder).glob("*.png"))])


def actions(summary):
    return {(stage.stage, stage.iteration): stage.action for stage in summary.stages}


@pytest.fixture
def clip(tmp_path):
    return panning_clip(tmp_path / "clip")


@pytest.fixture
def run(clip, tmp_path, prefect_server):
    def run_with(*settings, output="out", **arguments):
        given = {"video_path": str(clip.video), "mask": str(clip.mask), "output": str(tmp_path / output)}
        return inpaint_video(config=small_config(*settings), root=str(tmp_path / "root"), **(given | arguments))

    return run_with


def test_what_the_pan_reveals_is_restored_and_everything_else_is_untouched(run, clip):
    summary = run()
    result = read_folder(summary.output)
    grown = np.stack([cv2.dilate(hole.astype(np.uint8), np.ones((3, 3))) > 0 for hole in clip.holes])
    assert result.shape == clip.clean.shape
    np.testing.assert_array_equal(result[~grown], clip.clean[~grown])
    error = np.abs(result.astype(int) - clip.clean)[clip.holes]
    assert np.median(error) <= 3
    assert summary.frames == 8
    assert summary.propagated > 0.9
    assert summary.propagated + summary.invented == pytest.approx(1)


def test_a_second_run_reuses_everything_and_a_changed_threshold_only_what_lies_before_it(run):
    first = run()
    assert set(actions(first).values()) == {"compute"}
    assert set(actions(run()).values()) == {"reuse"}
    changed = actions(run("propagate.max_consistency_error=0.8"))
    assert {stage for (stage, _), action in changed.items() if action == "reuse"} == BEFORE_PROPAGATION
    assert {action for (stage, _), action in changed.items() if stage not in BEFORE_PROPAGATION} == {"compute"}
    assert set(actions(run()).values()) == {"reuse"}


def test_the_flicker_is_taken_out_last_and_may_be_left_in(run):
    run()
    weaker = {stage for (stage, _), action in actions(run("deflicker.strength=0.5")).items() if action == "compute"}
    assert weaker == {"deflicker", "encode"}
    without = actions(run("deflicker.strength=0"))
    assert {stage for (stage, _), action in without.items() if action == "compute"} == {"encode"}
    assert "deflicker" not in {stage for stage, _ in without}


def test_the_plan_says_what_the_run_then_does(run, clip, tmp_path):
    def plan(*settings):
        video, mask = MediaInput.video(str(clip.video)), MediaInput.mask(str(clip.mask))
        return plan_video(tmp_path / "root", "clip", small_config(*settings), video, mask)

    assert {stage.action for stage in plan()} == {"compute"}
    fresh = plan()
    assert fresh[-1].stage == "encode"
    assert fresh[-1].digest is None
    done = run()
    assert {stage.stage for stage in done.stages} | {"fill_key_frames"} == {stage.stage for stage in fresh}
    planned = plan()
    assert [(s.stage, s.iteration, s.digest) for s in planned] == [
        (s.stage, s.iteration, s.digest) for s in done.stages
    ]
    assert {stage.action for stage in planned} == {"reuse"}
    changed = {stage.stage: stage for stage in plan("propagate.max_consistency_error=0.8")}
    assert changed["complete_flow"].action == "reuse"
    assert changed["propagate"].action == "compute"
    assert changed["propagate"].why == "max_consistency_error: 5.0 -> 0.8"
    assert changed["merge"].why == "input carried changed"


def test_a_moved_and_renamed_video_is_the_same_video(run, clip, tmp_path):
    run()
    moved = clip.video.rename(tmp_path / "elsewhere")
    assert set(actions(run(video_path=str(moved), name="clip")).values()) == {"reuse"}


def test_one_frame_is_enough(tmp_path, prefect_server):
    clip = panning_clip(tmp_path / "clip", count=1)
    summary = inpaint_video(
        str(clip.video), str(clip.mask), str(tmp_path / "out"), small_config(), root=str(tmp_path / "root")
    )
    assert read_folder(tmp_path / "out").shape == clip.clean.shape
    assert summary.invented == 1


def test_a_hole_over_a_whole_frame_and_frames_without_any_are_fine(tmp_path, prefect_server):
    clip = panning_clip(tmp_path / "clip", count=6)
    masks = np.zeros((6, 48, 64), np.uint8)
    masks[2] = 255
    write_images(tmp_path / "masks", masks)
    summary = inpaint_video(
        str(clip.video), str(tmp_path / "masks"), str(tmp_path / "out"), small_config(), root=str(tmp_path / "root")
    )
    result = read_folder(tmp_path / "out")
    source = read_folder(clip.video)
    np.testing.assert_array_equal(result[[0, 1, 3, 4, 5]], source[[0, 1, 3, 4, 5]])
    assert summary.hole_pixels == 48 * 64


def test_a_hole_that_never_shows_ends_and_is_called_invented(tmp_path, prefect_server):
    clip = panning_clip(tmp_path / "clip", step=0)
    summary = inpaint_video(
        str(clip.video), str(clip.mask), str(tmp_path / "out"), small_config(), root=str(tmp_path / "root")
    )
    assert summary.invented == 1
    assert read_folder(tmp_path / "out").min() > 0


def test_the_iteration_cap_fills_all_that_is_left(tmp_path, prefect_server):
    clip = panning_clip(tmp_path / "clip")
    config = small_config("propagate.max_consistency_error=1e-6", "max_iterations=2")
    summary = inpaint_video(str(clip.video), str(clip.mask), str(tmp_path / "out"), config, root=str(tmp_path / "root"))
    assert max(stage.iteration for stage in summary.stages) <= 1
    assert read_folder(tmp_path / "out").min() > 0


def test_flow_is_estimated_again_on_each_draft(run):
    plain, drafted = run("drafts=[]"), run("drafts=[{}, {}]")
    estimated = [stage for stage in drafted.stages if stage.stage == "estimate_flow"]
    assert [(stage.iteration, stage.action) for stage in estimated] == [(n, "compute") for n in (-2, -1, 0)]
    assert len({stage.digest for stage in estimated}) == 3
    assert drafted.stages[-1].digest != plain.stages[-1].digest


def test_damage_is_repaired_and_only_that_is_computed_again(run, tmp_path):
    from storage.cache.housekeeping import verify

    first = run()
    before = read_folder(first.output)
    root = Root.open(tmp_path / "root")
    merged = next(stage for stage in first.stages if stage.stage == "merge")
    store = root.open_store("clip", "merge", merged.digest)
    store["frames"].chunk_path(3).write_bytes(b"damaged")
    assert len(list(verify(root, repair=True))) == 1
    again = run()
    assert {stage for (stage, _), action in actions(again).items() if action != "reuse"} == {"merge"}
    np.testing.assert_array_equal(read_folder(again.output), before)


def test_a_damaged_encoded_file_is_encoded_again_and_never_delivered(run, tmp_path, caplog):
    first = run()
    before = read_folder(first.output)
    store = Root.open(tmp_path / "root").open_store("clip", "encode", first.stages[-1].digest)
    path = store.file("00003.png")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))
    again = run()
    assert {stage for (stage, _), action in actions(again).items() if action != "reuse"} == {"encode"}
    assert "encoding again" in caplog.text
    np.testing.assert_array_equal(read_folder(again.output), before)


def test_an_output_that_cannot_be_written_is_refused_before_work(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        run(output="file/below/out")
    assert not (tmp_path / "root").exists()


def test_gc_spares_what_a_run_that_did_not_end_has_made(tmp_path, prefect_server, monkeypatch):
    panning_clip(tmp_path / "clip", count=3)
    given = [str(tmp_path / "clip" / name) for name in ("frames", "masks")] + [str(tmp_path / "out")]
    config = load_config(settings=["encode.container=png"])
    whole = flows.pipeline.delivery.inpaint_clip

    def cut_short(step, config, video, mask, each_shot):
        step(decode, config.decode, video=video, mask=mask)
        raise OSError("power failure")

    monkeypatch.setattr(flows.pipeline.delivery, "inpaint_clip", cut_short)
    with pytest.raises(OSError, match="power failure"):
        inpaint_video(*given, config, root=str(tmp_path / "root"), name="clip")
    root = Root(tmp_path / "root")
    assert [facts.stage for facts in list_stores(root)] == ["decode"]
    assert unreached(root) == []
    monkeypatch.setattr(flows.pipeline.delivery, "inpaint_clip", whole)
    inpaint_video(*given, config, root=str(tmp_path / "root"), name="clip")
    assert [run.name for run in root.runs()] == ["latest"]
    assert unreached(root) == []


def test_two_thresholds_under_one_run_name_keep_the_results_of_both(run, tmp_path):
    first, second = run(), run("propagate.max_consistency_error=0.8")
    assert {stage.digest for stage in first.stages} - {stage.digest for stage in second.stages}
    root = Root(tmp_path / "root")
    assert unreached(root) == []
    run()
    assert len(list(root.runs())) == 2
    assert root.forget_runs("latest", keep=1) == ["clip"]
    assert {store.digest for store in unreached(root)} == {s.digest for s in second.stages} - {
        s.digest for s in first.stages
    }


def test_results_of_a_video_that_an_earlier_version_called_frames_are_found(run, tmp_path):
    run()
    (tmp_path / "root" / "clip").rename(tmp_path / "root" / "frames")
    shutil.rmtree(tmp_path / "root" / ".runs")
    again = run()
    assert set(actions(again).values()) == {"reuse"}
    assert again.video == "frames"
