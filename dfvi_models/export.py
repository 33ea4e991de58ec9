"""Trained networks as files: half-precision safetensors with a few words about them inside."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

COUNTER = "num_batches_tracked"  # of batch normalisation; says nothing about the network


def export_weights(network: nn.Module, path: Path, metadata: Mapping[str, str]) -> int:
    """Write a network's tensors as float16; returns how many numbers they hold.

    metadata : what the file says about itself, in the header.
    Raises   : ValueError if a number is not finite as float16.
    """
    tensors = {
        key: tensor.detach().cpu().to(torch.float16).contiguous()
        for key, tensor in sorted(network.state_dict().items())
        if not key.endswith(COUNTER)
    }
    broken = [key for key, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise ValueError(f"these tensors hold numbers that float16 cannot: {', '.join(broken)}")
    save_file(tensors, path, dict(metadata))
    return sum(tensor.numel() for tensor in tensors.values())
