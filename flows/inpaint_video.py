"""The flow of one video: from the file to the file, each stage a task whose result is stored."""

import time
from pathlib import Path

import prefect
import prefect.runtime

from flows.configs.run_config import RunConfig
from flows.pages.making import report_run
from flows.pipeline.delivery import drop_the_rest, inpaint_and_deliver
from flows.pipeline.naming import choose_name
from flows.pipeline.preflight import check_request, foresee
from flows.pipeline.room import check_room, cost_of, frames_to_store
from flows.pipeline.runner import Runner, available_threads
from flows.pipeline.summary import Summary, summarise, warn_of_invention
from storage.cache.root import Root
from tasks.decode import MediaInput
from tasks.stage.cached_stage import Job


def _run_name() -> str:
    """The name of the video where it has one, as in a dataset; else its path."""
    parameters = prefect.runtime.flow_run.parameters
    return str(parameters.get("name") or parameters.get("video_path"))


@prefect.flow(name="inpaint_video", flow_run_name=_run_name, persist_result=False)
def inpaint_video(
    video_path: str,
    mask: str,
    output: str,
    config: RunConfig | None = None,
    root: str = ".dfvi",
    name: str | None = None,
    run: str = "latest",
    threads: int | None = None,
    device: str = "auto",
    make_root: bool = True,
    report: bool = True,
) -> Summary:
    """Remove what the mask marks from one video.

    video_path : video file or image folder.
    mask       : video, image folder, image, box `x,y,w,h`, or `alpha`.
    output     : file or folder to write; its suffix should fit `config.encode`.
    config     : parameters of all stages; None takes the defaults.
    root       : folder or s3:// URL of the stored results.
    name       : name of the video below the root; None takes the file's.
    run        : name under which the results are kept by `dfvi store gc`.
    threads    : None takes as many as there are cores.
    device     : auto, cpu or cuda:N, for networks.
    make_root  : make the root if there is none. A child of a dataset run does not: the root it had may be gone.
    report     : write a report of the run beside the output; one that cannot be made costs a warning.
    Raises     : InputError for what cannot be used, WeightsError for missing weights, OSError if something cannot be
                 written; finished frames are kept and the next run resumes there.
    """
    started = time.monotonic()
    config = config or RunConfig()
    check_request(video_path, mask, output, config)
    store_root = Root.create(root) if make_root else Root.open(root)
    clip, hole = MediaInput.video(video_path), MediaInput.mask(mask)
    name = name or choose_name(store_root, config, clip, hole)
    asked = {"video_path": video_path, "mask": mask, "output": output, "config": config.model_dump(mode="json")}
    record = store_root.start_run(run, name, config.keep, asked)
    job = Job(str(store_root.path), name, threads or available_threads(), device, record, config.keep)
    runner = Runner(job)
    runner.warn(*foresee(video_path, output, config))
    check_room(runner, config, frames_to_store(config, video_path, mask))
    results = inpaint_and_deliver(runner, config, clip, hole, Path(output))
    runner.warn(*warn_of_invention(results))
    seconds = time.monotonic() - started
    summary = summarise(job, results, runner.done, Path(output), seconds, runner.warnings)
    summary.cost = cost_of(runner, seconds)
    record.finish(summary.model_dump())
    if report:
        summary.report = report_run(store_root, record.facts(summary.model_dump()), Path(output), job.threads)
    drop_the_rest(runner)
    store_root.forget_failure(run, job.video_name)
    return summary
