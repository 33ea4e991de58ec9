"""Networks by the names of the catalogue, built without weights, and the tensors each must have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import Tensor, nn

from dfvi_models.networks.choice_net import ChoiceNet
from dfvi_models.networks.deepfill_net import DeepFill
from dfvi_models.networks.dfc_net import DfcNet
from dfvi_models.networks.flownet2 import FlowNet2
from dfvi_models.networks.perceptual import AlexNet, ChannelWeights, I3d
from dfvi_models.networks.raft import build_raft
from dfvi_models.weights.catalogue import network_called

Shapes = dict[str, tuple[int, ...]]
COUNTER = "num_batches_tracked"  # of batch normalisation since torch 0.4.1; says nothing about the network

BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "flownet2": FlowNet2,
    "raft_large": partial(build_raft, "raft_large"),
    "raft_small": partial(build_raft, "raft_small"),
    "choice": ChoiceNet,
    "dfc_resnet101": partial(DfcNet, "resnet101", maps=1),
    "dfc_stage1": partial(DfcNet, "resnet50", maps=1),
    "dfc_stage2": partial(DfcNet, "resnet50", maps=2),
    "dfc_stage3": partial(DfcNet, "resnet50", maps=2),
    "dfc_compact_stage1": partial(DfcNet, "compact", maps=1),
    "dfc_compact_stage2": partial(DfcNet, "compact", maps=2),
    "dfc_compact_stage3": partial(DfcNet, "compact", maps=2),
    "deepfill": DeepFill,
    "deepfill_trained": DeepFill,
    "alexnet": AlexNet,
    "lpips": ChannelWeights,
    "i3d": I3d,
}
"""Name in NETWORKS -> what builds the network, untrained."""


def build_network(name: str) -> nn.Module:
    """Return an untrained network by its name in NETWORKS. Raises ValueError with the names there are."""
    return BUILDERS[network_called(name).name]()


@cache
def expected_shapes(name: str) -> Shapes:
    """Return names and shapes of a network's tensors, without counters (see COUNTER); takes no memory for them."""
    with torch.device("meta"):
        tensors = build_network(name).state_dict()
    return {key: tuple(tensor.shape) for key, tensor in tensors.items() if not key.endswith(COUNTER)}


@dataclass(frozen=True)
class Differences:
    """What separates the tensors of a file from those of a network."""

    missing: list[str]
    extra: list[str]
    other_shape: list[str]
    """With both shapes in words."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.other_shape)

    def __str__(self) -> str:
        lists = {"missing": self.missing, "extra": self.extra, "of another shape": self.other_shape}
        return "; ".join(f"{len(names)} {what}: {', '.join(names)}" for what, names in lists.items() if names)


def compare(tensors: Mapping[str, Tensor], expected: Shapes) -> Differences:
    """Find every tensor that is missing, extra, or of another shape."""
    return Differences(
        missing=[key for key in expected if key not in tensors],
        extra=[key for key in tensors if key not in expected],
        other_shape=[
            f"{key} (expected {expected[key]}, got {tuple(tensor.shape)})"
            for key, tensor in tensors.items()
            if key in expected and expected[key] != tuple(tensor.shape)
        ],
    )
