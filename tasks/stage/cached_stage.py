"""The one place where Prefect meets the store: turns a body that walks a store into a cached, resumable task.

Prefect is imported when the first task is made: planning, and errors before the first task, do not wait for it.
"""

import errno
import platform
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from storage.cache.errors import DamagedStoreError
from storage.cache.manifest import read_manifest
from storage.cache.root import Root
from storage.cache.run_records import Keep, RunRecord
from storage.cache.stage_key import StageKey
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from tasks.stage.progress import run_logger, watch
from tasks.stage.recipe import Recipe, open_or_make

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun

Action = Literal["reuse", "resume", "compute"]

BLOCK = 4096
"""Bytes that the files of an item waste on a disk, about."""
MOST_DROPPED_MEANWHILE = 8
"""How often a stage begins again because a run beside this one dropped what it reads."""
RETRY_DELAYS = [1.0, 10.0, 60.0]  # seconds
PASSING_FAULTS = {errno.EIO, errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN}
"""System errors that may be gone a moment later. A full disk or a missing file is not among them."""


class StageParams(BaseModel):
    """What decides the content of a stage result. Paths, device and threads belong to the `Job`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    def identity(self) -> dict[str, Any]:
        """Return what enters the digest of a result for these parameters; can be written as JSON."""
        return self.model_dump(mode="json")

    def weights(self) -> dict[str, str]:
        """Return network -> SHA-256 of each weight file that a result depends on; it enters the digest too.

        Raises : WeightsError, naming every file that is missing and where to get it.
        """
        return {}

    @property
    def is_repeatable(self) -> bool:
        """Whether the result can be made again from what the stage reads; what was brought in otherwise stays."""
        return True


@dataclass(frozen=True)
class Job:
    """Where and with what a stage runs; nothing here changes a pixel."""

    root: str
    """Where all results are stored: a folder or a URL."""
    video_name: str
    """Name of the video below the root."""
    threads: int = 1
    """Threads a stage may use."""
    device: str = "auto"
    """Where networks run: auto, cpu, or cuda:N."""
    record: RunRecord | None = None
    """Where the results that the run uses are written down, so that nobody deletes them; None protects nothing."""
    keep: Keep = "all"
    """Which results stay once what they help is done; see `tasks.stage.keeping`."""


class Input(Protocol):
    """What a stage reads: a stage result or a media file."""

    @property
    def digest(self) -> str:
        """Identity of the content, in hexadecimal."""

    def open(self, job: Job) -> Any:
        """Return what the body reads from."""

    def check(self) -> None:
        """Raise InputError if the content is no longer what the digest stands for."""


@dataclass(frozen=True)
class StageResult:
    """A finished stage result, as one stage hands it to the next: where it lies, and how it came about."""

    video_name: str
    stage: str
    digest: str
    iteration: int = 0
    action: Action = "reuse"
    why: str = ""
    seconds: float = 0.0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What the stage says about its result."""
    shot: str = ""
    """First and last frame of the shot that it is of, as `0-41`; empty for a whole clip."""
    made: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What its manifest says of how it was made: seconds, peak of memory, bytes on disk; empty where it is planned."""
    recipe: Recipe | None = field(default=None, compare=False, repr=False)
    """How it is made again where its arrays were dropped; None where it was only looked up."""

    @property
    def undecided(self) -> bool:
        """Whether it stands, in a plan, for a result that may not be needed: it has no digest, and `why` says why."""
        return not self.digest

    @property
    def was_made_again(self) -> bool:
        """Whether it was known, but dropped, and somebody had to make it again."""
        return self.recipe is not None and self.recipe.was_followed

    def check(self) -> None:
        """Raise InputError if its source was read in its place, and has changed; a finished result does not change."""
        if self.recipe is not None:
            self.recipe.check()

    def open(self, job: Job) -> Any:
        """Open the store of this result; where its arrays were dropped they are made again, or read from the source.

        Raises : InputError if they were, and the result was only looked up.
        """
        return open_or_make(Root(job.root).open_store(self.video_name, self.stage, self.digest), self.recipe, job)


class Stage:
    """A stage of the pipeline: its body, its version, and how to run it with or without Prefect."""

    def __init__(self, body: Callable[..., None], *, version: int) -> None:
        """Wrap `body(out, *, params, job, **inputs)`; see `stage`."""
        self.body = body
        self.name = body.__name__
        self.version = version
        self.__doc__ = body.__doc__
        self.reader: Callable[..., Any] | None = None
        """`reader(store, *, params, job, **inputs)` gives what a dropped result is read from in the place of its
        arrays, under the lock of the store; None where these must be made again."""

    @cached_property
    def task(self) -> "Task[..., Any]":
        """The Prefect task, called with `(job, params, inputs, iteration)`."""
        run_name = self.name + " {job.video_name} #{iteration}"
        return task_of(self._run_as_task, self.name, run_name, self.body.__doc__)

    def __call__(self, job: Job, *, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Run as a Prefect task and return the result; raises what the body raises."""
        state: Any = self.task(job, params, _given(inputs), iteration, return_state=True)
        result: StageResult = state.result()
        return result

    def key(self, params: StageParams, inputs: Mapping[str, Input]) -> StageKey:
        """Return the identity of the result for these parameters and inputs.

        Raises : WeightsError if a weight file that the parameters ask for is missing.
        """
        digests = {role: given.digest for role, given in inputs.items()}
        return StageKey(self.name, self.version, params.identity(), digests, params.weights())

    def title(self, iteration: int) -> str:
        """Return what the progress of an iteration is called."""
        return f"{self.name} #{iteration}" if iteration else self.name

    def run(self, job: Job, params: StageParams, inputs: Mapping[str, Input], iteration: int = 0) -> StageResult:
        """Reuse, resume or compute the result, without Prefect.

        Two processes that want the same result do not compute it twice: the second waits, then reuses.
        Raises : what the body raises; finished frames stay in the store, and the next call resumes there.
        """
        started = time.monotonic()
        root = Root.open(job.root)
        key = self.key(params, inputs)
        if job.record:
            job.record.use(self.name, key.digest)
        store = root.store(job.video_name, key)
        action: Action = "reuse"
        if not is_finished(store, job.keep):
            with self._writing(job, key) as store:
                if not is_finished(store, job.keep):
                    action = "resume" if store.state == "partial" else "compute"
                    self._compute(store, job, params, inputs, iteration)
        seconds = time.monotonic() - started
        why = f"{_VERBS[action]} {key.digest[:8]} of {job.video_name}"
        recipe, shot = Recipe(self, params, inputs, iteration), shot_of(inputs)
        about, made = store.attributes, store.manifest.made if store.manifest else {}
        return StageResult(
            job.video_name, self.name, key.digest, iteration, action, why, seconds, about, shot, made, recipe
        )

    def make_again(self, job: Job, params: StageParams, inputs: Mapping[str, Input], iteration: int) -> StageStore:
        """Compute a result whose arrays were dropped, and whatever it needs that was dropped too."""
        with self._writing(job, self.key(params, inputs)) as store:
            if store.state != "complete":
                self._compute(store, job, params, inputs, iteration)
        return store

    def read_source(self, job: Job, params: StageParams, inputs: Mapping[str, Input]) -> Any:
        """Return what the stage's reader gives in the place of arrays that were dropped."""
        if self.reader is None:
            raise ValueError(f"results of {self.name} are not read from their source")
        with self._writing(job, self.key(params, inputs)) as store:
            if store.state == "complete":  # somebody has made it again
                return store
            return self.reader(store, params=params, job=job, **{role: each.open(job) for role, each in inputs.items()})

    @contextmanager
    def _writing(self, job: Job, key: StageKey) -> Iterator[StageStore]:
        if job.record:
            job.record.require_written()
        with Root(job.root).writing(job.video_name, key, on_wait=self._say_for_whom_we_wait) as store:
            yield store

    def _compute(
        self, store: StageStore, job: Job, params: StageParams, inputs: Mapping[str, Input], iteration: int
    ) -> None:
        """Run the body; again where a run beside this one has dropped what it reads."""
        for _ in range(MOST_DROPPED_MEANWHILE):
            try:
                return self._compute_once(store, job, params, inputs, iteration)
            except DamagedStoreError as damage:
                if not _was_dropped(damage):
                    raise
        return self._compute_once(store, job, params, inputs, iteration)

    def _compute_once(
        self, store: StageStore, job: Job, params: StageParams, inputs: Mapping[str, Input], iteration: int
    ) -> None:
        opened = {role: given.open(job) for role, given in inputs.items()}
        started = time.monotonic()
        store.begin()
        try:
            with watch(self.title(iteration), store, run_logger()) as progress:
                store.on_write = progress.step
                self.body(store, params=params, job=job, **opened)
        finally:
            _keep_only_if_unchanged(store, inputs)
        store.seal(made=_run_provenance(time.monotonic() - started, store, iteration, job.device))

    def _say_for_whom_we_wait(self, holder: str) -> None:
        run_logger().warning("%s: waiting for %s", self.name, holder)

    def _run_as_task(
        self, job: Job, params: StageParams, inputs: Mapping[str, Input], iteration: int
    ) -> "StageResult | State[StageResult]":
        from prefect.states import Completed

        result = self.run(job, params, inputs, iteration)
        if result.action == "reuse":
            return Completed(name="Cached", message=result.why, data=result)
        return result


