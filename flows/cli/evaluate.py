"""The command that scores: `dfvi evaluate`."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli import terminal
from flows.cli.arguments import add_root
from storage.errors import InputError

if TYPE_CHECKING:
    from flows.evaluation.model import EvaluateConfig

Subparsers = Any  # argparse keeps its class private

EXAMPLE = "dfvi evaluate --clips davis --size 432x240 --frames 50 --row far=default,propagate.max_consistency_error=9"


def add_evaluate(subparsers: Subparsers) -> None:
    """`dfvi evaluate --clips FOLDER -o FOLDER`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score presets on clips whose truth is known",
        description=_evaluate.__doc__,
        epilog=f"Example: {EXAMPLE}",
    )
    parser.add_argument(
        "--clips",
        required=True,
        metavar="FOLDER",
        help="folder of clips without holes: <clip>/frames and <clip>/masks, folders of images, or video files",
    )
    parser.add_argument("--only", metavar="NAMES", help="names of some of the clips, with commas between (all)")
    parser.add_argument("-o", "--output", default="evaluation", type=Path, metavar="FOLDER", help="for CSV, JSON, PNG")
    parser.add_argument("--size", metavar="WxH", help="size all clips are brought to, such as 432x240 (their own)")
    parser.add_argument("--frames", type=int, metavar="N", help="frames taken from the start of each clip (all)")
    parser.add_argument(
        "--holes",
        default="box,shape,object",
        help="kinds of holes: box (middle quarter), shape (moves slowly), object (another clip's masks); composite and "
        "overlay (another clip's objects laid over, with shadows and without) (the first three)",
    )
    parser.add_argument("--seed", type=int, default=0, help="decides shapes, and which clip's objects go where (0)")
    parser.add_argument(
        "--perceptual",
        metavar="SCORES",
        help="further scores, with commas between, whose weights are never fetched but added by `dfvi weights add`: "
        "lpips (AlexNet and LPIPS), vfid (I3D; over all clips of a kind of hole) (none)",
    )
    parser.add_argument(
        "--presets",
        metavar="ROWS",
        help="what is compared, with commas between: presets, YAML files, telea, harmonic, median, and ceiling or "
        "ceiling:PRESET, the preset on the flow of the clip without holes (all simple ones, paper-rule, "
        "paper-rule-plus, default, ceiling)",
    )
    parser.add_argument(
        "--row",
        action="append",
        default=[],
        metavar="NAME=PRESET,STAGE.PARAM=VALUE",
        help="one more method: a preset with changed parameters; may be repeated",
    )
    add_root(parser)
    parser.add_argument(
        "--run", default="evaluate", metavar="NAME", help="`dfvi store gc` keeps what this run used (evaluate)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads to use (all cores)")
    parser.add_argument("--device", default="auto", help="where networks run: auto, cpu, cuda:N (auto)")
    parser.add_argument("--json", action="store_true", help="print the evaluation as JSON instead of tables")
    parser.set_defaults(command=_evaluate)


COMMANDS = (add_evaluate,)


def _evaluate(options: argparse.Namespace) -> int:
    """Cut holes into clips, fill them in several ways, and score each against the truth. Every stage is kept: a
    changed parameter computes only what depends on it."""
    from flows.evaluation.methods import DEFAULT_METHODS, parse_methods
    from flows.evaluation.model import check_evaluation
    from flows.reports.evaluation import summary_tables, write_reports
    from flows.reports.evaluation_plots import write_plots
    from flows.reports.plotting import HINT, can_plot

    config, only = _config(options), _split(options.only)
    methods = parse_methods(_split(options.presets) or DEFAULT_METHODS, options.row)
    check_evaluation(Path(options.clips), methods, config, only)
    _check_output(options.output)
    terminal.prepare_prefect(options.verbose)
    from flows.evaluate import evaluate
    from flows.prefect_server.background import connected
    from flows.prefect_server.bounded import run_flow

    with connected():
        evaluation = run_flow(
            evaluate,
            options.clips,
            methods,
            config,
            only,
            root=options.root,
            run=options.run,
            threads=options.threads,
            device=options.device,
        )
    paths = write_reports(evaluation, options.output)
    paths += write_plots(evaluation, options.output) if can_plot() else []
    _say(evaluation.model_dump_json(indent=2) if options.json else summary_tables(evaluation))
    if not options.json:
        _say("\nwritten: " + ", ".join(map(str, paths)) + ("" if can_plot() else f"\n{HINT}"))
    return 0


def _config(options: argparse.Namespace) -> "EvaluateConfig":
    """What the options ask for.

    Raises : InputError for what is not possible.
    """
    from flows.evaluation.model import HOLE_KINDS, EvaluateConfig

    holes = list(dict.fromkeys(_split(options.holes)))
    for kind in holes or [""]:
        if kind not in HOLE_KINDS:
            raise InputError(f"--holes takes {', '.join(HOLE_KINDS)}, with commas between; got {options.holes!r}")
    if options.frames is not None and options.frames < 1:
        raise InputError(f"--frames must be 1 or more; got {options.frames}")
    if options.seed < 0:
        raise InputError(f"--seed must be 0 or more; got {options.seed}")
    if options.threads is not None and options.threads < 1:
        raise InputError(f"--threads must be 1 or more; got {options.threads}")
    perceptual = list(dict.fromkeys(_split(options.perceptual)))
    if set(perceptual) - {"lpips", "vfid"}:
        raise InputError(f"--perceptual takes lpips and vfid, with a comma between; got {options.perceptual!r}")
    values: dict[str, Any] = {"perceptual": perceptual}
    values |= {"holes": holes, "frames": options.frames, "seed": options.seed, "size": _size(options.size)}
    return EvaluateConfig.model_validate(values)


def _size(text: str | None) -> tuple[int, int] | None:
    """Height and width of a size written as ffmpeg does, width first."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not found or min(int(found[1]), int(found[2])) < 1:
        raise InputError(f"--size takes width x height in pixels, such as 432x240; got {text!r}")
    return int(found[2]), int(found[1])


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


def _check_output(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}; choose another folder with -o") from error


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
