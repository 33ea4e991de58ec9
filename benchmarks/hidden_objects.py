"""Where the errors of an evaluation lie: in pixels that hide the clip's own moving object, or in its background.

    python -m benchmarks.hidden_objects CLIPS [--size 432x240] [--rows paper-rule,default,ceiling] [--root ROOT]

No other frame tells how an object moves on behind a hole. Clips need masks of their objects (<clip>/masks). Figures are
means over cases (a clip with a kind of hole). What `dfvi evaluate` has stored under the same root is not made again.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import report
from flows.evaluation.holes import make_holes
from flows.evaluation.methods import OnTrueFlow, parse_methods
from flows.evaluation.model import EvaluateConfig, check_evaluation
from flows.pipeline.runner import available_threads
from flows.pipeline.stage_order import fill_clip
from storage.cache.root import Root
from tasks.complete_flow import complete_flow
from tasks.decode import MediaInput
from tasks.estimate_flow import estimate_flow
from tasks.evaluation.cut_holes import CutHolesParams, cut_holes
from tasks.evaluation.read_truth import ReadTruthParams, read_truth
from tasks.shots.filled_clip import FilledClip
from tasks.stage.cached_stage import Job

ROWS = "paper-rule,paper-rule-plus,default,ceiling"
PLACES = ("object", "background")
RIM = 4  # how often the object's mask is grown by its 4 neighbours: its blurred rim moves with it
FEWEST = 200  # pixels of a case below which it says nothing of a place


def arguments():
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips: <clip>/frames and <clip>/masks")
    parser.add_argument("--size", default="432x240", help="width x height all clips are brought to")
    parser.add_argument("--frames", type=int, help="frames taken from the start of each clip (all)")
    parser.add_argument("--holes", default="box,shape,object", help="kinds of holes, as of `dfvi evaluate`")
    parser.add_argument("--rows", default=ROWS, help=f"presets, and ceiling ({ROWS})")
    parser.add_argument("--root", default=".dfvi", help="where results lie")
    return parser.parse_args()


class Steps:
    """Runs stages without Prefect, and remembers the flow completed last."""

    def __init__(self, root, video):
        self.job, self.flow = Job(root, video, available_threads()), None

    def __call__(self, stage, params, iteration=0, **inputs):
        """Take one step."""
        given = {role: one for role, one in inputs.items() if one is not None}
        result = stage.run(self.job, params, given, iteration)
        self.flow = result if stage is complete_flow else self.flow
        return result


def errors(hole, own, frames, truth, flow, true_flow):
    """StorePath -> (pixels, sum of squared errors, sum of end-point errors) over all frames but the last."""
    sums = dict.fromkeys(PLACES, np.zeros(3))
    for t in range(len(true_flow)):
        squared = np.mean((frames[t].astype(np.float64) - truth[t]) ** 2, axis=-1)
        missed = np.linalg.norm(flow[t].astype(np.float64) - true_flow[t], axis=-1)
        for place, where in zip(PLACES, (hole[t] & own[t], hole[t] & ~own[t]), strict=True):
            sums[place] = sums[place] + [where.sum(), squared[where].sum(), missed[where].sum()]
    return sums


def clip_cases(clip, masks, rows, config, root):
    """(row, its `errors`) of one clip, kind of hole by kind of hole."""
    step = Steps(root, clip.name)
    video, own_masks = MediaInput.video(str(clip.video)), MediaInput.mask(str(clip.masks))
    truth = step(read_truth, ReadTruthParams(frames=config.frames, size=config.size), video=video)
    true_flow = step(estimate_flow, config.true_flow, clip=truth)
    own = step(cut_holes, CutHolesParams(kind="object", dilation=RIM), truth=truth, masks=own_masks)
    for kind in config.holes:
        holed = make_holes(step, kind, clip, config, truth, masks)
        for row in rows:
            filled = fill_clip(OnTrueFlow(step, true_flow) if row.on_true_flow else step, row.config, holed)
            flow = true_flow if row.on_true_flow else step.flow
            shown = FilledClip(filled.merged.open(step.job), filled.fill and filled.fill.open(step.job))
            yield (
                row.name,
                errors(
                    holed.open(step.job)["holes"],
                    own.open(step.job)["holes"],
                    shown.frames,
                    truth.open(step.job)["frames"],
                    flow.open(step.job)["flow_fw"],
                    true_flow.open(step.job)["flow_fw"],
                ),
            )


def means(cases, place):
    """Hole PSNR in dB and flow error in pixels at a place, each the mean over cases."""
    told = [one[place] for one in cases if one[place][0] >= FEWEST]
    psnr = [10 * np.log10(255**2 / max(squared / pixels, 1e-9)) for pixels, squared, _ in told]
    return len(told), float(np.mean(psnr)), float(np.mean([missed / pixels for pixels, _, missed in told]))


def share(cases, place, kind):
    """Share of a place in pixels (0), squared error (1) or flow error (2), the mean over cases, in percent."""
    return 100 * float(np.mean([one[place][kind] / max(sum(one[p][kind] for p in PLACES), 1e-9) for one in cases]))


def main():
    """Fill, and print the table."""
    asked = arguments()
    report.header("hidden objects")
    width, height = map(int, asked.size.split("x"))
    config = EvaluateConfig(size=(height, width), frames=asked.frames, holes=tuple(asked.holes.split(",")))
    rows = parse_methods(asked.rows.split(","))
    root = str(Root.create(asked.root).path)
    found = {row.name: [] for row in rows}
    for clip, masks in check_evaluation(asked.clips, rows, config):
        for row, sums in clip_cases(clip, masks, rows, config, root):
            found[row].append(sums)
    print(f"{'row':<18} {'place':<11} {'cases':>5} {'PSNR':>6} {'EPE':>6}   share of pixels, squared error, flow error")
    for row, cases in found.items():
        for place in PLACES:
            count, psnr, epe = means(cases, place)
            parts = ", ".join(f"{share(cases, place, kind):.0f} %" for kind in range(3))
            print(f"{row:<18} {place:<11} {count:>5} {psnr:>6.2f} {epe:>6.2f}   {parts}")


if __name__ == "__main__":
    main()
