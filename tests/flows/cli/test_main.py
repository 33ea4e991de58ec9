"""The command line: one clear line for bad input, exit codes, and resuming after kill -9."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from storage.cache.housekeeping import list_stores, verify
from storage.cache.root import Root
from tests.clips import panning_clip, write_images
from tests.paths import REPOSITORY

KILLS = 4


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A Prefect home with one background server, used by every command of this module."""
    folder = tmp_path_factory.mktemp("home")
    yield folder
    command(["server", "stop"], folder, folder)


def start(arguments, cwd, home, **options):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")} | {"PREFECT_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli.main", *arguments],
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def command(arguments, cwd, home, **options):
    process = start(arguments, cwd, home, **options)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture
def clip(tmp_path):
    return panning_clip(tmp_path / "clip")


@pytest.fixture
def inpaint(clip, tmp_path, home):
    def run(*arguments, video="clip/frames", mask="clip/masks", output="out.mkv"):
        return command(["inpaint", video, "--mask", mask, "-o", output, *arguments], tmp_path, home)

    return run


@pytest.mark.slow
def test_a_run_ends_with_a_summary_for_people_and_for_scripts(inpaint, tmp_path):
    code, out, err = inpaint("--json")
    assert (code, err) == (0, "")
    summary = json.loads(out)
    assert summary["output"] == "out.mkv"
    assert (tmp_path / "out.mkv").stat().st_size > 0
    assert [stage["stage"] for stage in summary["stages"]][:4] == [
        "decode",
        "find_shots",
        "grow_holes",
        "estimate_flow",
    ]
    code, out, _ = inpaint()
    assert code == 0
    assert "of the hole" in out
    assert "reuse" in out
    assert "compute" not in out
    code, out, _ = command(
        ["plan", "clip/frames", "--mask", "clip/masks", "-o", "out.mkv", "--json"], tmp_path, tmp_path
    )
    assert code == 0
    assert {stage["action"] for stage in json.loads(out)} == {"reuse"}


