"""Sweeps and dataset plans: what is shared, what is counted, and what the grid refuses."""

import csv

import pytest

from flows.datasets.dataset import Recipe, open_dataset
from flows.datasets.plan import describe_dataset_plan, plan_dataset
from flows.reports.sweep import describe_sweep
from flows.sweep import as_settings, check_truths, find_truths, make_grid, sweep
from storage.errors import InputError
from tasks.evaluation.compare_fills import LINE_HEIGHT
from tests.clips import panning_clip, write_images
from tests.flows.test_inpaint_dataset import in_this_process  # noqa: F401  (a fixture)

SETTINGS = ("drafts=[]", "decode.dilation=1", "encode.container=png")
VARY = ["propagate.max_consistency_error=0.5,5", "complete_flow.dilation=2,10"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory, prefect_server, in_this_process):  # noqa: F811
    folder = tmp_path_factory.mktemp("sweep")
    for name in ("bus", "goat"):
        panning_clip(folder / "set" / name, count=5)
        write_images(folder / "clean" / name, panning_clip(folder / "made" / name, count=5).clean)
    places = {"root": str(folder / "root"), "truth": str(folder / "clean")}
    summary = sweep(str(folder / "set"), str(folder / "out"), VARY, settings=list(SETTINGS), **places)
    return folder, summary


def computed(summary, stage):
    stages = [
        s for combination in summary.combinations for result in combination.results for s in result.summary.stages
    ]
    return sum(s.stage == stage and s.action == "compute" and s.iteration == 0 for s in stages)


def test_stages_that_do_not_depend_on_the_values_are_computed_once_a_video(swept):
    _, summary = swept
    assert summary.ok
    assert [combination.values["complete_flow.dilation"] for combination in summary.combinations] == [2, 10, 2, 10]
    assert computed(summary, "decode") == computed(summary, "estimate_flow") == 2
    assert computed(summary, "complete_flow") == 2 * 2
    assert computed(summary, "propagate") == 2 * 4


def test_a_sweep_ends_with_a_table_and_a_row_for_each_video(swept):
    folder, summary = swept
    with (folder / "out" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {row["state"] for row in rows} == {"done"}
    assert {row["propagate.max_consistency_error"] for row in rows} == {"0.5", "5"}
    assert int(rows[0]["new_bytes"]) > int(rows[-1]["new_bytes"]) > 0
    assert all((folder / "out" / combination.name / "bus").is_dir() for combination in summary.combinations)
    lines = describe_sweep(summary).splitlines()
    assert lines[0].startswith("propagate.max_consistency_error  complete_flow.dilation")
    assert lines[-1].startswith("4 combinations in")
    assert len(lines) == 6
    assert lines[0].endswith("hole PSNR")
    assert all(float(row["hole_psnr"]) > 15 for row in rows)
    assert float(rows[-1]["full_seconds"]) > 0
    assert int(rows[-1]["full_bytes"]) > int(rows[-1]["new_bytes"])


def test_a_sweep_draws_a_strip_for_each_video_and_a_plot_for_each_parameter(swept):
    import cv2

    folder, _ = swept
    for name in ("bus", "goat"):
        strip = cv2.imread(str(folder / "out" / "strips" / f"{name}.png"))
        assert strip.shape == (5 * (48 + LINE_HEIGHT), 4 * 64, 3)
        assert (strip[LINE_HEIGHT : LINE_HEIGHT + 48] == (0, 0, 127)).all(axis=2).any(), "black in the clip: the hole"
    names = {path.name for path in (folder / "out" / "plots").iterdir()}
    assert names == {"propagate.max_consistency_error.png", "complete_flow.dilation.png"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bus", "expected 5 frames of 64x48 as in the video; got 4 of 64x48"),
        ("cat", "no video has a truth of its name; the videos are bus, goat, the truths cat"),
    ],
)
def test_a_truth_that_does_not_fit_is_named_before_any_work(swept, tmp_path, name, message):
    folder, _ = swept
    write_images(tmp_path / "clean" / name, panning_clip(tmp_path / "made", count=4).clean)
    dataset = open_dataset(folder / "set", Recipe())
    with pytest.raises(InputError, match=message):
        check_truths(find_truths(str(tmp_path / "clean")), dataset)


def test_a_plan_of_the_dataset_counts_what_is_reused_and_guesses_the_rest(swept):
    folder, summary = swept
    dataset = open_dataset(folder / "set", Recipe(settings=(*SETTINGS, *as_settings(summary.combinations[0].values))))
    plans = plan_dataset(dataset, folder / "root")
    assert {(p.stage, p.reuse, p.compute, p.seconds) for p in plans[:5]} == {
        ("decode", 2, 0, 0.0),
        ("find_shots", 2, 0, 0.0),
        ("grow_holes", 2, 0, 0.0),
        ("estimate_flow", 2, 0, 0.0),
        ("complete_flow", 2, 0, 0.0),
    }
    assert all(plan.compute == plan.resume == 0 for plan in plans)
    changed = open_dataset(folder / "set", Recipe(settings=(*SETTINGS, "propagate.max_consistency_error=2")))
    by_stage = {plan.stage: plan for plan in plan_dataset(changed, folder / "root")}
    assert (by_stage["complete_flow"].reuse, by_stage["propagate"].compute) == (2, 2)
    assert by_stage["propagate"].seconds > 0
    assert by_stage["propagate"].bytes > 0
    assert "max_consistency_error: " in next(iter(by_stage["propagate"].why))
    assert "2 videos, at least" in describe_dataset_plan(list(by_stage.values()), 2)


def test_a_plan_without_a_root_computes_everything_at_unknown_cost(swept, tmp_path):
    folder, _ = swept
    plans = plan_dataset(open_dataset(folder / "set", Recipe(settings=SETTINGS)), tmp_path / "none")
    assert {(plan.compute, plan.seconds) for plan in plans} == {(2, None)}
    assert "nothing is known yet of decode" in describe_dataset_plan(plans, 2)


def test_values_are_yaml_and_every_combination_has_a_name_of_its_own():
    combinations = make_grid(["decode.stop=null,5", "decode.frame_rate=30000/1001,25"])
    assert [combination.values for combination in combinations][1] == {"decode.stop": None, "decode.frame_rate": 25}
    assert combinations[0].name == "000-stop-None_frame_rate-30000_1001"
    assert as_settings(combinations[0].values) == ["decode.stop=null", "decode.frame_rate=30000/1001"]


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        (["decode.stop"], "--vary takes stage.param=value,value"),
        (["decode.stop="], "--vary takes stage.param=value,value"),
        (["=1,2"], "--vary takes stage.param=value,value"),
        (["decode.stop=[1"], "is not a list of YAML values"),
        (["decode.stop=1,2,1"], "a value comes twice"),
        (["decode.stop=1", "decode.stop=2"], "is given twice"),
        ([f"decode.stop={','.join(map(str, range(1001)))}"], "1001 combinations"),
        ([], "0 combinations"),
    ],
)
def test_impossible_grids_are_named(vary, message):
    with pytest.raises(InputError, match=message):
        make_grid(vary)


def test_an_impossible_value_is_refused_before_any_work(swept, tmp_path):
    folder, _ = swept
    with pytest.raises(InputError, match="max_consistency_error = -1 is not possible"):
        sweep(
            str(folder / "set"),
            str(tmp_path / "out"),
            ["propagate.max_consistency_error=1,-1"],
            root=str(tmp_path / "root"),
        )
    assert list((tmp_path / "root").glob("*/decode")) == []
