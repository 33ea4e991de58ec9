"""The report of a run on one video as a page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.pages.video_report import VideoPage
from flows.pages.writing import render
from tasks.reporting.frame_pictures import ORIGIN_COLOURS, SURE_COLOURS

ORIGIN_WORDS: Mapping[str, str] = {
    "earlier": "seen in earlier frames",
    "later": "seen in later frames",
    "distant": "seen in a distant frame, registered",
    "painted": "painted by hand",
    "invented": "invented",
    "open": "not filled",
}
ACTIONS = {"compute": "computed", "resume": "resumed", "reuse": "reused"}


def page_of_video(page: VideoPage) -> str:
    """Return the page."""
    report = page.report
    legend = [
        {"name": name, "words": words, "colour": colour, "share": report.shares.get(name, 0.0)}
        for (name, words), colour in zip(ORIGIN_WORDS.items(), ORIGIN_COLOURS[1:], strict=True)
    ]
    content: dict[str, Any] = {
        "report": report,
        "output": Path(report.output).name,
        "legend": legend,
        "thumbnails": page.thumbnails,
        "slices": page.slices,
        "flow": page.flow,
        "shots": _shots(report.start, report.cuts, report.count),
        "sure": f"linear-gradient(to right, {', '.join(SURE_COLOURS)})",
        "has_pictures": bool(page.pictures),
        "has_shots": any(row.shot for row in report.stages),
        "actions": ACTIONS,
    }
    colours = {each["name"]: each["colour"] for each in legend}
    return render(
        "video.html.j2",
        content,
        {"report": report.model_dump(mode="json"), "pictures": page.pictures, "colours": colours},
    )


def _shots(start: int, cuts: list[int], count: int) -> list[tuple[int, int]]:
    """First and last frame of each shot."""
    firsts = [start, *cuts]
    return list(zip(firsts, [*(cut - 1 for cut in cuts), start + count - 1], strict=True))
