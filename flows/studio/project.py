"""A project: what was decided about one video, in a small file beside it, so that closing the page loses nothing.

Each edit names the revision that it was made on. If another page, or another server, has edited meanwhile, it is
refused, and the page shows what is there now.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ValidationError

from flows.studio.document import Document, Plain
from storage.backends.atomic_write import appears_when_complete
from storage.backends.file_lock import FileLock, hold
from storage.cache.names import distinct_name, name_of_video
from storage.errors import InputError

FILE = "project.json"
LOCK = "project.lock"
PAINTED = "painted"
MOST_STEPS = 100
"""Edits that can be undone."""
SUFFIX = ".dfvi"

Documents = tuple[Document, ...]


class ConflictError(InputError):
    """The project was edited elsewhere since."""


class SavedProject(Plain):
    """What the file holds."""

    format: int = 1
    revision: int = 0
    """Grows with every edit, undoing among them."""
    document: Document = Document()
    undo: Documents = ()
    """Documents before this one, the latest last."""
    redo: Documents = ()
    """Documents that were undone, the latest last."""
    video: str = ""
    """Name of the video, for whoever finds the file."""


class Project:
    """The folder of a project."""

    def __init__(self, folder: Path, video: Path) -> None:
        """Use the project in `folder`, which is made with the first edit."""
        self.folder, self.video = folder, video

    @classmethod
    def of(cls, video: Path, elsewhere: Path) -> "Project":
        """Return the project of a video: in a folder beside it, or below `elsewhere` where that cannot be written."""
        beside = video.with_name(f"{video.name}{SUFFIX}")
        if beside.is_dir() or os.access(video.parent, os.W_OK | os.X_OK):
            return cls(beside, video)
        return cls(elsewhere / distinct_name(name_of_video(video), str(video)), video)

    @property
    def painted(self) -> Path:
        """The folder of the label images."""
        return self.folder / PAINTED

    def read(self) -> SavedProject:
        """Return what is saved; an empty project if nothing is. Raises InputError if the file is damaged."""
        path = self.folder / FILE
        try:
            return SavedProject.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return SavedProject(video=self.video.name)
        except (OSError, ValidationError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{path}: the project cannot be read ({reason}); move the file away to begin anew"
            ) from None

    def edit(self, revision: int, change: Callable[[Document], Document]) -> SavedProject:
        """Make an edit on a revision, and save what comes of it.

        Raises : ConflictError if the project has another revision by now; what `change` raises.
        """

        def step(saved: SavedProject) -> SavedProject:
            changed = change(saved.document)
            if changed == saved.document:
                return saved
            return _next(saved, changed, undo=(*saved.undo, saved.document)[-MOST_STEPS:], redo=())

        return self._step(revision, step)

    def undo(self, revision: int) -> SavedProject:
        """Go back to the document before, if there is one. Raises ConflictError as `edit`."""
        return self._step(
            revision,
            lambda saved: (
                _next(saved, saved.undo[-1], undo=saved.undo[:-1], redo=(*saved.redo, saved.document))
                if saved.undo
                else saved
            ),
        )

    def redo(self, revision: int) -> SavedProject:
        """Make again what was undone last, if anything was. Raises ConflictError as `edit`."""
        return self._step(
            revision,
            lambda saved: (
                _next(saved, saved.redo[-1], undo=(*saved.undo, saved.document), redo=saved.redo[:-1])
                if saved.redo
                else saved
            ),
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from editing the project, and from beginning work on it, for the length of a `with` block."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.folder} cannot be written ({error.strerror})") from None
        with hold(FileLock(self.folder / LOCK), on_wait=lambda holder: None):  # noqa: ARG005
            yield

    def _step(self, revision: int, step: Callable[[SavedProject], SavedProject]) -> SavedProject:
        with self.alone():
            saved = self.read()
            if saved.revision != revision:
                raise ConflictError("this video was edited in another window; it is shown as it is there")
            after = step(saved)
            if after is not saved:
                write_json(self.folder / FILE, after)
            return after


def write_json(path: Path, values: BaseModel) -> None:
    """Write values as a file that appears when it is whole."""
    with appears_when_complete(path) as partial:
        partial.write_text(values.model_dump_json(), encoding="utf-8")


def _next(
    saved: SavedProject, document: Document, *, undo: tuple[Document, ...], redo: tuple[Document, ...]
) -> SavedProject:
    return saved.model_copy(update={"revision": saved.revision + 1, "document": document, "undo": undo, "redo": redo})
