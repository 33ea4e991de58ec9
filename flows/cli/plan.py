"""The command that looks ahead: `dfvi plan` of a video or of a dataset."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli import terminal
from flows.cli.arguments import add_video, configuration

if TYPE_CHECKING:
    from flows.pipeline.plan import PlannedStage

Subparsers = Any  # argparse keeps its class private


def add_plan(subparsers: Subparsers) -> None:
    """`dfvi plan VIDEO --mask MASK`, `dfvi plan DATASET`."""
    parser = subparsers.add_parser(
        "plan",
        help="show what a run would reuse, resume or compute, and why",
        description="Show what the run of a video would reuse, resume or compute. Without --mask, VIDEO is a dataset.",
    )
    add_video(parser, mask_required=False)
    parser.add_argument("-o", "--output", metavar="OUT", help="output of the planned run; decides its container")
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.set_defaults(command=_plan)


COMMANDS = (add_plan,)


def _plan(options: argparse.Namespace) -> int:
    if options.mask is None:
        return _plan_dataset(options)
    from flows.pipeline.plan import plan_video
    from storage.cache.root import video_name
    from tasks.decode import MediaInput

    name = options.name or video_name(Path(options.video).stem)
    config = configuration(options)
    stages = plan_video(options.root, name, config, MediaInput.video(options.video), MediaInput.mask(options.mask))
    if options.json:
        print(json.dumps([dataclasses.asdict(stage) for stage in stages], indent=2))
    else:
        print(describe_plan(stages))
    return 0


def describe_plan(stages: list["PlannedStage"]) -> str:
    """A plan as a table."""
    lines = [f"{'video':<20} {'stage':<16} {'#':>2}  {'action':<8} {'digest':<8}  why"]
    lines += [
        f"{s.video[:20]:<20} {s.stage:<16} {s.iteration:>2}  {s.action:<8} {(s.digest or '-')[:8]:<8}  {s.why}"
        for s in stages
    ]
    return "\n".join(lines)


def _plan_dataset(options: argparse.Namespace) -> int:
    from flows.datasets.dataset import BadDatasetError, Recipe, open_dataset
    from flows.datasets.plan import describe_dataset_plan, plan_dataset

    try:
        dataset = open_dataset(options.video, Recipe.read(options.preset, options.config, options.set))
    except BadDatasetError as error:
        return terminal.show_bad(error)
    plans = plan_dataset(dataset, options.root)
    if options.json:
        print(json.dumps([vars(each) for each in plans], indent=2))
    else:
        print(describe_dataset_plan(plans, len(dataset.videos)))
    return 0
