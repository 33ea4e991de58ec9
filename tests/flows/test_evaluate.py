"""Evaluations of small made clips: what the tables say, what is computed again, and what is refused."""

import csv
import json

import numpy as np
import pytest
import torch

from dfvi_models.weights.catalogue import NETWORKS
from dfvi_models.weights.checkpoint import add_weights
from flows.cli.main import main
from flows.configs.run_config import load_config
from flows.evaluate import evaluate, vfid_of_methods
from flows.evaluation.methods import DEFAULT_METHODS, parse_methods
from flows.evaluation.model import EvaluateConfig, Evaluation
from flows.reports import evaluation_plots, plotting
from flows.reports.evaluation import means, summary_tables, write_reports
from storage.cache.housekeeping import list_stores, unreached
from storage.cache.root import Root
from storage.errors import InputError
from tests.clips import panning_clip, write_images
from tests.dfvi_models.evaluation.made_up_judges import judges

KINDS = ("box", "object")
ROWS = ("telea", "paper-rule", "default", "ceiling")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, count, step in (("fast", 9, 3), ("slow", 7, 2)):
        made = panning_clip(tmp_path_factory.mktemp("made") / name, count=count, step=step)
        write_images(folder / name / "frames", made.clean)
        write_images(folder / name / "masks", made.holes.astype(np.uint8) * 255)
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("evaluation") / "root"


@pytest.fixture(scope="module")
def evaluation(folder, root, prefect_server):
    config = EvaluateConfig(holes=KINDS, frames=8, dilation=1)
    return evaluate(str(folder), parse_methods(ROWS), config, root=str(root), threads=2)


def stores(root):
    return {(facts.video, facts.stage, facts.digest): facts.modified for facts in list_stores(Root.open(root))}


def test_objects_of_the_other_clip_are_laid_over_with_their_shadows(folder, root, prefect_server):
    config = EvaluateConfig(holes=("composite", "overlay"), frames=3, dilation=1)
    shaded, plain = evaluate(str(folder), parse_methods(["telea"]), config, clips=["slow"], root=str(root)).cases
    assert (shaded.hole, plain.hole) == ("composite", "overlay")
    assert shaded.hole_share == plain.hole_share > 0
    assert shaded.scores["hole_psnr"] < plain.scores["hole_psnr"]  # the rim is dark
    assert 0 < plain.scores["detail"] < 1
    assert plain.scores["flicker"] > 0


def test_every_clip_hole_and_row_is_scored(evaluation):
    assert [(c.clip, c.hole, c.method) for c in evaluation.cases] == [
        (clip, kind, row) for clip in ("fast", "slow") for kind in KINDS for row in ROWS
    ]
    assert {case.clip: (case.frames, case.height, case.width) for case in evaluation.cases} == {
        "fast": (8, 48, 64),
        "slow": (7, 48, 64),
    }
    box = evaluation.cases[0]
    assert box.hole_share == 1 / 16
    assert len(box.per_frame) == 8
    assert box.seconds_per_frame > 0


def test_following_the_pan_beats_filling_frame_by_frame_and_the_ceiling_knows_the_flow(evaluation):
    scores = means(evaluation, evaluation.cases)
    assert scores["default"]["hole_psnr"] > scores["telea"]["hole_psnr"] + 3
    assert scores["default"]["propagated"] > 0.5
    assert scores["default"]["flow_epe"] < 1
    assert scores["ceiling"]["flow_epe"] == 0
    assert scores["telea"]["flow_epe"] is scores["telea"]["propagated"] is None


def test_a_changed_parameter_computes_only_what_depends_on_it(evaluation, folder, root):
    before = stores(root)
    rows = parse_methods(ROWS, ["strict=default,propagate.max_consistency_error=0.5"])
    again = evaluate(str(folder), rows, evaluation.config, root=str(root), threads=2)
    after = stores(root)
    assert {place: after[place] for place in before} == before
    new = {stage for _, stage, _ in after.keys() - before.keys()}
    assert new <= {"propagate", "merge", "register_frames", "fill_key_frames", "deflicker", "score"}
    assert {"propagate", "score"} <= new
    reused = [case for case in again.cases if case.method != "strict"]
    assert [c.model_dump_json() for c in reused] == [c.model_dump_json() for c in evaluation.cases]  # nan as null
    assert unreached(Root.open(root)) == []


def test_reports_name_clips_sizes_frames_holes_and_the_metric_code(evaluation, tmp_path):
    text = summary_tables(evaluation)
    for part in ("fast (8)", "slow (7)", "64x48", "box, object", "window 65", "score version 3", "seed 0", "ceiling"):
        assert part in text
    scores, frames, raw = write_reports(evaluation, tmp_path / "out")
    lines = list(csv.DictReader(scores.open()))
    assert len(lines) == 16 + 3 * 4
    assert lines[-1]["clip"] == lines[-1]["hole"] == "mean"
    assert {(line["height"], line["width"]) for line in lines[:16]} == {("48", "64")}
    assert lines[0]["flow_epe"] == ""
    assert len(list(csv.DictReader(frames.open()))) == 8 * (8 + 7)
    values = json.loads(raw.read_text())
    assert values["rows"][1]["config"]["propagate"]["max_consistency_error"] == 40
    assert Evaluation.model_validate({**values}).cases[5].scores == evaluation.cases[5].scores


