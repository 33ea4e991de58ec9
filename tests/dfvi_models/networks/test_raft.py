import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dfvi_models.errors import WeightsError
from dfvi_models.flow_estimation.raft import RaftEstimator
from dfvi_models.networks.raft import UPDATES, RaftFlow, build_raft
from dfvi_models.networks.runtime import Runtime
from dfvi_models.weights.checkpoint import recognise


class Recorder(nn.Module):
    """In place of RAFT: flow = the second frame's red and green, and a note of what came in."""

    def forward(self, a: Tensor, b: Tensor, num_flow_updates: int) -> list[Tensor]:
        self.size, self.range, self.updates = a.shape[2:], (a.min().item(), a.max().item()), num_flow_updates
        return [torch.zeros_like(b[:, :2]), b[:, :2]]


def test_frames_are_scaled_and_the_last_update_counts() -> None:
    raft = Recorder()
    a, b = torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 255.0)
    assert (RaftFlow(raft)(a, b) == 1).all()
    assert raft.range == (-1, -1)
    assert raft.updates == UPDATES


def test_small_and_odd_frames_are_padded_for_raft() -> None:
    raft = Recorder()
    frames = [np.zeros((13, 141, 3), np.uint8)] * 2
    ((_, pair),) = RaftEstimator(raft, runtime=Runtime(device="cpu")).estimate(frames, [], wanted=[0])
    assert raft.size == (128, 144)
    assert pair.fw.shape == (13, 141, 2)


def test_without_torchvision_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models.optical_flow", None)
    with pytest.raises(ImportError, match=r"pip install 'dfvi\[raft\]'"):
        build_raft("raft_large")


def test_without_torchvision_other_networks_are_still_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models.optical_flow", None)
    with pytest.raises(WeightsError, match="none of the networks flownet2"):
        recognise({"x": torch.zeros(1)})


def test_torchvisions_raft_runs_and_its_weights_are_recognised() -> None:
    try:
        raft = build_raft("raft_small").eval()
    except ImportError as error:
        pytest.skip(str(error))
    assert recognise(raft.state_dict()) == ["raft_small"]
    frames = [np.zeros((130, 130, 3), np.uint8)] * 2
    ((_, pair),) = RaftEstimator(raft, runtime=Runtime(device="cpu")).estimate(frames, [], wanted=[0])
    assert pair.fw.shape == (130, 130, 2)
    with pytest.raises(ValueError, match="raft_large and raft_small"):
        build_raft("raft_huge")
