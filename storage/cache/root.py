"""The root of all stored results: <root>/<video>/<stage>/<digest>/, locks and the records of runs beside."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from storage.backends import file_lock as lock
from storage.backends.file_lock import Lock
from storage.backends.root_url import Location, store_path_at
from storage.backends.store_path import StorePath
from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.manifest import FORMAT, read_json, write_json
from storage.cache.stage_key import DIGEST_LENGTH, StageKey
from storage.cache.stage_store import StageStore
from storage.errors import InputError

MARKER = "dfvi-root.json"
LOCKS = ".locks"
RUNS = ".runs"
FAILURES = ".failures"
LONGEST_NAME = 80

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_DIGEST = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}")


def video_name(text: str) -> str:
    """Turn any name of a video into one that is a safe folder name; equal names stay equal.

    >>> video_name("../Été 1.mp4")
    't_1.mp4'
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip("._-")[:LONGEST_NAME]
    return name or "video"


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
                f"{path / MARKER} is damaged; write it again with: echo '{{\"format\": {FORMAT}}}'"
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
                write_json(path / MARKER, {"format": FORMAT})
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(f"the root {path} must be a folder; it is a file: choose another with --root") from error
        except OSError as error:
            raise InputError(
                f"the root {path} cannot be written: {error.strerror}; choose another with --root"
            ) from error
        return cls.open(location)

    def store(self, video: str, key: StageKey) -> StageStore:
        """The store that holds, or will hold, the result `key` of `video`."""
        return StageStore(self._folder(video, key.stage, key.digest), key)

    def open_store(self, video: str, stage: str, digest: str) -> StageStore:
        """Open a store that exists.

        Raises : StoreError if there is none; otherwise like `StageStore`.
        """
        folder = self._folder(video, stage, digest)
        try:
            return StageStore.open(folder)
        except FileNotFoundError as error:
            raise StoreError(f"there is no store {folder}; run the stage {stage} of {video} again") from error

    @contextmanager
    def writing(self, video: str, key: StageKey, on_wait: Callable[[str], None]) -> Iterator[StageStore]:
        """Hold the right to write the store of `key`; others wait. It is looked at when the wait is over."""
        with lock.hold(self._lock_of(self._folder(video, key.stage, key.digest)), on_wait=on_wait) as held:
            store = self.store(video, key)
            store.check_lock = held.check
            yield store

    def try_lock(self, folder: StorePath) -> AbstractContextManager[bool]:
        """Hold the right to write the store in `folder` if nobody has it."""
        return lock.try_hold(self._lock_of(folder))

    def folders(self, video: str | None = None, stage: str | None = None) -> Iterator[StorePath]:
        """Folders of all stores, of one video or stage, sorted by name. Links and foreign names are passed by."""
        for video_folder in _folders(self.path, _PLAIN, video):
            for stage_folder in _folders(video_folder, _PLAIN, stage):
                yield from _folders(stage_folder, _DIGEST, None)

    def record_run(
        self, name: str, video: str, reached: Sequence[Mapping[str, Any]], summary: Mapping[str, Any] | None = None
    ) -> None:
        """Remember which stores the run `name` of `video` uses: `gc` keeps them.

        summary : what the run says of itself once it is over; None while it still has something to do.
        """
        content = {"run": name, "video": video, "reached": list(reached), "summary": summary}
        self._record(RUNS, name, video, content)
        if summary is not None:
            self._record_path(FAILURES, name, video).remove()

    def read_run(self, name: str, video: str) -> dict[str, Any] | None:
        """Record of the run `name` of `video`; None if there is none. Raises like `read_json`."""
        try:
            return read_json(self._record_path(RUNS, name, video))
        except FileNotFoundError:
            return None

    def record_failure(self, name: str, video: str, error: str) -> None:
        """Remember that the run `name` of `video` failed, until it succeeds."""
        self._record(FAILURES, name, video, {"run": name, "video": video, "error": error})

    def has_failed(self, name: str, video: str) -> bool:
        """Whether the last run `name` of `video` failed."""
        return self._record_path(FAILURES, name, video).exists()

    def runs(self) -> Iterator[dict[str, Any]]:
        """Records of all named runs."""
        for folder in (self.path / RUNS).subfolders():
            for name in sorted(name for name in folder.names() if name.endswith(".json")):
                try:
                    yield read_json(folder / name)
                except DamagedStoreError as error:
                    run = name.removesuffix(".json")
                    raise StoreError(f"{folder / name} is damaged; remove the file and run {run} again") from error

    def forget_run(self, name: str, video: str | None = None) -> list[str]:
        """Drop the record of a named run, of one video or of all; return the videos it was dropped for."""
        videos = [_plain(video)] if video else [folder.name for folder in (self.path / RUNS).subfolders()]
        paths = [path for path in (self._record_path(RUNS, name, each) for each in videos) if path.exists()]
        for path in paths:
            path.remove()
        return [path.parent.name for path in paths]

    def _record(self, kind: str, name: str, video: str, content: Mapping[str, Any]) -> None:
        path = self._record_path(kind, name, video)
        path.parent.make()
        write_json(path, {"format": FORMAT, **content})

    def _record_path(self, kind: str, name: str, video: str) -> StorePath:
        return self.path / kind / _plain(video) / f"{_plain(name)}.json"

    def _folder(self, video: str, stage: str, digest: str) -> StorePath:
        if not _DIGEST.fullmatch(digest):
            raise StoreError(f"a digest has {DIGEST_LENGTH} hexadecimal digits; got {digest!r}")
        return self.path / _plain(video) / _plain(stage) / digest

    def _lock_of(self, folder: StorePath) -> Lock:
        return (self.path / LOCKS / ("-".join(folder.parts[-3:]) + ".lock")).lock()


def _plain(name: str) -> str:
    if not _PLAIN.fullmatch(name):
        raise StoreError(f"a name in a root has letters, digits, '.', '_' and '-' only; got {name!r}")
    return name


def _folders(parent: StorePath, pattern: re.Pattern[str], wanted: str | None) -> Iterator[StorePath]:
    for folder in parent.subfolders():
        if pattern.fullmatch(folder.name) and wanted in (None, folder.name):
            yield folder
