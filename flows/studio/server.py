"""The studio's server: what the page asks for, each answered from the files of a project, the video, and the store."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel, Field

from flows.configs.run_config import load_config
from flows.studio import commands, jobs
from flows.studio.document import Document, marked_in
from flows.studio.edits import Edit, PutPainting, add_found, take_track
from flows.studio.library import Library
from flows.studio.project import ConflictError, Project, SavedProject
from storage.errors import InputError
from storage.media.clip import Clip
from tasks.services.clip_pictures import ClipPictures
from tasks.services.clip_shots import ClipShots
from tasks.services.painted_masks import MOST_BYTES, as_overlay, store_painting

PRESETS = ("fast", "default", "quality")
"""Those that a person is offered."""
FOUND = {"logo": "Logos", "captions": "Captions", "moving": "What moves"}
"""Names of what was looked for."""
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
MOST_CLIPS = 8
FOR_A_DAY = {"cache-control": "private, max-age=86400, immutable"}
NOT_KEPT = {"cache-control": "no-store"}

Answer = TypeVar("Answer")


class EditRequest(BaseModel):
    """An edit, and the revision that it was made on."""

    revision: int
    edit: Annotated[Edit, Field(discriminator="kind")]


class StepRequest(BaseModel):
    """Undo or redo on a revision."""

    revision: int


class RunRequest(BaseModel):
    """What is to be worked on."""

    kind: jobs.Kind
    frame: int = 0
    number: int = 0
    """Of the object that is to be followed."""
    what: Literal["logo", "captions", "moving"] = "logo"
    """What is to be found."""
    presets: list[str] = Field(default=[], max_length=4)


class Studio:
    """What the server knows: the folder with the videos, the root of the results, and the clips that are open."""

    def __init__(self, folder: Path, root: str, opened: str = "") -> None:
        """Serve the videos in `folder`.

        root   : of the stored results, absolute.
        opened : the video to begin with; empty shows the folder.
        """
        self.library, self.root, self.opened = Library(folder), root, opened
        self._clips: OrderedDict[tuple[str, int, int], ClipPictures] = OrderedDict()
        self._shots: dict[tuple[str, int, int], ClipShots] = {}
        self._lock = threading.Lock()

    def project(self, video: str) -> Project:
        """Return the project of a video."""
        elsewhere = Path(self.root if "://" not in self.root else ".dfvi") / ".studio"
        return Project.of(self.library.find(video), elsewhere.absolute())

    def pictures(self, path: Path) -> ClipPictures:
        """Return the pictures of a clip; it is looked at once as long as it does not change."""
        key = _stamp(path)
        with self._lock:
            if key not in self._clips:
                self._clips[key] = ClipPictures(path)
            self._clips.move_to_end(key)
            while len(self._clips) > MOST_CLIPS:
                self._clips.popitem(last=False)
            return self._clips[key]

    def shots(self, path: Path) -> list[tuple[int, int]] | None:
        """Return first and stop of the shots of a clip; None as long as they are looked for."""
        pictures = self.pictures(path)
        with self._lock:
            key = _stamp(path)
            if key not in self._shots:
                self._shots[key] = ClipShots(pictures.clip)
            return self._shots[key].found

    def state(self, video: str) -> dict[str, Any]:
        """Return what changes while a page is open: the project, and what is being worked on."""
        project = self.project(video)
        return self._state(project, project.read())

    def edit(self, video: str, revision: int, change: Callable[[Document], Document]) -> dict[str, Any]:
        """Make an edit and return the new state."""
        project = self.project(video)
        return self._state(project, project.edit(revision, change))

    def _state(self, project: Project, saved: SavedProject) -> dict[str, Any]:
        job = jobs.read_job(project.folder)
        return {
            "revision": saved.revision,
            "document": saved.document.model_dump(mode="json"),
            "fingerprint": saved.document.fingerprint,
            "can_undo": bool(saved.undo),
            "can_redo": bool(saved.redo),
            "job": job.model_dump(mode="json") | {"status": job.status} if job else None,
            "result": self._result(project),
            "command": commands.command_line(project, saved.document, self.root),
            "folder": str(project.folder),
        }

    @staticmethod
    def _result(project: Project) -> dict[str, Any] | None:
        path = project.folder / commands.output_name(project.video)
        if not path.exists():
            return None
        status = path.stat()
        return {"name": path.name, "bytes": status.st_size, "changed": status.st_mtime}


def _stamp(path: Path) -> tuple[str, int, int]:
    """What tells a file from others, and from what it was before it changed."""
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


def make_app(studio: Studio) -> FastAPI:
    """Return the application; who is let in is decided by `guard`."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.exception_handler(InputError)
    async def _bad_input(_request: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409 if isinstance(error, ConflictError) else 400)

    _add_page(app)
    _add_videos(app, studio)
    _add_editing(app, studio)
    _add_work(app, studio)
    return app


