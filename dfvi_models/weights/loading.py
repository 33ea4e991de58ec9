"""Stored weights in networks: checked against their digest, loaded strictly."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import nn

from dfvi_models.errors import WeightsError
from dfvi_models.weights.network_builders import COUNTER, build_network, compare
from dfvi_models.weights.store import file_sha256

Module = TypeVar("Module", bound=nn.Module)


def load_weights(network: Module, path: Path) -> Module:
    """Load stored weights (see `find_weights`) into a network, strictly, and return the network.

    Raises : WeightsError if the file's content is not what its name says, or its tensors are not the network's.
    """
    if file_sha256(path) != path.stem:
        raise WeightsError(f"{path} is damaged: its content has another SHA-256 than its name; add the weights again")
    tensors = load_file(path)
    own = {key: tuple(value.shape) for key, value in network.state_dict().items() if not key.endswith(COUNTER)}
    found = compare(tensors, own)
    if found:
        raise WeightsError(f"{path} does not fit {type(network).__name__}: {found}")
    network.load_state_dict(tensors, strict=False)  # all but counters was just compared
    return network


def load_networks(names: Sequence[str], paths: Sequence[Path]) -> list[nn.Module]:
    """Build and load a network for each name and path, one to one."""
    return [load_network(name, path) for name, path in zip(names, paths, strict=True)]


def load_network(name: str, path: Path) -> nn.Module:
    """Build a network by its name in NETWORKS and load stored weights; never holds random numbers in between."""
    with torch.device("meta"):
        network = build_network(name)
    return load_weights(network.to_empty(device="cpu"), path)
