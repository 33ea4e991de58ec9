"""Runs the stages of a walk as Prefect tasks, and remembers what came of them."""

import logging
import os
from dataclasses import dataclass, field

from tasks.stage.cached_stage import Input, Job, Stage, StageParams, StageResult


@dataclass
class Runner:
    """Runs each stage as a Prefect task."""

    job: Job
    done: list[StageResult] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What the user was told, each line once."""

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Run one stage and remember its result."""
        result = stage(self.job, params=params, iteration=iteration, **inputs)
        self.done.append(result)
        self.warn(*result.attributes.get("warnings", ()))
        return result

    def warn(self, *messages: str) -> None:
        """Show lines to the user that were not shown yet."""
        for message in messages:
            if message not in self.warnings:
                self.warnings.append(message)
                logging.getLogger(__name__).warning("%s: %s", self.job.video_name, message)


def available_threads() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
