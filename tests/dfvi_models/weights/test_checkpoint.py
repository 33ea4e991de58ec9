import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from dfvi_models.errors import WeightsError
from dfvi_models.networks.deepfill_net import DeepFill
from dfvi_models.weights.catalogue import NETWORKS
from dfvi_models.weights.checkpoint import add_weights, read_checkpoint, recognise
from dfvi_models.weights.loading import load_network, load_weights
from dfvi_models.weights.network_builders import build_network, compare, expected_shapes
from dfvi_models.weights.store import find_weights, list_weights
from tests.dfvi_models.networks.golden_networks import published

PUBLISHED_FOR = {
    "flownet2": "flownet2",
    "dfc_resnet101": "dfc_resnet101_stage1_33to2",
    "dfc_stage1": "dfc_resnet50multi_stage1_33to2",
    "dfc_stage2": "dfc_resnet50multi_refine_66to4",
    "dfc_stage3": "dfc_resnet50multi_refine_66to4",
    "deepfill": "deepfill_v1",
}


def random_tensors(name: str, *, counters: bool = False) -> "OrderedDict[str, Tensor]":
    """Tensors of the published names and shapes. One random value each: a file of equal content would be no test."""
    random = torch.Generator().manual_seed(len(name))
    return OrderedDict(
        (key, torch.rand(1, generator=random).expand(shape).clone() if shape else torch.tensor(7))
        for key, shape in published()[PUBLISHED_FOR[name]]["tensors"].items()
        if counters or not key.endswith("num_batches_tracked")
    )


def wrapped_as_published(name: str, tensors: dict[str, Tensor]) -> Any:
    if name == "flownet2":
        return {"arch": "FlowNet2", "epoch": 1, "best_EPE": np.float64(1.5), "state_dict": tensors}
    if name == "deepfill":
        return tensors
    model = OrderedDict((f"module.{key}", tensor) for key, tensor in tensors.items())
    return {"n_iter": 200000, "model": model, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4}]}}


@pytest.mark.parametrize("name", PUBLISHED_FOR)
def test_a_file_wrapped_as_published_is_recognised_stored_and_loaded_strictly(name: str, tmp_path: Path) -> None:
    tensors = random_tensors(name)
    file = tmp_path / NETWORKS[name].file
    torch.save(wrapped_as_published(name, tensors), file, _use_new_zipfile_serialization=name != "dfc_stage1")
    folder = tmp_path / "weights"
    note = add_weights(file, folder=folder)
    file.unlink()
    assert note.network == name
    assert note.tensors == len(tensors)
    assert note.parameters == sum(t.numel() for t in tensors.values())
    assert note.source_file == NETWORKS[name].file
    assert NETWORKS[name].published in note.origin
    path = find_weights(name, folder=folder)
    assert path.stem == note.sha256
    assert path.stat().st_size == note.bytes
    network = load_network(name, path)
    loaded = network.state_dict()
    assert set(loaded) == set(tensors)
    assert all(torch.equal(loaded[key], tensor) for key, tensor in tensors.items())
    path.unlink()  # 650 MB; pytest keeps the folders of three runs


def test_counters_of_later_torch_versions_do_not_matter(tmp_path: Path) -> None:
    tensors = random_tensors("dfc_stage1", counters=True)
    torch.save(tensors, tmp_path / "a.pth")
    assert add_weights(tmp_path / "a.pth", folder=tmp_path).network == "dfc_stage1"


def test_the_same_tensors_have_the_same_digest_whatever_their_wrapping(tmp_path: Path) -> None:
    tensors = random_tensors("deepfill")
    torch.save(tensors, tmp_path / "a.pth")
    torch.save({"model": {f"module.{key}": tensors[key] for key in reversed(tensors)}}, tmp_path / "b.pth")
    first, second = (add_weights(tmp_path / file, folder=tmp_path / "w") for file in ("a.pth", "b.pth"))
    assert first.sha256 == second.sha256
    assert first.source_sha256 != second.source_sha256
    assert (first.wrapping, second.wrapping) == ("bare", "model, module.")
    assert [note.source_file for note in list_weights(tmp_path / "w")] == ["b.pth"]


def test_a_stored_file_can_be_added_elsewhere(tmp_path: Path) -> None:
    torch.save(random_tensors("deepfill"), tmp_path / "a.pth")
    first = add_weights(tmp_path / "a.pth", folder=tmp_path / "one")
    again = add_weights(find_weights("deepfill", folder=tmp_path / "one"), folder=tmp_path / "two", origin="a friend")
    assert again.sha256 == first.sha256
    assert again.origin == "a friend"


