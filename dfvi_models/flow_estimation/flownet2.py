"""FlowNet2 as an Estimator."""

from dfvi_models.flow_estimation.pair_network import LearnedEstimator
from dfvi_models.networks.flownet2 import MULTIPLE


class FlowNet2Estimator(LearnedEstimator):
    """Optical flow by a `FlowNet2` with weights loaded. The paper's `img_size` is its working size."""

    multiple = MULTIPLE
    bytes_per_pixel = 1600  # float32; see benchmarks/bench_networks.py
