"""The command lines that do what a project says: the same that the studio runs."""

import hashlib
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Literal
from uuid import uuid4

from flows.studio.document import Document, marked_frames, marked_in
from flows.studio.jobs import JobState, Step
from flows.studio.project import Project
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.codecs import container_of
from storage.media.masks.writing import write_mask_file
from tasks.services.painted_masks import Marked, marked_pixels, write_mask

MASK = "mask.json"
GIVEN = "given"
PREVIEW_FRAMES = 24
SUFFIXES = (".mp4", ".mkv", ".mov")


def output_name(video: Path) -> str:
    """Return what the finished video is called: as the video, with -clean, in a container that can be written."""
    suffix = video.suffix if video.suffix.lower() in SUFFIXES and video.is_file() else ".mp4"
    stem = video.stem if video.is_file() else video.name
    name = f"{stem}-clean{suffix}"
    container_of(Path(name))
    return name


def inpaint_arguments(project: Project, document: Document, root: str, output: str, preset: str) -> list[str]:
    """Return the arguments of `dfvi` that remove what a project marks."""
    arguments = ["inpaint", str(project.video), "--mask", str(project.folder / MASK)]
    arguments += ["-o", str(project.folder / output), "--root", root, "--preset", preset]
    if document.dilation is not None:
        arguments += ["--set", f"decode.dilation={document.dilation}"]
    return arguments


def command_line(project: Project, document: Document, root: str) -> str:
    """Return the command line for a terminal that does what the studio does."""
    arguments = inpaint_arguments(project, document, root, output_name(project.video), document.preset)
    return shlex.join(["dfvi", *arguments])


def save_mask(project: Project, document: Document, clip: Clip) -> Path:
    """Write the mask of a project, as `--mask` takes it, and return its path.

    Raises : InputError if nothing is marked.
    """
    path = project.folder / MASK
    frames = marked_frames(document, clip.frame_count, project.painted)
    if not any(not each.is_empty for each in document.objects) or not write_mask(path, frames, clip.height, clip.width):
        raise InputError("nothing is marked yet; draw a box around what shall go")
    return path


def run_job(project: Project, document: Document, clip: Clip, root: str) -> JobState:
    """Return the job that removes what is marked; its mask is written."""
    save_mask(project, document, clip)
    output = output_name(project.video)
    arguments = inpaint_arguments(project, document, root, output, document.preset)
    step = Step(title="the whole video", arguments=tuple(arguments), output=output, preset=document.preset)
    return JobState(
        kind="run",
        steps=[step],
        fingerprint=document.fingerprint,
        first=0,
        last=clip.frame_count - 1,
        frames=clip.frame_count,
    )


def preview_job(
    project: Project, document: Document, clip: Clip, root: str, *, frame: int, presets: list[str]
) -> JobState:
    """Return the job that tries presets on some frames around one; its mask is written."""
    first, stop = preview_range(frame, clip.frame_count)
    shown = list(marked_frames(document, clip.frame_count, project.painted))[first:stop]
    if not any(shown):
        raise InputError("nothing is marked in these frames; go to a frame where something is")
    save_mask(project, document, clip)
    steps = []
    for preset in presets:
        output = f"preview-{preset}.mkv"
        arguments = inpaint_arguments(project, document, root, output, preset)
        arguments += ["--set", f"decode.start={first}", "--set", f"decode.stop={stop}"]
        arguments += ["--set", "encode.codec=ffv1", "--run", f"preview-{preset}", "--no-report"]
        steps.append(Step(title=preset, arguments=tuple(arguments), output=output, preset=preset))
    return JobState(
        kind="preview", steps=steps, fingerprint=document.fingerprint, first=first, last=stop - 1, frames=stop - first
    )


def track_job(project: Project, document: Document, clip: Clip, root: str, number: int) -> tuple[JobState, str]:
    """Return the job that follows an object from the frames in which it is marked, and the name of what it makes.

    Raises : InputError if it is marked in no frame.
    """
    marked = document.object(number)
    if marked is None or not marked.key_frames:
        raise InputError("mark it in this frame first: draw a box around it, or paint it")
    alone = marked.model_copy(update={"first": 0, "last": clip.frame_count - 1, "moves": True, "track": ""})
    shown = {frame: marked_in(alone, frame, project.painted) or Marked() for frame in marked.key_frames}
    told = f"{project.video.stat().st_mtime_ns} {number} {sorted((t, str(each)) for t, each in shown.items())}"
    name = hashlib.sha256(told.encode()).hexdigest()[:20]
    arguments = ["mask", "track", str(project.video)]
    for frame, each in shown.items():
        arguments += ["--from", f"{frame}={_given(each, project.folder / GIVEN / f'{number}-{frame}.png', clip)}"]
    arguments += ["-o", str(project.painted / name), "--root", root]
    return _whole(document, clip, kind="track", number=number, title="following it", arguments=arguments), name


def _given(marked: Marked, path: Path, clip: Clip) -> str:
    """Return what `--from` takes for the marks of a frame: one box, whose outline is found, or an image of all."""
    if len(marked.boxes) == 1 and not marked.images:
        return ",".join(map(str, marked.boxes[0]))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask_file(
        path, [marked_pixels(marked, clip.height, clip.width)], replace(clip, frame_count=1, frames_found=1)
    )
    return str(path)


def find_job(project: Project, document: Document, clip: Clip, what: str) -> tuple[JobState, str]:
    """Return the job that looks for logos, captions or what moves, and the name of what it makes."""
    name = hashlib.sha256(f"{what} {project.video.stat().st_mtime_ns} {uuid4().hex}".encode()).hexdigest()[:20]
    sheet = str(project.folder / f"found-{what}.png")
    arguments = ["mask", "find", str(project.video), f"--{what}", "-o", str(project.painted / name), "--preview", sheet]
    return _whole(document, clip, kind="find", number=0, title=what, arguments=arguments), name


def _whole(
    document: Document, clip: Clip, *, kind: Literal["track", "find"], number: int, title: str, arguments: list[str]
) -> JobState:
    step = Step(title=title, arguments=tuple(arguments), output="")
    last = clip.frame_count - 1
    fingerprint = document.fingerprint
    return JobState(
        kind=kind, steps=[step], fingerprint=fingerprint, first=0, last=last, frames=clip.frame_count, number=number
    )


def preview_range(frame: int, count: int) -> tuple[int, int]:
    """Return first and stop of the frames that are tried around one."""
    first = max(0, min(frame - PREVIEW_FRAMES // 2, count - PREVIEW_FRAMES))
    return first, min(count, first + PREVIEW_FRAMES)
