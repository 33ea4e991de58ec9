"""FlowNet2 as an Estimator."""

from dfvi_models.flownet2 import MULTIPLE
from dfvi_models.learned_estimator import LearnedEstimator


class FlowNet2Estimator(LearnedEstimator):
    """Optical flow by a `FlowNet2` with weights loaded. The paper's `img_size` is its working size."""

    multiple = MULTIPLE
    bytes_per_pixel = 1600  # float32; see benchmarks/bench_networks.py
