"""Records of runs: which results each run uses, so that `gc` keeps them.

One record is kept for each run of a flow on one video, so that two runs of one name never undo each other. A result is
written into the record *before* it is looked at: whoever wants to delete it asks the records again after having taken
its manifest away, so that either he sees the record, or the run sees that there is no finished result any more.
"""

import errno
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from storage.backends.store_path import StorePath
from storage.cache.errors import DamagedStoreError
from storage.cache.manifest import FORMAT_WITHOUT_CHECKSUM, read_json, write_json
from storage.cache.stage_key import is_digest
from storage.errors import UNREADABLE

SUFFIX = ".json"
NUMBER_SIGN = "@"  # between the name of a run and its number; no name holds it
UNFINISHED = ".unfinished"  # how the first version ended the name of a run that went on
Keep = Literal["all", "tune", "result"]
"""Which results of a run stay once it has used them; see `tasks.stage.keeping`."""
CANNOT_WRITE = {errno.EROFS, errno.EACCES, errno.EPERM}


@dataclass(frozen=True)
class RunFacts:
    """What is recorded of one run on one video."""

    path: StorePath
    """The record itself."""
    name: str
    """Name given to the run; several runs may share it."""
    video: str
    reached: tuple[Mapping[str, str], ...] = ()
    """Stage and digest of every result it uses, in the order in which they were asked for."""
    started: float = 0.0
    """Seconds since the epoch."""
    finished: float | None = None
    """Seconds since the epoch; None while it goes on, or if it was killed."""
    summary: Mapping[str, Any] | None = None
    """What it said of itself when its output was delivered."""
    damage: str = ""
    """Why the record cannot be read; empty if it can."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What the run was asked to do: `video_path`, `mask`, `output`, `config`; empty in records of earlier versions."""
    has_checksum: bool = True
    """Whether damage would have been noticed; not so in records of the first version."""
    keep: Keep = "all"
    """Which of them it wants to stay as they are; all, where the record does not say."""

    @property
    def digests(self) -> frozenset[str]:
        """The digests of all results it uses."""
        return frozenset(each["digest"] for each in self.reached)


@dataclass
class RunRecord:
    """The record of a run while it goes on."""

    folder: StorePath
    """Holds the records of the video."""
    name: str
    video: str
    number: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells runs of one name apart."""
    started: float = field(default_factory=time.time)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What the run was asked to do, kept for reports."""
    keep: Keep = "all"
    """Which of its results are to stay; others may give up the arrays of the rest."""
    _reached: list[dict[str, str]] = field(default_factory=list)
    _error: OSError | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def path(self) -> StorePath:
        """The file or object of the record."""
        return self.folder / f"{self.name}{NUMBER_SIGN}{self.number}{SUFFIX}"

    def use(self, stage: str, digest: str) -> None:
        """Write down that the run uses a result, before the result is looked at.

        In a root that cannot be written the run goes on without a record as long as nothing needs to be computed.
        """
        with self._lock:
            if {"stage": stage, "digest": digest} not in self._reached:
                self._reached.append({"stage": stage, "digest": digest})
                self._write()

    def facts(self, summary: Mapping[str, Any]) -> RunFacts:
        """Return what would be read of a run that ends now, also where its record cannot be written."""
        with self._lock:
            reached = tuple(self._reached)
        return RunFacts(
            self.path,
            self.name,
            self.video,
            reached,
            self.started,
            time.time(),
            summary,
            inputs=self.inputs,
            keep=self.keep,
        )

    def require_written(self) -> None:
        """Make sure that what the run uses stands written; OSError that says why it could not be."""
        if self._error is not None:
            raise self._error

    def finish(self, summary: Mapping[str, Any] | None = None) -> None:
        """Write down that the run is over, and drop records of the same name that keep nothing besides.

        summary : what the run says of itself, once its output is delivered.
        """
        with self._lock:
            self._write(finished=time.time(), summary=summary)
            if self._error is not None:
                return
            mine = frozenset(each["digest"] for each in self._reached)
            for other in read_records(self.folder):
                if other.name == self.name and other.path != self.path and not other.damage and other.digests <= mine:
                    other.path.remove()

    def _write(self, **more: Any) -> None:
        content = {
            "run": self.name,
            "video": self.video,
            "reached": self._reached,
            "started": self.started,
            "keep": self.keep,
            **({"inputs": dict(self.inputs)} if self.inputs else {}),
            **more,
        }
        try:
            self.folder.make()
            write_json(self.path, content)
            self._error = None
        except OSError as error:
            if error.errno not in CANNOT_WRITE:
                raise
            self._error = error


def read_records(folder: StorePath, but: StorePath | None = None) -> Iterator[RunFacts]:
    """Read the records of one video, by name; none if there is no folder.

    but    : a record that is passed by.
    Raises : StoreError if a newer version of the program wrote one.
    """
    try:
        names = sorted(name for name in folder.names() if name.endswith(SUFFIX) and not name.startswith("."))
    except FileNotFoundError:
        return
    for name in names:
        if but is not None and name == but.name:
            continue
        try:
            yield _read(folder / name)
        except FileNotFoundError:
            continue  # replaced, or forgotten, meanwhile


def write_again(record: RunFacts, reached: Sequence[Mapping[str, str]]) -> None:
    """Replace a damaged record by a sound one of a run that uses these results."""
    content = {"run": record.name, "video": record.video, "reached": list(reached), "started": 0.0, "finished": 0.0}
    write_json(record.path, content)


def _read(path: StorePath) -> RunFacts:
    name, video = path.name.removesuffix(SUFFIX).partition(NUMBER_SIGN)[0], path.parent.name
    try:
        return _facts(path, name, video, read_json(path))
    except DamagedStoreError as error:
        return RunFacts(path, name, video, damage=str(error.reason))
    except UNREADABLE as error:
        return RunFacts(path, name, video, damage=f"it is no record of a run ({error!r})")


def _facts(path: StorePath, name: str, video: str, content: Mapping[str, Any]) -> RunFacts:
    reached = tuple({"stage": str(each["stage"]), "digest": str(each["digest"])} for each in content["reached"])
    if not all(is_digest(each["digest"]) for each in reached):
        raise ValueError("a digest in it is none")
    if content["format"] == FORMAT_WITHOUT_CHECKSUM:
        ended = not name.endswith(UNFINISHED)
        summary = content.get("summary")
        finished = 0.0 if ended else None
        return RunFacts(path, name.removesuffix(UNFINISHED), video, reached, 0.0, finished, summary, has_checksum=False)
    finished, summary, keep = (content.get(key) for key in ("finished", "summary", "keep"))
    wanted = cast(Keep, keep) if keep in get_args(Keep) else "all"
    inputs = dict(content.get("inputs", {}))
    return RunFacts(path, name, video, reached, content["started"], finished, summary, inputs=inputs, keep=wanted)
