"""The studio as a person uses it: a browser without a window opens it, draws, waits and looks."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest

from dfvi_models.segmentation.distance import overlap
from flows.cli import main as cli
from flows.studio.document import marked_in
from flows.studio.project import Project
from storage.media.reading import probe, read_frames
from storage.media.writing import write_video
from tasks.services.painted_masks import marked_pixels
from tests.clips import panning_clip, write_images
from tests.dfvi_models.segmentation.moving_object import moving_object
from tests.dfvi_models.segmentation.test_moving_parts import scene
from tests.paths import REPOSITORY
from tests.waiting import wait_until

CHROMIUM = Path("/usr/bin/chromium")
NAME = """<img src=x onerror=alert(1)>'"&%2e; $(touch owned) é.mp4"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}"),
]


class Server:
    """A studio in a process of its own, which can be killed and started again."""

    def __init__(self, folder):
        from prefect.settings import PREFECT_API_URL

        self.folder = folder
        (folder / "videos").mkdir()
        self.environment = os.environ | {
            "PREFECT_API_URL": PREFECT_API_URL.value(),
            "PYTHONPATH": str(REPOSITORY),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        self.start()

    def start(self):
        arguments = [str(self.folder / "videos"), "--root", str(self.folder / "root"), "--no-browser"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli.main", "studio", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = re.search(r"http://\S+", self.process.stdout.readline()).group()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory, prefect_server):
    folder = tmp_path_factory.mktemp("studio")
    server = Server(folder)
    clip = probe(panning_clip(folder / "clip").video)
    write_video(folder / "videos" / NAME, read_frames(clip), clip, quality=10)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server):
    context = browser.new_context(viewport={"width": 1200, "height": 760}, accept_downloads=True)
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    yield page
    context.close()
    assert faults == []


def until(page, expression, seconds=120.0):
    """Wait until something is true in a page whose policy lets nobody else's code run in it for long."""
    wait_until(lambda: page.evaluate(f"Boolean({expression})"), seconds)


def drag(page, start, end):
    """Draw from one point of the picture to another; both in pixels of the video."""
    box = page.locator("canvas").bounding_box()
    scale, left, top = page.evaluate("[studio.view.scale, studio.view.left, studio.view.top]")
    (x0, y0), (x1, y1) = [(box["x"] + left + scale * x, box["y"] + top + scale * y) for x, y in (start, end)]
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    page.mouse.move(x1, y1)
    page.mouse.up()


def document(page):
    until(page, "!studio.pending")
    return page.evaluate("studio.state.document")


def test_something_is_marked_tried_removed_looked_at_and_kept(page, server, tmp_path, monkeypatch):
    page.goto(server.address)
    assert "token" not in page.url
    page.get_by_text(NAME).click()
    until(page, "window.studio?.shownAt === 0")

    drag(page, (19.5, 14.5), (27.5, 25.5))
    assert document(page)["objects"][0]["boxes"] == [{"frame": 0, "x": 19, "y": 14, "width": 9, "height": 12}]
    until(page, "!studio.view.isLoading && studio.view.marks.length")
    page.keyboard.press("e")
    drag(page, (25, 20), (27, 20))
    assert (len(document(page)["objects"][0]["paintings"]), document(page)["objects"][0]["boxes"]) == (1, [])
    page.keyboard.press("Control+z")
    assert len(document(page)["objects"][0]["boxes"]) == 1
    page.get_by_label("Quality").select_option("fast")

    page.get_by_label("Standard").uncheck()
    page.get_by_text("Try around this frame").click()
    until(page, "studio.looking.name === 'preview-fast.mkv' && studio.view.shown.bitmaps[1]")

    page.get_by_text("Remove from the whole video").click()
    until(page, "studio.state.job?.kind === 'run' && studio.state.job.pid")
    pid = page.evaluate("studio.state.job.pid")
    os.kill(pid, signal.SIGKILL)
    server.kill()
    server.start()
    page.reload()
    page.get_by_text("Go on").click()
    until(page, "studio.looking.name === 'result' && studio.view.shown.bitmaps[1]")

    with page.expect_download() as kept:
        page.get_by_text(re.compile("^Video ")).click()
    kept.value.save_as(tmp_path / "kept.mp4")
    page.get_by_text("Mask, settings, command line").click()
    command = shlex.split(page.locator("pre.command").inner_text())
    assert command[0] == "dfvi"
    arguments = command[1:]
    arguments[arguments.index("-o") + 1] = str(tmp_path / "again.mp4")
    arguments[arguments.index("--root") + 1] = str(tmp_path / "root")
    assert cli.main(arguments) == 0
    np.testing.assert_array_equal(list(read_frames(tmp_path / "again.mp4")), list(read_frames(tmp_path / "kept.mp4")))
    assert not (server.folder / "owned").exists()


def test_what_is_marked_is_followed_corrected_and_followed_again_and_other_things_are_looked_for(page, server):
    frames, masks = moving_object(6)
    video = server.folder / "videos" / "moves.mkv"
    write_images(server.folder / "moves", np.stack(frames))
    write_video(video, frames, probe(server.folder / "moves"), quality=5)
    page.goto(server.address)
    page.get_by_text("moves.mkv").click()
    until(page, "window.studio?.shownAt === 0")
    rows, columns = (np.flatnonzero(masks[0].any(axis=axis)) for axis in (1, 0))
    drag(page, (columns[0], rows[0]), (columns[-1] + 1, rows[-1] + 1))
    assert len(document(page)["objects"][0]["boxes"]) == 1

    page.get_by_text("Follow it").click()
    page.get_by_text("It was followed").wait_for(timeout=120_000)
    (marked,) = document(page)["objects"]
    assert marked["moves"]
    assert len(marked["track"]) == 20
    page.evaluate("studio.go(5)")
    until(page, "!studio.view.isLoading && studio.view.marks[0]?.images.length")
    project = Project.of(video, server.folder)
    saved = project.read().document
    shown = marked_pixels(marked_in(saved.objects[0], 5, project.painted), *masks[0].shape)
    assert overlap(shown, masks[5]) > 0.7

    drag(page, (5, 5), (15, 15))
    page.get_by_role("button", name="Follow it again").click()
    until(page, f"studio.state.document.objects[0].track !== '{marked['track']}' && studio.state.job.status === 'done'")
    assert sorted(box["frame"] for box in document(page)["objects"][0]["boxes"]) == [0, 5]

    page.get_by_role("button", name="Captions").click()
    page.get_by_text("Nothing of that kind was found").wait_for(timeout=60_000)
    until(page, "studio.state.document.objects.length === 1")


def test_what_moves_before_a_still_camera_is_found_and_can_be_removed(page, server):
    frames, holes = scene()
    write_images(server.folder / "crosses", frames)
    write_video(server.folder / "videos" / "crosses.mkv", frames, probe(server.folder / "crosses"), quality=5)
    page.goto(server.address)
    page.get_by_text("crosses.mkv").click()
    until(page, "window.studio?.shownAt === 0")
    page.get_by_role("button", name="What moves").click()
    page.get_by_text("Play it, and look whether that is it").wait_for(timeout=60_000)
    (found,) = document(page)["objects"]
    assert (found["name"], found["moves"], found["boxes"], len(found["track"])) == ("What moves", True, [], 20)
    project = Project.of(server.folder / "videos" / "crosses.mkv", server.folder)
    shown = marked_pixels(marked_in(project.read().document.objects[0], 9, project.painted), *holes[0].shape)
    assert shown[holes[9]].mean() > 0.9
    page.evaluate("studio.go(9)")
    until(page, "!studio.view.isLoading && studio.view.marks[0]?.images.length")
    page.get_by_label("Quality").select_option("fast")
    page.get_by_text("Remove from the whole video").click()
    until(page, "studio.looking.name === 'result' && studio.view.shown.bitmaps[1]")


def test_two_pages_do_not_overwrite_one_another(page, browser, server):
    page.goto(server.address)
    page.get_by_text(NAME).click()
    until(page, "window.studio?.shownAt >= 0")
    other = page.context.new_page()
    other.goto(page.url)
    until(other, "window.studio?.shownAt >= 0")
    page.evaluate("clearTimeout(studio.polling); studio.poll = () => {}")  # it has not heard of the other's edit yet
    before = len(document(page)["objects"])
    other.evaluate("studio.edit({kind: 'add_object'})")
    until(other, f"!studio.pending && studio.state.document.objects.length === {before + 1}")
    page.evaluate("studio.edit({kind: 'add_object'})")
    page.get_by_text("edited in another window").wait_for()
    until(page, f"studio.state.document.objects.length === {before + 1}")


def status(address, **headers):
    try:
        with urlopen(Request(address, headers=headers)) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def test_names_that_lead_out_of_the_folder_and_strangers_are_refused(page, server):
    page.goto(server.address)
    (server.folder / "outside.mp4").write_bytes(b"secret")
    (server.folder / "videos" / "link.mp4").symlink_to(server.folder / "outside.mp4")
    for name in ("../outside.mp4", "link.mp4", "/etc/passwd", "a\0b", str(server.folder / "outside.mp4")):
        answer = page.evaluate(
            "async (video) => (await fetch('/api/project?' + new URLSearchParams({video}))).status", name
        )
        assert answer == 400, name
    base = server.address.split("?")[0]
    cookie = {"Cookie": "; ".join(f"{c['name']}={c['value']}" for c in page.context.cookies())}
    assert status(f"{base}api/files", **cookie) == 200
    assert status(f"{base}api/files", **cookie, Origin="http://evil.example") == 403
    assert status(f"{base}api/files", **cookie, Host="evil.example") == 403
    assert status(f"{base}api/files") == status(f"{base}?token=wrong") == 401
    assert status(f"{base}page/..%2fserver.py", **cookie) == 404
    assert json.dumps(page.evaluate("document.cookie")) == '""'
