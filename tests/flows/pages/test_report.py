"""The report of a run, from the run to the page: one small video with a bad name, looked at in every state."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from flows.cli import main as cli
from flows.inpaint_video import inpaint_video
from flows.pages.making import find_runs
from storage.cache.root import Root
from storage.errors import InputError
from tests.flows.pages.conftest import CONFIG


@pytest.fixture
def copy(made, tmp_path):
    """A copy of the root that may be damaged."""
    return Path(shutil.copytree(made[1], tmp_path / "root"))


def report(capsys, *arguments):
    assert cli.main(["report", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text()).group(1))


def test_a_run_writes_its_report_beside_the_output(made):
    folder, _, summary = made
    assert summary.report == str(folder / "clean.report.html")
    page = Path(summary.report).read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;" in page


def test_the_page_says_what_json_says(made, capsys):
    _, root, summary = made
    told = json.loads(report(capsys, "script_", "--root", root, "--json"))
    shown = data_of(Path(summary.report))["report"]
    assert {**told, "made": ""} == {**shown, "made": ""}
    assert told["state"] == "finished"
    assert told["problems"] == []
    assert sum(told["shares"].values()) == pytest.approx(1, abs=1e-5)
    assert told["shares"]["invented"] == pytest.approx(summary.invented, abs=1e-4)
    assert told["hole_pixels"] == sum(row["hole"] for row in told["frames"]) == summary.hole_pixels
    assert [row["stage"] for row in told["stages"]] == [stage.stage for stage in summary.stages]
    assert {row["device"] for row in told["stages"]} == {"cpu"}
    assert "--set decode.dilation=1 " in told["command"]


def test_flow_is_pictured_before_and_after_completion(made, copy, capsys, tmp_path):
    page = Path(made[2].report)
    told = data_of(page)["report"]
    sizes = [picture.size for picture in pictures_of(page, "jpeg", "flow of frame")]
    assert sizes == [sizes[0]] * 2
    assert 0 <= told["flow_frame"] < told["count"]
    assert told["fastest_flow"] > 1  # the clip pans
    shutil.rmtree(next(path for path in copy.glob("*/estimate_flow/*") if (path / "flow_fw").exists()))
    report(capsys, "script_", "--root", copy, "-o", tmp_path / "without.html")
    assert data_of(tmp_path / "without.html")["report"]["flow_frame"] is None
    assert not pictures_of(tmp_path / "without.html", "jpeg", "flow of frame")


def test_the_wheel_says_that_right_is_red_and_down_is_yellow(made):
    [wheel] = pictures_of(Path(made[2].report), "png", "Wheel")
    width, height = wheel.size
    right, down, centre, corner = (
        wheel.getpixel(at)
        for at in ((width - 3, height // 2), (width // 2, height - 3), (width // 2, height // 2), (0, 0))
    )
    assert right[0] > 240
    assert max(right[1:3]) < 60
    assert min(down[:2]) > 200
    assert down[2] < 60
    assert min(centre[:3]) > 240
    assert corner[3] == 0


def pictures_of(page, kind, words):
    found = re.findall(rf'<img src="data:image/{kind};base64,([^"]+)" alt="[^"]*{words}', page.read_text())
    return [Image.open(io.BytesIO(base64.b64decode(each))) for each in found]


def test_an_unfinished_run_is_shown_as_far_as_it_is(copy, capsys, tmp_path):
    record = next(Root.open(str(copy)).runs())
    reached = [each for each in record.reached if each["stage"] not in ("deflicker", "encode")]
    started = Root.open(str(copy)).start_run("again", record.video, inputs=record.inputs)
    for each in reached:
        started.use(each["stage"], each["digest"])
    told = json.loads(
        report(capsys, record.video, "--run", "again", "--root", copy, "--json", "-o", tmp_path / "a.html")
    )
    assert told["state"] == "unfinished"
    assert told["verdict"]["level"] == "unknown"
    assert told["shares"]["earlier"] + told["shares"]["later"] > 0
    assert "the run has not ended" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize("gone", [0, -1])
def test_what_is_damaged_or_gone_is_named_and_the_rest_is_shown(copy, capsys, gone):
    record = next(Root.open(str(copy)).runs())
    merges = [each["digest"] for each in record.reached if each["stage"] == "merge"]
    shutil.rmtree(copy / record.video / "merge" / merges[gone])
    told = json.loads(report(capsys, "latest", "--root", copy, "--json"))
    assert any("merge" in problem for problem in told["problems"])
    assert [row["state"] for row in told["stages"] if row["stage"] == "merge"][gone] == "missing or damaged"
    chunk = next(
        path for path in (copy / "script_" / "decode").rglob("frames/*") if path.is_file() and path.name != "zarr.json"
    )
    chunk.write_bytes(b"no chunk")
    told = json.loads(report(capsys, "latest", "--root", copy, "--json"))
    assert any("the frames cannot be shown" in problem for problem in told["problems"])
    assert told["command"]


def test_a_report_that_cannot_be_written_costs_a_warning_only(made, tmp_path, caplog):
    _, root, summary = made
    (tmp_path / "clean.report.html").write_text("notes of somebody")
    given = next(Root.open(str(root)).runs()).inputs
    again = inpaint_video(
        given["video_path"],
        given["mask"],
        str(tmp_path / "clean.mp4"),
        CONFIG,
        root=str(root),
        run="other",
    )
    assert (tmp_path / "clean.mp4").read_bytes() == Path(summary.output).read_bytes()
    assert again.report == ""
    assert "is not a report of dfvi" in caplog.text
    assert (tmp_path / "clean.report.html").read_text() == "notes of somebody"


def test_a_run_is_found_by_video_and_by_name(made):
    root = Root.open(str(made[1]))
    assert find_runs(root, "script_") == find_runs(root, "elsewhere/script_.mp4")
    assert [run.video for run in find_runs(root, "latest")] == ["script_"]
    with pytest.raises(InputError, match=r"no run on goat is in .*; `dfvi store runs` lists them"):
        find_runs(root, "goat")
    with pytest.raises(InputError, match="and called tuned"):
        find_runs(root, "script_", "tuned")


def test_report_asks_for_a_page_or_json(made, capsys):
    assert cli.main(["report", "script_", "--root", str(made[1])]) == 2
    assert "-o FILE.html" in capsys.readouterr().err
