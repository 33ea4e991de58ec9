"""Roots in an object store: every command works there as on a disk, kill -9 included, and gives the same results."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows import cli
from storage import lease
from storage.housekeeping import list_stores, verify
from storage.root import Root
from tests.clips import panning_clip
from tests.conftest import KEY_ID, SECRET

SETTINGS = ["--set", "encode.codec=ffv1", "--threads", "1"]
SHORT_LEASES = "from storage import lease; lease.LEASE_SECONDS, lease.RENEW_SECONDS = 2.0, 0.3; "


def content(root):
    """Every chunk and file of every finished result, by place; not when and where it was made."""
    found = {}
    for facts in list_stores(root):
        assert facts.state == "complete"
        folder = root.path / facts.video / facts.stage / facts.digest
        for place in [folder, *folder.subfolders()]:
            for name in place.names() - {"manifest.json", "key.json"} - {below.name for below in place.subfolders()}:
                found["/".join([*folder.parts[-3:], place.name, name])] = (place / name).read_bytes()
    return found


def inpaint_arguments(folder, output, root):
    names = [str(folder / "clip" / "frames"), "--mask", str(folder / "clip" / "masks"), "-o", str(folder / output)]
    return ["inpaint", *names, *SETTINGS, "--root", str(root)]


def kill_in_the_middle(arguments, root):
    """Run a command in a process of its own, and kill it when a stage has written some of its frames."""
    from prefect.settings import PREFECT_API_URL

    process = subprocess.Popen(
        [sys.executable, "-c", f"{SHORT_LEASES} import sys; from flows.cli import main; sys.exit(main())", *arguments],
        env=os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value(), "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not any(len((folder / "flow_fw").names()) > 3 for folder in root.folders(stage="estimate_flow")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    return process.communicate()[0]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, bucket, prefect_server):
    """The same clip on a disk, and in a bucket with a kill -9 on the way; all that the commands have printed."""
    folder, printed = tmp_path_factory.mktemp("finished"), []
    panning_clip(folder / "clip", count=24)
    url = f"{bucket}/finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lease, "LEASE_SECONDS", 2.0)
        assert cli.main(inpaint_arguments(folder, "disk.mkv", folder / "root")) == 0
        printed.append(kill_in_the_middle(inpaint_arguments(folder, "s3.mkv", url), Root(url)))
        partial = [facts.stage for facts in list_stores(Root.open(url)) if facts.state == "partial"]
        assert partial == ["estimate_flow"]
        assert cli.main([*inpaint_arguments(folder, "s3.mkv", url), "--run", "first"]) == 0
    return folder, url, printed


@pytest.fixture
def run(finished, capsys):
    """Runs a command on the root in the bucket; gives exit code, output and errors."""

    def run_command(*arguments):
        code = cli.main([*arguments, "--root", finished[1]])
        captured = capsys.readouterr()
        assert not [word for word in (SECRET, KEY_ID) if word in captured.out + captured.err]
        return code, captured.out, captured.err

    return run_command


@pytest.mark.slow
def test_after_kill_9_the_results_equal_those_of_an_undisturbed_run_on_a_disk(finished):
    folder, url, _ = finished
    stored = content(Root.open(url))
    assert stored == content(Root.open(folder / "root"))
    assert (folder / "s3.mkv").read_bytes() == (folder / "disk.mkv").read_bytes()
    assert list(verify(Root.open(url))) == []
