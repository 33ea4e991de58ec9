"""The report of many videos, gathered from their stored results: a row and, as far as they fit, pictures of each."""

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.pages.table_model import TableReport, TableRow
from storage.cache.errors import StoreError
from storage.cache.root import Root
from storage.cache.run_records import RunFacts
from tasks.reporting.loops import Loop, make_loop
from tasks.reporting.run_results import RunResults, ShownResults, open_shown

MOST_BYTES = 8 * 2**20  # of pictures; as text in a page they are a third more
MOST_EACH = 600_000  # bytes of the pictures of one video, before and after; more for each further variant
MOST_PANES = 12  # variants side by side
QUICK, SHARE_OF_RUN = 8.0, 0.05  # pictures are made for so many seconds, or this share of the run, whichever is longer


@dataclass(frozen=True)
class TablePage:
    """A report of many videos, and its pictures."""

    report: TableReport
    loops: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Video -> a stretch of it before and after, as plain values."""
    thumbnails: dict[str, str] = field(default_factory=dict)
    """Video -> a small picture, as a data: URL."""


Rows = Sequence[tuple[TableRow, RunFacts | None]]
"""What is told of each video, and the record of its run where there is one."""


def report_table(
    root: Root,
    kind: Literal["dataset", "sweep"],
    title: str,
    rows: Rows,
    *,
    sentence: str,
    seconds: float = 0.0,
    threads: int = 1,
    variants: Sequence[Mapping[str, Any]] = (),
) -> TablePage:
    """Gather what is known of many videos, the worst first; pictures are made of as many as time and space allow.

    seconds  : that the run took.
    variants : of a sweep, what is known of each combination of values.
    """
    ordered = sorted(rows, key=lambda pair: pair[0].badness(), reverse=True)
    keys = list(ordered[0][0].values) if ordered else []
    page = TablePage(
        TableReport(
            kind=kind,
            title=title,
            made=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            root=str(root.path),
            sentence=sentence,
            rows=[row for row, _ in ordered],
            variants=[dict(each) for each in variants],
            keys=keys,
        )
    )
    _add_pictures(page, root, rows, ordered, time.monotonic() + max(QUICK, SHARE_OF_RUN * seconds), threads)
    return page


def _add_pictures(page: TablePage, root: Root, rows: Rows, ordered: Rows, until: float, threads: int) -> None:
    """Make the pictures of one video after the other, the worst first; variants as they came."""
    videos = list(dict.fromkeys(row.video for row, run in ordered if row.is_done and run))
    left = MOST_BYTES
    for number, video in enumerate(videos):
        if time.monotonic() > until or left <= 0:
            return
        mine = [(row, run) for row, run in rows if row.video == video and row.is_done and run][:MOST_PANES]
        most = min(MOST_EACH * (len(mine) + 1) // 2, 2 * left // (len(videos) - number))
        try:
            loop, told = _loop(root, mine, most, threads)
        except (StoreError, OSError):
            continue  # its row says how it went; `dfvi report VIDEO` says what is not there any more
        if loop is None:
            continue
        left -= loop.size()
        page.loops[video] = _plain(loop, told)
        page.thumbnails[video] = f"data:image/jpeg;base64,{_text(loop.thumbnail)}"
        for row in page.report.rows:
            if row.video == video and row.values == mine[0][0].values:
                row.doubt = loop.doubt


def _loop(root: Root, rows: Rows, most: int, threads: int) -> tuple[Loop | None, list[TableRow]]:
    """Pictures of the runs on one video whose results are there, and the rows of these runs."""
    found: list[tuple[TableRow, ShownResults]] = []
    for row, run in rows:
        shown, problem = open_shown(RunResults.open(root, row.video, run.reached if run else ()))
        if shown is not None and not problem and (not found or _size(shown) == _size(found[0][1])):
            found.append((row, shown))
    if not found:
        return None, []
    return make_loop([shown for _, shown in found], most, threads=threads), [row for row, _ in found]


def _size(shown: ShownResults) -> tuple[int, int]:
    return shown.shown.height, shown.shown.width


def _plain(loop: Loop, rows: Sequence[TableRow]) -> dict[str, Any]:
    panes = [{"title": "Before", "note": "", "pictures": [_text(each) for each in loop.before]}]
    for row, pictures in zip(rows, loop.after, strict=True):
        title = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in row.values.items()) or "After"
        psnr = f"{row.hole_psnr:.2f} dB" if row.hole_psnr is not None else ""
        panes.append({"title": title, "note": psnr, "pictures": [_text(each) for each in pictures]})
    return {
        "frames": list(loop.frames),
        "worst": loop.frames.index(loop.worst),
        "rate": round(loop.rate, 4),
        "panes": panes,
    }


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