def test_the_share_of_the_way_to_the_ceiling_is_stated_where_there_is_a_way(evaluation):
    scores = {"paper-rule": 20.0, "default": 24.0, "ceiling": 28.0, "telea": 18.0}

    def with_scores(values):
        cases = [c.model_copy(update={"scores": {**c.scores, "hole_psnr": values[c.method]}}) for c in evaluation.cases]
        return means(evaluation, cases)

    covered = {row: own["covered"] for row, own in with_scores(scores).items()}
    assert covered == {"telea": -0.25, "paper-rule": 0, "default": 0.5, "ceiling": 1}
    near = with_scores({**scores, "ceiling": 20.2})
    assert {own["covered"] for own in near.values()} == {None}


def test_rows_are_held_against_the_papers_rule_case_by_case(evaluation):
    values = {"telea": 18.0, "paper-rule": 20.0, "default": 20.5, "ceiling": 28.0}
    cases = [c.model_copy(update={"scores": {**c.scores, "hole_psnr": values[c.method]}}) for c in evaluation.cases]
    cases[2].scores["hole_psnr"] = 19.0
    text = summary_tables(evaluation.model_copy(update={"cases": cases}))
    assert "+0.12 (won 3 of 4, worst -1.00)" in text
    assert "-2.00 (won 0 of 4, worst -2.00)" in text


