"""The stage decorator: one body of a few lines shows what every stage gets from it."""

import contextlib
import errno
import logging
import os
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import numpy as np
import prefect
import pytest
from pydantic import ValidationError

from storage.cache import array_layout
from storage.cache.root import Root
from storage.errors import InputError
from tasks.stage.cached_stage import Job, StageParams, stage, total_compute_seconds
from tasks.stage.progress import watch
from tests.waiting import wait_until

FRAMES = 5


class CountParams(StageParams):
    """Parameters of the stage under test."""

    offset: int = 0
    """Added to every frame's number."""


class Script:
    """What the body under test does besides its work, and what it was seen doing."""

    def __init__(self):
        self.computed = []
        self.fail_at = {}
        self.pause = None


script = Script()


@stage(version=1)
def count(out, *, before=None, params, job):
    """Write each frame's number."""
    for t in out.create(numbers=array_layout.values(FRAMES, 1, dtype="int32")):
        if script.pause:
            script.pause.wait(20)
        if errors := script.fail_at.get(t):
            raise errors.pop(0)
        script.computed.append(t)
        out.write(t, numbers=np.array([t + params.offset], np.int32))
    out.attributes["total"] = FRAMES


@dataclass(frozen=True)
class Given:
    digest: str

    def open(self, job):
        return self.digest

    def check(self):
        pass


@pytest.fixture(autouse=True)
def fresh_script():
    script.__init__()


@pytest.fixture
def job(tmp_path):
    return Job(str(Root.create(tmp_path / "root").path), "goat")


def run(job, **inputs):
    return count.run(job, CountParams(), inputs)


def test_the_first_run_computes_and_the_second_reuses(job):
    first, second = run(job), run(job)
    assert (first.action, second.action) == ("compute", "reuse")
    assert first.digest == second.digest
    assert script.computed == [0, 1, 2, 3, 4]
    assert second.attributes == {"total": FRAMES}
    assert second.why == f"reused {first.digest[:8]} of goat"
    assert [int(n[0]) for n in second.open(job)["numbers"]] == [0, 1, 2, 3, 4]


def test_a_failed_run_is_resumed_at_the_missing_items_and_equals_a_fresh_one(job):
    script.fail_at = {3: [OSError(errno.ENOSPC, "No space left on device")]}
    with pytest.raises(OSError, match="No space left"):
        run(job)
    script.computed.clear()
    resumed = run(job)
    assert resumed.action == "resume"
    assert script.computed == [3, 4]
    assert [int(n[0]) for n in resumed.open(job)["numbers"]] == [0, 1, 2, 3, 4]


def test_seconds_of_a_resumed_result_stand_for_all_its_items(job):
    script.fail_at = {3: [OSError(errno.ENOSPC, "No space left on device")]}
    with pytest.raises(OSError, match="No space left"):
        run(job)
    made = run(job).open(job).manifest.made
    assert (made["items"], made["items_found"]) == (2, 3)
    assert total_compute_seconds({**made, "seconds": 4.0}) == 10.0
    assert total_compute_seconds({"seconds": 4.0, "items": 5}) == 4.0
    assert total_compute_seconds({"seconds": 4.0, "items": 0, "items_found": 5}) == 4.0


def test_params_and_inputs_and_version_decide_the_digest_and_the_job_does_not(job, tmp_path):
    key = count.key(CountParams(), {"before": Given("a")})
    assert key.digest != count.key(CountParams(offset=1), {"before": Given("a")}).digest
    assert key.digest != count.key(CountParams(), {"before": Given("b")}).digest
    other = Job(str(Root.create(tmp_path / "elsewhere").path), "dog", threads=7, device="cuda:3")
    assert run(job).digest == run(other).digest


def test_weights_enter_the_digest_by_their_content():
    def digest_with(sha256):
        class WeightyParams(CountParams):
            def weights(self):
                return {"net": sha256}

        return count.key(WeightyParams(), {}).digest

    assert digest_with("one") != digest_with("two")
    assert digest_with("one") == digest_with("one")
    assert digest_with("one") != count.key(CountParams(), {}).digest


def test_bad_input_is_not_turned_into_a_finished_store(job):
    script.fail_at = {0: [InputError("the mask is empty")]}
    with pytest.raises(InputError, match="mask is empty"):
        run(job)
    assert Root.open(job.root).store("goat", count.key(CountParams(), {})).state == "partial"


