"""The stages of an evaluation without Prefect: truth, holes, simple fills, scores."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from dfvi_models.evaluation.frame_scores import COLUMNS, EXACT
from dfvi_models.evaluation.holes import centre_box, moving_shape
from dfvi_models.evaluation.metrics import psnr_in_hole
from storage.cache.root import Root
from storage.errors import InputError
from storage.media.reading import probe
from storage.media.writing import write_video
from tasks.decode import MediaInput
from tasks.estimate_flow import EstimateFlowParams, estimate_flow
from tasks.evaluation.cut_holes import CutHolesParams, cut_holes
from tasks.evaluation.fill_baseline import FillBaselineParams, fill_baseline
from tasks.evaluation.lay_objects import LayObjectsParams, lay_objects
from tasks.evaluation.read_truth import ReadTruthParams, read_truth
from tasks.evaluation.score import ScoreParams, frame_table, score
from tasks.stage.cached_stage import Job
from tests.clips import panning_clip, write_images


@dataclass
class Bench:
    """A root, a clip, and short ways to run stages on it."""

    job: Job
    clip: object

    def run(self, stage, params, **inputs):
        return stage.run(self.job, params, inputs)

    def store(self, result):
        return result.open(self.job)

    def truth(self, **params):
        return self.run(read_truth, ReadTruthParams(**params), video=MediaInput.video(str(self.clip.video)))

    def holed(self, truth, kind, masks=None, **params):
        given = {"masks": MediaInput.mask(str(masks))} if masks else {}
        return self.run(cut_holes, CutHolesParams(kind=kind, **params), truth=truth, **given)


@pytest.fixture
def bench(tmp_path):
    root = Root.create(tmp_path / "root")
    return Bench(Job(str(root.path), "clip", threads=2), panning_clip(tmp_path / "clip"))


def test_the_truth_is_the_clip_without_holes(bench):
    truth = bench.truth()
    store = bench.store(truth)
    assert len(store["frames"]) == 8
    assert not any(hole.any() for hole in store["holes"])
    assert truth.attributes == {"frames": 8, "height": 48, "width": 64}
    assert bench.truth().action == "reuse"


def test_frames_and_size_are_taken_as_asked_and_a_short_clip_gives_what_it_has(bench):
    assert bench.store(bench.truth(frames=3, size=(24, 40)))["frames"].shape == (3, 24, 40, 3)
    assert bench.truth(frames=99).attributes["frames"] == 8


def test_a_video_file_is_a_clip_too_and_reading_resumes(bench, tmp_path):
    write_video(tmp_path / "clip.mkv", list(bench.clip.clean), probe(bench.clip.video), codec="ffv1")
    bench.clip = replace(bench.clip, video=tmp_path / "clip.mkv")
    truth = bench.truth(frames=6)
    store = bench.store(truth)
    store["holes"].chunk_path(4).unlink()
    (store.folder / "manifest.json").remove()
    assert bench.truth(frames=6).action == "resume"
    np.testing.assert_array_equal(np.stack(list(bench.store(truth)["frames"])), bench.clip.clean[:6])


def test_a_size_that_turns_the_clip_is_refused(bench):
    with pytest.raises(InputError, match="swap"):
        bench.truth(size=(64, 48))


def test_holes_are_black_so_that_nothing_sees_the_truth_in_them(bench):
    truth = bench.truth()
    for kind, expected in (("box", centre_box(48, 64)), ("shape", moving_shape(5, 48, 64, 3))):
        holed = bench.holed(truth, kind, seed=3)
        frame, hole = bench.store(holed)["frames"][5], bench.store(holed)["holes"][5]
        np.testing.assert_array_equal(hole, expected)
        assert not frame[hole].any()
        np.testing.assert_array_equal(frame[~hole], bench.store(truth)["frames"][5][~hole])
        assert holed.attributes["kind"] == kind
        assert holed.attributes["largest_hole"] <= holed.attributes["hole_pixels"]


def test_object_masks_are_resized_grown_and_played_back_and_forth(bench, tmp_path):
    masks = np.zeros((3, 96, 128), np.uint8)
    for t in range(3):
        masks[t, 20:40, 10 + 30 * t : 30 + 30 * t] = 255
    write_images(tmp_path / "masks", masks)
    holed = bench.store(bench.holed(bench.truth(), "object", tmp_path / "masks", dilation=1))
    assert holed["holes"][0].sum() == 10 * 10 + 4 * 10
    np.testing.assert_array_equal(holed["holes"][3], holed["holes"][1])
    np.testing.assert_array_equal(holed["holes"][4], holed["holes"][0])
    assert holed["holes"][1][10:20, 20:30].all()


def test_object_holes_need_masks_that_mark_something(bench, tmp_path):
    truth = bench.truth()
    with pytest.raises(InputError, match="none was given"):
        bench.holed(truth, "object")
    write_images(tmp_path / "masks", np.zeros((8, 48, 64), np.uint8))
    with pytest.raises(InputError, match="another --seed"):
        bench.holed(truth, "object", tmp_path / "masks")


def test_an_object_of_another_clip_is_laid_over_and_only_its_mask_is_hole(bench, tmp_path):
    truth = bench.truth()
    masks = np.zeros((3, 48, 64), np.uint8)
    for t in range(3):
        masks[t, 12:30, 20 + 6 * t : 30 + 6 * t] = 255
    write_images(tmp_path / "masks", masks)
    write_images(tmp_path / "pictures", np.full((3, 48, 64, 3), 250, np.uint8))
    given = {"objects": MediaInput.video(str(tmp_path / "pictures")), "masks": MediaInput.mask(str(tmp_path / "masks"))}

    def laid(**params):
        return bench.store(bench.run(lay_objects, LayObjectsParams(dilation=0, **params), truth=truth, **given))

    plain, shaded = laid(shadows=False), laid()
    true_frames = bench.store(truth)["frames"]
    for t, at in enumerate((0, 1, 2, 1)):
        hole = plain["holes"][t]
        np.testing.assert_array_equal(hole, masks[at] > 0)
        assert not plain["frames"][t][hole].any()
        beside = plain["frames"][t].astype(int) - true_frames[t]
        assert (beside[20, 30 + 6 * at] > 5).all()  # the object's edge, smeared over its surroundings
        np.testing.assert_array_equal(plain["frames"][t][40:], true_frames[t][40:])
        assert (shaded["frames"][t][31, 25 + 6 * at] < plain["frames"][t][31, 25 + 6 * at]).all()
    assert plain.attributes["kind"] == "overlay"
    assert shaded.attributes["kind"] == "composite"
    assert shaded.attributes["largest_hole"] == 180


def test_objects_without_a_mask_each_are_refused(bench, tmp_path):
    write_images(tmp_path / "masks", np.full((2, 48, 64), 255, np.uint8))
    write_images(tmp_path / "pictures", np.zeros((3, 48, 64, 3), np.uint8))
    given = {"objects": MediaInput.video(str(tmp_path / "pictures")), "masks": MediaInput.mask(str(tmp_path / "masks"))}
    with pytest.raises(InputError, match=r"3 pictures, .* 2 masks"):
        bench.run(lay_objects, LayObjectsParams(), truth=bench.truth(), **given)


def test_killed_holes_resume_to_the_same(bench):
    truth = bench.truth()
    holed = bench.holed(truth, "shape")
    store = bench.store(holed)
    before = [hole.copy() for hole in store["holes"]]
    store["holes"].chunk_path(2).unlink()
    (store.folder / "manifest.json").remove()
    again = bench.holed(truth, "shape")
    assert again.action == "resume"
    assert again.attributes == holed.attributes
    np.testing.assert_array_equal(np.stack(before), np.stack(list(bench.store(again)["holes"])))


@pytest.mark.parametrize("method", ["telea", "harmonic", "median"])
def test_simple_fills_are_scored_frame_by_frame(bench, method):
    truth = bench.truth()
    true_flow = bench.run(estimate_flow, EstimateFlowParams(), clip=truth)
    holed = bench.holed(truth, "box")
    filled = bench.run(fill_baseline, FillBaselineParams(method=method), clip=holed)
    scored = bench.run(score, ScoreParams(), truth=truth, true_flow=true_flow, clip=holed, merged=filled)
    table = frame_table(bench.store(scored))
    assert [line["frame"] for line in table] == list(range(8))
    frames, true_frames = bench.store(filled)["frames"], bench.store(truth)["frames"]
    assert table[3]["hole_psnr"] == psnr_in_hole(frames[3], true_frames[3], centre_box(48, 64))
    mean = scored.attributes["mean"]
    assert set(mean) == set(COLUMNS)
    assert mean["hole_psnr"] == pytest.approx(np.mean([line["hole_psnr"] for line in table]))
    assert 5 < mean["hole_psnr"] < mean["psnr"] < EXACT
    assert mean["flow_epe"] is mean["propagated"] is None
    assert math.isnan(table[7]["warping_error"])


def test_the_truth_itself_scores_best(bench):
    truth = bench.truth()
    true_flow = bench.run(estimate_flow, EstimateFlowParams(), clip=truth)
    holed = bench.holed(truth, "box")
    scored = bench.run(score, ScoreParams(), truth=truth, true_flow=true_flow, clip=holed, merged=truth, flow=true_flow)
    assert scored.attributes["mean"]["hole_psnr"] == EXACT
    assert scored.attributes["mean"]["flow_epe"] == 0
    assert scored.attributes["mean"]["warping_error"] == scored.attributes["mean"]["true_warping_error"] > 0
