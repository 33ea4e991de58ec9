import numpy as np
import pytest
import torch

from dfvi_models.device import Runtime
from dfvi_models.errors import ShapeError
from dfvi_models.flownet2 import FlowNet2
from tests.dfvi_models.golden_networks import flownet2, golden, published


def test_every_intermediate_and_the_flow_equal_the_papers_code() -> None:
    """Tolerance 1e-3: float32 noise is 1e-5, the smallest wiring mistake tried moves the flow by 0.037."""
    vectors = golden("flownet2")
    network = flownet2()
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
        seen["out"] = network(torch.from_numpy(vectors["img1"]), torch.from_numpy(vectors["img2"]))
    for hook in hooks:
        hook.remove()
    for name, tensor in seen.items():
        np.testing.assert_allclose(tensor.numpy(), vectors[name], rtol=0, atol=1e-3, err_msg=name)
    assert len(seen) == 6


@pytest.mark.parametrize(("precision", "most"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_half_precision_moves_the_flow_by_less_than_a_twentieth_of_a_pixel(precision: str, most: float) -> None:
    """With the golden weights, whose flows are 5 pixels long on average. Seen: 0.024 and 0.0035 pixels."""
    vectors = golden("flownet2")
    with torch.inference_mode(), Runtime(device="cpu", precision=precision).autocast():  # type: ignore[arg-type]
        flow = flownet2()(torch.from_numpy(vectors["img1"]), torch.from_numpy(vectors["img2"]))
    assert flow.dtype == torch.float32
    assert (flow - torch.from_numpy(vectors["out"])).norm(dim=1).mean() < most


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
