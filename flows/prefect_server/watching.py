"""What Prefect knows of a run and its videos, asked over its API. Every request ends within seconds, once.

Only what is shown is asked for: counts, the videos that run or failed, the last ones that are done. So a dataset of
thousands costs as much as one of ten.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from storage.errors import InputError

SECONDS_FOR_AN_ANSWER = 10.0
MOST_RUNNING, MOST_FAILED, MOST_DONE = 100, 20, 20
TOTAL_KEY = "dataset-total"
"""Artifact of a run over several videos that tells how many there are."""
PREFIX = "Flow run encountered an exception: "
"""What Prefect puts before the message of an error."""
ENDED_BADLY = ("FAILED", "CRASHED", "CANCELLED", "CANCELLING")
ENDED = ("COMPLETED", *ENDED_BADLY)
UNDER_WAY = ("RUNNING", "PENDING", "SCHEDULED", "PAUSED")


@dataclass(frozen=True)
class Server:
    """Where an API is, and what it asks for."""

    url: str
    auth: str | None = None
    """`user:password`."""


@dataclass(frozen=True)
class VideoRun:
    """The run of one video."""

    name: str
    state: str
    """As Prefect shows it: Running, Completed, Failed, ..."""
    seconds: float = 0.0
    """So far, or in all."""
    stage: str = ""
    """What it computes; empty if it is over."""
    percent: float | None = None
    """How much of that stage is done; None where nobody told."""
    error: str = ""


@dataclass(frozen=True)
class WatchedRun:
    """A run as the server knows it: of a dataset, or of one video, which then is its only one."""

    name: str
    flow: str
    state: str
    seconds: float
    total: int | None
    """Videos of the run; None where the run has not told yet."""
    done: int
    failed: int
    running: tuple[VideoRun, ...]
    bad: tuple[VideoRun, ...]
    """Videos that failed, the last ones first."""
    finished: tuple[VideoRun, ...]
    """Videos that are done, the last ones first."""
    is_over: bool = False

    @property
    def is_good(self) -> bool:
        """Whether it has ended well."""
        return self.is_over and self.state == "Completed"

    @property
    def seconds_left(self) -> float | None:
        """As long as the last videos took, over as many as run at once; None as long as nothing is done."""
        if self.total is None or self.total <= self.done + self.failed or not self.finished or self.is_over:
            return None
        mean = sum(video.seconds for video in self.finished) / len(self.finished)
        begun = sum(min(video.seconds, mean) for video in self.running)
        left = (self.total - self.done - self.failed) * mean - begun
        return max(left, 0.0) / max(len(self.running), 1)


class RunWatcher:
    """Asks a server for one run and its videos."""

    def __init__(self, find_server: Callable[[], Server | None], wanted: str | None = None, **client: Any) -> None:
        """Watch the run of this name or id; None takes the newest that is under way, else the newest.

        find_server : where the server is; asked each time, since one in the background may come back elsewhere.
        client      : further arguments of the HTTP client.
        """
        self._find_server, self._wanted, self._options = find_server, wanted, client
        self._id: str | None = None

    def look(self) -> WatchedRun:
        """Return the run as it is now.

        Raises : InputError if there is no such run; httpx.HTTPError or ConnectionError if the server does not answer.
        """
        server = self._find_server()
        if server is None:
            raise ConnectionError("no Prefect server is running")
        headers = {}
        if server.auth:
            headers["Authorization"] = "Basic " + base64.b64encode(server.auth.encode()).decode()
        with httpx.Client(
            base_url=server.url, headers=headers, timeout=SECONDS_FOR_AN_ANSWER, **self._options
        ) as client:
            ask = _Questions(client)
            run = self._choose(ask)
            return _watched(ask, run)

    def _choose(self, ask: "_Questions") -> dict[str, Any]:
        """The run as the server tells it; once it is chosen it stays chosen."""
        if self._id is None:
            self._id = self._find(ask)["id"]
        return ask.runs({"id": {"any_": [self._id]}}, 1)[0]

    def _find(self, ask: "_Questions") -> dict[str, Any]:
        if self._wanted is not None:
            by = {"id": {"any_": [self._wanted]}} if _is_id(self._wanted) else {"name": {"any_": [self._wanted]}}
            found = ask.runs(by, 1)
            if not found:
                raise InputError(f"Prefect knows no run {self._wanted}; `dfvi server url` shows where its page is")
            return found[0]
        top: dict[str, Any] = {"parent_task_run_id": {"is_null_": True}}
        found = ask.runs({**top, "state": _in(*UNDER_WAY[:2])}, 1) or ask.runs(top, 1)
        if not found:
            raise InputError("Prefect knows no run yet; start one, such as dfvi batch, then watch it")
        return found[0]


class _Questions:
    """What is asked of the API."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def runs(self, wanted: dict[str, Any], limit: int, sort: str = "START_TIME_DESC") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.post(
            "/flow_runs/filter", {"flow_runs": wanted, "limit": limit, "sort": sort}
        )
        return found

    def count(self, wanted: dict[str, Any]) -> int:
        return int(self.post("/flow_runs/count", {"flow_runs": wanted}))

    def flow_name(self, flow: str) -> str:
        answer = self._client.get(f"/flows/{flow}")
        answer.raise_for_status()
        return str(answer.json()["name"])

    def stages(self, runs: list[dict[str, Any]]) -> dict[str, tuple[str, float | None]]:
        """Id of a run -> the stage it computes, and how much of it is done."""
        wanted = {"flow_run_id": {"any_": [run["id"] for run in runs]}, "state": _in("RUNNING")}
        tasks = self.post("/task_runs/filter", {"task_runs": wanted, "limit": 2 * MOST_RUNNING}) if runs else []
        wanted = {"task_run_id": {"any_": [task["id"] for task in tasks]}, "type": {"any_": ["progress"]}}
        told = self.post("/artifacts/filter", {"artifacts": wanted, "limit": 2 * MOST_RUNNING}) if tasks else []
        percents = {each["task_run_id"]: float(each["data"]) for each in told}
        return {task["flow_run_id"]: (_stage(task["name"]), percents.get(task["id"])) for task in tasks}

    def total(self, run: str) -> int | None:
        wanted = {"flow_run_id": {"any_": [run]}, "key": {"any_": [TOTAL_KEY]}}
        found = self.post("/artifacts/filter", {"artifacts": wanted, "limit": 1, "sort": "CREATED_DESC"})
        return sum(int(row["videos"]) for row in _rows(found[0]["data"])) if found else None


