"""The flow of a dataset: one child run for each video, on the chosen engine, and a table of the results."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import prefect
from prefect.artifacts import create_table_artifact

from flows.datasets.dataset import Dataset, Recipe, Video, open_dataset
from flows.datasets.remembered_digests import remembered
from flows.engines.fan_out import fan_out, start_engine
from flows.engines.protocol import EngineSettings, Request, VideoResult
from flows.pages.table_making import report_dataset
from flows.pipeline.plan import plan_video
from flows.pipeline.preflight import require_weights, stages_of, uses_networks
from flows.prefect_server.bounded import publish_artifact
from flows.prefect_server.watching import TOTAL_KEY
from flows.reports.dataset import BatchSummary, VideosFailedError, publish, write_results
from storage.cache.errors import StoreError
from storage.cache.root import Root
from storage.delivery import check_apart, check_output
from storage.errors import InputError
from storage.media.masks.parsing import parse_mask, place_masks

Only = Literal["failed", "missing", "stale"]


@prefect.flow(name="inpaint_dataset", flow_run_name="{dataset}", persist_result=False, validate_parameters=True)
def inpaint_dataset(
    dataset: str,
    output: str,
    preset: str = "default",
    config: dict[str, Any] | None = None,
    settings: list[str] | None = None,
    root: str = ".dfvi",
    run: str = "latest",
    only: list[Only] | None = None,
    skip_bad: bool = False,
    engine: EngineSettings | None = None,
    report: bool = True,
) -> BatchSummary:
    """Remove what the masks mark from every video of a dataset.

    dataset  : folder or manifest; see `flows.datasets.dataset.find_entries`.
    output   : folder of the results, <video>.<container> each, and of <run>.csv, <run>.json and <run>.report.html.
    preset, config, settings : the run configuration: a shipped preset, nested keys over it, `stage.param=value` on top.
    root     : folder or s3:// URL of the stored results.
    run      : name under which the results are kept by `dfvi store gc`.
    only     : failed: the last run failed; missing: no output; stale: a stage would not be reused. None takes all.
    skip_bad : go on with the videos that can be used.
    engine   : where the videos are worked on.
    report   : write the page; one that cannot be made costs a warning.
    Raises   : InputError, BadDatasetError or WeightsError before any work; VideosFailedError, with the summary, if a
               video failed.
    """
    started = time.monotonic()
    recipe = Recipe(preset, (config or {},), tuple(settings or ()))
    videos = open_dataset(dataset, recipe, skip_bad=skip_bad)
    store_root = Root.create(root)
    requests = make_requests(videos, Path(output), str(store_root.path), run)
    chosen = [r for r in requests if not only or why_chosen(r, only) is not None]
    results = [result for _, result in run_all(chosen, engine or EngineSettings())]
    results += [VideoResult(video=bad.name, state="bad", error=bad.problem) for bad in videos.bad]
    summary = BatchSummary(
        dataset=str(dataset),
        seconds=round(time.monotonic() - started, 3),
        found=len(requests) + len(videos.bad),
        left_out=len(requests) - len(chosen),
        results=sorted(results, key=lambda result: result.video),
    )
    write_results(Path(output), run, summary)
    publish(summary, "dataset-results")
    if report and summary.results:
        summary.report = report_dataset(store_root, summary, Path(output), run)
    if not summary.ok:
        raise VideosFailedError(summary)
    return summary


def make_requests(dataset: Dataset, output: Path, root: str, run: str) -> list[Request]:
    """Return the request of each child run.

    Raises : InputError if an output cannot be written, WeightsError if a weight file is missing.
    """
    return [request_for(video, output.absolute(), root, run) for video in dataset.videos]


def request_for(video: Video, output: Path, root: str, run: str) -> Request:
    """Return the request of the child run of one video; raises like `make_requests`."""
    encode = video.config.encode
    target = output / (video.name if encode.container == "png" else f"{video.name}.{encode.container}")
    require_weights(stages_of(video.config))
    check_output(target, encode.container, encode.codec)
    check_apart(target, video.video, *map(str, parse_mask(video.mask).paths), *video.config.plates.values())
    source = Path(video.video).absolute()
    return Request(
        video_path=str(source),
        mask=place_masks(video.mask, Path.cwd()),
        output=str(target),
        config=video.config,
        root=root,
        name=video.name,
        run=run,
    )


def why_chosen(request: Request, only: Sequence[Only]) -> Only | None:
    """Return the first of the given reasons that holds for this video; None if none does.

    A video without output is missing, not stale.
    """
    root = Root(request.root)
    has_output = Path(request.output).exists()
    if "failed" in only and root.has_failed(request.run, request.name):
        return "failed"
    if "missing" in only and not has_output:
        return "missing"
    return "stale" if "stale" in only and has_output and is_stale(request) else None


def last_change(request: Request) -> float:
    """Return when a file of the video or its mask was last changed, in seconds since the epoch."""
    plates = map(Path, request.config.plates.values())
    given = [path for path in (Path(request.video_path), *parse_mask(request.mask).paths, *plates) if path.exists()]
    files = [*given, *(below for path in given for below in path.rglob("*"))]
    changed = []
    for path in files:
        with suppress(FileNotFoundError):  # renamed meanwhile, or a link to nothing
            changed.append(path.stat().st_mtime)
    return max(changed, default=0.0)


def is_stale(request: Request) -> bool:
    """Return whether a stage of this video would not be reused, or its output is that of an older run."""
    media = remembered("video", request.video_path), remembered("mask", request.mask)
    stages = plan_video(request.root, request.name, request.config, *media)
    record = Root(request.root).last_run(request.run, request.name, request.output)
    delivered = record.reached[-1]["digest"] if record else None
    return any(stage.action != "reuse" for stage in stages) or stages[-1].digest != delivered


def run_all(requests: list[Request], settings: EngineSettings) -> list[tuple[Request, VideoResult]]:
    """Run every request on the engine; log failures, and record them in the root.

    Raises : InputError if the engine cannot be started.
    """
    if not requests:
        return []
    tell_total(len(requests))
    results = []
    networks = any(uses_networks(request.config) for request in requests)
    with start_engine(settings, requests, networks) as engine:
        for request, result in fan_out(requests, engine):
            results.append((request, result))
            _note(request, result, f"{len(results)} of {len(requests)}")
    return results


def _note(request: Request, result: VideoResult, count: str) -> None:
    if result.state == "done":
        text = f"reused {result.reused} of {result.stages} stages"
        prefect.get_run_logger().info("%s: %s done in %.1f s, %s", count, result.video, result.seconds, text)
        return
    prefect.get_run_logger().error("%s: %s %s: %s", count, result.video, result.state, result.error)
    with suppress(InputError, StoreError, OSError):  # a root that is gone: the table still says what failed
        Root.open(request.root).record_failure(request.run, request.name, result.error)


def tell_total(videos: int) -> None:
    """Let those who watch the run know how many videos it has."""
    publish_artifact(create_table_artifact, [{"videos": videos}], key=TOTAL_KEY, description="videos of this run")
