"""Keep levels: what is dropped when, and that it changes no pixel."""

import numpy as np
import pytest

from flows.configs.run_config import load_config
from flows.pipeline import delivery
from flows.pipeline.plan import DROPPED, find_filled, plan_video
from flows.pipeline.stage_order import inpaint_clip
from storage.cache.housekeeping import list_stores, unreached, verify
from storage.cache.root import Root
from storage.errors import InputError
from tasks.decode import MediaInput
from tasks.stage import cached_stage
from tasks.stage.cached_stage import Job
from tasks.stage.keeping import drop_encoded
from tasks.stage.shot_batches import DirectRunner, fill_batch
from tests.clips import write_images
from tests.dfvi_models.shots.made_up_shots import shot

HEIGHT, WIDTH = 48, 64
SETTINGS = ("decode.dilation=1", "encode.container=mkv", "encode.codec=ffv1", "find_shots.shots=[4,7,12]")


@pytest.fixture
def media(tmp_path):
    """A video of four shots, one without a hole."""
    rng = np.random.default_rng(3)
    takes = [shot(seed, length, 2)[:length] for seed, length in enumerate((4, 3, 5, 4), 1)]
    frames = np.stack([frame[:HEIGHT, :WIDTH] for take in takes for frame in take])
    holes = np.zeros(frames.shape[:3], np.uint8)
    for t in range(len(frames)):
        top, left = rng.integers(8, 24, 2)
        holes[t, top : top + 12, left : left + 14] = 255
    holes[4:7] = 0
    write_images(tmp_path / "frames", frames)
    write_images(tmp_path / "masks", holes)
    return MediaInput.video(str(tmp_path / "frames")), MediaInput.mask(str(tmp_path / "masks"))


@pytest.fixture
def run(tmp_path, media):
    """Inpaints the video at a keep level; returns the runner and the bytes of the encoded video."""

    def one(keep, root, *settings, drop=True, preset="fast"):
        config = load_config(preset, settings=[*SETTINGS, *settings], keep=keep)
        job = Job(str(Root.create(tmp_path / root).path), "clip", keep=keep)
        runner = DirectRunner(job)
        is_encoded = delivery._is_encoded(runner, config, *media)

        def each_shot(fill, shots):
            batch = fill_batch(job, fill, shots, is_encoded=is_encoded)
            runner.done += batch.done
            return batch.filled

        results = inpaint_clip(runner, config, *media, each_shot)
        video = (results.encoded.open(job).folder / "video.mkv").read_bytes()
        if drop:
            drop_encoded(job, results.clip, results.filled)
        return runner, video

    return one


def states(root):
    found = {}
    for each in list_stores(root):
        found.setdefault(each.stage, set()).add(each.state)
    return found


def chunks(root):
    return [path for path in root.path.rglob("c.*") if path.parent.parent.parent.name != "find_shots"]


def test_what_is_kept_changes_no_bit_of_the_video_and_only_hole_pixels_stay_until_it_is_encoded(run, tmp_path):
    _, expected = run("all", "all", preset="default")
    for keep in ("tune", "result"):
        assert run(keep, keep, drop=False, preset="default")[1] == expected
    kept = states(Root.open(tmp_path / "tune"))
    assert kept["deflicker"] == kept["decode"] == {"complete"}
    assert kept["estimate_flow"] == {"complete", "dropped"}  # a draft's and the last
    kept = states(Root.open(tmp_path / "result"))
    assert kept.pop("keep_filled") == kept.pop("encode") == kept.pop("find_shots") == {"complete"}
    assert all(state == {"dropped"} for state in kept.values())
    assert {path.parent.parent.parent.name for path in chunks(Root.open(tmp_path / "result"))} == {"keep_filled"}