def _watched(ask: _Questions, run: dict[str, Any]) -> WatchedRun:
    below = {"parent_flow_run_id": {"any_": [run["id"]]}}
    is_one_video = ask.flow_name(run["flow_id"]) == "inpaint_video"
    if is_one_video:
        below = {"id": {"any_": [run["id"]]}}
    running = ask.runs({**below, "state": _in("RUNNING")}, MOST_RUNNING, "START_TIME_ASC")
    stages = ask.stages(running)
    return WatchedRun(
        name=run["name"],
        flow=ask.flow_name(run["flow_id"]),
        state=run["state_name"],
        seconds=_seconds(run),
        total=1 if is_one_video else ask.total(run["id"]),
        done=ask.count({**below, "state": _in("COMPLETED")}),
        failed=ask.count({**below, "state": _in(*ENDED_BADLY)}),
        running=tuple(_video(each, *stages.get(each["id"], ("", None))) for each in running),
        bad=tuple(map(_video, ask.runs({**below, "state": _in(*ENDED_BADLY)}, MOST_FAILED, "END_TIME_DESC"))),
        finished=tuple(map(_video, ask.runs({**below, "state": _in("COMPLETED")}, MOST_DONE, "END_TIME_DESC"))),
        is_over=run["state_type"] in ENDED,
    )


def _video(run: dict[str, Any], stage: str = "", percent: float | None = None) -> VideoRun:
    message = (run.get("state") or {}).get("message") or ""
    error = " ".join(message.removeprefix(PREFIX).split()) if run["state_type"] in ENDED_BADLY else ""
    return VideoRun(run["name"], run["state_name"], _seconds(run), stage, percent, error)


def _seconds(run: dict[str, Any]) -> float:
    """How long a run has taken, by the server's clock."""
    return float(run.get("estimated_run_time") or run.get("total_run_time") or 0.0)


def _stage(task: str) -> str:
    """The stage and its iteration out of the name of a task, `estimate_flow goat #-2`."""
    stage, _, rest = task.partition(" ")
    iteration = rest.rpartition("#")[2]
    return f"{stage} #{iteration}" if iteration not in ("", "0", rest) else stage


def _rows(data: Any) -> list[dict[str, Any]]:
    return list(json.loads(data) if isinstance(data, str) else data)


def _in(*types: str) -> dict[str, Any]:
    return {"type": {"any_": list(types)}}


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
