"""The report of many videos as a page."""

from collections.abc import Mapping
from typing import Any

from flows.pages.table_report import TablePage
from flows.pages.writing import render
from tasks.reporting.frame_pictures import ORIGIN_COLOURS

SHARES: Mapping[str, tuple[str, str]] = {
    "seen": ("seen in other frames", ORIGIN_COLOURS[1]),
    "distant": ("seen in a distant frame, registered", ORIGIN_COLOURS[3]),
    "painted": ("painted by hand, or carried from there", ORIGIN_COLOURS[4]),
    "invented": ("invented", ORIGIN_COLOURS[5]),
}
LEVELS = {"good": "nearly all seen", "fair": "mostly seen", "poor": "much invented", "unknown": ""}
KINDS = {"dataset": "DFVI report of a dataset", "sweep": "DFVI report of a sweep"}


def page_of_table(page: TablePage) -> str:
    """Return the page."""
    report = page.report
    rows = report.rows
    content: dict[str, Any] = {
        "report": report,
        "kind": KINDS[report.kind],
        "legend": [
            {"name": name, "words": words, "colour": colour}
            for name, (words, colour) in SHARES.items()
            if any(row.shares.get(name) for row in rows)
        ],
        "levels": LEVELS,
        "counts": {
            level: sum(row.level == level and row.is_done for row in rows) for level in ("poor", "fair", "good")
        },
        "shown": set(page.loops),
        "has_pictures": bool(page.loops),
        "has_truth": any(row.hole_psnr is not None for row in rows),
        "left_out": len({row.video for row in rows if row.is_done} - set(page.loops)),
    }
    return render(
        "table.html.j2",
        content,
        {"report": report.model_dump(mode="json"), "loops": page.loops, "thumbnails": page.thumbnails},
    )
