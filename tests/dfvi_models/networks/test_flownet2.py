import pytest
import torch

from dfvi_models.errors import ShapeError
from dfvi_models.networks.flownet2 import FlowNet2
from dfvi_models.networks.runtime import Runtime
from tests.dfvi_models.networks.golden_networks import DEVICES, flownet2, placed, published, vectors_on


@pytest.mark.parametrize("device", DEVICES)
def test_every_intermediate_and_the_flow_equal_the_papers_code(device: str) -> None:
    """Tolerance 1e-3: float32 noise is 1e-5, the smallest wiring mistake tried moves the flow by 0.037."""
    vectors = vectors_on(device, "flownet2")
    network = placed(flownet2(), Runtime(device))
    seen = {}
    parts = {"flownetc": "flownetc", "flownets1": "flownets_1", "flownets2": "flownets_2", "flownetsd": "flownets_d"}
    hooks = [
        network.get_submodule(part).register_forward_hook(
            lambda _module, _inputs, out, name=name: seen.update({f"{name}_flow2": out})
        )
        for name, part in parts.items()
    ]
    hooks.append(network.flownetfusion.register_forward_hook(lambda _m, inputs, _o: seen.update(fusion_in=inputs[0])))
    with torch.inference_mode():
        seen["out"] = network(vectors["img1"], vectors["img2"])
    for hook in hooks:
        hook.remove()
    for name, tensor in seen.items():
        torch.testing.assert_close(tensor, vectors[name], rtol=0, atol=1e-3, msg=lambda text, name=name: name + text)
    assert len(seen) == 6


def test_names_and_shapes_are_those_of_the_published_checkpoint() -> None:
    with torch.device("meta"):
        network = FlowNet2()
    assert {key: list(t.shape) for key, t in network.state_dict().items()} == published()["flownet2"]["tensors"]
    assert sum(p.numel() for p in network.parameters()) == 162_518_834


@pytest.mark.parametrize(
    ("a", "b"), [((1, 3, 64, 100), (1, 3, 64, 100)), ((1, 3, 64, 64), (1, 3, 64, 128)), ((3, 64, 64), (3, 64, 64))]
)
def test_sizes_the_network_cannot_take_are_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"64|both"):
        flownet2()(torch.zeros(a), torch.zeros(b))


def test_the_flow_can_be_trained_through_every_part() -> None:
    network = flownet2()
    frames = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255
    network(frames[0], frames[1]).square().mean().backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    network.zero_grad(set_to_none=True)
    assert missing == []
