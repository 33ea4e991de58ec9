"""From the walk through all stages to the file of the user: what is damaged on the way there is encoded again."""

from pathlib import Path

from flows.configs.run_config import RunConfig
from flows.pipeline.plan import plan_video
from flows.pipeline.runner import Runner
from flows.pipeline.stage_order import ClipResults, inpaint_clip
from storage.cache.errors import DamagedStoreError
from storage.cache.housekeeping import repair_file
from storage.cache.root import Root
from storage.delivery import deliver
from tasks.decode import MediaInput
from tasks.stage.keeping import drop_encoded


def inpaint_and_deliver(
    runner: Runner, config: RunConfig, video: MediaInput, mask: MediaInput, output: Path
) -> ClipResults:
    """Take a video through all stages and copy what was encoded to `output`, comparing it with its digest.

    Raises : DamagedStoreError if an earlier result is damaged, too; OSError if the output cannot be written.
    """
    runner.is_encoded = _is_encoded(runner, config, video, mask)
    results = inpaint_clip(runner, config, video, mask, runner.each_shot)
    try:
        deliver(results.encoded.open(runner.job), output)
    except DamagedStoreError as damage:
        runner.warn(f"{damage.path} is damaged ({damage.reason}): encoding again")
        repair_file(Root(runner.job.root), damage)
        runner.done.clear()
        runner.is_encoded = False
        results = inpaint_clip(runner, config, video, mask, runner.each_shot)
        deliver(results.encoded.open(runner.job), output)
    drop_encoded(runner.job, results.clip, results.filled)
    return results


def _is_encoded(runner: Runner, config: RunConfig, video: MediaInput, mask: MediaInput) -> bool:
    """Tell whether nothing is left to do, where that decides what must be made again."""
    if runner.job.keep != "result":
        return False
    *_, last = plan_video(runner.job.root, runner.job.video_name, config, video, mask)
    return last.action == "reuse"
