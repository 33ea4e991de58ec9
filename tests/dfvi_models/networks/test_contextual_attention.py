import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dfvi_models.errors import ShapeError
from dfvi_models.networks.contextual_attention import contextual_attention


def whole_matrix(features: Tensor, small_hole: Tensor) -> Tensor:
    """The same for one picture with the whole score matrix at once, step by step as the reference describes it."""
    height, width = small_hole.shape[2:]
    thin = features[..., ::2, ::2]
    keys = F.unfold(thin, 3, padding=1)[0].T
    values = F.unfold(features, 4, padding=1, stride=2)[0].T.reshape(-1, features.shape[1], 4, 4)
    usable = (F.unfold(small_hole, 3, padding=1)[0].mean(0) == 0).float()
    kernels = (keys / keys.norm(dim=1, keepdim=True).clamp(min=1e-4)).reshape(-1, features.shape[1], 3, 3)
    scores = F.conv2d(thin, kernels, padding=1)[0].reshape(-1, height * width).T  # queries x patches

    def transpose(matrix: Tensor, h: int, w: int) -> Tensor:
        return matrix.reshape(h, w, h, w).permute(1, 0, 3, 2).reshape(h * w, h * w)

    for _ in range(2):
        scores = F.conv2d(scores[None, None], torch.eye(3)[None, None], padding=1)[0, 0]
        scores = transpose(scores, height, width)
        height, width = width, height
    weights = torch.softmax(10 * scores * usable, dim=1) * usable
    grid = weights.T.reshape(1, -1, height, width)
    return F.conv_transpose2d(grid, values, stride=2, padding=1) / 4


@pytest.mark.parametrize("size", [(4, 6), (7, 5), (1, 5), (5, 1), (2, 2)])
@pytest.mark.parametrize("score_bytes", [1, 3000, 2**30])
def test_blocks_of_any_size_give_what_the_whole_matrix_gives(size: tuple[int, int], score_bytes: int) -> None:
    random = torch.Generator().manual_seed(sum(size))
    features = torch.rand(1, 3, 2 * size[0], 2 * size[1], generator=random)
    hole = torch.zeros(1, 1, *size)
    hole[..., 0, 0] = 1
    found = contextual_attention(features, hole, score_bytes=score_bytes)
    torch.testing.assert_close(found, whole_matrix(features, hole), rtol=0, atol=1e-5)


def test_a_hole_everywhere_leaves_nothing_to_copy() -> None:
    features = torch.rand(1, 2, 8, 8)
    assert torch.equal(contextual_attention(features, torch.ones(1, 1, 4, 4)), torch.zeros_like(features))


def test_a_hole_takes_no_feature_from_itself() -> None:
    """Known features are 1, those in the hole 100: nothing above 1 may come back (patches overlap 4 times / 4)."""
    features = torch.ones(1, 1, 24, 24)
    hole = torch.zeros(1, 1, 12, 12)
    hole[..., 5:7, 5:7] = 1
    features[..., 10:14, 10:14] = 100
    assert contextual_attention(features, hole).max() <= 1 + 1e-5


def test_odd_sizes_and_other_holes_are_refused() -> None:
    with pytest.raises(ShapeError, match="even"):
        contextual_attention(torch.zeros(1, 1, 5, 4), torch.zeros(1, 1, 2, 2))
    with pytest.raises(ShapeError, match="small hole"):
        contextual_attention(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