BAD_INPUT = {
    "missing video": (["--name", "x"], {"video": "none.mp4"}, "none.mp4"),
    "not a video": ([], {"video": "text.mp4"}, "text.mp4"),
    "missing mask": ([], {"mask": "none.png"}, "none.png"),
    "mask of another length": ([], {"mask": "short"}, "7"),
    "mask of another size": ([], {"mask": "small"}, "32x24"),
    "empty mask": ([], {"mask": "empty"}, "no pixel"),
    "unknown key": (["--set", "propagate.nonsense=1"], {}, "unknown key propagate.nonsense"),
    "impossible value": (["--set", "encode.crf=99"], {}, "encode.crf = 99 is not possible"),
    "unknown preset": (["--preset", "best"], {}, "no preset 'best'"),
    "missing configuration": (["--config", "none.yaml"], {}, "none.yaml cannot be read"),
    "unwritable output": ([], {"output": "text.mp4/out.mkv"}, "cannot be made"),
    "unknown output": ([], {"output": "out.docx"}, "cannot write .docx files"),
    "foreign root": (["--root", "clip"], {}, "neither empty nor a dfvi root"),
    "ffv1 in mp4": (["--set", "encode.codec=ffv1"], {"output": "out.mp4"}, "ffv1"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_exit_code_2(case, inpaint, tmp_path, clip):
    (tmp_path / "text.mp4").write_text("this is no video " * 99)
    masks = np.full((8, 48, 64), 255, np.uint8)
    write_images(tmp_path / "short", masks[:7])
    write_images(tmp_path / "small", masks[:, ::2, ::2])
    write_images(tmp_path / "empty", masks * 0)
    arguments, names, expected = BAD_INPUT[case]
    code, out, err = inpaint(*arguments, **names)
    assert code == 2, err
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("dfvi: ")
    assert expected in err
    assert not (tmp_path / "out.mkv").exists()


@pytest.mark.slow
def test_a_damaged_chunk_is_one_line_that_names_the_repair(inpaint, tmp_path, home):
    code, out, _ = inpaint("--json")
    assert code == 0
    decode = json.loads(out)["stages"][0]
    store = Root.open(tmp_path / ".dfvi").open_store("clip", "decode", decode["digest"])
    path = store["frames"].chunk_path(2)
    path.write_bytes(path.read_bytes()[:-1])
    code, _, err = inpaint("--set", "complete_flow.dilation=3", "--set", "decode.dilation=4")
    assert code == 2
    assert str(path) in err
    assert "dfvi store verify --repair" in err
    assert len(err.strip().splitlines()) == 1
    code, out, _ = command(["store", "verify"], tmp_path, home)
    assert code == 1
    assert str(path) in out
    assert command(["store", "verify", "--repair"], tmp_path, home)[0] == 0
    code, out, _ = inpaint("--set", "complete_flow.dilation=3", "--json")
    assert code == 0
    assert json.loads(out)["stages"][0]["action"] == "resume"


def contents(root):
    """Every chunk and file of every finished store, by path."""
    found = {}
    for facts in list_stores(root):
        assert facts.state in ("complete", "dropped")  # drafts
        folder = root.path / facts.video / facts.stage / facts.digest
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in ("manifest.json", "key.json"):
                found[str(path.relative_to(root.path))] = path.read_bytes()
    return found


@pytest.mark.soak
def test_kill_9_at_random_moments_changes_nothing(tmp_path, home):
    panning_clip(tmp_path / "clip", count=24, height=120, width=160)
    arguments = ["inpaint", "clip/frames", "--mask", "clip/masks", "-o"]
    settings = ["--set", "encode.codec=ffv1", "--set", "propagate.max_consistency_error=1", "--threads", "2"]
    assert command([*arguments, "plain.mkv", *settings, "--root", "undisturbed"], tmp_path, home)[0] == 0
    seconds = random.Random(1)
    killed = 0
    for _ in range(KILLS):
        process = start([*arguments, "killed.mkv", *settings, "--root", "disturbed"], tmp_path, home)
        root = tmp_path / "disturbed" / "dfvi-root.json"
        while not root.exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(seconds.uniform(0.0, 2.5))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.communicate()
    assert killed >= KILLS // 3
    code, _, err = command([*arguments, "killed.mkv", *settings, "--root", "disturbed"], tmp_path, home)
    assert code == 0, err
    assert list(verify(Root.open(tmp_path / "disturbed"))) == []
    assert contents(Root.open(tmp_path / "disturbed")) == contents(Root.open(tmp_path / "undisturbed"))
    assert (tmp_path / "killed.mkv").read_bytes() == (tmp_path / "plain.mkv").read_bytes()


@pytest.mark.slow
def test_a_disk_that_takes_no_more_fails_the_run_and_a_rerun_resumes(tmp_path, home):
    panning_clip(tmp_path / "clip")
    arguments = ["inpaint", "clip/frames", "--mask", "clip/masks", "-o", "out.mkv", "--json"]
    arguments += ["--set", "encode.codec=ffv1"]

    def no_large_files():  # frames and flow pass, the video does not: the kernel's stand-in for a disk that is full
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    code, _, err = command(arguments, tmp_path, home, preexec_fn=no_large_files)
    assert code == 1
    assert "File too large" in err
    assert "run the same command again" in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out.mkv").exists()
    code, out, err = command(arguments, tmp_path, home)
    assert code == 0, err
    assert [stage["action"] for stage in json.loads(out)["stages"]][-2:] == ["reuse", "resume"]


SLOW_STAGES = """
import sys, threading
from prefect import get_client
from flows.cli import main
from storage.cache.stage_store import StageStore
from tasks.stage import progress

progress.SECONDS_BETWEEN_ARTIFACTS = progress.SECONDS_BETWEEN_LOG_LINES = 0.0
asked, write = [], StageStore.write

def ask():
    with get_client(sync_client=True) as client:  # a thread that was told nothing
        client.hello()
    asked.append(1)

def write_and_talk(store, *given, **items):
    if len(asked) < 3:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        progress.run_logger().info("written")
    write(store, *given, **items)

StageStore.write = write_and_talk
sys.argv = ["dfvi", *sys.argv[1:]]
main.run()
"""


def prefect_servers():
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            said = (folder / "cmdline").read_bytes()
            if b"prefect.server" in said or b"prefect_server" in said:
                found.add(int(folder.name))
    return found


@pytest.mark.slow
def test_a_captured_run_whose_threads_talk_to_prefect_ends_and_starts_no_second_server(clip, tmp_path, home):
    before = prefect_servers()
    arguments = ["inpaint", "clip/frames", "--mask", "clip/masks", "-o", "out.mkv", "--root", "talking"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    ended = subprocess.run(
        [sys.executable, "-c", SLOW_STAGES, *arguments],
        cwd=tmp_path,
        env=environment | {"PREFECT_HOME": str(home), "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (ended.returncode, ended.stdout != "") == (0, True), ended.stderr
    assert "Traceback" not in ended.stderr
    new = [pid for pid in prefect_servers() - before if str(home).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(new) <= 1
    for pid in new:
        outputs = {str(Path(f"/proc/{pid}/fd/{number}").readlink()) for number in (0, 1, 2)}
        assert outputs == {"/dev/null", str(home / "dfvi-server.log")}
    ephemeral = [
        p for p in prefect_servers() - before if b"server:create_app" in Path(f"/proc/{p}/cmdline").read_bytes()
    ]
    assert ephemeral == []


def test_a_command_line_is_read_without_pytorch_and_prefect():
    program = (
        "import sys; from flows.cli.main import main; main(['config']); print({'torch', 'prefect'} & {*sys.modules})"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120
    )
    assert process.stdout.splitlines()[-1] == "set()"
