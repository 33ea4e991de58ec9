"""Many shots filled in few tasks, side by side on the cores of one process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from dfvi_models.numerics.ordered_map import ordered_map
from tasks.shots.filled_shots import FilledShot
from tasks.shots.shot import Shot
from tasks.stage.cached_stage import Input, Job, Stage, StageParams, StageResult
from tasks.stage.keeping import fill_and_drop


@dataclass
class DirectRunner:
    """Runs stages without a Prefect task for each, and remembers their results."""

    job: Job
    done: list[StageResult] = field(default_factory=list)

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Run one stage."""
        given = {role: read for role, read in inputs.items() if read is not None}
        self.done.append(stage.run(self.job, params, given, iteration))
        return self.done[-1]


FillShot = Callable[[DirectRunner, Shot], FilledShot]


@dataclass(frozen=True)
class FilledBatch:
    """Shots that were filled in one task, and what every stage did for them."""

    filled: list[FilledShot]
    done: list[StageResult]

    @property
    def was_stored(self) -> bool:
        """Whether nothing had to be computed."""
        return all(result.action == "reuse" and not result.was_made_again for result in self.done)


def batches(shots: Sequence[Shot], most: int) -> list[list[Shot]]:
    """Cut shots into at most `most` batches of neighbours with about as many hole pixels each."""
    total = sum(shot.attributes["hole_pixels"] for shot in shots)
    cut: dict[int, list[Shot]] = {}
    before = 0
    for shot in shots:
        cut.setdefault(before * most // max(total, 1), []).append(shot)
        before += shot.attributes["hole_pixels"]
    return list(cut.values())


def fill_batch(job: Job, fill: FillShot, shots: Sequence[Shot], *, is_encoded: bool = False) -> FilledBatch:
    """Fill shots side by side, each on its share of the job's threads; results do not depend on how many there are."""
    side_by_side = max(1, min(job.threads, len(shots)))
    alone = replace(job, threads=max(1, job.threads // side_by_side))

    def one_shot(shot: Shot) -> tuple[FilledShot, list[StageResult]]:
        step = DirectRunner(alone)
        return fill_and_drop(step, fill, shot, is_encoded=is_encoded), step.done

    filled = list(ordered_map(one_shot, shots, side_by_side))
    return FilledBatch([shot for shot, _ in filled], [result for _, done in filled for result in done])
