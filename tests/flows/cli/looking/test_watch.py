"""`dfvi watch`: a run as Prefect's API tells it, on a terminal or line by line."""

import io
import json
import uuid

import httpx
import prefect
import pytest
from prefect.artifacts import create_table_artifact
from prefect.settings import PREFECT_API_URL
from rich.console import Console

from flows.cli import main as cli
from flows.cli.looking.watch import follow, print_changes, render
from flows.prefect_server.watching import TOTAL_KEY, RunWatcher, Server, VideoRun, WatchedRun
from storage.errors import InputError

RUN = WatchedRun("set", "inpaint_dataset", "Running", 30.0, 4, 1, 0, (VideoRun("birch", "Running", 5.0),), (), ())
ALDER = VideoRun("alder", "Completed", 10.0)


def looks_of(*looks):
    class Watcher:
        def __init__(self):
            self.left = iter(looks)

        def look(self):
            look = next(self.left)
            if isinstance(look, Exception):
                raise look
            return look

    return follow(Watcher(), every=0, sleep=lambda _: None)


def changed(**fields):
    return WatchedRun(**{**vars(RUN), "finished": (ALDER,), **fields})


def test_a_pipe_gets_one_line_for_each_change_and_the_restart_of_the_server_is_one(capsys):
    failed = VideoRun("birch", "Failed", 6.0, error="InputError: no such file")
    over = changed(done=3, failed=1, running=(), bad=(failed,), state="Failed", seconds=60.0, is_over=True)
    away = httpx.ConnectError("refused")
    last = print_changes(looks_of(RUN, RUN, away, away, changed(), over))
    assert capsys.readouterr().out.splitlines() == [
        "set: inpaint_dataset running",
        "birch: running (1 of 4 done)",
        "the Prefect server does not answer (refused); the run goes on, asking again",
        "the Prefect server answers again",
        "alder: done in 10.0 s (1 of 4 done)",
        "birch: failed: InputError: no such file (3 of 4 done, 1 failed)",
        "set: inpaint_dataset failed after 60 s, 3 of 4 done, 1 failed",
    ]
    assert last is over
    assert not over.is_good


def test_time_left_is_that_of_the_last_videos_over_those_that_run_at_once():
    assert RUN.seconds_left is None
    assert changed().seconds_left == 3 * 10 - 5
    assert changed(running=2 * RUN.running).seconds_left == (3 * 10 - 2 * 5) / 2
    assert changed(done=4).seconds_left is None


def test_a_terminal_shows_stages_failures_rate_and_time_left():
    console = Console(file=io.StringIO(), width=100)
    running = (VideoRun("birch", "Running", 65.0, "estimate_flow #-1", 40.0),)
    console.print(render(changed(running=running, bad=(VideoRun("doug", "Crashed", 3.0, error="killed"),), failed=1)))
    shown = console.file.getvalue()
    assert "1 of 4 done, 1 failed, 30.0 s, 4.0 a minute, about 10.0 s left" in shown
    assert "estimate_flow #-1 40 %" in shown
    assert "1:05" in shown
    assert "killed" in shown


def test_a_server_that_is_away_from_the_start_is_one_line():
    with pytest.raises(InputError, match=r"no Prefect server answers .*; start a run first"):
        next(looks_of(ConnectionError("no Prefect server is running")))


def test_requests_end_and_carry_the_password():
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(200, json=[])

    watcher = RunWatcher(lambda: Server("http://server/api", "dfvi:word"), transport=httpx.MockTransport(answer))
    with pytest.raises(InputError, match="Prefect knows no run yet"):
        watcher.look()
    assert all(request.headers["Authorization"] == "Basic ZGZ2aTp3b3Jk" for request in asked)
    assert all(request.extensions["timeout"]["read"] == 10 for request in asked)
    assert json.loads(asked[0].content)["flow_runs"]["parent_task_run_id"] == {"is_null_": True}


def test_what_is_shown_is_what_prefect_knows(prefect_server, capsys, tmp_path):
    @prefect.task(task_run_name="estimate_flow {video} #-1")
    def estimate(video):
        seen.append(RunWatcher(lambda: Server(PREFECT_API_URL.value()), name).look())

    @prefect.flow(flow_run_name="{video}")
    def one(video):
        if video == "birch":
            raise InputError("no such file")
        estimate(video)

    name, seen = f"watched-{uuid.uuid4()}", []

    @prefect.flow(flow_run_name=name)
    def several():
        create_table_artifact([{"videos": 2}], key=TOTAL_KEY)
        one("birch", return_state=True)
        one("alder")

    several()
    (during,) = seen
    assert (during.total, during.done, during.failed, during.state) == (2, 0, 1, "Running")
    assert [(video.name, video.stage) for video in during.running] == [("alder", "estimate_flow #-1")]
    assert [video.error for video in during.bad] == ["InputError: no such file"]
    assert cli.main(["watch", name]) == 0
    assert f"{name}: several completed after" in capsys.readouterr().out
    assert cli.main(["watch", "nobody"]) == 2
    assert "Prefect knows no run nobody" in capsys.readouterr().err