def _add_page(app: FastAPI) -> None:
    @app.get("/")
    def index() -> Response:
        return _page_file("index.html")

    @app.get("/page/{name}")
    def page_file(name: str) -> Response:
        return _page_file(name)


def _page_file(name: str) -> Response:
    folder = files("flows.studio") / "page"
    names = {each.name for each in folder.iterdir()}
    kind = KINDS.get(Path(name).suffix)
    if name not in names or kind is None:
        return JSONResponse({"error": "there is no such page"}, 404)
    return Response((folder / name).read_bytes(), media_type=kind, headers={"cache-control": "no-cache"})


def _add_videos(app: FastAPI, studio: Studio) -> None:
    @app.get("/api/files")
    def list_files(folder: str = "") -> dict[str, Any]:
        entries = [entry.model_dump() for entry in studio.library.entries(folder)]
        place = str(studio.library.folder)
        return {"entries": entries, "folder": folder, "place": place, "opened": studio.opened}

    @app.get("/api/project")
    def open_project(video: str) -> dict[str, Any]:
        path = studio.library.find(video)
        clip = studio.pictures(path).clip
        facts = {
            "name": path.name,
            "width": clip.width,
            "height": clip.height,
            "frames": clip.frame_count,
            "rate": float(clip.rate),
            "warnings": clip.warnings,
            "version": path.stat().st_mtime_ns // 1000,
        }
        return {"clip": facts, "presets": PRESETS, **studio.state(video)}

    @app.get("/api/shots")
    def shots(video: str) -> list[tuple[int, int]] | None:
        return studio.shots(studio.library.find(video))

    @app.get("/api/frame")
    def frame(video: str, t: int, width: Annotated[int, Query(ge=16, le=16384)], of: str = "") -> Response:
        path = studio.library.find(video)
        if of:
            project = studio.project(video)
            job = jobs.read_job(project.folder)
            names = [commands.output_name(path), *(step.output for step in job.steps)] if job else []
            if of not in names:
                raise InputError(f"there is no result {of!r}")
            path = project.folder / of
        return Response(studio.pictures(path).picture(t, width), media_type="image/jpeg", headers=FOR_A_DAY)

    @app.get("/api/thumbnail")
    def thumbnail(video: str, t: int, width: Annotated[int, Query(ge=16, le=640)]) -> Response:
        picture = studio.pictures(studio.library.find(video)).thumbnail(t, width)
        return Response(picture, media_type="image/jpeg", headers=FOR_A_DAY)


