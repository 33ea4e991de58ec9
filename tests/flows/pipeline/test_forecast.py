"""Forecasts follow what earlier runs took, and what does not fit is refused with what helps."""

import pytest

from flows.configs.run_config import load_config
from flows.pipeline.forecast import Forecast, RunCost, Work, foresee_cost, past_costs
from flows.pipeline.room import as_size, check_room, tell, work_in
from flows.pipeline.runner import Runner
from storage.cache.root import Root
from storage.cache.run_records import RunFacts
from storage.errors import InputError
from tasks.shots.shot import Shot
from tasks.stage.cached_stage import Job, StageResult

SIZES = {"frames": 1000, "drafts": 300, "rest": 700, "encoded": 50}
PAST = RunCost(
    host="here",
    pixels=1000,
    worked=100_000,
    frames=4,
    outside=2.0,
    inside=10.0,
    memory=450_000_000,
    bytes=SIZES,
)


def test_each_part_grows_with_what_it_works_on():
    seen = foresee_cost(Work(pixels=10_000, worked=500_000, frames=40, at_once=100_000), [PAST], "here")
    assert seen.seconds == pytest.approx(2 * 10 + 10 * (500_000 + 40 * 10_000) / (100_000 + 4 * 10_000))
    assert seen.memory == pytest.approx(350e6 + 100e6 * (500_000 / 40) / (100_000 / 4))
    frames, drafts, rest, encoded, holes, kept = 10_000, 1500, 3500, 500, 0.01 * 10_000, 0.6 * 500_000
    assert seen.disk["all"] == pytest.approx(frames + holes + drafts + rest + encoded)
    assert seen.disk["tune"] == pytest.approx(frames + holes + drafts / 5 + rest + encoded)
    assert seen.disk["result"] == pytest.approx(holes + (drafts + rest) / 5 + kept + encoded)


def test_of_another_machine_bytes_count_and_time_does_not():
    seen = foresee_cost(Work(1000, 100_000, 4), [PAST], "elsewhere")
    assert (seen.seconds, seen.memory, seen.runs) == (None, None, 0)
    assert seen.disk["all"] == pytest.approx(2050 + 10)


def test_runs_with_the_same_parameters_go_before_all_others():
    def run(inside, **config):
        cost = PAST.model_copy(update={"inside": inside}).model_dump()
        return RunFacts(None, "r", "v", summary={"cost": cost}, inputs={"config": config})

    runs = [run(1.0, merge="a", keep="all"), run(2.0, merge="b"), RunFacts(None, "r", "v")]
    assert [cost.inside for cost in past_costs(runs, {"merge": "a", "keep": "result"})] == [1.0]
    assert [cost.inside for cost in past_costs(runs, {"merge": "c"})] == [1.0, 2.0]


def test_work_is_that_in_boxes_of_shots():
    clip = StageResult("v", "decode", "0" * 32, attributes={"frames": 10, "clip": {"height": 20, "width": 30}})
    shots = [Shot(clip, 0, 4, "a", box=(0, 0, 10, 10)), Shot(clip, 4, 10, "b")]
    assert work_in(shots, clip, 2) == Work(6000, 400 + 3600, 10, 3600)


@pytest.mark.parametrize(
    ("keep", "most", "says"),
    [
        ("all", "100MB", "--max-disk allows 100 MB; --keep result takes about"),
        ("all", "1.5GB", "--keep tune takes about"),
        ("result", "1MB", "take a part with --from and --to"),
        ("all", "20 GB", None),
    ],
)
def test_what_does_not_fit_is_refused_with_what_helps(tmp_path, keep, most, says):
    runner = Runner(Job(str(Root.create(tmp_path / "root").path), "v", keep=keep))
    config = load_config(keep=keep, max_disk=most)
    work = Work(pixels=100_000_000, worked=50_000_000, frames=500, at_once=1_000_000)
    if says is None:
        assert check_room(runner, config, work).disk[keep] < config.max_disk
        return
    with pytest.raises(InputError, match=says):
        check_room(runner, config, work)


def test_what_the_disk_cannot_hold_is_refused(tmp_path):
    runner = Runner(Job(str(Root.create(tmp_path / "root").path), "v"))
    with pytest.raises(InputError, match=r"for it in .*; take a part with"):
        check_room(runner, load_config(keep="all"), Work(pixels=10**15, worked=10**9, frames=10**3, at_once=10**6))


@pytest.mark.parametrize(
    ("seconds", "disk", "says"),
    [
        (40.0, 2e6, "v: all of it takes about 40 s, 400 MB of memory, 2.0 MB of disk at most (by 3 earlier runs)"),
        (None, 2e9, "v: all of it takes about 2.0 GB of disk at most (time is known after a first run)"),
        (4.0, 2e6, ""),
        (None, 2e6, ""),
    ],
)
def test_a_word_is_said_before_a_run_that_takes_long_or_much(caplog, seconds, disk, says):
    caplog.set_level("INFO")
    tell("v", Forecast(seconds, seconds and 400e6, {"tune": disk}, 3 if seconds else 0), "tune")
    assert [record.message for record in caplog.records] == [says] * bool(says)


@pytest.mark.parametrize("size", ["20 apples", "-1GB", "0MB"])
def test_a_size_is_a_number_with_its_unit(size):
    with pytest.raises(InputError, match="max_disk"):
        load_config(max_disk=size)


@pytest.mark.parametrize(("size", "text"), [(2.5e6, "2.5 MB"), (4e7, "40 MB"), (1.24e9, "1.2 GB"), (3e12, "3.0 TB")])
def test_sizes_are_written_with_their_unit(size, text):
    assert as_size(size) == text
