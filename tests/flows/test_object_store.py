"""Roots in an object store: every command works there as on a disk, kill -9 included, and gives the same results."""

import json
import os
import signal
import subprocess
import sys
from uuid import uuid4

import obstore
import pytest

from flows.cli import main as cli
from storage.backends import s3_lease as lease
from storage.backends.s3_client import connect
from storage.cache.housekeeping import list_stores, verify
from storage.cache.root import Root
from tests.clips import panning_clip, write_images
from tests.conftest import KEY_ID, SECRET
from tests.flows.test_inpaint_dataset import in_this_process  # noqa: F401  (a fixture)
from tests.paths import REPOSITORY
from tests.waiting import wait_until

SETTINGS = ["--set", "drafts=[]", "--set", "encode.codec=ffv1"]  # without drafts: fewer requests, the same paths
LEASE_SECONDS, RENEW_SECONDS = 3.0, 0.3  # of a run that is killed, and of the one that waits for its end
SHORT_LEASES = (
    "from storage.backends import s3_lease; "
    f"s3_lease.LEASE_SECONDS, s3_lease.RENEW_SECONDS = {LEASE_SECONDS, RENEW_SECONDS}; "
)


def content(root):
    """Every chunk and file of every finished result, by path; not when and where it was made."""
    found = {}
    for facts in list_stores(root):
        assert facts.state == "complete"
        folder = root.path / facts.video / facts.stage / facts.digest
        for path in [folder, *folder.subfolders()]:
            for name in path.names() - {"manifest.json", "key.json"} - {below.name for below in path.subfolders()}:
                found["/".join([*folder.parts[-3:], path.name, name])] = (path / name).read_bytes()
    return found


def inpaint_arguments(folder, output, root):
    names = [str(folder / "clip" / "frames"), "--mask", str(folder / "clip" / "masks"), "-o", str(folder / output)]
    return ["inpaint", *names, *SETTINGS, "--threads", "1", "--root", str(root)]


def kill_in_the_middle(arguments, root):
    """Run a command in a process of its own, and kill it when a stage has written some of its frames."""
    from prefect.settings import PREFECT_API_URL

    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{SHORT_LEASES}import sys; from flows.cli.main import main; sys.exit(main())",
            *arguments,
        ],
        env=os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value(), "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    written = lambda: any(len((f / "flow_fw").names()) > 2 for f in root.folders(stage="estimate_flow"))  # noqa: E731
    wait_until(lambda: written() or process.poll() is not None)
    assert process.poll() is None, process.stdout.read()
    os.kill(process.pid, signal.SIGKILL)
    return process.communicate()[0]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, bucket, prefect_server):
    """The same clip on a disk, and in a bucket with a kill -9 on the way; what the killed run has printed."""
    folder = tmp_path_factory.mktemp("finished")
    panning_clip(folder / "clip", count=12)
    url = f"{bucket}/finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lease, "LEASE_SECONDS", LEASE_SECONDS)
        patch.setattr(lease, "RENEW_SECONDS", RENEW_SECONDS)
        assert cli.main(inpaint_arguments(folder, "disk.mkv", folder / "root")) == 0
        printed = kill_in_the_middle(inpaint_arguments(folder, "s3.mkv", url), Root(url))
        partial = [facts.stage for facts in list_stores(Root.open(url)) if facts.state == "partial"]
        assert partial == ["estimate_flow"]
        assert cli.main([*inpaint_arguments(folder, "s3.mkv", url), "--run", "first"]) == 0
    return folder, url, printed


@pytest.fixture
def run(finished, capsys):
    """Runs a command on a copy of the root in the bucket; gives exit code, output and errors."""
    folder, url, _ = finished
    copy = f"{url.rpartition('/')[0]}/{uuid4().hex}"
    client = connect("dfvi-tests", 30)
    for entry in obstore.list(client, prefix="finished").collect():
        obstore.copy(client, entry["path"], f"{Root(copy).path.name}/{entry['path'].partition('/')[2]}")

    def run_command(*arguments):
        code = cli.main([*arguments, "--root", copy])
        captured = capsys.readouterr()
        assert_no_secret(captured.out + captured.err)
        return code, captured.out, captured.err

    run_command.root, run_command.folder = Root.open(copy), folder
    return run_command


def assert_no_secret(text):
    assert [word for word in (SECRET, KEY_ID) if word in text] == []


def clip_arguments(folder):
    return [str(folder / "clip" / "frames"), "--mask", str(folder / "clip" / "masks")]


def stored(root, stage):
    return next(facts for facts in list_stores(root) if facts.stage == stage)


@pytest.mark.slow
def test_after_kill_9_the_results_equal_those_of_an_undisturbed_run_on_a_disk(finished):
    folder, url, _ = finished
    assert content(Root.open(url)) == content(Root.open(folder / "root"))
    assert (folder / "s3.mkv").read_bytes() == (folder / "disk.mkv").read_bytes()
    assert list(verify(Root.open(url))) == []


@pytest.mark.slow
def test_credentials_are_written_nowhere(finished):
    _, _, printed = finished
    assert_no_secret(printed)
    client = connect("dfvi-tests", 30)
    for entry in obstore.list(client, prefix="finished").collect():
        if entry["path"].endswith((".json", ".lock")):
            assert_no_secret(bytes(obstore.get(client, entry["path"]).bytes()).decode())


