import pytest
import torch

from dfvi_models.errors import ShapeError
from dfvi_models.networks.deepfill_net import DeepFill
from dfvi_models.networks.runtime import Runtime
from tests.dfvi_models.networks.golden_networks import DEVICES, deepfill, placed, published, vectors_on


@pytest.mark.parametrize("device", DEVICES)
def test_both_stages_and_the_attention_equal_the_papers_code(device: str) -> None:
    """Tolerance 1e-3: float32 noise is 1e-5, the smallest mistake tried moves a pixel by 0.06."""
    vectors = vectors_on(device, "deepfill")
    network = placed(deepfill(), Runtime(device))
    seen = []
    hook = network.stage_2.CAttn.register_forward_hook(lambda _m, inputs, _out: seen.append(inputs[0]))
    with torch.inference_mode():
        coarse, refined = network(vectors["x"], vectors["mask"][None, None])
    hook.remove()
    for result, name in ((coarse, "coarse"), (refined, "refined"), (seen[0], "attn_before_convs")):
        torch.testing.assert_close(result, vectors[name], rtol=0, atol=1e-3, msg=lambda text, name=name: name + text)


def test_names_and_shapes_are_those_of_the_published_checkpoint() -> None:
    network = DeepFill()
    assert {key: list(t.shape) for key, t in network.state_dict().items()} == published()["deepfill_v1"]["tensors"]
    assert sum(p.numel() for p in network.parameters()) == 3_601_542


def test_what_stands_in_the_hole_is_not_looked_at() -> None:
    random = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 32, 40, generator=random) * 2 - 1
    hole = torch.zeros(1, 1, 32, 40)
    hole[..., 8:20, 10:30] = 1
    with torch.inference_mode():
        one = deepfill()(picture, hole)[1]
        other = deepfill()(torch.where(hole == 1, torch.rand(picture.shape, generator=random), picture), hole)[1]
    assert torch.equal(one, other)


def test_pictures_of_a_batch_do_not_influence_each_other() -> None:
    """The reference takes the hole of the first picture of a batch for all."""
    random = torch.Generator().manual_seed(0)
    pictures = torch.rand(2, 3, 32, 32, generator=random) * 2 - 1
    holes = torch.zeros(2, 1, 32, 32)
    holes[0, :, :16], holes[1, :, :, 8:24] = 1, 1
    with torch.inference_mode():
        together = deepfill()(pictures, holes)[1]
        alone = torch.cat([deepfill()(pictures[k : k + 1], holes[k : k + 1])[1] for k in range(2)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shapes", [((1, 3, 32, 36), (1, 1, 32, 36)), ((1, 3, 32, 32), (1, 1, 32, 40))])
def test_sizes_the_network_cannot_take_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ShapeError, match=r"8|hole"):
        deepfill()(*(torch.zeros(shape) for shape in shapes))
