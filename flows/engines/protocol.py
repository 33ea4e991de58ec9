"""The interface of all engines: their settings, the request for one video, and its result."""

import threading
from typing import Any, Literal, Protocol

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY
from pydantic import BaseModel, ConfigDict, Field

from flows.configs.run_config import RunConfig
from flows.pipeline.runner import available_threads
from flows.pipeline.summary import Summary
from flows.prefect_server.background import bring_back

WITHOUT_HEARTBEATS: dict[Any, Any] = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
"""Prefect settings of child runs that need no heartbeats, which cost 0.9 s a run: the engine notices when they die."""
TRIES = 2
"""How often a video is run whose process died, or whose server did not answer."""
SECONDS_FOR_THE_SERVER = 10.0
"""Pause before a video is tried again because the server did not answer; Prefect's client has asked five times then."""
State = Literal["done", "failed", "crashed", "bad"]


class EngineSettings(BaseModel):
    """Settings of the engine that runs the videos of a dataset. Nothing here changes a pixel."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["local", "dask", "workers"] = "local"
    """local: processes on this machine; dask: a Dask cluster; workers: those of a Prefect work pool."""
    jobs: int | None = Field(None, ge=1)
    """Videos at once; null: one per GPU where networks run, else per core; one per slot of a cluster; 32 of workers."""
    threads: int | None = Field(None, ge=1)
    """Threads of one video; null shares the cores among the jobs."""
    devices: tuple[str, ...] | None = None
    """local: the GPUs to use, as CUDA_VISIBLE_DEVICES names them; null takes all."""
    device: str = "auto"
    """Where networks run: auto, cpu, cuda:N."""
    address: str | None = None
    """dask: address of a running scheduler; null starts a cluster on this machine."""
    gpu_slots: bool = False
    """dask: take one of the workers' resource GPU for each video."""
    deployment: str = "inpaint_video/video"
    """workers: the deployment of the single-video flow."""


class Request(BaseModel):
    """The parameters of one child run of `inpaint_video`. Paths are absolute: workers run in other directories."""

    video_path: str
    mask: str
    output: str
    config: RunConfig
    root: str
    name: str
    run: str
    threads: int | None = None
    device: str = "auto"
    make_root: bool = False
    report: bool = False

    def parameters(self) -> dict[str, Any]:
        """Return the keyword arguments of `inpaint_video`."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class VideoResult(BaseModel):
    """The outcome of one video."""

    video: str
    state: State
    """done; failed: the run raised; crashed: its process died; bad: it could not be used, and was left out."""
    seconds: float = 0.0
    stages: int = 0
    reused: int = 0
    """Stages whose results were there already."""
    frames: int = 0
    propagated: float | None = None
    """Share of the hole that other frames of the clip showed."""
    invented: float | None = None
    """Share of the hole that no frame showed."""
    error: str = ""
    output: str = ""
    summary: Summary | None = Field(None, exclude=True)

    @classmethod
    def of(cls, summary: Summary) -> "VideoResult":
        """Make the result of a video that is done from the summary of its run."""
        return cls(
            video=summary.video,
            state="done",
            seconds=summary.seconds,
            stages=len(summary.stages),
            reused=sum(stage.action == "reuse" for stage in summary.stages),
            frames=summary.frames,
            propagated=round(summary.propagated, 6),
            invented=round(summary.invented, 6),
            output=summary.output,
            summary=summary,
        )


class ChildFailedError(Exception):
    """A child run failed; the message says why."""


class ChildCrashedError(Exception):
    """The process of a child run has died, or was stopped."""


class ServerUnavailableError(Exception):
    """The Prefect server did not answer a child run, or was too busy; the video itself is fine."""


class Engine(Protocol):
    """Runs videos, several at once."""

    slots: int
    """How many videos it runs at once."""

    def run(self, request: Request) -> Summary:
        """Run one video and wait for it; called from several threads.

        Raises : ChildFailedError, ChildCrashedError.
        """
        ...

    def stop(self) -> None:
        """Stop the videos that are running, so that `run` returns soon."""
        ...


def wait_for_server(stopping: threading.Event) -> None:
    """Give the Prefect server time to answer again; one that this process keeps in the background is started anew.

    stopping : ends the wait.
    """
    bring_back()
    stopping.wait(SECONDS_FOR_THE_SERVER)


def explain_failure(error: BaseException) -> str:
    """Describe an error in one line, with the name of its class where the message alone would say little."""
    plain = type(error).__name__ in ("InputError", "StoreError", "DamagedStoreError", "WeightsError")
    return one_line(error) if plain and str(error) else f"{type(error).__name__}: {one_line(error)}"


def one_line(error: BaseException) -> str:
    """Return the message of an error without line breaks."""
    return " ".join(str(error).split())


def threads_each(settings: EngineSettings, jobs: int) -> int:
    """Return how many threads each of `jobs` videos gets on this machine."""
    return settings.threads or max(1, available_threads() // jobs)
