"""Commands of single videos, and of what runs them: `dfvi inpaint`, `dfvi config`, `dfvi demo`, `dfvi server`."""

import argparse
import sys
import textwrap
from pathlib import Path
from typing import Any

from flows.cli import terminal
from flows.cli.arguments import add_configuration, add_video, at_least_one, configuration

Subparsers = Any  # argparse keeps its class private
PREVIEW_FRAMES = 12


def add_inpaint(subparsers: Subparsers) -> None:
    """Add the command `dfvi inpaint VIDEO --mask MASK -o OUT`."""
    parser = subparsers.add_parser(
        "inpaint", help="remove what a mask marks from a video", description=_inpaint.__doc__
    )
    add_video(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="file (.mp4, .mkv, .mov) or folder of PNG images to write"
    )
    parser.add_argument("--run", default="latest", metavar="NAME", help="`dfvi store gc` keeps what this run used")
    parser.add_argument("--threads", type=at_least_one, metavar="N", help="threads to use (all cores)")
    parser.add_argument("--device", default="auto", help="where networks run: auto, cpu, cuda:N (auto)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument(
        "--no-report", dest="report", action="store_false", help="write no report of the run beside OUT"
    )
    parser.add_argument(
        "--preview",
        nargs="?",
        type=at_least_one,
        const=PREVIEW_FRAMES,
        metavar="N",
        help=f"only show what presets make of N frames ({PREVIEW_FRAMES}) at the hardest place, at half size: an image "
        "and a video beside OUT, in seconds; nothing is kept",
    )
    parser.set_defaults(command=_inpaint)


def add_config(subparsers: Subparsers) -> None:
    """Add the command `dfvi config`."""
    parser = subparsers.add_parser("config", help="show the whole run configuration as YAML, or what each key means")
    add_configuration(parser)
    parser.add_argument("--explain", action="store_true", help="one line for each key: its value and its meaning")
    parser.set_defaults(command=_config)


def add_demo(subparsers: Subparsers) -> None:
    """Add the command `dfvi demo`."""
    parser = subparsers.add_parser("demo", help="remove a watermark and a moving sticker from a real clip")
    parser.add_argument("--output", default="demo-output", metavar="FOLDER", help="where results go (demo-output)")
    parser.add_argument("--frames", type=int, default=60, metavar="N", help="length of the clip (60)")
    parser.set_defaults(command=_demo)


def add_server(subparsers: Subparsers) -> None:
    """Add the command `dfvi server`."""
    parser = subparsers.add_parser("server", help="the Prefect server in the background: where it is, or stop it")
    parser.add_argument("action", choices=("url", "stop"), help="url: print its address and password; stop: stop it")
    parser.set_defaults(command=_server)


COMMANDS = (add_inpaint, add_config, add_demo, add_server)


def _inpaint(options: argparse.Namespace) -> int:
    """Remove what the mask marks from a video. Results of all stages are kept: a second run reuses them."""
    from flows.pipeline.preflight import check_request

    config = configuration(options)
    check_request(options.video, options.mask, options.output, config)
    if options.preview:
        return _preview(options)
    terminal.prepare_prefect(options.verbose)
    from flows.inpaint_video import inpaint_video
    from flows.pipeline.summary import describe
    from flows.prefect_server.background import connected
    from flows.prefect_server.bounded import run_flow

    with connected():
        summary = run_flow(
            inpaint_video,
            options.video,
            options.mask,
            options.output,
            config,
            root=options.root,
            name=options.name,
            run=options.run,
            threads=options.threads,
            device=options.device,
            report=options.report,
        )
    print(summary.model_dump_json(indent=2) if options.json else describe(summary))
    return 0


def _preview(options: argparse.Namespace) -> int:
    from flows.pipeline.preview import PRESETS, preview_video
    from flows.pipeline.runner import available_threads

    presets = dict.fromkeys([*PRESETS, options.preset])
    configs = {name: configuration(options, name) for name in presets}
    threads = options.threads or available_threads()
    preview = preview_video(options.video, options.mask, Path(options.output), configs, options.preview, threads)
    print(preview.model_dump_json(indent=2) if options.json else preview.describe())
    return 0


def _config(options: argparse.Namespace) -> int:
    import yaml

    from flows.configs.run_config import explain_keys

    config = configuration(options)
    if options.explain:
        for key, value, meaning in explain_keys(config):
            print(f"{key} = {value}\n{textwrap.indent(meaning, '    ')}")
    else:
        yaml.safe_dump(config.model_dump(mode="json"), sys.stdout, sort_keys=False)
    return 0


def _demo(options: argparse.Namespace) -> int:
    terminal.prepare_prefect(options.verbose)
    from flows.cli.demo import run_demo
    from flows.prefect_server.background import connected

    with connected():
        run_demo(Path(options.output), options.frames)
    return 0


def _server(options: argparse.Namespace) -> int:
    from flows.prefect_server import background

    if options.action == "stop":
        print("stopped" if background.stop() else "no server is running in the background")
        return 0
    server = background.running()
    if server is None:
        print("no server is running in the background")
    else:
        print(f"{server.url.removesuffix('/api')}  (a browser asks for the password {server.auth})")
    return 0
