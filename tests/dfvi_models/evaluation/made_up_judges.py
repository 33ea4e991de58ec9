"""AlexNet, LPIPS and I3D with weights made of their names, as the golden numbers of the tests were."""

import zlib

import numpy as np
import torch
from torch import nn

from dfvi_models.networks.perceptual import AlexNet, ChannelWeights, I3d


def made_up(network: nn.Module) -> nn.Module:
    """Fill in the weights."""
    for key, tensor in network.state_dict().items():
        if key.endswith("num_batches_tracked") or key.startswith(("classifier", "logits")):
            tensor.zero_()
            continue
        noise = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(tuple(tensor.shape))
        if key.startswith("lin"):
            noise = np.abs(noise)
        elif tensor.ndim > 1:
            noise *= (2 / tensor[0].numel()) ** 0.5
        else:
            noise = (1 if key.endswith(("bn.weight", "running_var")) else 0) + 0.1 * noise
        tensor.copy_(torch.from_numpy(noise))
    return network.eval()


def judges() -> dict[str, nn.Module]:
    """All three, by their names in `weights.catalogue.NETWORKS`."""
    return {"alexnet": made_up(AlexNet()), "lpips": made_up(ChannelWeights()), "i3d": made_up(I3d())}
