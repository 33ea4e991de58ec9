"""Hostile command lines and files: one line, exit code 2, never a traceback, a hang or a fault of the program."""

import json
import os
import string
import subprocess
import sys
import tempfile

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dfvi_models.errors import MethodError
from flows.cli import main as module
from flows.cli.main import BAD_INPUT, FAILED, OWN_FAULT, main
from tests.clips import panning_clip
from tests.paths import REPOSITORY

HOSTILE = [
    "",
    " ",
    "\0",
    "a\0b",
    "~nouser/x",
    "/dev/null",
    "..",
    "-",
    "--",
    "\ud800",
    "nan",
    "inf",
    "-inf",
    "1e99999999",
    "9" * 5000,
    "2026-11-25",
    "2026-11-25 10:00:00",
    "[" * 2000,
    "{a: " * 400,
    "!!python/object/apply:os.system [id]",
    "&a [*a]",
    "*nothing",
    "null",
    "true",
    "0x1F",
    "\N{RIGHT-TO-LEFT OVERRIDE}x",
    "x" * 5000,
    "0,0,0,0",
    "1,2,3",
    "1e400,1,1,1",
    "s3://",
    "s3://a@b/c",
    "file:///etc/passwd",
]
KEYS = [
    "decode.frame_rate",
    "decode.start",
    "decode.dilation",
    "estimate_flow.scale",
    "estimate_flow.estimator",
    "merge.rule",
    "encode.crf",
    "drafts",
    "max_iterations",
    "nonsense",
    "decode",
    ".",
    "a.b.c.d",
]
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20), st.integers().map(str), st.floats().map(str))
keys = st.one_of(st.sampled_from(KEYS), st.text(string.printable, max_size=12))
bounded = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Run a command that must not get as far as a run; see how it ends."""
    panning_clip(tmp_path / "clip", count=2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("flows.prefect_server.everywhere._used", False)

    def no_run():
        raise InterruptedError("the run would begin here")

    monkeypatch.setattr("flows.prefect_server.background.connected", no_run)

    def run(*arguments):
        try:
            code = main(arguments)
        except SystemExit as ended:  # of argparse
            code = ended.code
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "fault of dfvi itself" not in said, said
        assert code in (0, BAD_INPUT) or (code == FAILED and "the run would begin here" in said), (code, said)
        if code == BAD_INPUT and not said.startswith("usage:"):
            assert said.splitlines()[-1].startswith("dfvi: ")  # a table of videos may stand above it
            assert len(said) < 10_000
        return code

    return run


@bounded
@given(keys, texts)
@example("decode.frame_rate", "1e99999999")
@example("decode.start", "9" * 5000)
@example("drafts", "[" * 2000)
def test_any_setting_is_taken_or_refused_in_one_line(refused, key, value):
    refused("config", "--set", f"{key}={value}")


@bounded
@given(
    st.sampled_from(["VIDEO", "--mask", "-o", "--root", "--name", "--run", "--threads", "--device", "--preset"]), texts
)
def test_any_argument_is_taken_or_refused_in_one_line(refused, option, value):
    given_ = {"VIDEO": "clip/frames", "--mask": "clip/masks", "-o": "out.mkv"} | {option: value}
    video = given_.pop("VIDEO")
    refused(
        "inpaint", *(f"{name}={text}" if name != "-o" else f"-o{text}" for name, text in given_.items()), "--", video
    )


nested = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(HOSTILE)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)


@bounded
@given(
    st.one_of(
        nested,
        st.dictionaries(st.sampled_from(["decode", "estimate_flow", "merge", "drafts", "videos"]), nested, max_size=3),
    )
)
def test_any_json_as_configuration_or_manifest_is_taken_or_refused_in_one_line(refused, tmp_path, content):
    (tmp_path / "given.json").write_text(json.dumps(content), encoding="utf-8")
    refused("config", "--config", "given.json")
    refused("plan", "given.json")


@bounded
@given(st.one_of(st.binary(max_size=60), st.sampled_from([text.encode(errors="surrogatepass") for text in HOSTILE])))
def test_any_bytes_as_configuration_or_manifest_are_taken_or_refused_in_one_line(refused, tmp_path, content):
    (tmp_path / "given.yaml").write_bytes(content)
    refused("config", "--config", "given.yaml")
    refused("plan", "given.yaml")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]" for n in range(9)
)


@pytest.mark.parametrize("text", [BOMB, "[" * 100_000, "{" * 100_000, "x: " + "9" * 100_000], ids=len)
def test_a_file_that_would_burst_is_refused_at_once(refused, tmp_path, text):
    (tmp_path / "bomb.yaml").write_text(text)
    assert refused("config", "--config", "bomb.yaml") == BAD_INPUT
    assert refused("plan", "bomb.yaml") == BAD_INPUT


def test_a_fault_of_the_program_is_told_apart_and_kept_with_where_it_was(monkeypatch, capsys, tmp_path):
    def fault(options):
        raise RuntimeError("a secret of the program")

    def parse(_, options):
        options.command = fault

    monkeypatch.setattr(module, "_parse", parse)
    monkeypatch.setattr(module, "_a_run_has_begun", lambda: True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(["any"]) == OWN_FAULT
    (kept,) = tmp_path.iterdir()
    said = f"this is a fault of dfvi itself: RuntimeError: a secret of the program; {kept} says where"
    assert capsys.readouterr().err == f"dfvi: {said}; finished frames are kept\n"
    assert "in fault" in kept.read_text()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert main(["any"]) == OWN_FAULT
    assert "; -v shows where; " in capsys.readouterr().err
    monkeypatch.setattr(module, "_parse", lambda _, options: vars(options).update(command=fault, verbose=True))
    assert main(["any"]) == OWN_FAULT
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyError("frames"), OWN_FAULT, "this is a fault of dfvi itself: KeyError: 'frames'"),
        (NotADirectoryError(20, "Not a directory", "a.mp4/x"), BAD_INPUT, "a.mp4/x: Not a directory"),
        (MethodError("there is no method x"), BAD_INPUT, "there is no method x"),
        (PermissionError(13, "Permission denied", "/root/x"), FAILED, "/root/x: Permission denied"),
        (MemoryError(), FAILED, "there is not enough memory"),
    ],
)
def test_what_nobody_has_called_bad_input_is_none(monkeypatch, capsys, tmp_path, error, code, said):
    def fail(options):
        raise error

    monkeypatch.setattr(module, "_parse", lambda _, options: vars(options).update(command=fail))
    monkeypatch.setattr(module, "_a_run_has_begun", lambda: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(["any"]) == code
    assert capsys.readouterr().err.startswith(f"dfvi: {said}")


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "clip/frames", "--mask=clip/masks", "--root=~nouser/x"],
        ["plan", "clip/frames", "--mask=clip/masks", "--root=loop"],
        ["inpaint", "clip/frames", "--mask=clip/masks", "-oloop"],
        ["inpaint", "clip/frames", "--mask=--", "-oout.mkv"],
        ["inpaint", "clip/frames", "--mask=clip/masks", "--plate=1=~nouser/x", "-oout.mkv"],
        ["inpaint", "clip/frames", "--mask=clip/masks", f"-o{'x' * 240}.mkv"],
        ["compare", "--", "--", "clip/frames"],
        ["compare", "clip/frames", "clip/frames", "--csv="],
        ["compare", "clip/frames", "clip/frames", "--sheet=none/sheet.png"],
    ],
    ids=lambda arguments: arguments[-1][:20],
)
def test_names_that_nothing_can_have_are_bad_input(refused, tmp_path, arguments):
    (tmp_path / "loop").symlink_to("loop")
    assert refused(*arguments) == BAD_INPUT


@pytest.mark.slow
def test_damaged_files_of_every_kind_are_used_or_refused_in_one_line():
    arguments = [sys.executable, "-W", "ignore", "-m", "benchmarks.soak_hostile_inputs", "--inputs", "84"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    found = subprocess.run(arguments, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=600)
    assert found.returncode == 0, found.stdout
    assert "wrong: 0" in found.stdout


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_end_no_command(tmp_path, closed):
    """They were a traceback; and the first file opened would have taken their number."""
    command = f"exec {sys.executable} -m flows.cli.main config {closed}"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_name_that_is_no_text_is_bad_input(monkeypatch, capsys):
    def run(_options):
        "clips/\udcff/frames".encode()

    monkeypatch.setattr(module, "_run_command", run)
    assert main(["config"]) == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        r"dfvi: a name is no text in UTF-8, near 'clips/\udcff/frames': rename the file or folder, or set LANG=C.UTF-8"
    )