def test_plots_are_pictures(evaluation, tmp_path):
    pytest.importorskip("matplotlib")
    paths = evaluation_plots.write_plots(evaluation, tmp_path / "out")
    assert [path.name for path in paths] == ["means.png", "cases.png", "speed.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_the_command_prints_tables_and_says_what_plots_need(folder, tmp_path, prefect_server, capsys, monkeypatch):
    monkeypatch.setattr(plotting, "find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    arguments = ["--only", "slow", "--frames", "3", "--size", "48x40", "--holes", "shape", "--presets", "median"]
    assert main(["evaluate", "--clips", str(folder), *arguments, "-o", "out"]) == 0
    out = capsys.readouterr().out
    assert "1 clip at 48x40, 3 frames each; holes: shape" in out
    assert out.rstrip().endswith("pip install 'dfvi[plots]'")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "evaluation.json",
        "frames.csv",
        "scores.csv",
    ]


BAD_INPUT = {
    "clips": (["--clips", "none"], "no such file"),
    "empty folder": (["--clips", "."], "holds no clip"),
    "clip": (["--only", "bear"], "there is no clip 'bear'; there are fast, slow"),
    "size": (["--size", "432"], "--size takes width x height"),
    "no size": (["--size", "0x40"], "--size takes width x height"),
    "turned": (["--size", "40x64"], "would turn it"),
    "frames": (["--frames", "0"], "--frames must be 1 or more"),
    "seed": (["--seed", "-1"], "--seed must be 0 or more"),
    "threads": (["--threads", "0"], "--threads must be 1 or more"),
    "holes": (["--holes", "box,ring"], "--holes takes box, shape, object, composite, overlay"),
    "no holes": (["--holes", ""], "what follows --holes is empty"),
    "row": (["--presets", "best"], "there is no method 'best'"),
    "row twice": (["--presets", "telea,telea"], "two methods are called telea"),
    "ceiling of a simple fill": (["--presets", "ceiling:telea"], "telea uses no flow"),
    "extra row": (["--row", "strict=default"], "--row takes NAME=PRESET"),
    "taken name": (["--row", "paper=default,merge.rule=nearest"], "this name is taken"),
    "unknown key": (["--row", "strict=default,merge.role=nearest"], "did you mean merge.rule"),
    "weights": (["--presets", "paper"], "flownet2"),
    "output": (["-o", "file/out"], "cannot be made"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_clear_message_before_anything_starts(case, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    arguments, expected = BAD_INPUT[case]
    assert main(["evaluate", "--clips", str(folder), *arguments]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / ".dfvi").exists()


def test_rows_are_presets_files_changed_presets_and_ceilings_of_any(tmp_path):
    (tmp_path / "mine.yaml").write_text("merge: {rule: nearest}\ncomplete_flow: {dilation: 3}\n")
    names = ["median", "paper-rule", str(tmp_path / "mine.yaml"), "ceiling:strict", "strict"]
    rows = {row.name: row for row in parse_methods(names, ["strict=paper-rule,decode.start=2,max_iterations=3"])}
    assert list(rows) == ["median", "paper-rule", "mine", "ceiling:strict", "strict"]
    assert rows["median"].baseline == "median"
    assert rows["mine"].config.complete_flow.dilation == 3
    assert rows["strict"].config.max_iterations == 3
    assert rows["strict"].config.propagate.max_consistency_error == 40
    assert rows["ceiling:strict"].config == rows["strict"].config
    assert rows["ceiling:strict"].on_true_flow
    assert [row.name for row in parse_methods(DEFAULT_METHODS)] == list(DEFAULT_METHODS)


def test_values_with_commas_stay_whole():
    (row,) = parse_methods([], ["small=default,estimate_flow.working_size=[24, 32],max_iterations=2"])
    assert row.config.estimate_flow.working_size == (24, 32)
    assert row.config.max_iterations == 2


def test_a_row_needs_a_way_of_filling(evaluation):
    from flows.evaluate import _fill
    from flows.evaluation.methods import Method

    with pytest.raises(ValueError, match="neither"):
        _fill(None, Method(name="nothing"), None, None)


def test_the_papers_rule_is_pinned_and_differs_from_its_plus_in_two_numbers():
    plain, plus = load_config("paper-rule"), load_config("paper-rule-plus")
    for config in (plain, plus):  # what newer defaults do better must not leak into the bar
        assert (config.estimate_flow.scale, config.estimate_flow.estimator.preset) == (1, "medium")
        assert (config.propagate.sampling.name, config.propagate.sampling.reach_border) == ("nearest", False)
        assert (config.merge.rule.name, config.merge.rule.seam_blending) == ("nearest", 0)
        assert config.drafts == ()
    changed = {"complete_flow": {"dilation": 10}, "propagate": {"max_consistency_error": 5.0}}
    merged = plain.model_dump()
    for section, values in changed.items():
        merged[section] |= values
    assert merged == plus.model_dump()


def test_an_unknown_clip_is_refused_by_the_flow_too(folder, tmp_path, prefect_server):
    with pytest.raises(InputError, match="no clip"):
        evaluate(str(folder), parse_methods(["telea"]), clips=["x"], root=str(tmp_path / "root"))


@pytest.fixture(scope="module")
def judge_weights(tmp_path_factory):
    files, stored = tmp_path_factory.mktemp("published"), tmp_path_factory.mktemp("weights")
    for name, network in judges().items():
        torch.save(network.state_dict(), files / NETWORKS[name].file)
        add_weights(files / NETWORKS[name].file, folder=stored)
    return stored


def test_perceptual_scores_stand_beside_the_others_when_asked_for(
    evaluation, folder, root, judge_weights, monkeypatch, tmp_path
):
    monkeypatch.setenv("DFVI_WEIGHTS", str(judge_weights))
    config = evaluation.config.model_copy(update={"perceptual": ("lpips", "vfid")})
    rows = parse_methods(["telea", "default"])
    judged = evaluate(str(folder), rows, config, root=str(root), threads=1, device="cpu")
    scores = means(judged, judged.cases, "mean")
    for row in ("telea", "default"):
        assert 0 < scores[row]["lpips"] < 1
        assert scores[row]["vfid"] > 0
        assert scores[row]["hole_psnr"] == pytest.approx(means(evaluation, evaluation.cases)[row]["hole_psnr"])
    assert scores["default"]["lpips"] < scores["telea"]["lpips"]
    text = summary_tables(judged)
    assert "LPIPS" in text
    assert "VFID" in text
    assert "VFID" not in summary_tables(evaluation)
    lines = list(csv.DictReader(write_reports(judged, tmp_path)[0].open()))
    assert [bool(line["vfid"]) for line in lines] == [line["clip"] == "mean" for line in lines]
    assert "features" not in (tmp_path / "evaluation.json").read_text()


def test_a_clip_alone_has_no_vfid(evaluation):
    case = evaluation.cases[0].model_copy(update={"features": ([1.0, 2.0], [1.0, 3.0])})
    other_hole = case.model_copy(update={"hole": "shape", "features": ([2.0, 2.0], [1.0, 3.0])})
    assert vfid_of_methods([case, other_hole]) == {"telea": None}
    assert vfid_of_methods([case, other_hole.model_copy(update={"clip": "other"})])["telea"] > 0


def test_clips_too_small_or_short_for_the_judges_are_scored_without_them(
    folder, judge_weights, monkeypatch, tmp_path, prefect_server
):
    monkeypatch.setenv("DFVI_WEIGHTS", str(judge_weights))
    config = EvaluateConfig(holes=("box",), frames=1, size=(24, 32), perceptual=("lpips", "vfid"))
    judged = evaluate(
        str(folder), parse_methods(["telea"]), config, root=str(tmp_path / "root"), threads=1, device="cpu"
    )
    (scores,) = means(judged, judged.cases, "mean").values()
    assert scores["lpips"] is scores["vfid"] is None
    assert scores["hole_psnr"] > 0


def test_missing_weights_of_perceptual_scores_are_named_before_anything_starts(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path / "none"))
    assert main(["evaluate", "--clips", str(folder), "-o", str(tmp_path / "out"), "--perceptual", "lpips,vfid"]) == 2
    said = capsys.readouterr().err
    assert "alexnet-owt-7be5be79.pth" in said
    assert "alex.pth" in said
    assert "i3d_rgb_imagenet.pt" in said
    assert main(["evaluate", "--clips", str(folder), "-o", str(tmp_path / "out"), "--perceptual", "fid"]) == 2
    assert "--perceptual takes lpips and vfid, with a comma between; got 'fid'" in capsys.readouterr().err
