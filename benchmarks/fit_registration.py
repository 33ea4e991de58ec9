"""Fit when registered colours are taken (`dfvi_models.registration.choice.ChoiceModel`) on holes in natural clips.

    python -m benchmarks.fit_registration CLIPS [--frames 20] [--every 3] [--root ROOT]

A clip is a folder of images or a video without holes; it must not be one that is evaluated with. In each, a blob walks
across the picture. The loss is the log of the mean squared error in the hole, mean over clips; a clip that gets worse
than without registration counts twice. Gains are told for clips that were left out of the fit, three at a time.
"""

import argparse
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).parents[1]))

import cv2

from benchmarks.hidden_objects import Steps
from dfvi_models.merging.fusion import fuse
from dfvi_models.registration.choice import ChoiceModel, choice_signs
from dfvi_models.registration.distant import DistantFrames
from dfvi_models.registration.views import working_scale
from dfvi_models.types import NO_SOURCE
from flows.configs.run_config import load_config
from flows.pipeline.stage_order import fill_clip
from storage.cache.root import Root
from storage.datasets.clean_clips import clip_seed, find_clips
from tasks.decode import MediaInput
from tasks.evaluation.cut_holes import CutHolesParams, cut_holes
from tasks.evaluation.read_truth import ReadTruthParams, read_truth
from tasks.merge import merge
from tasks.propagate import propagate
from tasks.shots.filled_clip import FilledClip
from tasks.stage import candidate_arrays

LEFT_OUT = 3  # clips at a time
FLOOR = 4.0  # grey levels squared: an error below is none
PULL = 0.003  # of standardised weights towards 0
PIXELS = 5000  # of a clip, drawn at random


class FirstRound(Steps):
    """Remembers what was carried and merged before any key frame was filled."""

    def __call__(self, stage, params, iteration=0, **inputs):
        """Take one step."""
        result = super().__call__(stage, params, iteration, **inputs)
        if iteration == 0 and stage in (propagate, merge):
            setattr(self, stage.name, result)
        return result


def walking_blob(height, width, count, seed):
    """(count, height, width) bool: a shape of 6 to 16 % of the picture that walks across it and changes a little."""
    random = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    waves = random.normal(size=(4, 2)) * [[0.22], [0.15], [0.1], [0.07]]
    radius, stretch = np.sqrt(random.uniform(0.06, 0.16) * height * width / np.pi), random.uniform(0.6, 1.7) ** 0.5
    middle = np.array([random.uniform(0.3, 0.7) * width, random.uniform(0.35, 0.65) * height])
    speed = random.normal(size=2) * random.uniform(0.002, 0.02) * width
    holes = np.zeros((count, height, width), np.uint8)
    for t, hole in enumerate(holes):
        ways = [(k + 1) * angle for k in range(4)]
        bumps = sum(
            a * np.cos(way + 0.05 * t * (k + 1)) + b * np.sin(way)
            for k, ((a, b), way) in enumerate(zip(waves, ways, strict=True))
        )
        at = np.clip(middle + speed * (t - count / 2), [0.22 * width, 0.25 * height], [0.78 * width, 0.75 * height])
        rim = at + radius * (1 + bumps)[:, None] * np.stack([np.cos(angle) * stretch, np.sin(angle) / stretch], axis=1)
        cv2.fillPoly(hole, [rim.astype(np.int32)], 255)
    return holes


