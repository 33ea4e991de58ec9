"""Trained networks as files: half-precision safetensors with a few words about them inside."""

from collections.abc import Mapping

import torch
from safetensors.torch import load, save
from torch import nn

from dfvi_models.errors import WeightsError
from dfvi_models.weights.network_builders import COUNTER, build_network, compare


def export_weights(network: nn.Module, about: Mapping[str, str]) -> bytes:
    """Return the content of a safetensors file with a network's tensors as float16.

    about  : what the file says about itself, in the header.
    Raises : ValueError if a number is not finite as float16.
    """
    tensors = {
        key: tensor.detach().cpu().to(torch.float16).contiguous()
        for key, tensor in sorted(network.state_dict().items())
        if not key.endswith(COUNTER)
    }
    broken = [key for key, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise ValueError(f"these tensors hold numbers that float16 cannot: {', '.join(broken)}")
    return save(tensors, dict(about))


def load_exported(name: str, content: bytes) -> nn.Module:
    """Build a network by its name in the catalogue, with weights that `export_weights` gave.

    Raises : WeightsError if the tensors are not the network's.
    """
    network, tensors = build_network(name), load(content)
    own = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    if found := compare(tensors, own):
        raise WeightsError(f"these weights do not fit {name}: {found}")
    network.load_state_dict(tensors)
    return network
