"""The command `dfvi plan`: what a run of a video or of a dataset would do."""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.cli import terminal
from flows.cli.arguments import add_video, configuration

if TYPE_CHECKING:
    from flows.pipeline.plan import PlannedStage

Subparsers = Any  # argparse keeps its class private
MOST_ROWS = 80  # of the table; a video of very many shots gets a row for each stage


def add_plan(subparsers: Subparsers) -> None:
    """Add `dfvi plan VIDEO --mask MASK` and `dfvi plan DATASET`."""
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
    from flows.pipeline.naming import choose_name
    from flows.pipeline.plan import plan_video
    from storage.cache.root import Root
    from tasks.decode import MediaInput

    config = configuration(options)
    video, mask = MediaInput.video(options.video), MediaInput.mask(options.mask)
    name = options.name or choose_name(Root.find(options.root), config, video, mask)
    stages = plan_video(options.root, name, config, video, mask)
    if options.json:
        print(json.dumps([dataclasses.asdict(stage) for stage in stages], indent=2))
    else:
        print(describe_plan(stages))
    return 0


def describe_plan(stages: list["PlannedStage"]) -> str:
    """Return a table with a line for each stage."""
    from flows.reports.tables import text_table

    stages = _few_rows(stages)
    columns: dict[str, Sequence[str]] = {
        "video": [s.video for s in stages],
        "stage": [s.stage for s in stages],
        "#": [str(s.iteration) for s in stages],
        "action": [s.action for s in stages],
        "digest": [(s.digest or "-")[:8] for s in stages],
        "why": [s.why for s in stages],
    }
    if any(s.shot for s in stages):
        columns = {"video": columns.pop("video"), "shot": [s.shot for s in stages], **columns}
    return text_table(columns, left=["video", "shot", "stage", "action", "digest", "why"])


def _few_rows(stages: list["PlannedStage"]) -> list["PlannedStage"]:
    """The rows as they are; where there are very many, those of all shots as one for each stage, action and reason."""
    if len(stages) <= MOST_ROWS:
        return stages
    found: dict[tuple[str, int, str, str, bool], list[PlannedStage]] = {}
    for row in stages:
        found.setdefault((row.stage, row.iteration, row.action, row.why, bool(row.shot)), []).append(row)
    return [
        rows[0] if len(rows) == 1 else dataclasses.replace(rows[0], digest=None, shot=f"{len(rows)} shots")
        for rows in found.values()
    ]


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
