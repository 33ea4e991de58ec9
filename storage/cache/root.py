"""The root of all stored results: <root>/<video>/<stage>/<digest>/, locks and the records of runs beside."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from storage.backends import file_lock as lock
from storage.backends.errors import LinkError
from storage.backends.file_lock import Lock
from storage.backends.root_url import Location, store_path_at
from storage.backends.store_path import StorePath
from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.manifest import FORMAT_WITHOUT_CHECKSUM, KEY_FILE, MANIFEST_FILE, read_json, write_json
from storage.cache.names import is_safe_name
from storage.cache.run_records import Keep, RunFacts, RunRecord, read_records
from storage.cache.stage_key import DIGEST_LENGTH, StageKey, is_digest
from storage.cache.stage_store import StageStore
from storage.errors import InputError

MARKER = "dfvi-root.json"
LOCKS = ".locks"
RUNS = ".runs"
FAILURES = ".failures"


class Root:
    """The folder or prefix that holds all stored results."""

    def __init__(self, location: Location) -> None:
        """Use the root at `location`, which must exist; see `create`."""
        self.path = store_path_at(location)
        """The folder or prefix itself."""

    @classmethod
    def find(cls, location: Location) -> "Root | None":
        """Open the root at `location`; None if there is nothing at all. Raises like `open`."""
        path = cls(location).path
        try:
            if not path.exists():
                return None
        except OSError as error:
            raise InputError(f"the root {path} cannot be read: {error.strerror}") from error
        return cls.open(location)

    @classmethod
    def open(cls, location: Location) -> "Root":
        """Open an existing root.

        Raises : InputError if there is none or the folder is not ours; StoreError if a newer version made it.
        """
        root = cls(location)
        path = root.path
        try:
            read_json(path / MARKER)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError(
                f"{path} is not a dfvi root: it has no {MARKER}; name an existing root with --root"
            ) from error
        except DamagedStoreError as error:
            raise StoreError(
                f"{path / MARKER} is damaged; write it again with: echo '{{\"format\": {FORMAT_WITHOUT_CHECKSUM}}}'"
            ) from error
        except OSError as error:
            raise InputError(f"the root {path} cannot be read: {error.strerror}") from error
        return root

    @classmethod
    def create(cls, location: Location) -> "Root":
        """Open a root, making it first if `location` does not exist or is an empty folder.

        Raises : InputError if the folder holds something else or cannot be made; StoreError if a newer version made it.
        """
        path = cls(location).path
        try:
            path.make()
            is_root = (path / MARKER).exists()
            if not is_root and path.names() - {LOCKS, f"{MARKER}.lock"}:
                raise InputError(f"{path} is neither empty nor a dfvi root; choose another folder with --root")
            (path / LOCKS).check_locks()
            if not is_root:
                write_json(path / MARKER, {})
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(f"the root {path} must be a folder; it is a file: choose another with --root") from error
        except OSError as error:
            raise InputError(
                f"the root {path} cannot be written: {error.strerror}; choose another with --root"
            ) from error
        return cls.open(location)

    def store(self, video: str, key: StageKey) -> StageStore:
        """Return the store that holds, or will hold, the result `key` of `video`."""
        return StageStore(self._folder(video, key.stage, key.digest), key)

    def open_store(self, video: str, stage: str, digest: str) -> StageStore:
        """Open a store that exists.

        Raises : StoreError if there is none; otherwise like `StageStore`.
        """
        folder = self._folder(video, stage, digest)
        try:
            return StageStore.open(folder)
        except FileNotFoundError as error:
            if (folder / MANIFEST_FILE).exists():
                raise DamagedStoreError(folder / KEY_FILE, "the file is missing", folder) from error
            raise StoreError(f"there is no store {folder}; run the stage {stage} of {video} again") from error

    def has(self, video: str, stage: str, digest: str) -> bool:
        """Tell whether there is a result, complete or not."""
        return self._folder(video, stage, digest).exists()

    @contextmanager
    def writing(self, video: str, key: StageKey, on_wait: Callable[[str], None]) -> Iterator[StageStore]:
        """Hold the right to write the store of `key`, which is opened once nobody else has that right."""
        with lock.hold(self._lock_of(self._folder(video, key.stage, key.digest)), on_wait=on_wait) as held:
            store = self.store(video, key)
            store.check_lock = held.check
            yield store

    def try_lock(self, folder: StorePath) -> AbstractContextManager[bool]:
        """Hold the right to write the store in `folder` if nobody has it."""
        return lock.try_hold(self._lock_of(folder))

    def folders(self, video: str | None = None, stage: str | None = None) -> Iterator[StorePath]:
        """Find the folders of all stores, or of those of one video or stage, sorted by name. Links are passed by."""
        for video_folder in _folders(self.path, is_safe_name, video):
            for stage_folder in _folders(video_folder, is_safe_name, stage):
                yield from _folders(stage_folder, is_digest, None)

    def start_run(
        self, name: str, video: str, keep: Keep = "all", inputs: Mapping[str, Any] | None = None
    ) -> RunRecord:
        """Return the record of a new run called `name` on `video`; it is written when the run uses its first result.

        keep   : which of its results are to stay.
        inputs : what the run is asked to do, see `RunFacts.inputs`.
        """
        return RunRecord(self._inside(video, kind=RUNS), _safe(name), video, keep=keep, inputs=inputs or {})

    def runs(self, video: str | None = None) -> Iterator[RunFacts]:
        """Read the records of all runs, or of those on one video."""
        folders = [self._inside(video, kind=RUNS)] if video else self.record_folders(RUNS)
        for folder in folders:
            yield from read_records(folder)

    def last_run(self, name: str, video: str, output: str | None = None) -> RunFacts | None:
        """Return what is recorded of the run of this name that ended last; None if none has.

        output : take only runs that wrote this file or folder.
        """
        ended = [run for run in self.runs(video) if run.name == name and run.finished is not None and run.summary]
        wanted = [run for run in ended if output is None or (run.summary or {}).get("output") == output]
        return max(wanted, key=lambda run: run.finished or 0.0, default=None)

    def used_digests(self, video: str) -> Set[str] | None:
        """Return the digests of all results of `video` that runs use; None if all must be taken for used.

        That is so if a record is damaged, or has no checksum and names a result that is not there.
        """
        used: set[str] = set()
        for run in self.runs(video):
            if not self._is_sound(run):
                return None
            used |= run.digests
        return used

    def kept_by_others(self, record: RunRecord | None, video: str, levels: Collection[Keep]) -> Set[str] | None:
        """Return the digests of all results of `video` that other runs use, and keep as they are.

        record  : of the run that asks.
        levels  : what a run must be told to keep for it to count.
        Returns : None if all must be taken for kept, as in `used_digests`.
        """
        kept: set[str] = set()
        try:
            for run in read_records(self._inside(video, kind=RUNS), record.path if record else None):
                if not self._is_sound(run):
                    return None
                kept |= run.digests if run.keep in levels else set()
        except StoreError:  # a newer version of the program wrote one
            return None
        return kept

    def forget_runs(self, name: str, video: str | None = None, *, keep: int = 0) -> list[str]:
        """Drop the records of the runs called `name`, on one video or on all, but for the last `keep` on each.

        Returns : the videos that a record was dropped of, by name.
        """
        by_video: dict[str, list[RunFacts]] = {}
        for run in self.runs(video):
            if run.name == name:
                by_video.setdefault(run.video, []).append(run)
        dropped = []
        for each, found in by_video.items():
            found.sort(key=lambda run: (run.finished or run.started, run.started), reverse=True)
            for run in found[keep:]:
                run.remove()
                dropped.append(each)
        return sorted(set(dropped))

    def record_failure(self, name: str, video: str, error: str) -> None:
        """Remember that the run `name` of `video` failed, until it succeeds."""
        path = self._failure_path(name, video)
        path.parent.make()
        write_json(path, {"run": name, "video": video, "error": error})

    def forget_failure(self, name: str, video: str) -> None:
        """Forget that the run `name` of `video` failed: it has succeeded."""
        if self.has_failed(name, video):
            self._failure_path(name, video).remove()

    def has_failed(self, name: str, video: str) -> bool:
        """Tell whether the last run `name` of `video` failed."""
        return self._failure_path(name, video).exists()

    def record_folders(self, kind: str) -> Sequence[StorePath]:
        """Return the folders, one a video, that hold records of runs (`RUNS`) or of failures (`FAILURES`)."""
        return (self.path / kind).subfolders()

    def _failure_path(self, name: str, video: str) -> StorePath:
        return self._inside(video, kind=FAILURES) / f"{_safe(name)}.json"

    def _is_sound(self, run: RunFacts) -> bool:
        """Whether a record says all that it said when it was written."""
        return not run.damage and (run.has_checksum or self._has_all(run))

    def _has_all(self, run: RunFacts) -> bool:
        return all(self.has(run.video, each["stage"], each["digest"]) for each in run.reached)

    def _folder(self, video: str, stage: str, digest: str) -> StorePath:
        if not is_digest(digest):
            raise StoreError(f"a digest has {DIGEST_LENGTH} hexadecimal digits; got {digest!r}")
        return self._inside(video, stage, digest)

    def _inside(self, *names: str, kind: str = "") -> StorePath:
        """Return the path of these names below the root, or below its folder `kind`; no part of it may be a link.

        Raises : StoreError for a name that could lead elsewhere; LinkError.
        """
        path = self.path
        for name in (*filter(None, [kind]), *map(_safe, names)):
            path = path / name
            if path.is_symlink():
                raise LinkError(path)
        return path

    def _lock_of(self, folder: StorePath) -> Lock:
        return (self.path / LOCKS / ("-".join(folder.parts[-3:]) + ".lock")).lock()


def _safe(name: str) -> str:
    if not is_safe_name(name):
        raise StoreError(f"a name in a root has letters, digits, '.', '_' and '-' only; got {name!r}")
    return name


def _folders(parent: StorePath, fits: Callable[[str], bool], wanted: str | None) -> Iterator[StorePath]:
    for folder in parent.subfolders():
        if fits(folder.name) and wanted in (None, folder.name):
            yield folder
