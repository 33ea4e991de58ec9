"""Contextual attention: rebuilds features in the hole from patches outside it. Bounded memory at any image size.

Source: Yu et al., arXiv:1801.07892, section 4, with the numbers of DeepFill v1: rate 2, 3x3 keys, 4x4 values, fusion
over 3 neighbours, softmax scale 10. Features are thinned by x[::2, ::2], as in the authors' own code.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from dfvi_models.errors import ShapeError

SOFTMAX_SCALE = 10.0
LEAST_NORM = 1e-4  # of a key: an empty patch must not be divided by zero
SCORE_BYTES = 192 * 2**20  # budget of one block of scores; about four are alive at a time


@torch.compiler.disable  # type: ignore[untyped-decorator]  # its blocks' sizes depend on hole and image
def contextual_attention(features: Tensor, small_hole: Tensor, *, score_bytes: int = SCORE_BYTES) -> Tensor:
    """Return features rebuilt as weighted sums of their own patches that touch no hole.

    features    : (B, C, H, W) float, H and W even.
    small_hole  : (B, 1, H/2, W/2): nonzero = hole.
    score_bytes : memory for one block of the (HW/4) x (HW/4) score matrix, which is never held as a whole.
    Returns     : (B, C, H, W) float32.
    Raises      : ShapeError if the shapes do not fit.
    """
    height, width = features.shape[-2:]
    if features.ndim != 4 or height % 2 or width % 2:
        raise ShapeError(f"features must be (B, C, H, W) with even H and W; got {tuple(features.shape)}")
    if small_hole.shape != (features.shape[0], 1, height // 2, width // 2):
        raise ShapeError(
            f"small hole must be {(features.shape[0], 1, height // 2, width // 2)}; got {tuple(small_hole.shape)}"
        )
    with torch.autocast(features.device.type, enabled=False):
        rebuilt = [_rebuild(f[None], h[None], score_bytes) for f, h in zip(features.float(), small_hole, strict=True)]
    return torch.cat(rebuilt)


def _rebuild(features: Tensor, small_hole: Tensor, score_bytes: int) -> Tensor:
    """Rebuild the features of one image; patches are numbered row by row on the (h, w) grid of the thinned features."""
    size = small_hole.shape[2:]
    patches = F.pad(F.unfold(features[..., ::2, ::2], 3, padding=1)[0], (0, 1))  # (9C, P + 1), the last one of zeros
    scale = 1 / patches[:, :-1].norm(dim=0).clamp(min=LEAST_NORM)
    values = F.unfold(features, 4, padding=1, stride=2)[0].T  # (P, 16C)
    usable = (F.max_pool2d((small_hole != 0).float(), 3, 1, padding=1) == 0).flatten()  # outside counts as known
    rebuilt = torch.empty_like(values)
    for columns in _column_blocks(size, score_bytes):
        scores = _fused_scores(patches, scale, size, columns) * usable
        weights = torch.softmax(SOFTMAX_SCALE * scores, dim=1) * usable  # unusable ones still count, with score 0
        numbers = _column_numbers(size, columns, patches.device)
        rebuilt[numbers] = weights @ values
    return F.fold(rebuilt.T[None], features.shape[2:], 4, padding=1, stride=2) / 4


def _column_blocks(size: torch.Size, score_bytes: int) -> list[range]:
    """Return blocks of whole columns of queries, as many as the budget allows with the columns their fusion reads."""
    height, width = size
    per_column = height * height * width * 4
    count = max(1, score_bytes // per_column - 4)
    return [range(x, min(x + count, width)) for x in range(0, width, count)]


def _column_numbers(size: torch.Size, columns: range, device: torch.device) -> Tensor:
    """Return the patch numbers of whole columns, column by column."""
    height, width = size
    rows = torch.arange(height, device=device) * width
    return (torch.arange(columns.start, columns.stop, device=device)[:, None] + rows).flatten()


def _fused_scores(patches: Tensor, scale: Tensor, size: torch.Size, columns: range) -> Tensor:
    """Return the scores of the queries in `columns`, summed with those of neighbours that are displaced alike.

    The reference does it with a 3x3 identity kernel on the matrix queries x patches: once with both numbered row by
    row, once column by column. A neighbour is thus the next *number*: past the end of a row comes the start of the
    next one. `patches` ends in one of zeros, for neighbours that do not exist; `scale` makes keys of length 1.
    Returns (queries column by column, patches row by row).
    """
    height, width = size
    count = height * width
    by_column = torch.arange(columns.start * height - 1, columns.stop * height + 1, device=patches.device)
    exists = (by_column >= 0) & (by_column < count)
    here = by_column % height * width + by_column // height
    neighbours = torch.stack([torch.where(exists & (n >= 0), n, count) for n in (here - 1, here, here + 1)])
    wanted, place = torch.unique(neighbours, return_inverse=True)
    raw = (patches[:, wanted].T @ patches[:, :-1]).mul_(scale)
    fused = _add_diagonally(*(raw[rows] for rows in place))
    fused = fused.reshape(-1, height, width).transpose(1, 2).reshape(-1, count)  # patches column by column
    fused = _add_diagonally(fused[:-2], fused[1:-1].clone(), fused[2:])
    return fused.reshape(-1, width, height).transpose(1, 2).reshape(-1, count)


def _add_diagonally(before: Tensor, here: Tensor, after: Tensor) -> Tensor:
    """Return here[q, p] + before[q, p-1] + after[q, p+1], computed in place; what lies outside adds nothing."""
    here[:, 1:] += before[:, :-1]
    here[:, :-1] += after[:, 1:]
    return here
