"""The paper's ablation of flow completion with our nets, as a table: initial fill, one stage, three stages, each with
and without hard flow example mining; end-point error in holes, and at motion boundaries in them.

    python -m benchmarks.ablation CLIPS [--recipe dfc-compact] [--steps 20000] [--grid 120x216] [--root ROOT]

Trains what is not trained yet, on the clips of the folder but those kept back, on which it is measured.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from flows.cli import terminal
from flows.configs.training_recipe import DfcRecipe, load_recipe

MINING = {"with": None, "without": 0.0}


def arguments():
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", help="folder of clips without holes")
    parser.add_argument("--recipe", default="dfc-compact", help="a recipe of DFC-Net in three stages")
    parser.add_argument("--steps", type=int, help="steps of each stage, instead of the recipe's")
    parser.add_argument("--grid", help="height x width of the last stage's grid; the others shrink with it")
    parser.add_argument("--frames", type=int, help="frames of each clip, instead of the recipe's")
    parser.add_argument("--root", default=".dfvi-ablation", help="where results lie; a stopped run goes on")
    parser.add_argument("--output", default="ablation", type=Path, help="folder for weights, curves and the table")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda:N")
    parser.add_argument("--threads", type=int, help="of networks on a CPU, instead of a thread for each core")
    return parser.parse_args()


def shrink(recipe, asked, hard_weight):
    """The recipe with other steps, grids and weight of hard pixels."""
    content = recipe.model_dump(mode="json")
    share = int(asked.grid.split("x")[0]) / content["stages"][-1]["size"][0] if asked.grid else 1
    for stage in content["stages"]:
        stage["size"] = [max(round(side * share), 8) for side in stage["size"]]
        if asked.steps:
            stage["schedule"] |= {"steps": asked.steps, "warm_up": asked.steps // 20, "validate_every": asked.steps}
        if hard_weight is not None:
            stage["hard_weight"] = hard_weight
    content["clips"]["frames"] = asked.frames or content["clips"]["frames"]
    return DfcRecipe.model_validate(content)


def figures(folder):
    """The last row of each stage's curve."""
    cards = [*sorted(folder.glob("stage*-card.json")), folder / "card.json"]
    return [json.loads(card.read_text())["figures"] for card in cards]


def rows(name, stages):
    """Lines of the table for one way of training."""
    first = stages[0]
    found = [("initial fill", first["epe_before"], first.get("boundary_epe_before"))] if name == "with" else []
    for number, one in enumerate(stages, 1):
        found.append((f"{number} stage{'s'[: number - 1]}, {name} mining", one["epe"], one.get("boundary_epe")))
    return found


def main():
    """Train, and print the table."""
    asked = arguments()
    terminal.prepare_prefect(verbose=False)
    from flows.prefect_server.background import connected
    from flows.train import train_flow_completion

    recipe, table = load_recipe("flow-completion", asked.recipe), []
    with connected():
        for name, hard_weight in MINING.items():
            folder = asked.output / name
            own = shrink(recipe, asked, hard_weight)
            run = {"root": asked.root, "name": name, "device": asked.device, "threads": asked.threads}
            train_flow_completion(asked.clips, own, str(folder), **run)
            table += rows(name, figures(folder))
    grids, steps = [list(stage.size) for stage in own.stages], [stage.schedule.steps for stage in own.stages]
    print(f"grids {grids}, steps {steps}; pixels of the flow's own grid")
    print(f"{'':<28} {'EPE':>8} {'at boundaries':>14}")
    for label, everywhere, boundary in table:
        print(f"{label:<28} {everywhere:>8.3f} {'-' if boundary is None else f'{boundary:.3f}':>14}")


if __name__ == "__main__":
    main()