def test_every_missing_extra_and_misshapen_tensor_is_named(tmp_path: Path) -> None:
    tensors = random_tensors("deepfill")
    del tensors["stage_1.up.out.8.conv.0.bias"], tensors["stage_1.up.out.7.conv.0.bias"]
    tensors["stage_3.weight"] = torch.zeros(1)
    tensors["stage_2.up.out.8.conv.0.weight"] = torch.zeros(3, 16, 5, 5)
    found = compare(tensors, expected_shapes("deepfill"))
    assert found.missing == ["stage_1.up.out.7.conv.0.bias", "stage_1.up.out.8.conv.0.bias"]
    assert found.extra == ["stage_3.weight"]
    torch.save(tensors, tmp_path / "a.pth")
    with pytest.raises(WeightsError) as caught:
        add_weights(tmp_path / "a.pth", folder=tmp_path)
    assert str(caught.value) == (
        "the tensors fit no network; nearest is deepfill, with 2 missing: stage_1.up.out.7.conv.0.bias, "
        "stage_1.up.out.8.conv.0.bias; 1 extra: stage_3.weight; 1 of another shape: "
        "stage_2.up.out.8.conv.0.weight (expected (3, 16, 3, 3), got (3, 16, 5, 5))"
    )
    assert list_weights(tmp_path) == []


def test_tensors_of_no_network_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"none of the networks .*flownet2.*first: fc\.weight"):
        recognise({"fc.weight": torch.zeros(1)})


def test_a_file_for_two_stages_needs_its_published_name_or_a_word(tmp_path: Path) -> None:
    torch.save(random_tensors("dfc_stage2"), tmp_path / "mine.pth")
    with pytest.raises(WeightsError, match=r"fits dfc_stage2 and dfc_stage3; say which"):
        add_weights(tmp_path / "mine.pth", folder=tmp_path)
    with pytest.raises(WeightsError, match="does not fit flownet2"):
        add_weights(tmp_path / "mine.pth", network="flownet2", folder=tmp_path)
    for network in ("dfc_stage2", "dfc_stage3"):
        add_weights(tmp_path / "mine.pth", network=network, folder=tmp_path)
        assert find_weights(network, folder=tmp_path)


class Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_pickle_is_refused_and_not_run(zipped: bool, tmp_path: Path) -> None:
    content = {"state_dict": random_tensors("deepfill"), "epoch": Malicious(tmp_path / "broken-in")}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match="Nothing of it was run"):
        add_weights(tmp_path / "a.pth", folder=tmp_path)
    assert not (tmp_path / "broken-in").exists()
    with (tmp_path / "b.pth").open("wb") as file:
        pickle.dump(Malicious(tmp_path / "broken-in"), file, protocol=2)
    with pytest.raises(WeightsError):
        read_checkpoint(tmp_path / "b.pth")
    assert not (tmp_path / "broken-in").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 torn"])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_damaged_file_is_an_error_that_names_it(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        read_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1, 2], "got list"),
        ({}, "got the keys"),
        ({"state_dict": {}}, "got the keys"),
        ({"a": torch.zeros(1), "lr": 0.1}, "these are none: lr"),
        ({3: torch.zeros(1)}, "these are none: 3"),
        ({"a": torch.zeros(1, device="meta")}, "these are none: a"),
        ({"a": torch.eye(2).to_sparse()}, "these are none: a"),
        ({"a": torch.zeros(1, dtype=torch.complex64)}, "these are none: a"),
    ],
)
def test_a_file_without_named_tensors_is_refused(content: object, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=said):
        read_checkpoint(tmp_path / "a.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no file .*a\.pth"):
        read_checkpoint(tmp_path / "a.pth")


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    tensors = random_tensors("deepfill")
    tensors["stage_1.up.out.8.conv.0.bias"][1] = float("nan")
    torch.save(tensors, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"not finite, in: stage_1\.up\.out\.8"):
        add_weights(tmp_path / "a.pth", folder=tmp_path)


def test_a_stored_file_that_was_damaged_is_not_loaded(tmp_path: Path) -> None:
    torch.save(random_tensors("deepfill"), tmp_path / "a.pth")
    add_weights(tmp_path / "a.pth", folder=tmp_path)
    path = find_weights("deepfill", folder=tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(DeepFill(), path)


def test_weights_of_another_network_are_not_loaded(tmp_path: Path) -> None:
    torch.save(random_tensors("deepfill"), tmp_path / "a.pth")
    add_weights(tmp_path / "a.pth", folder=tmp_path)
    with pytest.raises(WeightsError, match=r"does not fit Linear: 2 missing: weight, bias; 84 extra"):
        load_weights(torch.nn.Linear(1, 1), find_weights("deepfill", folder=tmp_path))


def test_an_unknown_network_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="pwcnet"):
        build_network("pwcnet")


def test_half_precision_stays_half_in_the_store_and_is_loaded_as_single(tmp_path: Path) -> None:
    tensors = {key: tensor.half() for key, tensor in random_tensors("dfc_stage1").items()}
    file = tmp_path / "dfc_stage1.safetensors"
    save_file(tensors, file)
    note = add_weights(file, folder=tmp_path / "stored")
    assert note.bytes < 2.1 * note.parameters
    network = load_network("dfc_stage1", find_weights("dfc_stage1", folder=tmp_path / "stored"))
    assert all(tensor.dtype == torch.float32 for tensor in network.state_dict().values())
    assert torch.equal(network.state_dict()["conv1.weight"], tensors["conv1.weight"].float())
