"""Commands that show what a run made: `dfvi compare`, `dfvi plate`, `dfvi report`."""

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.arguments import add_configuration, add_mask, add_root, add_video, at_least_one, configuration

if TYPE_CHECKING:
    from pydantic import BaseModel

    from flows.reports.comparison import Comparison

Subparsers = Any  # argparse keeps its class private


def add_plate(subparsers: Subparsers) -> None:
    """Add the command `dfvi plate VIDEO --mask MASK -o IMAGE`."""
    parser = subparsers.add_parser(
        "plate", help="write a filled frame as an image to paint on, for --plate", description=_plate.__doc__
    )
    add_video(parser)
    parser.add_argument("-o", "--output", dest="image", required=True, metavar="IMAGE", help="PNG image to write")
    parser.add_argument(
        "--frame", type=int, metavar="N", help="frame of the video (the one most of whose hole was invented)"
    )
    parser.add_argument("--json", action="store_true", help="print frame, hole and box as JSON")
    parser.set_defaults(command=_plate)


def add_compare(subparsers: Subparsers) -> None:
    """Add the command `dfvi compare A B`."""
    parser = subparsers.add_parser(
        "compare", help="how much two results differ, or a result from the truth", description=_compare.__doc__
    )
    parser.add_argument("first", metavar="A", help="video file or folder of images: a result, or the truth")
    parser.add_argument("second", metavar="B", help="another one of the same size and length")
    parser.add_argument("--truth", metavar="VIDEO", help="compare A and B with this one, not with each other")
    add_mask(parser, required=False)
    add_configuration(parser)
    parser.add_argument("--threads", type=at_least_one, metavar="N", help="threads to use (all cores)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row for each frame")
    parser.add_argument("--sheet", type=Path, metavar="IMAGE", help="write the frames that differ most as a PNG image")
    parser.add_argument(
        "-o", "--output", dest="page", type=Path, metavar="FILE", help="page with a wipe, blinking and the difference"
    )
    parser.add_argument("--json", action="store_true", help="print means and frames as JSON")
    parser.set_defaults(command=_compare)


def add_report(subparsers: Subparsers) -> None:
    """Add the command `dfvi report VIDEO|RUN -o FILE`."""
    parser = subparsers.add_parser(
        "report", help="show what a run made, and how sure it is, as a page", description=_report.__doc__
    )
    parser.add_argument(
        "what",
        metavar="VIDEO|RUN",
        help="a video, by its path or its name in the root, or the name of a run, of a dataset too",
    )
    parser.add_argument("-o", "--output", dest="page", type=Path, metavar="FILE", help="page to write (.html)")
    parser.add_argument("--run", metavar="NAME", help="the run on VIDEO that is shown (the one that began last)")
    parser.add_argument("--threads", type=at_least_one, metavar="N", help="threads to use (all cores)")
    parser.add_argument("--json", action="store_true", help="print all that the page says as JSON")
    add_root(parser)
    parser.set_defaults(command=_report)


COMMANDS = (add_compare, add_plate, add_report)


def _compare(options: argparse.Namespace) -> int:
    """Compare frame by frame: PSNR, SSIM and flicker of whole frames and, with --mask, inside the hole, and how many
    pixels differ outside it. The mask is read and dilated as a run would, but does not grow over shadows."""
    from flows.pipeline.runner import available_threads
    from flows.reports.comparison import ComparedClip, Comparison
    from flows.reports.tables import write_text
    from tasks.services.clip_comparison import compare_clips, write_sheet

    _check_files(options.csv, options.sheet, options.page)
    if options.page:
        from flows.pages.writing import check_page

        check_page(options.page)
    params = configuration(options).decode
    videos = [options.first, options.second] if options.truth else [options.second]
    truth, threads = options.truth or options.first, options.threads or available_threads()
    compared = [
        ComparedClip.of(video, compare_clips(video, truth, options.mask, params, threads=threads)) for video in videos
    ]
    comparison = Comparison(truth=truth, mask=options.mask, clips=compared)
    if options.csv:
        write_text(options.csv, comparison.csv())
    if options.sheet and (worst := comparison.worst):
        write_sheet(options.sheet, truth, videos, worst)
    if options.page:
        _write_comparison(options.page, comparison)
    print(comparison.model_dump_json(indent=2) if options.json else comparison.describe())
    return 0


