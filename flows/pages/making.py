"""Reports of single videos, made and written: at the end of a run beside its output, and of any run at any time."""

import logging
import re
from pathlib import Path

from prefect.artifacts import create_markdown_artifact

from flows.pages.video_page import page_of_video
from flows.pages.video_report import VideoPage, report_video
from flows.pages.writing import page_beside, write_page
from flows.prefect_server.bounded import publish_artifact
from storage.cache.names import name_of_video
from storage.cache.root import Root
from storage.cache.run_records import RunFacts
from storage.errors import InputError

ARTIFACT_KEY = "report"


def report_run(root: Root, run: RunFacts, output: Path, threads: int) -> str:
    """Write the report of a run that has just ended beside its output, and name it in Prefect.

    Returns : where it lies; empty if it could not be made, which a warning says: the run is done all the same.
    """
    path = page_beside(output)
    try:
        page = report_video(root, run, threads=threads)
        write_page(path, page_of_video(page))
    except Exception as error:  # whatever it is, the output is there and is right
        logging.getLogger(__name__).warning("%s: there is no report of this run: %s", run.video, error)
        return ""
    publish_artifact(create_markdown_artifact, in_short(page, path), key=ARTIFACT_KEY, description=f"of {run.video}")
    return str(path)


def in_short(page: VideoPage, path: Path) -> str:
    """Return the verdict, and where the report lies, as Markdown."""
    verdict = page.report.verdict
    helps = [f"- {plain(each.words)}" for each in verdict.help]
    where = f"The report with pictures is the file {plain(str(path.absolute()))}"
    return "\n\n".join([f"**{verdict.headline}.**", *map(plain, verdict.sentences), "\n".join(helps), where])


def plain(text: str) -> str:
    """Return text in which Markdown sees no marks."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)


def find_runs(root: Root, what: str, run: str | None = None) -> list[RunFacts]:
    """Return the newest run on a video, given by its path or its name in the root; or those of a name, one a video.

    what   : a video, or the name of a run.
    run    : the name of a run on that video; None takes the one that began last.
    Raises : InputError if there is none.
    """
    records = list(root.runs())
    names = {what, name_of_video(what)}
    found = [each for each in records if each.video in names and run in (None, each.name)]
    if not found and run is None:
        found = [each for each in records if each.name == what]
    if not found:
        raise InputError(f"no run on {what} is in {root.path}{_named(run)}; `dfvi store runs` lists them")
    newest = {each.video: each for each in sorted(found, key=lambda each: each.started)}
    return [newest[video] for video in sorted(newest)]


def _named(run: str | None) -> str:
    return f" and called {run}" if run else ""