def test_after_result_nothing_is_left_but_the_video_and_a_second_run_computes_nothing(run, tmp_path):
    _, expected = run("result", "root")
    root = Root.open(tmp_path / "root")
    assert chunks(root) == []
    assert not list(verify(root))
    runner, again = run("result", "root")
    assert again == expected
    assert {result.action for result in runner.done} == {"reuse"}
    assert chunks(root) == []
    assert {each.state for each in unreached(root)} == {"complete", "dropped"}  # this run kept no record


def test_what_was_dropped_is_made_again_when_a_changed_parameter_needs_it(run, tmp_path, media):
    changed = "deflicker.strength=0.5"
    _, expected = run("all", "fresh", changed)
    run("result", "root")
    config = load_config("fast", settings=[*SETTINGS, changed], keep="result")
    plan = plan_video(tmp_path / "root", "clip", config, *media)
    again = {each.stage: each.why for each in plan if each.action == "compute"}
    assert again["deflicker"] == "strength: 1.0 -> 0.5"
    assert again["complete_flow"].startswith("dropped before, and ")
    assert again["estimate_flow"] == "dropped before, and complete_flow needs it"
    assert {each.why for each in plan if each.stage == "find_shots"} == {"stored"}
    assert run("result", "root", changed)[1] == expected
    assert chunks(Root.open(tmp_path / "root")) == []


def test_another_codec_after_result_fills_each_shot_again_and_drops_it_again(run, tmp_path):
    codec = "encode.crf=20"
    _, expected = run("all", "fresh", codec)
    run("result", "root")
    assert run("result", "root", codec)[1] == expected
    assert chunks(Root.open(tmp_path / "root")) == []


def test_a_plan_with_the_same_parameters_reuses_what_was_dropped(run, tmp_path, media):
    run("result", "root")
    config = load_config("fast", settings=SETTINGS, keep="result")
    plan = plan_video(tmp_path / "root", "clip", config, *media)
    assert {each.action for each in plan} == {"reuse"}
    assert {each.why for each in plan if each.stage == "merge"} == {DROPPED}


def test_results_that_were_dropped_cannot_be_looked_at(run, tmp_path, media):
    run("result", "root")
    config = load_config("fast", settings=SETTINGS)
    with pytest.raises(InputError, match=r"was dropped.*--keep tune"):
        find_filled(tmp_path / "root", "clip", config, *media).filled.open(Job(str(tmp_path / "root"), "clip"))


def test_a_stage_goes_on_when_a_run_beside_it_drops_what_it_reads(run, tmp_path, monkeypatch):
    _, expected = run("all", "fresh")
    root, original, dropped = Root.create(tmp_path / "root"), cached_stage.Stage._compute_once, []

    def drop_before(stage, store, job, params, inputs, iteration):
        if stage.name == "merge" and iteration == 0 and store.key.digest not in dropped:
            dropped.append(store.key.digest)
            opened = inputs["carried"].open(job)
            monkeypatch.setattr(type(inputs["carried"]), "open", lambda self, job: _again(self, opened))
        return original(stage, store, job, params, inputs, iteration)

    def _again(result, opened):
        monkeypatch.undo()
        root.drop("clip", result.stage, result.digest)
        return opened

    monkeypatch.setattr(cached_stage.Stage, "_compute_once", drop_before)
    assert run("all", "root")[1] == expected
    assert dropped


@pytest.mark.parametrize("after", [3, 9, 15])
def test_a_killed_run_that_keeps_only_the_result_goes_on_to_the_same_bytes(run, tmp_path, monkeypatch, after):
    _, expected = run("all", "fresh")
    calls, original = [], Root.drop

    class Killed(BaseException):
        pass

    def dying(root, *result):
        calls.append(result)
        if len(calls) == after:  # killed between the manifest and the arrays
            store = root.open_store(*result)
            monkeypatch.setattr(type(store.folder), "remove", _die)
            store.drop()
        original(root, *result)

    def _die(_path):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Root, "drop", dying)
        with pytest.raises(Killed):
            run("result", "root")
    monkeypatch.undo()
    assert run("result", "root")[1] == expected
    assert chunks(Root.open(tmp_path / "root")) == []