def samples(clip, root, frames, every):
    """Signs (N, F) of hole pixels of one clip, and the parts (N,) of the squared error as a polynomial of the share."""
    step = FirstRound(root, clip.name)
    truth = step(read_truth, ReadTruthParams(frames=frames), video=MediaInput.video(str(clip.video)))
    count, height, width = (truth.attributes[name] for name in ("frames", "height", "width"))
    masks = Path(root) / "blobs" / clip.name
    masks.mkdir(parents=True, exist_ok=True)
    for t, mask in enumerate(walking_blob(height, width, count, clip_seed(clip.name, 0))):
        cv2.imwrite(str(masks / f"{t:05d}.png"), mask)
    params = CutHolesParams(kind="object", dilation=0)
    holed = step(cut_holes, params, truth=truth, masks=MediaInput.mask(str(masks)))
    filled = fill_clip(step, load_config(settings=["register_frames.distances=[]"]), holed)
    final = FilledClip(filled.merged.open(step.job), filled.fill and filled.fill.open(step.job))
    seen, merged, carried = (result.open(step.job) for result in (holed, step.merge, step.propagate))
    distant, true_frames, found = DistantFrames(seen["frames"], seen["holes"]), truth.open(step.job)["frames"], []
    for t in range(0, count, every):
        hole, left = seen["holes"][t], merged["holes"][t]
        if hole.any():
            colours = distant.colours(t)
            candidates = (candidate_arrays.read(carried, d, t, hole) for d in ("forward", "backward"))
            confidence = fuse(seen["frames"][t], hole, t, *candidates).confidence
            signs = choice_signs(confidence, hole, colours, working_scale(height, width))
            shown = np.where(left[..., None], final.frames[t], merged["frames"][t])[hole].astype(np.float64)
            taken = np.where((colours.source == NO_SOURCE)[:, None], shown, colours.colour)
            missed, change = shown - true_frames[t][hole], shown - taken
            parts = [(missed**2).mean(axis=1), (missed * change).mean(axis=1), (change**2).mean(axis=1)]
            found.append(np.concatenate([signs, np.stack(parts, axis=1)], axis=1))
    table = np.concatenate(found)
    table = table[np.random.default_rng(0).permutation(len(table))[:PIXELS]]
    return table[:, :-3], table[:, -3:]


def share_of(signs, weights):
    """Share of the registered colour."""
    return 1 / (1 + np.exp(-np.clip(signs @ weights, -30, 30)))


def squared_error(parts, share):
    """Mean squared error of the mix."""
    return float((parts[:, 0] - 2 * share * parts[:, 1] + share**2 * parts[:, 2]).mean())


def fit(clips):
    """Weights of the signs."""
    centre = np.mean([signs.mean(axis=0) for signs, _ in clips], axis=0)
    spread = np.mean([signs.std(axis=0) for signs, _ in clips], axis=0) + 1e-6
    centre[0], spread[0] = 0, 1
    scaled = [((signs - centre) / spread, parts) for signs, parts in clips]

    def loss(weights):
        total, slope = 0.0, np.zeros_like(weights)
        for signs, parts in scaled:
            share = share_of(signs, weights)
            error, before = squared_error(parts, share) + FLOOR, squared_error(parts, 0 * share) + FLOOR
            counts = (2 if error > before else 1) / len(scaled)
            total += counts * np.log(error / before)
            of_share = (2 * share * parts[:, 2] - 2 * parts[:, 1]) * share * (1 - share)
            slope += counts / error * (signs.T @ of_share) / len(signs)
        pulled = np.concatenate([[0], weights[1:]])
        return total + PULL * pulled @ pulled, slope + 2 * PULL * pulled

    weights = minimize(loss, -np.eye(len(centre))[0], jac=True, method="L-BFGS-B").x / spread
    weights[0] -= weights[1:] @ centre[1:]
    return weights


def main():
    """Collect, fit, and print the model with the gains of clips left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips without holes")
    parser.add_argument("--frames", type=int, default=20, help="frames of each clip (20)")
    parser.add_argument("--every", type=int, default=3, help="of which every so many are looked at (3)")
    parser.add_argument("--root", default=".dfvi", help="where results lie")
    asked = parser.parse_args()
    root = str(Root.create(asked.root).path)
    found = {clip.name: samples(clip, root, asked.frames, asked.every) for clip in find_clips(asked.clips)}
    names, gains = list(found), {}
    for first in range(0, len(names), LEFT_OUT):
        out = names[first : first + LEFT_OUT]
        weights = fit([found[name] for name in names if name not in out] or list(found.values()))
        for name in out:
            signs, parts = found[name]
            share = share_of(signs, weights)
            gains[name] = 10 * np.log10(squared_error(parts, 0 * share) / squared_error(parts, share))
    for name, gain in gains.items():
        print(f"{name:<32} {gain:+.2f} dB")
    print(f"mean {np.mean(list(gains.values())):+.2f} dB, worst {min(gains.values()):+.2f} dB, clips left out")
    for field, weight in zip(fields(ChoiceModel), fit(list(found.values())), strict=True):
        print(f"{field.name:<12} {weight:+.2f}")


if __name__ == "__main__":
    main()
