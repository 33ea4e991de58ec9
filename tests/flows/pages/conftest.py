"""One run for all tests of reports, and a browser that opens pages from files."""

from pathlib import Path

import pytest

from flows.configs.run_config import load_config
from flows.inpaint_video import inpaint_video
from tests.clips import panning_clip

CHROMIUM = Path("/usr/bin/chromium")
FOLDER, FILE = "<script>alert(1)<", "script>"
"""Together they are the name of a video; a name cannot hold the slash between them."""
CONFIG = load_config(settings=["drafts=[]", "decode.dilation=1"], encode={"container": "mp4"})


@pytest.fixture(scope="session")
def made(tmp_path_factory, prefect_server):
    """A folder with the output of a finished run, its root, and its summary."""
    folder = tmp_path_factory.mktemp("made")
    clip = panning_clip(folder / "clip")
    (folder / FOLDER).mkdir()
    video = clip.video.rename(folder / FOLDER / FILE)
    root = folder / "root"
    summary = inpaint_video(str(video), "12,6,34,22", str(folder / "clean.mp4"), CONFIG, root=str(root))
    return folder, root, summary


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
