"""What faster modes cost in accuracy, and that a GPU gives what the CPU gives. With a GPU: `pytest -m gpu`.

Golden weights, whose flows are 3 to 5 pixels long on average.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dfvi_models.flow_completion.dfc import DfcCompleter
from dfvi_models.flow_estimation.flownet2 import FlowNet2Estimator
from dfvi_models.image_inpainting.deepfill import DeepFillInpainter
from dfvi_models.networks.runtime import Runtime, run_in_batches
from tests.dfvi_models.networks.golden_networks import deepfill, dfc, flownet2, placed, vectors_on

CUDA = "cuda:0"
MODES = [
    Runtime("cpu", "bfloat16"),
    Runtime("cpu", "float16"),
    *(
        pytest.param(runtime, marks=pytest.mark.gpu)
        for runtime in (
            Runtime(CUDA, "tf32"),
            Runtime(CUDA, "bfloat16"),
            Runtime(CUDA, "float16"),
            Runtime(CUDA, "float16", channels_last=False),
            Runtime(CUDA, "float32", compile=True),
            Runtime(CUDA, "float16", compile=True),
        )
    ),
]
NETWORKS: dict[str, tuple[Any, ...]] = {  # golden file -> network, its inputs, its output
    "flownet2": (flownet2, ("img1", "img2"), "out"),
    "dfc_resnet50multi_stage1": (lambda: dfc("resnet50", 1), ("x",), "out"),
    "dfc_resnet50multi_refine": (lambda: dfc("resnet50", 2), ("x",), "out"),
    "dfc_resnet101_stage1": (lambda: dfc("resnet101", 1), ("x",), "out"),
}


@pytest.mark.parametrize("runtime", MODES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_faster_modes_move_the_flow_by_less_than_a_twentieth_of_a_pixel(name: str, runtime: Runtime) -> None:
    """Seen on the CPU: float16 0.004, 0.012 in ResNet-101; bfloat16 0.035, but 0.082 in ResNet-101."""
    build, inputs, output = NETWORKS[name]
    vectors = vectors_on(runtime.device, name)
    network = placed(build(), runtime)
    with torch.inference_mode(), runtime.autocast():
        flow = network(*(vectors[key] for key in inputs))
    assert flow.dtype == torch.float32
    error = (flow - vectors[output]).unflatten(1, (-1, 2)).norm(dim=2).mean()
    assert error < (0.1 if "resnet101" in name and runtime.precision == "bfloat16" else 0.05)


@pytest.mark.parametrize("runtime", MODES, ids=str)
def test_faster_modes_move_an_inpainted_pixel_by_less_than_a_grey_level(runtime: Runtime) -> None:
    """Seen on the CPU: 0.6 and 0.06 of 255."""
    vectors = vectors_on(runtime.device, "deepfill")
    network = placed(deepfill(), runtime)
    with torch.inference_mode(), runtime.autocast():
        _, refined = network(vectors["x"], vectors["mask"][None, None])
    assert 127.5 * (refined - vectors["refined"]).abs().mean() < 1


@pytest.mark.gpu
def test_a_gpu_estimates_what_the_cpu_does_and_the_same_bits_again() -> None:
    frames = list(np.random.default_rng(0).integers(0, 256, (4, 70, 90, 3), dtype=np.uint8))
    holes = [np.zeros((70, 90), bool)] * 4

    def run(device: str) -> list[np.ndarray]:
        runtime = Runtime(device)
        estimator = FlowNet2Estimator(placed(flownet2(), runtime), runtime=runtime)
        return [pair.fw for _, pair in estimator.estimate(frames, holes, wanted=range(3), threads=2)]

    _check_alike(run)


@pytest.mark.gpu
def test_a_gpu_completes_what_the_cpu_does_and_the_same_bits_again() -> None:
    flow_fw, flow_bw = np.random.default_rng(0).normal(size=(2, 4, 40, 60, 2)).astype(np.float32)
    holes = np.zeros((5, 40, 60), bool)
    holes[:, 10:30, 20:40] = True

    def run(device: str) -> list[np.ndarray]:
        runtime = Runtime(device)
        networks = [placed(dfc("resnet50", maps), runtime) for maps in (1, 2, 2)]
        completer = DfcCompleter(networks, sizes=[(24, 32), (32, 48), (40, 60)], runtime=runtime)
        return [pair.fw for _, pair in completer.complete(flow_fw, flow_bw, holes, wanted=range(4), threads=2)]

    _check_alike(run)


@pytest.mark.gpu
def test_a_gpu_inpaints_what_the_cpu_does_and_the_same_bits_again() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    hole = np.zeros((70, 90), bool)
    hole[20:50, 30:60] = True

    def run(device: str) -> list[np.ndarray]:
        runtime = Runtime(device)
        return [DeepFillInpainter(placed(deepfill(), runtime), runtime=runtime).fill(frame, hole).astype(np.float32)]

    _check_alike(run, tolerance=1)  # grey level


def _check_alike(run: Any, tolerance: float = 0.01) -> None:
    on_gpu, again, on_cpu = run(CUDA), run(CUDA), run("cpu")
    np.testing.assert_array_equal(on_gpu, again)
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=0, atol=tolerance)


@pytest.mark.gpu
def test_a_batch_that_does_not_fit_a_gpu_is_halved_until_it_does() -> None:
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(CUDA)
    seen = []

    class Hungry(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(len(x))
            torch.empty(len(x), free // 3, dtype=torch.uint8, device=CUDA)
            return 2 * x

    x = torch.arange(9.0, device=CUDA)
    assert torch.equal(run_in_batches(Hungry(), (x,), 8), 2 * x)
    assert seen == [8, 4, 2, 2, 2, 2, 1]


@pytest.mark.gpu
def test_batches_on_a_gpu_come_from_its_free_memory() -> None:
    torch.cuda.empty_cache()  # what earlier tests left to PyTorch counts as free
    free, _ = torch.cuda.mem_get_info(CUDA)
    assert Runtime(CUDA).batch_size(1) == 16
    assert Runtime(CUDA).batch_size(free) == 1
