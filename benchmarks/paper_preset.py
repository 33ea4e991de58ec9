"""The whole `paper` preset with made-up weights: frames a second of each stage. The pictures it makes mean nothing."""

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.bench_pipeline import run_once, seconds_by_stage
from dfvi_models.registry import find_method
from dfvi_models.weights.checkpoint import add_weights
from dfvi_models.weights.network_builders import build_network
from flows.configs.run_config import load_config
from flows.pipeline.runner import available_threads

SEED = 0
METHODS = (find_method("estimator", "flownet2"), find_method("completer", "dfc"), find_method("inpainter", "deepfill"))


def made_up_weights(network: nn.Module) -> nn.Module:
    """Weights that keep the signal's size through the layers, so that rounding errors are those of real ones."""
    torch.manual_seed(SEED)
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, a=0.1, mode="fan_in")
            if "predict_flow" in name:
                module.weight.data *= 0.15
        elif name.endswith("bn3"):  # the end of a residual branch: sums of many must not grow
            nn.init.constant_(module.weight, 0.25)  # type: ignore[arg-type]
    return network


def print_paper_preset(frames: int, height: int, width: int, settings: list[str]) -> None:
    """Run it on a panning texture with a hole a sixth of the picture high and wide; print a line a stage."""
    with tempfile.TemporaryDirectory() as folder:
        _store_weights(Path(folder))
        _write_clip(Path(folder), frames, height, width)
        config = load_config("paper", settings=settings)
        runner, *_ = run_once(f"{folder}/frames", f"{folder}/masks", config, available_threads())
    iterations = max(result.iteration for result in runner.done) + 1
    print(f"paper preset, {height}x{width}, {frames} frames, {iterations} iterations, {' '.join(settings)}")
    seconds = seconds_by_stage(runner)
    for stage, taken in {**seconds, "all": sum(seconds.values())}.items():
        print(f"{stage:<18} {1e3 * taken / frames:9.1f} ms a frame {frames / taken:9.2f} frames a second")


def _store_weights(folder: Path) -> None:
    os.environ["DFVI_WEIGHTS"] = str(folder / "weights")
    for name in (name for method in METHODS for name in method.networks):
        torch.save(made_up_weights(build_network(name)).state_dict(), folder / "made-up.pth")
        add_weights(folder / "made-up.pth", network=name)


def _write_clip(folder: Path, frames: int, height: int, width: int) -> None:
    random = np.random.default_rng(SEED)
    texture = cv2.GaussianBlur(random.integers(0, 256, (height, width + 2 * frames, 3), dtype=np.uint8), (0, 0), 2)
    for name in ("frames", "masks"):
        (folder / name).mkdir()
    for t in range(frames):
        mask = np.zeros((height, width), np.uint8)
        mask[height // 3 : height // 2, width // 3 + t : width // 2 + t] = 255
        cv2.imwrite(f"{folder}/frames/{t:05d}.png", np.ascontiguousarray(texture[:, 2 * t : 2 * t + width]))
        cv2.imwrite(f"{folder}/masks/{t:05d}.png", mask)
