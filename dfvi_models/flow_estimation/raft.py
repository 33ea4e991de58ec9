"""Optical flow by RAFT. Source: Teed and Deng, arXiv:2003.12039; the network is torchvision's (`networks.raft`)."""

from typing import Any

from torch import nn

from dfvi_models.flow_estimation.pair_network import LearnedEstimator
from dfvi_models.networks.raft import MULTIPLE, SMALLEST, RaftFlow


class RaftEstimator(LearnedEstimator):
    """Estimates optical flow by torchvision's RAFT with weights loaded."""

    multiple = MULTIPLE
    smallest = SMALLEST
    bytes_per_pixel = 4000  # at 480 x 840 the correlation alone is 2.1 kB; it grows with the square of the frame

    def __init__(self, network: nn.Module, **settings: Any) -> None:
        super().__init__(RaftFlow(network), **settings)
