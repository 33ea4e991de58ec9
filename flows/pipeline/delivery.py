"""From the walk through all stages to the file of the user: what is damaged on the way there is encoded again."""

from collections.abc import Sequence
from pathlib import Path

from flows.configs.run_config import RunConfig
from flows.pipeline.plan import is_encoded
from flows.pipeline.room import check_room, tell, work_in
from flows.pipeline.runner import Runner
from flows.pipeline.stage_order import ClipResults, FillShot, inpaint_clip
from storage.cache.errors import DamagedStoreError
from storage.cache.housekeeping import repair_file
from storage.cache.root import Root
from storage.delivery import deliver
from tasks.decode import MediaInput
from tasks.encode import encode
from tasks.find_shots import find_shots
from tasks.shots.filled_shots import FilledShot
from tasks.shots.shot import Shot
from tasks.stage.keeping import drop_when_delivered


def inpaint_and_deliver(
    runner: Runner, config: RunConfig, video: MediaInput, mask: MediaInput, output: Path
) -> ClipResults:
    """Take a video through all stages and copy what was encoded to `output`, comparing it with its digest.

    Raises : DamagedStoreError if an earlier result is damaged, too; OSError if the output cannot be written.
    """
    job = runner.job
    runner.is_encoded = config.keep == "result" and is_encoded(job.root, job.video_name, config, video, mask)

    def each_shot(fill: FillShot, shots: Sequence[Shot]) -> Sequence[FilledShot]:
        if shots and not runner.is_encoded:
            runner.work = work_in(shots, shots[0].clip, job.threads)
            tell(job.video_name, check_room(runner, config, runner.work), config.keep)
        return runner.each_shot(fill, shots)

    results = inpaint_clip(runner, config, video, mask, each_shot)
    try:
        deliver(results.encoded.open(runner.job), output)
    except DamagedStoreError as damage:
        runner.warn(f"{damage.path} is damaged ({damage.reason}): encoding again")
        repair_file(Root(runner.job.root), damage)
        runner.done.clear()
        runner.is_encoded = False
        results = inpaint_clip(runner, config, video, mask, each_shot)
        deliver(results.encoded.open(runner.job), output)
    return results


def drop_the_rest(runner: Runner) -> None:
    """Drop what need not stay of a video that was delivered; its shots, which are small, and its encoding stay."""
    lasting = (find_shots.name, encode.name)
    drop_when_delivered(runner.job, [result for result in runner.done if result.stage not in lasting])
