"""Reports of many videos, made and written: at the end of a dataset or a sweep, and of all runs of one name."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from prefect.artifacts import create_markdown_artifact

from flows.engines.protocol import Request, VideoResult
from flows.pages.making import ARTIFACT_KEY, plain
from flows.pages.table_model import row_of_result, row_of_run
from flows.pages.table_page import page_of_table
from flows.pages.table_report import Rows, TablePage, report_table
from flows.pages.writing import SUFFIX, write_page
from flows.pipeline.runner import available_threads
from flows.prefect_server.bounded import publish_artifact
from flows.reports.dataset import BatchSummary
from flows.reports.sweep import SweepSummary
from storage.cache.root import Root
from storage.cache.run_records import RunFacts

Pairs = Sequence[tuple[Request, VideoResult]]


def report_dataset(root: Root, summary: BatchSummary, output: Path, run: str) -> str:
    """Write <output>/<run>.report.html of a dataset that has just been run, and name it in Prefect.

    Returns : where it lies; empty if it could not be made, which a warning says.
    """

    def gather() -> TablePage:
        records = [root.last_run(run, each.video, each.output) if each.output else None for each in summary.results]
        rows = [(row_of_result(each, run), record) for each, record in zip(summary.results, records, strict=True)]
        return report_table(
            root,
            "dataset",
            Path(summary.dataset).name,
            rows,
            sentence=summary.sentence(),
            seconds=summary.seconds,
            threads=available_threads(),
        )

    return _write(gather, output / f"{run}{SUFFIX}")


def report_sweep(root: Root, summary: SweepSummary, output: Path) -> str:
    """Write <output>/sweep.report.html of a sweep that has just ended; see `report_dataset`."""

    count = len({result.video for combination in summary.combinations for result in combination.results})

    def gather() -> TablePage:
        return report_table(
            root,
            "sweep",
            Path(summary.dataset).name,
            _sweep_rows(root, summary),
            sentence=f"{len(summary.combinations)} variants of {count} videos in {summary.seconds:.1f} s",
            seconds=summary.seconds,
            threads=available_threads(),
            variants=[combination.totals() for combination in summary.combinations],
        )

    return _write(gather, output / f"sweep{SUFFIX}")


def report_runs(root: Root, name: str, runs: Sequence[RunFacts], threads: int) -> TablePage:
    """Gather the report of all runs of one name, one on each of several videos, finished or not."""
    rows = [(row_of_run(run), run) for run in runs]
    done = sum(row.is_done for row, _ in rows)
    sentence = f"{len(rows)} videos: {done} done" + (f", {len(rows) - done} unfinished" if done < len(rows) else "")
    return report_table(root, "dataset", name, rows, sentence=sentence, seconds=MADE_ON_DEMAND, threads=threads)


MADE_ON_DEMAND = 1200.0  # who asks for a report waits a minute for its pictures


def _sweep_rows(root: Root, summary: SweepSummary) -> Rows:
    rows = []
    for combination in summary.combinations:
        for result in combination.results:
            measures = combination.measures.get(result.video)
            psnr = measures.hole_psnr if measures else None
            record = root.last_run(combination.name, result.video, result.output) if result.output else None
            rows.append((row_of_result(result, combination.name, combination.values, psnr), record))
    return rows


def _write(gather: Callable[[], TablePage], path: Path) -> str:
    try:
        page = gather()
        write_page(path, page_of_table(page))
    except Exception as error:  # whatever it is, the outputs are there and are right
        logging.getLogger(__name__).warning("there is no report of this run: %s", error)
        return ""
    text = f"{plain(page.report.sentence)}\n\nThe report with pictures is the file {plain(str(path.absolute()))}"
    publish_artifact(create_markdown_artifact, text, key=ARTIFACT_KEY, description=plain(page.report.title))
    return str(path)
