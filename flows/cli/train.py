"""Commands that train networks: `dfvi train flow-completion`, `dfvi train image-inpainting`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from flows.cli import terminal
from flows.cli.arguments import add_root, at_least_one
from flows.configs.recipe_names import RECIPE_NAMES

Subparsers = Any  # argparse keeps its class private


def add_train(subparsers: Subparsers) -> None:
    """Add `dfvi train flow-completion` and `dfvi train image-inpainting`."""
    parser = subparsers.add_parser("train", help="train networks on clips or photos of your own")
    actions = parser.add_subparsers(required=True, metavar="WHAT")
    completion = actions.add_parser(
        "flow-completion", help="train a network that completes flow in holes", description=_train.__doc__
    )
    completion.add_argument(
        "--clips",
        required=True,
        dest="data",
        metavar="FOLDER",
        help="folder of clips without holes: <clip>/frames, folders of images, or video files",
    )
    _add_common(completion, "flow-completion")
    inpainting = actions.add_parser(
        "image-inpainting", help="train the network that fills key frames", description=_train.__doc__
    )
    inpainting.add_argument("--photos", required=True, dest="data", metavar="FOLDER", help="folder of photos")
    _add_common(inpainting, "image-inpainting")


def _add_common(parser: argparse.ArgumentParser, command: str) -> None:
    names = ", ".join(RECIPE_NAMES[command])
    parser.add_argument(
        "--recipe", metavar="NAME", help=f"recipe: {names}, or a YAML file ({RECIPE_NAMES[command][0]})"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="PART.KEY=VALUE", help="one key of the recipe; may be repeated"
    )
    parser.add_argument(
        "-o",
        "--output",
        default=Path("trained"),
        type=Path,
        metavar="FOLDER",
        help="folder for weights, card and curve (trained)",
    )
    parser.add_argument("--name", default=command, help=f"name of the training below the root ({command})")
    add_root(parser)
    parser.add_argument("--threads", type=at_least_one, metavar="N", help="threads to use (all cores)")
    parser.add_argument("--device", default="auto", help="device for networks: auto, cpu, cuda:N (auto)")
    parser.add_argument("--show", action="store_true", help="print the whole recipe as YAML, and do nothing")
    parser.set_defaults(command=_train, what=command)


COMMANDS = (add_train,)


def _train(options: argparse.Namespace) -> int:
    """Train from start to end. A training that was stopped goes on from its checkpoint with the same command."""
    import yaml

    from flows.configs.training_recipe import check_training, load_recipe

    recipe = load_recipe(options.what, options.recipe, options.set)
    if options.show:
        yaml.safe_dump(recipe.model_dump(mode="json"), sys.stdout, sort_keys=False)
        return 0
    check_training(recipe, Path(options.data), options.output)
    terminal.prepare_prefect(options.verbose)
    from flows import train
    from flows.prefect_server.background import connected
    from flows.prefect_server.bounded import run_flow

    flows: dict[str, Any] = {
        "flow-completion": train.train_flow_completion,
        "image-inpainting": train.train_image_inpainting,
    }
    with connected():
        trained = run_flow(
            flows[options.what],
            options.data,
            recipe,
            str(options.output),
            root=str(options.root),
            name=options.name,
            threads=options.threads,
            device=options.device,
        )
    print("\n".join(f"{name} {number:.4g}" for name, number in trained.figures.items()))
    print("written: " + ", ".join(str(options.output / name) for name in trained.files))
    return 0
