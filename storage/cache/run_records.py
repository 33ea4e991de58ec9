"""Records of runs: which results each run uses, so that `gc` keeps them.

One record is kept for each run of a flow on one video, so that two runs of one name never undo each other. A result is
written into the record *before* it is looked at: whoever wants to delete it asks the records again after having taken
its manifest away, so that either he sees the record, or the run sees that there is no finished result any more.

A record that grows long goes on in parts, each a file of the same form, so that writing one more result costs the same
in a film of a thousand shots as in a clip. When the run ends, all is written into its first file, and the parts go.
"""

import errno
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from storage.backends.store_path import StorePath
from storage.cache.errors import DamagedStoreError
from storage.cache.manifest import FORMAT_WITHOUT_CHECKSUM, read_json, write_json
from storage.cache.stage_key import is_digest
from storage.errors import UNREADABLE

SUFFIX = ".json"
NUMBER_SIGN = "@"  # between the name of a run and its number; no name holds it
PART_SIGN = "_"  # between the number of a run, which is hexadecimal, and that of a further part of its record
PART_LENGTH = 64
"""Results that stand in one part of a record at most while its run goes on."""
UNFINISHED = ".unfinished"  # how the first version ended the name of a run that went on
Keep = Literal["all", "tune", "result"]
"""Which results of a run stay once it has used them; see `tasks.stage.keeping`."""
CANNOT_WRITE = {errno.EROFS, errno.EACCES, errno.EPERM}


@dataclass(frozen=True)
class RunFacts:
    """What is recorded of one run on one video."""

    path: StorePath
    """The record itself, the first file of it."""
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
    parts: tuple[StorePath, ...] = ()
    """Further files of the record."""

    @property
    def digests(self) -> frozenset[str]:
        """The digests of all results it uses."""
        return frozenset(each["digest"] for each in self.reached)

    def remove(self) -> None:
        """Remove the record; its first file last, by which a run that goes on sees that it is gone."""
        for path in (*self.parts, self.path):
            path.remove()


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
    _digests: set[str] = field(default_factory=set)
    _parts: int = 0
    """Further files."""
    _error: OSError | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def path(self) -> StorePath:
        """The file or object of the record, the first one if it has parts."""
        return self._part(0)

    def _part(self, number: int) -> StorePath:
        part = f"{PART_SIGN}{number}" if number else ""
        return self.folder / f"{self.name}{NUMBER_SIGN}{self.number}{part}{SUFFIX}"

    def use(self, stage: str, digest: str) -> None:
        """Write down that the run uses a result, before the result is looked at.

        In a root that cannot be written the run goes on without a record as long as nothing needs to be computed.
        """
        with self._lock:
            if digest in self._digests:
                return
            self._digests.add(digest)
            self._reached.append({"stage": stage, "digest": digest})
            self._parts = (len(self._reached) - 1) // PART_LENGTH
            self._write_part(self._parts)
            if self._parts and self._error is None and not self.path.exists():  # it was dropped meanwhile
                for part in range(self._parts):
                    self._write_part(part)

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
            self._write(0, self._reached, finished=time.time(), summary=summary)
            if self._error is not None:
                return
            for part in range(self._parts):
                self._part(part + 1).remove()
            for other in read_records(self.folder, self.path):
                if other.name == self.name and not other.damage and other.digests <= self._digests:
                    other.remove()

    def _write_part(self, part: int) -> None:
        self._write(part, self._reached[part * PART_LENGTH : (part + 1) * PART_LENGTH])

    def _write(self, part: int, reached: Sequence[Mapping[str, str]], **more: Any) -> None:
        content = {
            "run": self.name,
            "video": self.video,
            "reached": reached,
            "started": self.started,
            "keep": self.keep,
            **({"inputs": dict(self.inputs)} if self.inputs and not part else {}),
            **more,
        }
        try:
            self.folder.make()
            write_json(self._part(part), content)
            self._error = None
        except OSError as error:
            if error.errno not in CANNOT_WRITE:
                raise
            self._error = error


def read_records(folder: StorePath, but: StorePath | None = None) -> Iterator[RunFacts]:
    """Read the records of one video, by name; none if there is no folder. Each damaged file is a record of its own.

    but    : a record that is passed by.
    Raises : StoreError if a newer version of the program wrote one.
    """
    while (files := _read_files(folder)) is None:
        pass
    of_run: dict[str, list[RunFacts]] = {}
    for facts in files:
        of_run.setdefault(_run_and_part(facts.path)[0], []).append(facts)
    for run, parts in of_run.items():
        if but is None or run != _run_and_part(but)[0]:
            yield from (part for part in parts if part.damage)
            yield from _joined([part for part in parts if not part.damage])


def _read_files(folder: StorePath) -> list[RunFacts] | None:
    """Read all files of records, those of one run in order; None if a part went meanwhile, whose run has ended: what
    was in it stands in the first file now, which may have been read before."""
    try:
        names = [name for name in folder.names() if name.endswith(SUFFIX) and not name.startswith(".")]
    except FileNotFoundError:
        return []
    read = []
    for path in sorted((folder / name for name in names), key=_run_and_part):
        try:
            read.append(_read(path))
        except FileNotFoundError:  # replaced, or forgotten, meanwhile
            if _run_and_part(path)[1]:
                return None
    return read


def _run_and_part(path: StorePath) -> tuple[str, int]:
    """Name and number of a run, and which part of its record a file is, 0 for the first."""
    name, sign, number = path.name.removesuffix(SUFFIX).partition(NUMBER_SIGN)
    number, _, part = number.partition(PART_SIGN)
    return name + sign + number, int(part) if part.isdecimal() else 0


def _joined(parts: Sequence[RunFacts]) -> Iterator[RunFacts]:
    """Make one record of its parts, none of none."""
    if parts:
        reached = {each["digest"]: each for part in parts for each in part.reached}
        others = tuple(part.path for part in parts[1:])
        yield replace(parts[0], reached=tuple(reached.values()), parts=others)


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
