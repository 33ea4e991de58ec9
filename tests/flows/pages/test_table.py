"""The report of a dataset and of a sweep: what it says, and its page as a person uses it."""

import json
from pathlib import Path

import pytest

from flows.cli import main as cli
from flows.engines.protocol import VideoResult
from flows.pages import table_making
from flows.pages.table_making import report_dataset, report_runs
from flows.pages.table_model import row_of_result
from flows.pages.table_page import page_of_table
from flows.pages.table_report import report_table
from flows.reports.dataset import BatchSummary
from storage.cache.root import Root
from tests.flows.pages.conftest import CHROMIUM
from tests.flows.pages.test_report import data_of
from tests.waiting import wait_until

FAILED = VideoResult(video="<b>goat", state="failed", error="mask has 79 frames, video has 80; export the mask again")


@pytest.fixture
def batch(made):
    done = VideoResult.of(made[2])
    return BatchSummary(dataset="videos/set", seconds=3.0, found=2, left_out=0, results=[done, FAILED])


def test_the_table_of_a_dataset_begins_with_what_failed_and_says_what_the_summary_says(
    made, batch, tmp_path, monkeypatch
):
    told = []
    monkeypatch.setattr(table_making, "publish_artifact", lambda create, text, **more: told.append(text))
    page = Path(report_dataset(Root.open(str(made[1])), batch, tmp_path, "latest"))
    assert page == tmp_path / "latest.report.html"
    assert str(page).replace("_", r"\_") in told[0]
    assert "<b>goat" not in page.read_text()
    data = data_of(page)
    failed, done = data["report"]["rows"]
    assert (failed["state"], failed["error"]) == ("failed", FAILED.error)
    assert done["shares"]["invented"] == pytest.approx(batch.results[0].invented)
    assert sum(done["shares"].values()) == pytest.approx(1)
    assert data["report"]["sentence"] == "2 videos in 3.0 s: 1 done, 1 failed"
    loop = data["loops"]["script_"]
    assert loop["frames"] == list(range(8))
    assert [pane["title"] for pane in loop["panes"]] == ["Before", "After"]


def test_a_report_that_cannot_be_written_costs_a_warning_only(made, batch, tmp_path, caplog):
    (tmp_path / "latest.report.html").write_text("notes of somebody")
    assert report_dataset(Root.open(str(made[1])), batch, tmp_path, "latest") == ""
    assert "is not a report of dfvi" in caplog.text


def test_runs_of_one_name_are_one_table_also_where_some_have_not_ended(made, tmp_path, capsys):
    root = Root.open(str(made[1]))
    done = next(run for run in root.runs() if run.summary)
    going = root.start_run("latest", "goat", done.inputs)
    going.use("decode", done.reached[0]["digest"])
    try:
        page = report_runs(root, "latest", [done, next(root.runs("goat"))], threads=1)
        assert [row.state for row in page.report.rows] == ["unfinished", "done"]
        assert list(page.loops) == ["script_"]
        arguments = ["report", "latest", "--root", str(made[1]), "--json", "-o", str(tmp_path / "page.html")]
        assert cli.main(arguments) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["sentence"] == "2 videos: 1 done, 1 unfinished"
        assert "the run has not ended" in (tmp_path / "page.html").read_text()
    finally:
        going.path.remove()


def test_a_table_of_results_whose_frames_are_gone_says_so(made):
    done = row_of_result(VideoResult.of(made[2]), "latest")
    page = report_table(Root.open(str(made[1])), "dataset", "set", [(done, None)], sentence="1 video")
    assert page.loops == {}
    assert "No frames are shown: they were not kept" in page_of_table(page)


@pytest.fixture
def swept(made, tmp_path):
    """The page of a sweep whose variants are all the same run."""
    root = Root.open(str(made[1]))
    record = next(run for run in root.runs() if run.summary)
    done = VideoResult.of(made[2])
    rows = [(row_of_result(done, "a", {"merge.rule": name}, psnr), record) for name, psnr in (("a", 9.0), ("b", 8.5))]
    variants = [
        {"merge.rule": name, "hole_psnr": psnr, "invented": 0.1, "full_seconds": seconds, "full_megabytes": 1.5}
        | {"done": 1, "not_done": 0}
        for name, psnr, seconds in (("a", 9.0, 2.0), ("b", 8.5, 1.0))
    ]
    rows.append((row_of_result(FAILED, "a", {"merge.rule": "a"}), None))
    page = report_table(root, "sweep", "set", rows, sentence="2 variants", variants=variants)
    path = tmp_path / "page.html"
    path.write_text(page_of_table(page))
    return path


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")
def test_variants_play_side_by_side_and_rows_are_sorted_filtered_and_read_by_everybody(browser, swept):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or faults.append(r.url))
    page.goto(swept.as_uri())
    wait_until(lambda: page.locator("#time").inner_text() != "", 20)
    assert page.locator("#panes figcaption").all_inner_texts() == ["Before", "rule a\n9.00 dB", "rule b\n8.50 dB"]
    frame = page.locator("#time").inner_text()
    page.keyboard.press("ArrowRight")
    wait_until(lambda: page.locator("#time").inner_text() != frame, 20)
    page.get_by_label("Play").click()
    wait_until(lambda: page.locator("#time").inner_text() == frame, 20)
    page.get_by_label("Pause").click()

    def videos():
        return [row.locator("td").nth(1).inner_text() for row in page.locator("#rows tbody tr:visible").all()]

    assert len(videos()) == 3
    page.locator("#rows").get_by_role("button", name="PSNR, dB").click()
    assert videos() == ["b", "a", "a"]
    page.get_by_label("Filter").fill("script_")
    assert page.locator("#matching").inner_text() == "2 of 3"
    page.get_by_label("Filter").fill("goat 79")
    assert len(videos()) == 1
    page.get_by_label("Filter").fill("")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Seconds").uncheck()
    assert not page.locator("#rows").get_by_role("button", name="Seconds").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page)
    page.close()
    assert found.response["violations"] == [], found.generate_report()
    assert faults == []
