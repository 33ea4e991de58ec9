"""Runs the stages of a walk as Prefect tasks, and remembers what came of them."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.pipeline.forecast import Work
from flows.pipeline.stage_order import FillShot
from tasks.shots.filled_shots import FilledShot
from tasks.shots.shot import Shot
from tasks.shots.shot_batches import FilledBatch, batches, fill_batch
from tasks.stage.cached_stage import Input, Job, Stage, StageParams, StageResult, task_of
from tasks.stage.keeping import fill_and_drop

MOST_SHOTS_AS_TASKS = 16
"""More shots than these are filled in batches, each one Prefect task: a film of 1,500 shots would be 20,000 tasks, and
600 MB of the server's database."""
MOST_BATCHES = 50


@dataclass
class Runner:
    """Runs each stage as a Prefect task."""

    job: Job
    done: list[StageResult] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What the user was told, each line once."""
    work: Work | None = None
    """How much there is to do on its shots, once they are known."""
    is_encoded: bool = False
    """Whether the video is encoded already: then nothing that was dropped is needed again."""

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Run one stage and remember its result."""
        result = stage(self.job, params=params, iteration=iteration, **inputs)
        self.done.append(result)
        self.warn(*result.attributes.get("warnings", ()))
        return result

    def each_shot(self, fill: FillShot, shots: Sequence[Shot]) -> list[FilledShot]:
        """Fill shots: a few one after the other, with a task for each stage; many side by side, in batches."""
        if len(shots) <= MOST_SHOTS_AS_TASKS:
            return [fill_and_drop(self, fill, shot, is_encoded=self.is_encoded) for shot in shots]
        filled = []
        for batch in batches(shots, MOST_BATCHES):
            done = self._run_batch(fill, batch)
            self.done += done.done
            self.warn(*(line for result in done.done for line in result.attributes.get("warnings", ())))
            filled += done.filled
        return filled

    def _run_batch(self, fill: FillShot, batch: Sequence[Shot]) -> FilledBatch:
        def fill_shots() -> Any:
            from prefect.states import Completed

            done = fill_batch(self.job, fill, batch, is_encoded=self.is_encoded)
            message = f"reused {len(batch)} shots of {self.job.video_name}"
            return Completed(name="Cached", message=message, data=done) if done.was_stored else done

        name = f"fill_shots {self.job.video_name} {batch[0].first}-{batch[-1].stop - 1}"
        task = task_of(fill_shots, "fill_shots", name, "Take some shots through all stages that fill them.")
        state: Any = task(return_state=True)
        done: FilledBatch = state.result()
        return done

    def warn(self, *messages: str) -> None:
        """Show lines to the user that were not shown yet."""
        for message in messages:
            if message not in self.warnings:
                self.warnings.append(message)
                logging.getLogger(__name__).warning("%s: %s", self.job.video_name, message)


def available_threads() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
