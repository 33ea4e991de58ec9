"""The networks with the made-up weights of the golden files, built once per test process.

The golden files were made by the paper's code on the CPU in float32 with weights that depend only on the published
parameter name and shape; so they check architecture and wiring, not quality.
"""

import copy
import gzip
import json
import zlib
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dfvi_models.networks.deepfill_net import DeepFill
from dfvi_models.networks.dfc_net import DfcNet
from dfvi_models.networks.flownet2 import FlowNet2
from dfvi_models.networks.runtime import Runtime
from tests.paths import GOLDEN

DEVICES = ["cpu", pytest.param("cuda:0", marks=pytest.mark.gpu)]

GAIN = {  # multiplies the spread of 4-D tensors; the first substring found in the name counts
    "flownet2": [
        ("flownetc.conv3.", 8.0),
        ("flownetc.conv_redir.", 0.15),
        ("flownetc.conv3_1.", 2.0),
        ("flownetfusion.predict_flow0.", 2.0),
        ("flownets_d.predict_flow2.", 20.0),
        ("predict_flow", 0.15),
    ],
    "dfc": [],
    "deepfill": [("up.out.8.", 0.3)],
}


def golden_tensor(key: str, shape: tuple[int, ...], net: str) -> NDArray[np.float32]:
    """The made-up tensor of a published parameter."""
    noise = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(shape)
    if len(shape) == 4:
        transposed = "deconv" in key or "upsampled_flow" in key
        fan_in = shape[0] * shape[2] * shape[3] / 4 if transposed else shape[1] * shape[2] * shape[3]
        spread = (2 / fan_in) ** 0.5 * next((gain for name, gain in GAIN[net] if name in key), 1.0)
        return (noise * spread).astype(np.float32)
    if key.endswith("running_var"):
        return (1 + 0.2 * np.abs(noise)).astype(np.float32)
    if key.endswith("running_mean"):
        return (0.1 * noise).astype(np.float32)
    if net == "dfc" and key.endswith(".weight"):
        return ((1 + 0.1 * noise) * (0.25 if key.endswith("bn3.weight") else 1)).astype(np.float32)
    return (0.05 * noise).astype(np.float32)


def with_golden_weights(network: nn.Module, net: str) -> nn.Module:
    """Load the made-up weights strictly, in evaluation mode."""
    shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    network.load_state_dict({key: torch.from_numpy(golden_tensor(key, shape, net)) for key, shape in shapes.items()})
    return network.eval()


@cache
def golden(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of one golden file."""
    with np.load(GOLDEN / f"{name}.npz") as stored:
        return dict(stored)


def vectors_on(device: str, name: str) -> dict[str, Tensor]:
    """The same as tensors."""
    return {key: torch.from_numpy(array).to(device) for key, array in golden(name).items()}


def placed(network: nn.Module, runtime: Runtime) -> nn.Module:
    """A copy of a network made ready by a runtime; on the CPU, where nothing is converted, the network itself."""
    return runtime.place(network if runtime.device == "cpu" else copy.deepcopy(network))


@cache
def published() -> dict[str, dict[str, Any]]:
    """For each published checkpoint: file, wrapping, number of parameters, and the shape of every tensor."""
    listed: dict[str, dict[str, Any]] = json.loads(gzip.decompress((GOLDEN / "state_dicts.json.gz").read_bytes()))
    return listed


@cache
def flownet2() -> FlowNet2:
    with torch.device("meta"):
        network = FlowNet2()
    return with_golden_weights(network.to_empty(device="cpu"), "flownet2")


@cache
def dfc(backbone: str, maps: int) -> DfcNet:
    with torch.device("meta"):
        network = DfcNet(backbone, maps=maps)
    return with_golden_weights(network.to_empty(device="cpu"), "dfc")


@cache
def deepfill() -> DeepFill:
    return with_golden_weights(DeepFill(), "deepfill")
