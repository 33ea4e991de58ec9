"""Times FlowNet2, DFC-Net and DeepFill with made-up weights: time, memory, compute floor, loss of half precision.

Every case runs in a process of its own, so that its peak memory is its own. CPU sizes are small; with a GPU the sizes
of the paper follow, and the whole `paper` preset at 480p by stage. The compute floor is the case's floating-point
operations at the rate of a large matrix product in the same number format on the same device.

    python -m benchmarks.bench_networks [--cases flownet2,deepfill,paper_preset] [--runs 5]
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.paper_preset import SEED, made_up_weights, print_paper_preset
from dfvi_models.flow_completion.dfc import SIZES, DfcCompleter
from dfvi_models.networks.deepfill_net import DeepFill
from dfvi_models.networks.dfc_net import DfcNet
from dfvi_models.networks.flownet2 import FlowNet2
from dfvi_models.networks.runtime import Runtime, choose_device

SLOW = 20  # seconds; what takes longer is run once, cold
MIB = 2**20


@dataclass(frozen=True)
class Case:
    """One thing to time."""

    name: str
    device: str
    precision: str = "float32"
    size: tuple[int, int] = (240, 424)
    batch: int = 1
    channels_last: bool = True
    compile: bool = False

    @property
    def mode(self) -> str:
        """How it computes, for the table."""
        return self.precision + ",compiled" * self.compile + ",nchw" * (not self.channels_last)


CPU_CASES = [
    Case("flownet2", "cpu", size=(256, 448)),
    Case("dfc_resnet50_first", "cpu"),
    Case("dfc_resnet101_first", "cpu"),
    Case("dfc_resnet50_refine", "cpu"),
    Case("dfc_three_stages_a_frame", "cpu", size=(480, 840)),
    Case("deepfill", "cpu"),
]
CUDA_CASES = [
    Case(name, "cuda:0", precision, size, batch)
    for name, size, batch in (
        ("flownet2", (448, 1024), 1),
        ("flownet2", (448, 1024), 4),
        ("dfc_resnet50_first", (240, 424), 1),
        ("dfc_resnet50_first", (240, 424), 8),
        ("dfc_three_stages_a_frame", (480, 840), 8),
        ("deepfill", (480, 840), 1),
        ("deepfill", (1080, 1920), 1),
    )
    for precision in ("float32", "tf32", "bfloat16", "float16")
] + [
    Case(name, "cuda:0", "float16", size, batch, **change)  # type: ignore[arg-type]
    for name, size, batch in (("flownet2", (448, 1024), 4), ("dfc_resnet50_first", (240, 424), 8))
    for change in ({"channels_last": False}, {"compile": True})
]
PRESET = "paper_preset"
PRESET_FRAMES = 80


def prepare(case: Case) -> tuple[Callable[[], Tensor], int]:
    """What to time, and how many items one run of it handles."""
    runtime = Runtime(
        device=case.device,
        precision=case.precision,  # type: ignore[arg-type]
        channels_last=case.channels_last,
        compile=case.compile,
        batch=case.batch,
    )
    device = choose_device(case.device)
    random = torch.Generator().manual_seed(SEED)
    if case.name == "dfc_three_stages_a_frame":
        return three_stages(case, runtime)
    shapes = {"flownet2": (3, 3), "deepfill": (3, 1), "dfc_resnet50_refine": (66,)}.get(case.name, (33,))
    inputs = [torch.rand(case.batch, channels, *case.size, generator=random).to(device) for channels in shapes]
    network: nn.Module
    if case.name == "flownet2":
        network, inputs = FlowNet2(), [255 * frame for frame in inputs]
    elif case.name == "deepfill":
        network = DeepFill()
        inputs[1] = torch.zeros_like(inputs[1])
        inputs[1][..., case.size[0] // 3 : case.size[0] // 2, case.size[1] // 3 : case.size[1] // 2] = 1
    else:
        network = DfcNet(case.name.split("_")[1], maps=2 if case.name.endswith("refine") else 1)
    network = runtime.place(made_up_weights(network))

    def run() -> Tensor:
        with torch.inference_mode(), runtime.autocast():
            result = network(*inputs)
        return result[1] if isinstance(result, tuple) else result

    return run, case.batch


def three_stages(case: Case, runtime: Runtime) -> tuple[Callable[[], Tensor], int]:
    """The whole completion of a clip with a hole in every frame, initial fill and resizing included."""
    frames = 2 if case.device == "cpu" else 32
    networks = [made_up_weights(DfcNet("resnet50", maps=maps)) for maps in (1, 2, 2)]
    completer = DfcCompleter(networks, sizes=SIZES, runtime=runtime)
    random = np.random.default_rng(SEED)
    flow = random.normal(size=(frames - 1, *case.size, 2)).astype(np.float32)
    holes = np.zeros((frames, *case.size), bool)
    holes[:, case.size[0] // 3 : case.size[0] // 2, case.size[1] // 3 : case.size[1] // 2] = True

    def run() -> Tensor:
        pairs = [pair.fw for _, pair in completer.complete(flow, flow, holes, wanted=range(frames - 1), threads=4)]
        return torch.from_numpy(np.stack(pairs)).permute(0, 3, 1, 2)

    return run, frames


def measure(case: Case, runs: int) -> dict[str, float]:
    """Median and spread of the time per item, peak memory beyond the weights, floor, difference from float32."""
    plain = replace(case, precision="float32", channels_last=True, compile=False)
    run, items = prepare(plain)
    start = time.perf_counter()
    with FlopCounterMode(display=False) as counter:
        exact = result = run()  # also warms up
    seconds = [time.perf_counter() - start]
    if case != plain:
        run, _ = prepare(case)
        result = run()
    if seconds[0] < SLOW:
        seconds = [timed(run, case.device) for _ in range(runs)]
    flops = counter.get_total_flops() / items
    found = {
        "median_ms": 1e3 * statistics.median(seconds) / items,
        "spread_ms": 1e3 * (max(seconds) - min(seconds)) / items,
        "peak_mib": peak_memory(run, case.device) / MIB,
        "floor_ms": 1e3 * flops / rate(case),
        "gflop": flops / 1e9,
        "mean_size": result.float().abs().mean().item(),
    }
    if case != plain:
        found["mean_error"] = (exact - result).float().norm(dim=1).mean().item()
    return found


def timed(run: Callable[[], Tensor], device: str) -> float:
    """Seconds of one run, the GPU's work included."""
    start = time.perf_counter()
    run()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak_memory(run: Callable[[], Tensor], device: str) -> int:
    """Most bytes of tensors alive at a time during a run, beyond those alive before it."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    now = most = 0
    for event in profile.profiler.kineto_results.events():  # allocations and releases in the order they happened
        if event.name() == "[memory]":
            now += event.nbytes()
            most = max(most, now)
    return most


def rate(case: Case) -> float:
    """Floating-point operations a second of a large matrix product."""
    kind = getattr(torch, "float32" if case.precision == "tf32" else case.precision)
    side = 8192 if case.device.startswith("cuda") else 2048
    a = torch.rand(side, side, dtype=kind, device=case.device)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        if case.device.startswith("cuda"):
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return float(2 * side**3 / min(times))


def report(case: Case, found: dict[str, float]) -> str:
    """One line of the table."""
    height, width = case.size
    loss = f"{found['mean_error']:9.4f}" if "mean_error" in found else "        -"
    return (
        f"{case.name:26} {case.device:7} {case.mode:16} {height:4}x{width:<5} {case.batch:5} "
        f"{found['median_ms']:10.1f} {found['spread_ms']:9.1f} {found['floor_ms']:9.1f} {found['gflop']:8.0f} "
        f"{found['peak_mib']:9.0f} {loss} {found['mean_size']:9.3f}"
    )


def main() -> None:
    """Print machine, commit and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", help="names of cases, separated by commas; all without it")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {gpu}; commit {commit or 'unknown'}")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, seed {SEED}, median of {arguments.runs} runs")
    print(
        "time and GFLOP per item; peak beyond weights and inputs; error = mean distance from float32, beside mean size"
    )
    print(
        f"{'case':26} {'device':7} {'format':16} {'size':10} {'batch':5} {'median ms':>10} {'spread':>9} "
        f"{'floor ms':>9} {'GFLOP':>8} {'peak MiB':>9} {'error':>9} {'size':>9}"
    )
    chosen = set(arguments.cases.split(",")) if arguments.cases else None
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for case in CPU_CASES + (CUDA_CASES if torch.cuda.is_available() else []):
            if chosen is None or case.name in chosen:
                print(report(case, pool.apply(measure, (case, arguments.runs))), flush=True)
    if PRESET in chosen if chosen else torch.cuda.is_available():
        for precision in ("float32", "float16"):
            settings = [f"{stage}.precision={precision}" for stage in ("estimate_flow", "complete_flow")]
            print_paper_preset(PRESET_FRAMES, 480, 854, settings)


if __name__ == "__main__":
    main()