def _write_comparison(path: Path, comparison: "Comparison") -> None:
    from flows.pages.comparison_page import page_of_comparison
    from flows.pages.writing import write_page
    from tasks.reporting.comparison_pictures import picture_comparison

    videos = [comparison.truth, *(clip.video for clip in comparison.clips)]
    write_page(path, page_of_comparison(comparison, picture_comparison(videos, comparison.worst)))


def _check_files(*paths: Path | None) -> None:
    """Raise InputError for files that could not be written, before they are worked on."""
    from storage.backends.atomic_write import refuse_no_file
    from storage.errors import InputError

    for path in filter(None, paths):
        refuse_no_file(path)
        if path.is_dir() or not path.parent.is_dir():
            raise InputError(f"{path} cannot be written: it is a folder, or there is none to hold it; name a file")


def _plate(options: argparse.Namespace) -> int:
    """Write a frame as a run with these options filled it. Paint on it what the hole hides, and run again with it."""
    from flows.pipeline.naming import choose_name
    from flows.pipeline.plan import find_filled
    from storage.cache.root import Root
    from storage.media.writing import write_image
    from tasks.decode import MediaInput
    from tasks.services.plate_start import plate_start
    from tasks.stage.cached_stage import Job

    config = configuration(options)
    video, mask = MediaInput.video(options.video), MediaInput.mask(options.mask)
    name = options.name or choose_name(Root.find(options.root), config, video, mask)
    found = find_filled(options.root, name, config, video, mask)
    start = plate_start(Job(options.root, name), found.clip, found.filled, options.frame)
    write_image(Path(options.image), start.image)
    if options.json:
        told = {field.name: getattr(start, field.name) for field in dataclasses.fields(start) if field.name != "image"}
        print(json.dumps(told | {"output": options.image}, indent=2))
    else:
        print(
            f"{options.image}: frame {start.frame} of {name} as it is filled; of the {start.hole} pixels of its hole, "
            f"which lies in the box {','.join(map(str, start.box))}, {start.invented} were invented\n"
            f"paint inside the hole, then run again with --plate {start.frame}={options.image}"
        )
    return 0


def _report(options: argparse.Namespace) -> int:
    """Write what is known of a run, finished or not, as one page that opens in any browser without a network. Of a run
    on several videos it is a table of them, the worst first."""
    from flows.pages.making import find_runs
    from flows.pages.table_making import report_runs
    from flows.pages.table_page import page_of_table
    from flows.pages.video_page import page_of_video
    from flows.pages.video_report import report_video
    from flows.pages.writing import check_page
    from flows.pipeline.runner import available_threads
    from storage.cache.root import Root
    from storage.errors import InputError

    if options.page is None and not options.json:
        raise InputError("name the page to write with -o FILE.html, or ask for --json")
    if options.page is not None:
        check_page(options.page)
    root, threads = Root.open(options.root), options.threads or available_threads()
    runs = find_runs(root, options.what, options.run)
    if len(runs) > 1:
        table = report_runs(root, options.what, runs, threads)
        rows = [f"{row.video}: {row.state} {row.error}".rstrip() for row in table.report.rows if not row.is_done]
        return _deliver(options, table.report, lambda: page_of_table(table), [*rows, table.report.sentence])
    page = report_video(root, runs[0], threads=threads)
    verdict = page.report.verdict
    lines = [*page.report.problems, f"{verdict.headline}.", *verdict.sentences]
    return _deliver(options, page.report, lambda: page_of_video(page), lines)


def _deliver(options: argparse.Namespace, report: "BaseModel", page: Callable[[], str], lines: Sequence[str]) -> int:
    """Write the page that was asked for, and say what it says."""
    from flows.pages.writing import write_page

    if options.page is not None:
        write_page(options.page, page())
    if options.json:
        print(json.dumps(report.model_dump(mode="json"), indent=2))
    else:
        print("\n".join([*lines, f"report: {options.page}"]))
    return 0