@pytest.mark.slow
def test_a_second_run_and_a_plan_reuse_everything(run):
    code, out, _ = run("inpaint", *clip_arguments(run.folder), "-o", str(run.folder / "again.mkv"), *SETTINGS, "--json")
    assert code == 0
    assert {stage["action"] for stage in json.loads(out)["stages"]} == {"reuse"}
    code, out, _ = run("plan", *clip_arguments(run.folder), "-o", "x.mkv", *SETTINGS, "--json")
    assert {stage["action"] for stage in json.loads(out)} == {"reuse"}
    code, out, _ = run("plan", *clip_arguments(run.folder), *SETTINGS, "--set", "complete_flow.dilation=3", "--json")
    assert "dilation: " in next(s["why"] for s in json.loads(out) if s["stage"] == "complete_flow")


@pytest.mark.slow
def test_a_damaged_object_is_named_by_its_url_and_repaired(run):
    flow = stored(run.root, "estimate_flow")
    path = run.root.open_store("clip", flow.stage, flow.digest)["flow_fw"].chunk_path(2)
    path.write_whole(path.read_bytes()[:-1])
    code, _, err = run(
        "inpaint", *clip_arguments(run.folder), "-o", "x.mkv", *SETTINGS, "--set", "complete_flow.dilation=3"
    )
    assert code == 2
    assert f"{path} is damaged" in err
    assert f"dfvi store verify --repair --root {run.root.path}, then run again" in err
    assert len(err.strip().splitlines()) == 1
    assert str(path) in run("store", "verify")[1]
    assert run("store", "verify", "--repair")[0] == 0
    again = ["inpaint", *clip_arguments(run.folder), "-o", str(run.folder / "repaired.mkv"), *SETTINGS, "--json"]
    actions = {stage["stage"]: stage["action"] for stage in json.loads(run(*again)[1])["stages"]}
    assert actions.pop("estimate_flow") == "resume"
    assert set(actions.values()) == {"reuse"}
    whole = Root.open(run.folder / "root").open_store("clip", flow.stage, flow.digest)["flow_fw"].chunk_path(2)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_gc_keeps_the_named_run_until_it_is_forgotten(run):
    assert "0 bytes in 0 results" in run("store", "gc")[1]
    assert "clip  first" in run("store", "runs")[1]
    for name in {record.name for record in run.root.runs()}:  # those that tests above let fail are unfinished
        assert run("store", "forget", name)[0] == 0
    planned = int(run("store", "gc")[1].splitlines()[-1].split()[0])
    assert run("store", "list", "--json")[1] != "[]\n"
    assert f"deleted {planned} of {planned} bytes" in run("store", "gc", "--yes")[1]
    assert run("store", "list", "--json")[1] == "[]\n"


@pytest.mark.slow
def test_results_go_out_as_files_and_come_in_again(run, tmp_path):
    assert run("store", "export", stored(run.root, "estimate_flow").digest, str(tmp_path / "flow"))[0] == 0
    exported = tmp_path / "flow"
    for path in [*exported.glob("flow_fw/*.flo"), *exported.glob("flow_bw/*.rflo")]:
        path.rename(exported / path.name)
    code, out, _ = run("store", "import-flow", *clip_arguments(run.folder), str(exported))
    assert code == 0
    imported = [facts for facts in list_stores(run.root, stage="estimate_flow") if facts.key.params.get("imported")]
    assert imported[0].key.params["imported"] in out
    assert imported[0].state == "complete"


@pytest.mark.slow
def test_datasets_and_sweeps_work_there_too(run, in_this_process, tmp_path):  # noqa: F811
    panning_clip(tmp_path / "set" / "goat", count=3)
    settings = ["--set", "drafts=[]", "--set", "encode.container=png", "--json"]
    batch = ["batch", str(tmp_path / "set"), "-o", str(tmp_path / "out"), *settings]
    code, out, err = run(*batch)
    assert code == 0, err
    assert {result["state"] for result in json.loads(out)["results"]} == {"done"}
    assert json.loads(run(*batch, "--only", "stale")[1])["left_out"] == 1
    code, out, err = run("plan", str(tmp_path / "set"), *settings)
    assert {stage["resume"] + stage["compute"] for stage in json.loads(out)} == {0}
    vary = ["--vary", "propagate.max_consistency_error=1,5", *settings]
    code, out, err = run("sweep", str(tmp_path / "set"), "-o", str(tmp_path / "swept"), *vary)
    assert code == 0, err
    assert len(json.loads(out)["cells"]) == 2


@pytest.mark.slow
def test_evaluations_work_there_too(run, tmp_path):
    made = panning_clip(tmp_path / "made", count=3)
    write_images(tmp_path / "clips" / "pan" / "frames", made.clean)
    arguments = ["--holes", "box", "--presets", "telea,default", "-o", str(tmp_path / "out"), "--json"]
    code, out, err = run("evaluate", "--clips", str(tmp_path / "clips"), *arguments)
    assert code == 0, err
    assert [case["row"] for case in json.loads(out)["cases"]] == ["telea", "default"]


def test_a_url_with_a_password_is_refused_before_anything_writes_it_down(capsys):
    code = cli.main(["inpaint", "x.mp4", "--mask", "y.png", "-o", "z.mp4", "--root", f"s3://me:{SECRET}@bucket/x"])
    error = capsys.readouterr().err
    assert (code, len(error.splitlines())) == (2, 1)
    assert "must not hold a name or password" in error
    assert_no_secret(error)
