"""Commands for many videos: `dfvi batch`, `dfvi sweep`."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli import terminal
from flows.cli.arguments import add_configuration, add_root, at_least_one
from storage.cache.errors import StoreError
from storage.errors import InputError

if TYPE_CHECKING:
    from flows.datasets.dataset import Recipe
    from flows.engines.protocol import EngineSettings
    from flows.reports.dataset import BatchSummary

Subparsers = Any  # argparse keeps its class private
REASONS = ("failed", "missing", "stale")


def add_batch(subparsers: Subparsers) -> None:
    """Add `dfvi batch DATASET -o FOLDER`."""
    parser = subparsers.add_parser(
        "batch", help="remove what masks mark from every video of a dataset", description=_batch.__doc__
    )
    add_dataset(parser)
    parser.add_argument(
        "--run", default="latest", metavar="NAME", help="name of the run; `dfvi store gc` keeps the results it used"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=REASONS,
        help="take only videos that failed last time, whose output is missing, or that are stale: a stage would not be "
        "reused; may be repeated",
    )
    parser.add_argument(
        "--watch",
        nargs="?",
        type=float,
        const=60.0,
        metavar="SECONDS",
        help="after the run, look again every so many seconds (60) and run what is new or changed, until stopped",
    )
    add_engine(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(command=_batch)


def add_sweep(subparsers: Subparsers) -> None:
    """Add `dfvi sweep DATASET --vary stage.param=value,value,... -o FOLDER`."""
    parser = subparsers.add_parser(
        "sweep", help="try every combination of some parameters on a dataset", description=_sweep.__doc__
    )
    add_dataset(parser)
    parser.add_argument(
        "--vary",
        action="append",
        required=True,
        metavar="STAGE.PARAM=VALUE,VALUE,...",
        help="values to try; repeated, every combination is tried",
    )
    parser.add_argument(
        "--truth",
        metavar="FOLDER",
        help="folder of the same videos without what the masks hide, by name; adds the PSNR inside the hole",
    )
    add_engine(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(command=_sweep)


COMMANDS = (add_batch, add_sweep)


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a dataset, where results go, and the configuration."""
    parser.add_argument("dataset", metavar="DATASET", help="folder of videos with masks, DAVIS, or a manifest")
    parser.add_argument(
        "-o", "--output", required=True, metavar="FOLDER", help="folder for the results and their table (CSV, JSON)"
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out videos that cannot be used, and go on with the others"
    )
    parser.add_argument("--no-report", dest="report", action="store_false", help="write no page that shows the results")
    add_root(parser)
    add_configuration(parser)


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where videos are worked on."""
    group = parser.add_argument_group("engine")
    group.add_argument(
        "--engine",
        default="local",
        choices=("local", "dask", "workers"),
        help="processes on this machine, a Dask cluster, or the workers of a Prefect work pool (local)",
    )
    group.add_argument(
        "--jobs", type=int, metavar="N", help="videos worked on at once (one for each GPU, core, or slot)"
    )
    group.add_argument(
        "--threads", type=at_least_one, metavar="N", help="threads for each video (the cores divided by the jobs)"
    )
    group.add_argument("--device", default="auto", help="device for networks: auto, cpu, cuda:N (auto)")
    group.add_argument("--devices", metavar="0,1", help="local: GPUs to use (all); one process each")
    group.add_argument("--address", help="dask: a running scheduler, tcp://host:8786 (a cluster on this machine)")
    group.add_argument(
        "--gpu-slots", action="store_true", help="dask: each video takes one of the resource GPU of a worker"
    )
    group.add_argument("--deployment", default="inpaint_video/video", help="workers: the deployment of one video")


def engine_settings(options: argparse.Namespace) -> "EngineSettings":
    """Return the engine settings that the options ask for. Raises InputError for impossible values."""
    from pydantic import ValidationError

    from flows.engines.protocol import EngineSettings

    devices = tuple(name.strip() for name in options.devices.split(",")) if options.devices else None
    try:
        return EngineSettings(
            kind=options.engine,
            jobs=options.jobs,
            threads=options.threads,
            device=options.device,
            devices=devices,
            address=options.address,
            gpu_slots=options.gpu_slots,
            deployment=options.deployment,
        )
    except ValidationError as error:
        problems = [f"--{e['loc'][0]} {e['input']}: {e['msg'].lower()}" for e in error.errors()]
        raise InputError("; ".join(problems)) from error


def _batch(options: argparse.Namespace) -> int:
    """Remove what the masks mark from every video of a dataset. A video that fails does not stop the others."""
    from flows.datasets.dataset import BadDatasetError, Recipe, open_dataset

    engine = engine_settings(options)
    recipe = Recipe.read(options.preset, options.config, options.set)
    try:
        open_dataset(options.dataset, recipe, skip_bad=options.skip_bad)
    except BadDatasetError as error:
        return terminal.show_bad(error)
    terminal.prepare_prefect(options.verbose)
    from flows.prefect_server.background import connected

    with connected():
        code = _run(options, recipe, engine)
        if options.watch is not None:
            _watch(options, recipe, engine)
    return code


def _watch(options: argparse.Namespace, recipe: "Recipe", engine: "EngineSettings") -> None:
    """Run what is new or changed until stopped. A video that failed is tried again when its files change."""
    options.only, options.skip_bad = ["missing", "stale"], True
    tried: dict[str, float] = {}
    while True:
        time.sleep(options.watch)
        try:
            wanted = _wanted(options, recipe)
            if wanted.items() - tried.items():
                _run(options, recipe, engine)
                tried = wanted
        except (InputError, StoreError, OSError) as error:  # what cannot be used now may be used later
            print(f"dfvi: {error}", file=sys.stderr)


def _wanted(options: argparse.Namespace, recipe: "Recipe") -> dict[str, float]:
    """Return for each video that is new or changed when its files last changed."""
    from flows.datasets.dataset import open_dataset
    from flows.inpaint_dataset import last_change, make_requests, why_chosen
    from storage.cache.root import Root

    dataset = open_dataset(options.dataset, recipe, skip_bad=True)
    requests = make_requests(dataset, Path(options.output), str(Root.open(options.root).path), options.run)
    return {request.name: last_change(request) for request in requests if why_chosen(request, options.only)}


def _run(options: argparse.Namespace, recipe: "Recipe", engine: "EngineSettings") -> int:
    from flows.inpaint_dataset import inpaint_dataset
    from flows.prefect_server.bounded import run_flow
    from flows.reports.dataset import VideosFailedError

    try:
        summary: BatchSummary = run_flow(
            inpaint_dataset,
            options.dataset,
            options.output,
            preset=options.preset,
            config=recipe.layers[0] if recipe.layers else None,
            settings=options.set,
            root=options.root,
            run=options.run,
            only=options.only,
            skip_bad=options.skip_bad,
            engine=engine,
            report=options.report,
        )
    except VideosFailedError as failed:
        summary = failed.summary
    _show(summary, options)
    return 0 if summary.ok else 1


def _show(summary: "BatchSummary", options: argparse.Namespace) -> None:
    from flows.reports.dataset import describe_batch

    if options.json:
        print(summary.model_dump_json(indent=2))
    else:
        print(describe_batch(summary))
        print(f"table: {Path(options.output) / options.run}.csv and .json")
        if summary.report:
            print(f"report: {summary.report}")
    sys.stdout.flush()


def _sweep(options: argparse.Namespace) -> int:
    """Run a dataset with every combination of some parameters. Stages that do not depend on them are computed once."""
    from flows.datasets.dataset import BadDatasetError, Recipe

    engine = engine_settings(options)
    recipe = Recipe.read(options.preset, options.config, options.set)
    terminal.prepare_prefect(options.verbose)
    from flows.prefect_server.background import connected
    from flows.prefect_server.bounded import run_flow
    from flows.reports.sweep import describe_sweep
    from flows.sweep import make_grid, sweep

    make_grid(options.vary)
    try:
        with connected():
            summary = run_flow(
                sweep,
                options.dataset,
                options.output,
                options.vary,
                preset=options.preset,
                config=recipe.layers[0] if recipe.layers else None,
                settings=options.set,
                root=options.root,
                skip_bad=options.skip_bad,
                engine=engine,
                truth=options.truth,
                report=options.report,
            )
    except BadDatasetError as error:
        return terminal.show_bad(error)
    if options.json:
        print(summary.model_dump_json(indent=2))
    else:
        print(describe_sweep(summary))
        print(f"table: {options.output}/sweep.csv; pictures: {options.output}/strips, {options.output}/plots")
        if summary.report:
            print(f"report: {summary.report}")
    return 0 if summary.ok else 1
