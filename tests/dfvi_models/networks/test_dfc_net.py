import pytest
import torch
from torch import nn

from dfvi_models.errors import ShapeError
from dfvi_models.networks.dfc_net import DfcNet, FrozenNorm
from dfvi_models.networks.runtime import Runtime
from tests.dfvi_models.networks.golden_networks import DEVICES, dfc, placed, published, vectors_on

FILES = {
    ("resnet101", 1): ("dfc_resnet101_stage1", "dfc_resnet101_stage1_33to2", 42_598_402),
    ("resnet50", 1): ("dfc_resnet50multi_stage1", "dfc_resnet50multi_stage1_33to2", 37_004_930),
    ("resnet50", 2): ("dfc_resnet50multi_refine", "dfc_resnet50multi_refine_66to4", 37_108_676),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("kind", "files"), FILES.items())
def test_each_subnetwork_equals_the_papers_code(
    kind: tuple[str, int], files: tuple[str, str, int], device: str
) -> None:
    """Tolerance 1e-3: float32 noise is 2.5e-5, the smallest mistake tried moves the flow by 0.5."""
    vectors = vectors_on(device, files[0])
    network = placed(dfc(*kind), Runtime(device))
    seen = []
    hook = network.get_submodule("layer4").register_forward_hook(lambda _m, _inputs, out: seen.append(out))
    with torch.inference_mode():
        flow = network(vectors["x"])
    hook.remove()
    torch.testing.assert_close(flow, vectors["out"], rtol=0, atol=1e-3)
    assert list(seen[0].shape) == vectors["layer4_shape"].tolist()
    torch.testing.assert_close(seen[0].mean(dim=1), vectors["layer4_mean_over_channels"], rtol=0, atol=1e-3)


@pytest.mark.parametrize(("kind", "files"), FILES.items())
def test_names_and_shapes_are_those_of_the_published_checkpoint(
    kind: tuple[str, int], files: tuple[str, str, int]
) -> None:
    with torch.device("meta"):
        network = DfcNet(kind[0], maps=kind[1])
    tensors = published()[files[1]]["tensors"]
    expected = {key: shape for key, shape in tensors.items() if not key.endswith("num_batches_tracked")}
    assert {key: list(t.shape) for key, t in network.state_dict().items()} == expected
    assert sum(p.numel() for p in network.parameters()) == files[2]


def test_the_pool_rounds_up_as_in_the_paper() -> None:
    """240 x 424 -> 61 x 107 after the pool -> 31 x 54 in layers 2 to 4."""
    with torch.device("meta"):
        network = DfcNet("resnet50")
        seen = []
        network.get_submodule("layer4").register_forward_hook(lambda _m, _inputs, out: seen.append(out.shape))
        network.layer5 = nn.Module()  # the head is of no interest here
        network.layer5.forward = lambda features, _size: features
        network(torch.empty(2, 33, 240, 424))
    assert seen[0][2:] == (31, 54)


def test_normalisation_stays_frozen_in_training() -> None:
    norm = FrozenNorm(2).train()
    x = torch.randn(4, 2, 3, 3)
    torch.testing.assert_close(norm(x), x / (1 + 1e-5) ** 0.5)
    assert torch.equal(norm.running_mean, torch.zeros(2))
    assert not any(p.requires_grad for p in norm.parameters())


@pytest.mark.parametrize("size", [(8, 8), (9, 23), (41, 57)])
def test_odd_and_small_sizes_keep_their_size(size: tuple[int, int]) -> None:
    with torch.inference_mode():
        assert dfc("resnet50", 2)(torch.zeros(1, 66, *size)).shape == (1, 4, *size)


def test_other_stacks_and_backbones_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"66.*33"):
        dfc("resnet50", 2)(torch.zeros(1, 33, 16, 16))
    with pytest.raises(ShapeError, match="H >= 8"):
        dfc("resnet50", 2)(torch.zeros(1, 66, 4, 16))
    with pytest.raises(ValueError, match="vgg"):
        DfcNet("vgg")


@pytest.mark.parametrize("maps", [1, 2])
def test_the_compact_network_adds_to_the_flow_it_is_given_however_fast_it_and_the_camera_are(maps: int) -> None:
    torch.manual_seed(0)
    network = DfcNet("compact", maps=maps, norm=nn.BatchNorm2d).eval()
    stack, camera = torch.randn(2, maps, 11, 3, 16, 24), torch.tensor([3.0, -2.0, 0.0])[:, None, None]
    with torch.inference_mode():
        still, moving = (network(one.flatten(1, 3)) for one in (stack, stack + camera))
        torch.testing.assert_close(moving - still, camera[:2].repeat(maps, 1, 1).expand_as(still), atol=1e-4, rtol=0)
        fast = torch.tensor([100.0, 100.0, 1.0])[:, None, None]
        once, twice = (
            network((stack * one).flatten(1, 3)) for one in (fast, fast * torch.tensor([2.0, 2, 1])[:, None, None])
        )
        torch.testing.assert_close(twice, 2 * once, atol=0.01, rtol=1e-2)
        nn.init.zeros_(network.layer5.conv3.weight)
        nn.init.zeros_(network.layer5.conv3.bias)
        assert torch.equal(network(stack.flatten(1, 3)), stack[:, :, 5, :2].flatten(1, 2))