def test_two_that_want_the_same_result_compute_it_once(job):
    script.pause = threading.Event()
    results = []
    threads = [threading.Thread(target=lambda: results.append(run(job).action)) for _ in range(3)]
    for thread in threads:
        thread.start()
    script.pause.set()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["compute", "reuse", "reuse"]
    assert script.computed == [0, 1, 2, 3, 4]


def test_unknown_and_impossible_parameters_are_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        CountParams(offsett=1)
    with pytest.raises(ValidationError, match="frozen"):
        CountParams().offset = 2


def test_reuse_ends_the_task_run_as_cached_with_a_reason(job, prefect_server):
    @prefect.flow
    def twice():
        count(job, params=CountParams(), iteration=2)
        return count.task(job, CountParams(), {}, 2, return_state=True)

    state = twice(return_state=True).result()
    assert state.name == "Cached"
    assert state.is_completed()
    assert state.message.startswith("reused ")
    assert state.result().stage == "count"


def test_a_passing_fault_is_retried_and_a_full_disk_is_not(job, prefect_server, monkeypatch):
    monkeypatch.setattr(count.task, "retry_delay_seconds", [0, 0, 0])

    @prefect.flow
    def once():
        return count(job, params=CountParams()).action

    script.fail_at = {2: [OSError(errno.EIO, "Input/output error")] * 2}
    assert once() == "resume"
    assert script.computed == [0, 1, 2, 3, 4]
    script.fail_at = {2: [OSError(errno.ENOSPC, "No space left on device")] * 9}
    script.computed.clear()

    @prefect.flow
    def other():
        return count(job, params=CountParams(offset=1)).action

    with pytest.raises(OSError, match="No space left"):
        other()
    assert script.computed == [0, 1]
    assert len(script.fail_at[2]) == 8


def test_progress_away_from_a_terminal_is_a_log_line_now_and_then(job, monkeypatch, caplog):
    monkeypatch.setattr("tasks.stage.progress.SECONDS_BETWEEN_LOG_LINES", 0.0)
    counted, line = SimpleNamespace(items=5, items_found=0), "count: 5 of 5, about 0 s left"
    with caplog.at_level(logging.INFO), watch("count", counted, logging.getLogger("tasks.stage")) as progress:
        for _ in range(5):
            progress.step()
        wait_until(lambda: line in caplog.messages)


def test_progress_made_on_another_thread_is_shown_in_prefect(job, prefect_server, monkeypatch):
    monkeypatch.setattr("tasks.stage.progress.SECONDS_BETWEEN_ARTIFACTS", 0.0)
    shown = []

    def create(percent, description):
        shown.append(percent)
        return uuid4()

    monkeypatch.setattr("prefect.artifacts.create_progress_artifact", create)
    monkeypatch.setattr("prefect.artifacts.update_progress_artifact", lambda artifact, progress: shown.append(progress))

    @stage(version=1)
    def threaded(out, *, params, job):
        """Write on another thread."""
        (t,) = out.create(numbers=array_layout.values(1, 1, dtype="int32"))
        wait_until(lambda: shown)
        thread = threading.Thread(target=lambda: out.write(t, numbers=np.zeros(1, np.int32)))
        thread.start()
        thread.join()

    @prefect.flow
    def once():
        threaded(job, params=CountParams())

    once()
    assert (shown[0], shown[-1]) == (0.0, 100.0)


@contextlib.contextmanager
def writing_forbidden(folder):
    """Nothing below `folder` can be written; who may write everywhere becomes nobody for a while."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_in_a_root_that_cannot_be_written_results_are_reused_and_the_rest_is_one_error():
    with tempfile.TemporaryDirectory() as folder:
        job = Job(str(Root.create(Path(folder) / "root").path), "goat")
        run(job)
        with writing_forbidden(Path(folder)):
            root = Root.create(job.root)
            protected = replace(job, record=root.start_run("latest", "goat"))
            assert run(protected).action == "reuse"
            protected.record.finish()
            with pytest.raises(PermissionError):
                count.run(protected, CountParams(offset=1), {})
        assert list(root.runs()) == []


def test_what_a_run_reuses_is_protected_before_it_is_looked_at(job):
    digest = run(job).digest
    root = Root.open(job.root)
    record = root.start_run("latest", "goat")
    seen = []
    looked = root.store

    def look(self, video, key):
        seen.append(root.used_digests("goat"))
        return looked(video, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Root, "store", look)
        assert run(replace(job, record=record)).action == "reuse"
    assert seen == [{digest}]
