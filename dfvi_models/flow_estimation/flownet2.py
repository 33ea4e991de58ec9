"""Optical flow by FlowNet2, the paper's estimator. Source: arXiv:1612.01925; the network is `networks.flownet2`."""

from dfvi_models.flow_estimation.pair_network import LearnedEstimator
from dfvi_models.networks.flownet2 import MULTIPLE


class FlowNet2Estimator(LearnedEstimator):
    """Estimates optical flow by a `FlowNet2` with weights loaded. The paper's `img_size` is its working size."""

    multiple = MULTIPLE
    bytes_per_pixel = 1600  # float32; see benchmarks/bench_networks.py