def _add_editing(app: FastAPI, studio: Studio) -> None:
    @app.get("/api/marks")
    def marks(video: str, t: int) -> list[dict[str, Any]]:
        project = studio.project(video)
        found = []
        for each in project.read().document.objects:
            marked = marked_in(each, t, project.painted)
            if marked is not None:
                images = [image.relative_to(project.painted).as_posix() for image in marked.images]
                found.append({"number": each.number, "boxes": marked.boxes, "images": images})
        return found

    @app.get("/api/painting")
    def painting(video: str, file: Annotated[str, Query(pattern=r"^[0-9a-f]{20}(/[0-9]{5,9})?\.png$")]) -> Response:
        content = as_overlay(studio.project(video).painted / file)
        return Response(content, media_type="image/png", headers=FOR_A_DAY)

    @app.post("/api/edit")
    def edit(video: str, asked: EditRequest) -> dict[str, Any]:
        clip = studio.pictures(studio.library.find(video)).clip
        return studio.edit(video, asked.revision, lambda document: asked.edit.apply(document, clip))

    @app.post("/api/painting")
    async def paint(
        request: Request, video: str, number: int, frame: int, revision: int, holds_boxes: bool = False
    ) -> dict[str, Any]:
        content = await _body(request, MOST_BYTES)

        def store() -> dict[str, Any]:
            project, clip = studio.project(video), studio.pictures(studio.library.find(video)).clip
            name = store_painting(content, project.painted, number, clip.height, clip.width)
            put = PutPainting(kind="put_painting", number=number, frame=frame, file=name, holds_boxes=holds_boxes)
            return studio.edit(video, revision, lambda document: put.apply(document, clip))

        return await asyncio.to_thread(store)

    @app.post("/api/undo")
    def undo(video: str, asked: StepRequest) -> dict[str, Any]:
        studio.project(video).undo(asked.revision)
        return studio.state(video)

    @app.post("/api/redo")
    def redo(video: str, asked: StepRequest) -> dict[str, Any]:
        studio.project(video).redo(asked.revision)
        return studio.state(video)


async def _body(request: Request, most: int) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise InputError(f"more than {most} bytes were sent")
    return bytes(content)


def _add_work(app: FastAPI, studio: Studio) -> None:
    @app.get("/api/state")
    def state(video: str) -> JSONResponse:
        return JSONResponse(studio.state(video), headers=NOT_KEPT)

    @app.post("/api/run")
    def run(video: str, asked: RunRequest) -> dict[str, Any]:
        project, clip = studio.project(video), studio.pictures(studio.library.find(video)).clip
        saved = project.read()
        if asked.kind in ("track", "find"):
            _look_for(studio, project, saved, clip, asked)
            return studio.state(video)
        if asked.kind == "run":
            job = commands.run_job(project, saved.document, clip, studio.root)
        else:
            presets = [preset for preset in asked.presets if preset in PRESETS] or [saved.document.preset]
            job = commands.preview_job(project, saved.document, clip, studio.root, frame=asked.frame, presets=presets)
        with project.alone():
            jobs.start(project.folder, job)
        return studio.state(video)

    @app.post("/api/stop")
    def stop(video: str) -> dict[str, Any]:
        jobs.stop(studio.project(video).folder)
        return studio.state(video)

    @app.get("/api/download")
    def download(video: str, what: str) -> Response:
        project = studio.project(video)
        document = project.read().document
        if what == "config":
            import yaml

            settings = [] if document.dilation is None else [f"decode.dilation={document.dilation}"]
            text = yaml.safe_dump(load_config(document.preset, None, settings).model_dump(mode="json"), sort_keys=False)
            return _attached(text.encode(), "run.yaml", "application/yaml")
        if what == "mask":
            clip = studio.pictures(project.video).clip
            path = commands.save_mask(project, document, clip)
        else:
            path = project.folder / commands.output_name(project.video)
        if not path.is_file():
            raise InputError("there is no result yet")
        return FileResponse(path, filename=path.name, headers=NOT_KEPT)


def _look_for(studio: Studio, project: Project, saved: SavedProject, clip: Clip, asked: RunRequest) -> None:
    """Begin to follow an object, or to look for some; what it makes is taken for its marks once it is there."""
    if asked.kind == "track":
        job, track = commands.track_job(project, saved.document, clip, studio.root, asked.number)
        changed = take_track(saved.document, asked.number, track)
    else:
        job, track = commands.find_job(project, saved.document, clip, asked.what)
        changed = add_found(saved.document, FOUND[asked.what], track, clip)
        job.number = changed.objects[-1].number
    if not (project.painted / track).is_dir():
        with project.alone():
            jobs.start(project.folder, job)
    project.edit(saved.revision, lambda _: changed)


def _attached(content: bytes, name: str, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
