"""Keep levels: what is dropped when, what makes it again, and that none of it changes a pixel."""

import numpy as np
import pytest

from flows.configs.run_config import load_config
from flows.pipeline import delivery
from flows.pipeline.plan import DROPPED, READ_AGAIN, find_filled, plan_video
from storage.cache import dropping
from storage.cache.housekeeping import list_stores, unreached, verify
from storage.cache.root import Root
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from tasks.decode import MediaInput
from tasks.shots.shot_batches import DirectRunner, fill_batch
from tasks.stage import cached_stage
from tasks.stage.cached_stage import Job
from tests.clips import texture
from tests.storage import media_files

HEIGHT, WIDTH = 112, 256
LENGTHS = (4, 3, 4)
SETTINGS = ("find_shots.shots=[4,7]", "decode.dilation=1", "encode.codec=ffv1")


class PlainRunner(DirectRunner):
    """Runs a video as the flow does, without Prefect."""

    is_encoded = False

    def each_shot(self, fill, shots):
        batch = fill_batch(self.job, fill, shots, is_encoded=self.is_encoded)
        self.done += batch.done
        return batch.filled

    def warn(self, *lines):
        pass


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A video of three shots: two small holes far apart, none, one large hole."""
    folder = tmp_path_factory.mktemp("media")
    frames, holes = [], np.zeros((sum(LENGTHS), HEIGHT, WIDTH), np.uint8)
    for seed, length in enumerate(LENGTHS):
        world = texture(HEIGHT, WIDTH + 4 * length, seed)
        frames += [np.ascontiguousarray(world[:, 3 * t : 3 * t + WIDTH]) for t in range(length)]
    holes[:4, 10:18, 10:22] = holes[:4, 90:98, 230:240] = 255
    holes[7:, 30:80, 60:180] = 255
    media_files.encode(folder / "clip.mp4", frames, options={"g": "3", "crf": "8"})
    np.save(folder / "mask.npy", holes)
    return MediaInput.video(str(folder / "clip.mp4")), MediaInput.mask(str(folder / "mask.npy"))


@pytest.fixture(scope="module")
def inpaint(media, tmp_path_factory):
    """Inpaints the video into a root; returns what was done, and the bytes of the output."""

    def run(root, keep, *settings, name="latest"):
        config = load_config("fast", settings=[*SETTINGS, *settings], keep=keep, encode={"container": "mkv"})
        record = Root.create(root).start_run(name, "clip", keep)
        runner = PlainRunner(Job(str(root), "clip", 2, record=record, keep=keep))
        output = tmp_path_factory.mktemp("output") / "video.mkv"
        delivery.inpaint_and_deliver(runner, config, *media, output)
        record.finish()
        delivery.drop_the_rest(runner)
        return runner.done, output.read_bytes()

    return run


@pytest.fixture(scope="module")
def whole(inpaint, tmp_path_factory):
    """A root in which everything is kept, and the bytes that every run must give."""
    root = tmp_path_factory.mktemp("whole") / "root"
    return root, inpaint(root, "all")[1]


def config_of(keep, *settings):
    return load_config("fast", settings=[*SETTINGS, *settings], keep=keep, encode={"container": "mkv"})


def states(root):
    found = {}
    for each in list_stores(Root.open(root)):
        found.setdefault(each.stage, set()).add(each.state)
    return found


def chunks(root):
    """Names of the stages of which chunks are stored."""
    return {path.parent.parent.parent.name for path in root.rglob("c.*") if path.parent.name != ".locks"}


def test_tune_drops_drafts_alone_and_changes_no_bit(inpaint, whole, tmp_path):
    assert inpaint(tmp_path / "root", "tune", "drafts=[{}]")[1] == inpaint(whole[0], "all", "drafts=[{}]")[1]
    for store in list_stores(Root.open(tmp_path / "root")):
        manifest = Root.open(tmp_path / "root").open_store("clip", store.stage, store.digest).manifest
        assert store.state == ("dropped" if manifest.made["iteration"] < 0 else "complete"), store.stage


def test_result_leaves_the_video_alone_and_a_second_run_computes_nothing(inpaint, whole, media, tmp_path):
    root = tmp_path / "root"
    done, output = inpaint(root, "result")
    assert output == whole[1]
    assert {result.action for result in done} == {"compute"}
    assert {stage for stage, state in states(root).items() if state == {"complete"}} == {"find_shots", "encode"}
    assert chunks(root) == {"find_shots"}
    assert list(verify(Root.open(root))) == []
    plan = plan_video(root, "clip", config_of("result"), *media)
    assert {each.action for each in plan} == {"reuse"}
    assert {each.why for each in plan if each.stage == "merge"} == {DROPPED}
    done, output = inpaint(root, "result")
    assert output == whole[1]
    assert {result.action for result in done} == {"reuse"}
    assert not any(result.was_made_again for result in done)
    assert unreached(Root.open(root)) == []
    for settings in ((), ("encode.crf=20",)):
        with pytest.raises(InputError, match=r"was dropped.*--keep all"):
            find_filled(root, "clip", config_of("result", *settings), *media)
    before = {each.digest for each in plan_video(whole[0], "clip", config_of("all"), *media)}
    inpaint(root, "all")
    assert before <= {store.digest for store in list_stores(Root.open(root)) if store.state == "complete"}
    find_filled(root, "clip", config_of("result"), *media)


def test_a_changed_parameter_makes_again_what_it_needs_and_the_plan_says_so(inpaint, whole, media, tmp_path):
    root, changed = tmp_path / "root", "propagate.max_consistency_error=1"
    inpaint(root, "result")
    plan = plan_video(root, "clip", config_of("result", changed), *media)
    why = {(each.stage, each.action): each.why for each in plan}
    assert why["propagate", "compute"] == "max_consistency_error: 5.0 -> 1.0"
    assert why["complete_flow", "compute"] == "dropped before, and propagate needs it"
    assert why["estimate_flow", "compute"] == "dropped before, and complete_flow needs it"
    assert why["decode", "reuse"] == READ_AGAIN
    done, output = inpaint(root, "result", changed)
    assert output == inpaint(whole[0], "all", changed)[1]
    assert {result.stage for result in done if result.was_made_again} >= {"complete_flow", "estimate_flow"}
    assert chunks(root) == {"find_shots"}
    codec = "encode.codec=h264-lossless"  # what a shot was filled with is made again, shot by shot
    assert inpaint(root, "result", codec)[1] == inpaint(whole[0], "all", codec)[1]
    assert chunks(root) == {"find_shots"}


def test_results_of_a_run_that_keeps_them_stay(inpaint, tmp_path):
    root = tmp_path / "root"
    inpaint(root, "tune", name="mine")
    before = {store.digest for store in list_stores(Root.open(root)) if store.state == "complete"}
    inpaint(root, "result", name="other")
    assert before == {s.digest for s in list_stores(Root.open(root)) if s.state == "complete"} & before
    Root.open(root).forget_runs("mine")
    inpaint(root, "result", name="other")
    assert chunks(root) == {"find_shots"}


@pytest.mark.parametrize("step", ["declared", "removing", "kept", "encoded"])
def test_a_run_killed_while_it_drops_goes_on_to_the_same_bytes(inpaint, whole, tmp_path, monkeypatch, step):
    root = tmp_path / "root"

    class Killed(BaseException):
        pass

    def die(*_args, **_kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        if step == "declared":  # every manifest says dropped, every chunk is there
            patch.setattr(Root, "kept_by_others", die)
        elif step == "removing":  # the first array of the first result is gone
            original = type(Root.open(whole[0]).path).remove
            gone = []

            def remove(path):
                if len(gone) == 1:
                    raise Killed
                original(path)
                gone.append(path)

            patch.setattr(
                StageStore, "remove_arrays", lambda self: [remove(self.folder / n) for n in self.manifest.arrays]
            )
        elif step == "kept":
            patch.setattr("tasks.stage.keeping.drop_results", die)
        else:
            patch.setattr(delivery, "deliver", die)
        with pytest.raises(Killed):
            inpaint(root, "result")
    done, output = inpaint(root, "result")
    assert output == whole[1]
    assert chunks(root) == {"find_shots"}
    if step in ("declared", "kept"):
        assert "estimate_flow" not in {result.stage for result in done if result.was_made_again}


def test_a_stage_goes_on_when_a_run_beside_it_drops_what_it_reads(inpaint, whole, tmp_path, monkeypatch):
    root, original, dropped = tmp_path / "root", cached_stage.StageResult.open, []

    def drop_behind(result, job):
        store = original(result, job)
        if result.stage == "complete_flow" and not dropped:
            dropped.append(result)
            dropping.drop_results(Root.open(root), "clip", [(result.stage, result.digest)], kept_at=())
        return store

    monkeypatch.setattr(cached_stage.StageResult, "open", drop_behind)
    assert inpaint(root, "all")[1] == whole[1]
    assert dropped[0].was_made_again
