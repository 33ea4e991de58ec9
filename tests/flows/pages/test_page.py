"""The page of a report as a person uses it: a browser without a window opens the file, without a network."""

import re
from pathlib import Path

import pytest

from tests.flows.pages.conftest import CHROMIUM
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}"),
]


@pytest.fixture
def page(browser, made):
    """The report, opened; whatever is asked of a network, or goes wrong in it, fails the test."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on(
        "request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or faults.append(request.url)
    )
    page.goto(Path(made[2].report).as_uri())
    yield page
    context.close()
    assert faults == []


def pixel(page, x, y):
    """The colour of the canvas where it shows a pixel of the video."""
    return page.evaluate(
        "([x, y]) => { const { canvas } = player, view = player.view();"
        "const at = [(x + 0.5 - view.x) * view.scale, (y + 0.5 - view.y) * view.scale];"
        "const own = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });"
        "own.drawImage(canvas, ...at.map(Math.round), 1, 1, 0, 0, 1, 1);"
        "return [...own.getImageData(0, 0, 1, 1).data].slice(0, 3) }",
        [x, y],
    )


def shown(page):
    return int(re.search(r"frame (\d+)", page.locator("#time").inner_text()).group(1))


def test_the_wipe_shows_before_on_the_left_and_after_on_the_right(page):
    assert page.locator("h1").inner_text() == "script>"
    wait_until(lambda: page.locator("#time").inner_text() != "", 20)
    in_the_hole = (23, 18)  # and black before
    canvas = page.locator(".stage canvas")
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + 20)
    before = pixel(page, *in_the_hole)
    page.mouse.click(box["x"] + box["width"] * 0.1, box["y"] + 20)
    after = pixel(page, *in_the_hole)
    assert sum(before) < 60 < sum(after)
    page.keyboard.press("b")
    assert pixel(page, *in_the_hole) == before
    page.get_by_role("button", name="After", exact=True).click()
    assert pixel(page, *in_the_hole) == after
    page.select_option("#overlay", "origins")
    assert pixel(page, *in_the_hole) != after


def test_it_plays_and_steps_and_jumps(page):
    wait_until(lambda: page.locator("#time").inner_text() != "", 20)
    page.keyboard.press("ArrowRight")
    wait_until(lambda: shown(page) == 1, 20)
    page.get_by_label("One frame back").click()
    page.get_by_label("One frame back").click()
    wait_until(lambda: shown(page) == 7, 20)
    page.get_by_label("Play").click()
    wait_until(lambda: shown(page) == 3, 20)
    page.get_by_label("Pause").click()
    stopped = shown(page)
    slice = page.get_by_alt_text(re.compile("of all frames, after"))
    slice.click(position={"x": 5, "y": 5})
    wait_until(lambda: shown(page) == 0, 20)
    assert slice.evaluate("image => image.naturalHeight") == 160
    moment = page.locator("[data-frame]").first
    wanted = int(moment.get_attribute("data-frame"))
    moment.click()
    wait_until(lambda: shown(page) == wanted, 20)
    assert stopped in range(8)


def test_the_stages_are_sorted_by_a_heading(page):
    def seconds():
        cells = page.locator("table.sortable tbody tr td[data-value]:nth-of-type(5)").all()
        return [float(cell.get_attribute("data-value")) for cell in cells]

    heading = page.get_by_role("button", name="Seconds")
    came = seconds()
    heading.click()
    assert seconds() == sorted(came)
    heading.click()
    assert seconds() == sorted(came, reverse=True)
    heading.click()
    assert seconds() == came


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (380, "light")])
def test_everybody_can_read_it(page, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.get_by_label("Over it").select_option("sure")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()