def stage(*, version: int) -> Callable[[Callable[..., None]], Stage]:
    """Make a stage of a body `body(out: StageStore, *, params, job, **inputs)`.

    version : raise it when the same input must give different content; it enters the digest.
    The body declares its arrays with `out.create`, walks the items still missing, and writes each with `out.write`. It
    is called again on the same store after it was killed.
    """
    return lambda body: Stage(body, version=version)


def task_of(body: Callable[..., Any], name: str, run_name: str, description: str | None = None) -> "Task[..., Any]":
    """Make a Prefect task of a body that reuses what is stored; Prefect caches nothing, and retries passing faults."""
    import prefect
    from prefect.cache_policies import NO_CACHE

    return prefect.task(
        name=name,
        description=description,
        task_run_name=run_name,
        cache_policy=NO_CACHE,  # the store is the only cache
        persist_result=False,
        retries=len(RETRY_DELAYS),
        retry_delay_seconds=RETRY_DELAYS,
        retry_condition_fn=_may_pass,
    )(body)


def shot_of(inputs: Mapping[str, Input | None]) -> str:
    """The shot that a stage works on, by what it reads; empty where that is a whole clip."""
    return next((shot for read in inputs.values() if (shot := getattr(read, "shot", ""))), "")


_VERBS: dict[Action, str] = {"reuse": "reused", "resume": "resumed", "compute": "computed"}


