"""The documentation site: it builds without a network or a warning, its commands run, its messages are ours."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from flows.cli import main as cli
from flows.configs import run_config
from storage.media.reading import probe
from storage.media.writing import write_video
from tests.clips import panning_clip
from tests.flows.test_inpaint_dataset import in_this_process  # noqa: F401  (a fixture)
from tests.paths import REPOSITORY
from tests.test_docs import DOCS, blocks_of

RUN = ("quickstart", "cookbook/paint-a-key-frame", "cookbook/remove-a-logo", "cookbook/tune-thresholds")
"""Pages whose commands are run; those of the others are parsed, or need a cluster, weights or files of their own."""
NOT_RUN = ("dfvi demo",)
"""Run by a test of its own."""


@pytest.fixture
def folder(tmp_path, monkeypatch, prefect_server, in_this_process):  # noqa: F811
    """A folder with the files that the pages speak of."""
    clip = panning_clip(tmp_path / "made", count=4)
    frames = [cv2.imread(str(path))[..., ::-1] for path in sorted(clip.video.iterdir())]
    masks = [hole[..., None] * np.full(3, 255, np.uint8) for hole in clip.holes]
    for name, images in (("goat", frames), ("other", frames), ("goat-mask", masks)):
        slow = replace(
            probe(clip.video), rate=Fraction(1, 20), time_base=Fraction(20)
        )  # so that it lasts over a minute
        write_video(tmp_path / f"{name}.mp4", images, slow)
    cv2.imwrite(str(tmp_path / "logo.png"), masks[0])
    shutil.copytree(tmp_path / "made", tmp_path / "DATASET" / "one")
    (tmp_path / "logos.yaml").write_text(blocks_of(DOCS / "cookbook" / "remove-a-logo.md", "yaml")[0])
    monkeypatch.chdir(tmp_path)
    fast = run_config.read_preset("fast")  # other tests run the others
    monkeypatch.setattr(run_config, "read_preset", lambda _name: fast)
    return tmp_path


def test_the_commands_of_quickstart_and_cookbook_run_one_after_the_other(folder, capsys):
    lines = [line for page in RUN for block in blocks_of(DOCS / f"{page}.md", "sh") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("dfvi ") and line not in NOT_RUN]
    assert len(commands) > 10
    for line in commands:
        code = cli.main(shlex.split(line)[1:])
        assert code == 0, f"{line}\n{capsys.readouterr().err}"


def test_the_messages_that_are_explained_are_those_of_the_program():
    texts = []
    for package in ("flows", "tasks", "storage", "dfvi_models"):
        for path in (REPOSITORY / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.append(node.value)
    explained = re.findall(r"^`(.+)`\n: ", (DOCS / "troubleshooting.md").read_text(), re.M)
    assert len(explained) > 15
    for message in explained:
        for part in filter(None, map(str.strip, message.split("…"))):
            assert any(part in text for text in texts), f"{message}: {part}"


def test_the_site_builds_without_warnings_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("furo")
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("_build", "reference", "pictures"))
    pictures = {name for page in DOCS.rglob("*.md") for name in re.findall(r"pictures/([\w-]+\.png)", page.read_text())}
    (tmp_path / "docs" / "pictures").mkdir()
    for name in pictures:
        cv2.imwrite(str(tmp_path / "docs" / "pictures" / name), np.zeros((9, 16, 3), np.uint8))
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "docs", "html"]
    done = subprocess.run(build, cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY), "PATH": ""}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    pages = {page.relative_to(tmp_path / "html"): page.read_text() for page in (tmp_path / "html").rglob("*.html")}
    assert len(pages) > 20
    loads = re.compile(r"<(?:script|img|iframe|source)[^>]+src=[\"'](?:https?:)?//|<link[^>]+href=[\"'](?:https?:)?//")
    assert [name for name, text in pages.items() if loads.search(text)] == []
    parameters = (tmp_path / "html" / "reference" / "parameters.html").read_text()
    assert "propagate.max_consistency_error" in parameters
    assert "dfvi watch" in (tmp_path / "html" / "reference" / "commands.html").read_text()
