"""The flow of one video: from the file to the file, each stage a task whose result is stored."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import prefect
from pydantic import BaseModel

from flows.configs.run_config import RunConfig
from flows.pipeline.preflight import check_request
from flows.pipeline.stage_order import ClipResults, inpaint_clip
from storage.cache.root import Root, video_name
from storage.delivery import deliver
from tasks.decode import MediaInput
from tasks.stage.cached_stage import Input, Job, Stage, StageParams, StageResult


class StageSummary(BaseModel):
    """What one stage did in this run."""

    stage: str
    iteration: int
    action: str
    seconds: float
    digest: str
    why: str


class Summary(BaseModel):
    """What came of a run."""

    video: str
    output: str
    root: str
    seconds: float
    """Wall time of the whole run."""
    frames: int
    hole_pixels: int
    """Hole pixels of all frames after dilation."""
    propagated: float
    """Share of the hole that other frames of the clip showed."""
    invented: float
    """Share of the hole that no frame showed."""
    stages: list[StageSummary]


@dataclass
class Runner:
    """Runs each stage as a Prefect task."""

    job: Job
    done: list[StageResult] = field(default_factory=list)
    on_done: Callable[[list[StageResult]], None] | None = None
    """Told what is done after each stage."""

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Run one stage and remember its result."""
        result = stage(self.job, params=params, iteration=iteration, **inputs)
        self.done.append(result)
        if self.on_done:
            self.on_done(self.done)
        return result


@prefect.flow(name="inpaint_video", flow_run_name="{video}", persist_result=False)
def inpaint_video(
    video: str,
    mask: str,
    output: str,
    config: RunConfig | None = None,
    root: str = ".dfvi",
    name: str | None = None,
    run: str = "latest",
    threads: int | None = None,
    device: str = "auto",
    make_root: bool = True,
) -> Summary:
    """Remove what the mask marks from one video.

    video   : video file or image folder.
    mask    : video, image folder, image, box `x,y,w,h`, or `alpha`.
    output  : file or folder to write; its suffix should fit `config.encode`.
    config  : parameters of all stages; None takes the defaults.
    root    : folder or s3:// URL of the stored results.
    name    : name of the video below the root; None takes the file's.
    run     : name under which the results are kept by `dfvi store gc`.
    threads : None takes as many as there are cores.
    device  : auto, cpu or cuda:N, for networks.
    make_root : make the root if there is none. A child of a dataset run does not: the root it had may be gone.
    Raises  : InputError for what cannot be used, WeightsError for missing weights, OSError if something cannot be
              written; finished frames are kept and the next run resumes there.
    """
    started = time.monotonic()
    config = config or RunConfig()
    check_request(video, mask, output, config)
    store_root = Root.create(root) if make_root else Root.open(root)
    job = Job(str(store_root.path), name or video_name(Path(video).stem), threads or available_threads(), device)
    unfinished = f"{run}.unfinished"  # so that gc spares what a run that goes on, or was killed, has made
    runner = Runner(job, on_done=lambda done: store_root.record_run(unfinished, job.video, reached_by(done)))
    walked = inpaint_clip(runner, config, MediaInput.video(video), MediaInput.mask(mask))
    reached = reached_by(runner.done)
    store_root.record_run(run, job.video, reached)
    store_root.forget_run(unfinished, job.video)
    deliver(walked.encoded.open(job), Path(output))
    summary = summarise(job, walked, runner.done, Path(output), time.monotonic() - started)
    store_root.record_run(run, job.video, reached, summary.model_dump())
    return summary


def reached_by(done: list[StageResult]) -> list[dict[str, str]]:
    """The stores that a run used, as its record names them."""
    return [{"stage": result.stage, "digest": result.digest} for result in done]


def summarise(job: Job, walked: ClipResults, done: list[StageResult], output: Path, seconds: float) -> Summary:
    """Gather what a run did from the results of its stages."""
    merged: Any = walked.filled.merged.attributes
    hole = int(walked.clip.attributes["hole_pixels"])
    return Summary(
        video=job.video,
        output=str(output),
        root=job.root,
        seconds=round(seconds, 3),
        frames=int(walked.clip.attributes["frames"]),
        hole_pixels=hole,
        propagated=merged["propagated"] / hole,
        invented=(merged["invented"] + merged["holes_left"]) / hole,
        stages=[
            StageSummary(
                stage=r.stage,
                iteration=r.iteration,
                action=r.action,
                seconds=round(r.seconds, 3),
                digest=r.digest,
                why=r.why,
            )
            for r in done
        ],
    )


def describe(summary: Summary) -> str:
    """Summary of a run as a table and a sentence."""
    lines = [f"{'stage':<16} {'#':>2}  {'action':<8} {'seconds':>8}  digest"]
    lines += [
        f"{s.stage:<16} {s.iteration:>2}  {s.action:<8} {s.seconds:>8.2f}  {s.digest[:8]}" for s in summary.stages
    ]
    lines.append(
        f"{summary.video}: {summary.frames} frames in {summary.seconds:.1f} s; of the hole "
        f"{summary.propagated:.1%} propagated, {summary.invented:.1%} invented"
    )
    lines.append(f"output: {summary.output}")
    return "\n".join(lines)


def available_threads() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))
