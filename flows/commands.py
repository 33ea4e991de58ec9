"""Commands that run or plan: `dfvi inpaint`, `dfvi plan`, `dfvi config`, `dfvi demo`, `dfvi server`."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows import terminal

if TYPE_CHECKING:
    from flows.config import RunConfig
    from flows.inpaint_video import Summary
    from flows.plan import PlannedStage

Subparsers = Any  # argparse keeps its class private


def add_inpaint(subparsers: Subparsers) -> None:
    """`dfvi inpaint VIDEO --mask MASK -o OUT`."""
    parser = subparsers.add_parser(
        "inpaint", help="remove what a mask marks from a video", description=_inpaint.__doc__
    )
    add_video(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="file (.mp4, .mkv, .mov) or folder of PNG images to write"
    )
    parser.add_argument("--run", default="latest", metavar="NAME", help="`dfvi store gc` keeps what this run used")
    parser.add_argument("--threads", type=int, metavar="N", help="threads to use (all cores)")
    parser.add_argument("--device", default="auto", help="where networks run: auto, cpu, cuda:N (auto)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(command=_inpaint)


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


def add_config(subparsers: Subparsers) -> None:
    """`dfvi config`."""
    parser = subparsers.add_parser("config", help="show the whole run configuration as YAML, or what each key means")
    add_configuration(parser)
    parser.add_argument("--explain", action="store_true", help="one line for each key: its value and its meaning")
    parser.set_defaults(command=_config)


def add_demo(subparsers: Subparsers) -> None:
    """`dfvi demo`."""
    parser = subparsers.add_parser("demo", help="remove a watermark and a moving sticker from a real clip")
    parser.add_argument("--output", default="demo-output", metavar="FOLDER", help="where results go (demo-output)")
    parser.add_argument("--frames", type=int, default=60, metavar="N", help="length of the clip (60)")
    parser.set_defaults(command=_demo)


def add_server(subparsers: Subparsers) -> None:
    """`dfvi server stop`."""
    parser = subparsers.add_parser("server", help="the Prefect server in the background: where it is, or stop it")
    parser.add_argument("action", choices=("url", "stop"), help="url: print its address; stop: stop it")
    parser.set_defaults(command=_server)


COMMANDS = (add_inpaint, add_plan, add_config, add_demo, add_server)


def configuration(options: argparse.Namespace) -> "RunConfig":
    """The run configuration that the options ask for; the container follows the output's name unless it is set."""
    from flows.config import load_config
    from storage.delivery import container_of

    sections: dict[str, dict[str, Any]] = {}
    if getattr(options, "output", None):
        sections["encode"] = {"container": container_of(Path(options.output))}
    return load_config(options.preset, options.config, options.set, **sections)


def add_video(parser: argparse.ArgumentParser, *, mask_required: bool = True) -> None:
    """Add the arguments that name a video, its mask, the root and the configuration."""
    parser.add_argument("video", metavar="VIDEO", help="video file, or folder of images")
    parser.add_argument(
        "--mask",
        required=mask_required,
        help="what to remove: video, folder, image, a box x,y,w,h, or alpha; white is removed",
    )
    parser.add_argument("--name", help="name of the video below the root (the file's)")
    add_root(parser)
    add_configuration(parser)


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the root."""
    parser.add_argument(
        "--root",
        default=terminal.DEFAULT_ROOT,
        help=f"where results are stored: a folder, or s3://bucket/prefix ({terminal.DEFAULT_ROOT}, or DFVI_ROOT)",
    )


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Add the options that make the run configuration."""
    parser.add_argument(
        "--preset", default="default", help="default, fast, quality, paper; paper-rule and paper-rule-plus compare"
    )
    parser.add_argument("--config", type=Path, metavar="YAML", help="run configuration, laid over the preset")
    parser.add_argument(
        "--set", action="append", default=[], metavar="STAGE.PARAM=VALUE", help="one parameter; may be repeated"
    )


def _inpaint(options: argparse.Namespace) -> int:
    """Remove what the mask marks from a video. Results of all stages are kept: a second run reuses them."""
    from flows.preflight import check_request

    config = configuration(options)
    check_request(options.video, options.mask, options.output, config)
    terminal.prepare_prefect(options.verbose)
    from flows.inpaint_video import inpaint_video
    from flows.server import connected

    with connected():
        summary = inpaint_video(
            options.video,
            options.mask,
            options.output,
            config,
            root=options.root,
            name=options.name,
            run=options.run,
            threads=options.threads,
            device=options.device,
        )
    print(summary.model_dump_json(indent=2) if options.json else describe(summary))
    return 0


def describe(summary: "Summary") -> str:
    """Summary of a run as a table and a sentence."""
    lines = [f"{'stage':<16} {'#':>2}  {'action':<8} {'seconds':>8}  digest"]
    lines += [
        f"{s.stage:<16} {s.iteration:>2}  {s.action:<8} {s.seconds:>8.2f}  {s.digest[:8]}" for s in summary.stages
    ]
    lines.append(
        f"{summary.video}: {summary.frames} frames in {summary.seconds:.1f} s; of the hole "
        f"{summary.propagated:.1%} propagated, {summary.invented:.1%} invented"
    )
    lines.append(f"output: {summary.output}")
    return "\n".join(lines)


def _plan(options: argparse.Namespace) -> int:
    if options.mask is None:
        from flows.batch_commands import plan_dataset

        return plan_dataset(options)
    from flows.plan import plan_video
    from storage.root import video_name
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


def _config(options: argparse.Namespace) -> int:
    import yaml

    from flows.config import explain_keys

    config = configuration(options)
    if options.explain:
        print("\n".join(f"{key} = {value}\n    {meaning}" for key, value, meaning in explain_keys(config)))
    else:
        yaml.safe_dump(config.model_dump(mode="json"), sys.stdout, sort_keys=False)
    return 0


def _demo(options: argparse.Namespace) -> int:
    terminal.prepare_prefect(options.verbose)
    from flows.demo import run_demo
    from flows.server import connected

    with connected():
        run_demo(Path(options.output), options.frames)
    return 0


def _server(options: argparse.Namespace) -> int:
    from flows import server

    if options.action == "stop":
        print("stopped" if server.stop() else "no server is running in the background")
    else:
        print(server.url() or "no server is running in the background")
    return 0
