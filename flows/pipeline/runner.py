"""Runs the stages of a walk as Prefect tasks, and remembers what came of them."""

import os
from dataclasses import dataclass, field

from tasks.stage.cached_stage import Input, Job, Stage, StageParams, StageResult


@dataclass
class Runner:
    """Runs each stage as a Prefect task."""

    job: Job
    done: list[StageResult] = field(default_factory=list)

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Run one stage and remember its result."""
        result = stage(self.job, params=params, iteration=iteration, **inputs)
        self.done.append(result)
        return result


def available_threads() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))
