"""The page of `dfvi compare`: what it says, and what its player shows."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from flows.cli import main as cli
from tests.flows.pages.conftest import CHROMIUM, FILE, FOLDER
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def clips(made):
    return str(made[0] / "clean.mp4"), str(made[0] / FOLDER / FILE)


@pytest.fixture(scope="module")
def page(clips, tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "differ.html"
    assert cli.main(["compare", *clips, "--mask", "12,6,34,22", "-o", str(page)]) == 0
    return page


def data_of(page):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text()).group(1),
        parse_constant=pytest.fail,
    )


def test_the_page_says_what_json_says(clips, page, capsys):
    assert cli.main(["compare", *clips, "--mask", "12,6,34,22", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert data_of(page)["clips"] == told["clips"]
    assert f"{told['clips'][0]['mean']['hole_psnr']:.2f}" in page.read_text()
    assert "<script>alert" not in page.read_text()


def test_clips_that_are_equal_make_a_page_too(clips, tmp_path, capsys):
    assert cli.main(["compare", clips[0], clips[0], "-o", str(tmp_path / "same.html")]) == 0
    assert "no pixel differs" in capsys.readouterr().out
    assert data_of(tmp_path / "same.html")["clips"][0]["worst"] == []


def test_with_a_truth_every_pair_can_be_chosen(clips, tmp_path):
    page = tmp_path / "three.html"
    assert cli.main(["compare", *clips, "--truth", clips[1], "-o", str(page)]) == 0
    first = data_of(page)["pictures"][0]
    assert len(first["images"]) == 3
    assert set(first["differences"]) == {"0-1", "0-2", "1-2"}


def test_what_is_no_page_of_ours_is_left_alone(clips, tmp_path, capsys):
    Path(tmp_path / "mine.html").write_text("mine")
    assert cli.main(["compare", *clips, "-o", str(tmp_path / "mine.html")]) == 2
    assert "is not a report of dfvi" in capsys.readouterr().err
    assert Path(tmp_path / "mine.html").read_text() == "mine"


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")
def test_it_wipes_blinks_and_shows_the_difference(page, browser):
    opened, faults = browser.new_page(), []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    opened.goto(page.as_uri())
    wait_until(lambda: opened.evaluate("!!globalThis.player?.film.at(0)"))

    def pixels():
        opened.wait_for_timeout(100)
        return np.array(
            opened.evaluate(
                "(() => { const {canvas} = player; return [...canvas.getContext('2d')"
                ".getImageData(canvas.width / 2, canvas.height - 40, 20, 20).data]; })()"
            )
        ).reshape(-1, 4)[:, :3]

    assert np.ptp(pixels(), axis=1).max() > 20
    opened.keyboard.press("d")
    assert np.ptp(pixels(), axis=1).max() <= 2  # a difference is grey
    opened.keyboard.press("b")
    wait_until(lambda: opened.evaluate("player.mode") == "before")
    wait_until(lambda: opened.evaluate("player.mode") == "after")
    opened.click("#forward")
    assert opened.evaluate("player.index") == 1
    assert "frame 1" in opened.inner_text("#time")
    assert not faults