def _given(inputs: Mapping[str, Input | None]) -> dict[str, Input]:
    return {role: given for role, given in inputs.items() if given is not None}


def _keep_only_if_unchanged(store: StageStore, inputs: Mapping[str, Input]) -> None:
    """Throw away what was made of inputs that changed meanwhile: it lies under the digest of what they were."""
    try:
        for given in inputs.values():
            given.check()
    except InputError:
        store.folder.remove()
        raise


def is_finished(store: StageStore, keep: Keep) -> bool:
    """Return whether nothing is left to do for a result: who keeps all wants back what was dropped, too."""
    return store.state == "complete" or (store.state == "dropped" and keep != "all")


def _was_dropped(damage: DamagedStoreError) -> bool:
    manifest = read_manifest(damage.folder)
    return manifest is not None and manifest.dropped


def _may_pass(_task: Any, _run: "TaskRun", state: "State[Any]") -> bool:
    """Return whether a fault may be gone a moment later; only such are retried."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, OSError) and error.errno in PASSING_FAULTS


def total_compute_seconds(made: Mapping[str, Any]) -> float:
    """Estimate the seconds that all items of a result take, from those computed in the last run that worked on it.

    made : of its manifest. Where that run found every item finished, only the seconds it took itself are known.
    """
    items, found = made.get("items", 0), made.get("items_found", 0)
    return float(made.get("seconds", 0.0)) * ((items + found) / items if items else 1)


def _run_provenance(seconds: float, store: StageStore, iteration: int, device: str) -> dict[str, Any]:
    return {
        "device": _device_of(store.key, device),
        "host": platform.node(),
        "python": platform.python_version(),
        "dfvi": installed_version("dfvi"),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "iteration": iteration,
        "items": store.items - store.items_found,
        "items_found": store.items_found,
        "seconds": round(seconds, 3),
        "bytes": store.folder.usage().size + BLOCK * store.items,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _device_of(key: StageKey, wanted: str) -> str:
    """Where a result was computed: only networks, which have weights, run anywhere but on the CPU."""
    if not key.weights:
        return "cpu"
    from dfvi_models.networks.runtime import choose_device

    return str(choose_device(wanted))
