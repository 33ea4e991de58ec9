"""Whether there is room for a run: told before its shots are filled, and refused with the setting that helps."""

import logging
import os
import platform
import shutil
from collections.abc import Sequence

from prefect import get_run_logger
from prefect.context import FlowRunContext

from flows.configs.run_config import RunConfig
from flows.pipeline.forecast import ABOUT, OUTSIDE, Forecast, Group, RunCost, Work, foresee_cost, past_costs
from flows.pipeline.runner import MOST_SHOTS_AS_TASKS, Runner
from storage.backends.local_path import LocalPath
from storage.cache.root import Root
from storage.cache.run_records import Keep
from storage.errors import InputError
from tasks.decode import probe_as, stored_frames
from tasks.shots.shot import Shot
from tasks.stage.cached_stage import StageResult

LONG, LARGE = 30.0, 100e6
"""Seconds and bytes from which on a run is worth a word before it begins."""
LESS: tuple[Keep, ...] = ("tune", "result")
"""What may be asked to stay in the place of all, the larger first."""


def frames_to_store(config: RunConfig, video: str, mask: str) -> Work:
    """Return what is known of the work before anything is decoded: the pixels of the frames. Raises InputError."""
    clip = probe_as(video, config.decode)
    start, stop = stored_frames(clip, mask, config.decode)
    return Work((stop - start) * clip.height * clip.width, 0, 0)


def work_in(shots: Sequence[Shot], clip: StageResult, threads: int) -> Work:
    """Return how much there is to do on the shots of a decoded clip."""
    size = clip.attributes["clip"]
    frame = size["height"] * size["width"]
    each = sorted(((shot.stop - shot.first) * _area(shot, frame) for shot in shots), reverse=True)
    at_once = threads if len(shots) > MOST_SHOTS_AS_TASKS else 1
    frames = sum(shot.stop - shot.first for shot in shots)
    return Work(clip.attributes["frames"] * frame, sum(each), frames, sum(each[:at_once]))


def _area(shot: Shot, frame: int) -> int:
    if shot.box is None:
        return frame
    y0, x0, y1, x1 = shot.box
    return (y1 - y0) * (x1 - x0)


def check_room(runner: Runner, config: RunConfig, work: Work) -> Forecast:
    """Foresee what a run takes, and whether it fits.

    Raises : InputError if its results would take more than `max_disk`, or surely more than the disk has.
    """
    root = Root.open(runner.job.root)
    past = past_costs(root.runs(), config.model_dump(mode="json"))
    forecast = foresee_cost(work, past, platform.node())
    disk = forecast.disk[config.keep]
    if config.max_disk is not None and disk > config.max_disk:
        raise _no_room(forecast, config, f"--max-disk allows {as_size(config.max_disk)}", config.max_disk)
    if isinstance(root.path, LocalPath) and disk / ABOUT > shutil.disk_usage(root.path).free:
        free = shutil.disk_usage(root.path).free + _stored(root, runner.job.video_name)
        if disk / ABOUT > free:
            raise _no_room(forecast, config, f"there are {as_size(free)} for it in {root.path}", free * ABOUT)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if forecast.memory and forecast.memory / ABOUT > memory:
        runner.warn(
            f"about {as_size(forecast.memory)} of memory are needed, and this machine has {as_size(memory)}; "
            "--threads 1 needs less"
        )
    return forecast


def tell(name: str, forecast: Forecast, keep: Keep) -> None:
    """Say what a run will take, in one line of the log; of a small one nothing."""
    if (forecast.seconds or 0) < LONG and forecast.disk[keep] < LARGE:
        return
    parts = [f"{as_size(forecast.disk[keep])} of disk at most"]
    if forecast.seconds is not None and forecast.memory is not None:
        parts = [f"{forecast.seconds:.0f} s", f"{as_size(forecast.memory)} of memory", *parts]
    source = f"by {forecast.runs} earlier runs" if forecast.runs else "time is known after a first run"
    log = get_run_logger() if FlowRunContext.get() else logging.getLogger(__name__)
    log.info("%s: all of it takes about %s (%s)", name, ", ".join(parts), source)


def cost_of(runner: Runner, seconds: float) -> RunCost | None:
    """Return what a run took, for forecasts of later ones; None if it found something done already.

    seconds : of the whole run.
    """
    work, done = runner.work, runner.done
    if work is None or not work.worked or any(result.action != "compute" or not result.made for result in done):
        return None
    outside = sum(result.seconds for result in done if result.stage in OUTSIDE)
    sizes: dict[Group, int] = {}
    for result in done:
        group = _group(result, runner.job.keep)
        sizes[group] = sizes.get(group, 0) + int(result.made.get("bytes", 0))
    return RunCost(
        host=platform.node(),
        pixels=work.pixels,
        worked=work.worked,
        frames=work.frames,
        outside=outside,
        inside=max(seconds - outside, 0.0),
        memory=max(int(result.made.get("peak_memory_bytes", 0)) for result in done),
        bytes=sizes,
    )


def _group(result: StageResult, keep: Keep) -> Group:
    if result.stage == "decode":
        return "holes" if keep == "result" else "frames"
    if result.stage in OUTSIDE:
        return "encoded"
    if result.stage == "keep_filled":
        return "kept"
    return "drafts" if result.iteration < 0 else "rest"


def _stored(root: Root, video: str) -> int:
    return sum(folder.usage().size for folder in root.folders(video))


def _no_room(forecast: Forecast, config: RunConfig, limit: str, most: float) -> InputError:
    smaller = LESS if config.keep == "all" else LESS[1:] if config.keep == "tune" else ()
    fits = next((keep for keep in smaller if forecast.disk[keep] <= most), None)
    helps = f"--keep {fits} takes about {as_size(forecast.disk[fits])}" if fits else "take a part with --from and --to"
    return InputError(f"the results take about {as_size(forecast.disk[config.keep])} of disk, and {limit}; {helps}")


def as_size(size: float) -> str:
    """Return bytes as people write them: 340 MB, 1.2 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"
