import numpy as np
import pytest
import torch

from dfvi_models.flow_completion.learned import LearnedCompleter
from dfvi_models.flow_completion.temporal import TemporalCompleter
from dfvi_models.networks.choice_net import ChoiceNet
from dfvi_models.networks.runtime import Runtime
from dfvi_models.weights.checkpoint import add_weights
from dfvi_models.weights.export import export_weights
from dfvi_models.weights.store import find_all_weights, find_weights
from tests.dfvi_models.flow_completion.test_temporal import complete_all, random_clip


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = ChoiceNet()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    return network


def test_only_the_dilated_hole_differs_from_the_temporal_completion(network):
    flow_fw, flow_bw, holes = random_clip(5)
    temporal = complete_all(TemporalCompleter(1), flow_fw, flow_bw, holes)
    learned = complete_all(LearnedCompleter(network, dilation=1, runtime=Runtime("cpu")), flow_fw, flow_bw, holes)
    for t, pair in learned.items():
        same = (pair.fw == temporal[t].fw).all(axis=-1)
        assert same[0].all()
        assert not same[holes[t]].all()
        assert pair.fw.dtype == np.float32


def test_a_pair_does_not_depend_on_what_else_is_wanted(network):
    clip = random_clip(16)
    completer = LearnedCompleter(network, dilation=1, runtime=Runtime("cpu"))
    everything, some = complete_all(completer, *clip), complete_all(completer, *clip, wanted=[2, 13], threads=2)
    assert list(some) == [2, 13]
    assert all(np.array_equal(some[t].fw, everything[t].fw) for t in some)
    assert all(np.array_equal(some[t].bw, everything[t].bw) for t in some)


def test_exported_weights_are_added_found_and_do_what_the_network_did(network, tmp_path):
    (tmp_path / "choice.safetensors").write_bytes(export_weights(network, {"made_by": "a test"}))
    add_weights(tmp_path / "choice.safetensors", folder=tmp_path / "weights")
    paths = find_all_weights(["choice"], tmp_path / "weights")
    assert paths == [find_weights("choice", folder=tmp_path / "weights")]
    clip = random_clip(3)
    before = complete_all(LearnedCompleter(network, dilation=1, runtime=Runtime("cpu")), *clip)
    after = complete_all(LearnedCompleter.from_weights(paths, dilation=1, runtime=Runtime("cpu")), *clip)
    assert all(np.allclose(before[t].fw, after[t].fw, atol=0.02) for t in before)


def test_numbers_that_half_precision_cannot_hold_are_refused():
    network = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(network.weight, 1e6)
    with pytest.raises(ValueError, match="weight"):
        export_weights(network, {})
