"""Logos: what stands still over a moving picture, opaque or half-transparent, for all of a video or a part of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.overlays.edge_sums import EdgeSums, Plane, edges_of
from dfvi_models.overlays.matte import outlined, standing_out
from dfvi_models.overlays.still_parts import StillPart, still_parts, still_share

SHARES = (8, 5, 3)  # eighths of the time
SHORTEST = 20  # frames in which a logo is looked for: in fewer, what moves slowly seems to stand still
MARGIN = 0.06  # of the shorter side that is looked at around a part for its outline
STAYS = 0.3  # coherence of the edges from which a logo's surface is rebuilt
FAINT_EDGE = 2.5  # grey levels a pixel that such an edge must have
LEAST_CONFIDENCE = 0.6
PRESENT = 0.5  # of a logo's gradients that a frame must show
STEADY = 5  # frames over which presence is smoothed by a median
STILL_CAMERA = 0.35  # share of the texture that stays, from which on nothing can be told


@dataclass(frozen=True)
class Logo:
    """Something that stands still over a moving picture."""

    marked: NDArray[np.bool_]
    """(H, W), True where it is seen."""
    confidence: float
    """0 to 1."""
    box: tuple[int, int, int, int]
    """x, y, width, height around what its edges are known in."""
    across: Plane
    """(height, width, 3), the mean gradient in the box on its edges, else 0; grey levels a pixel."""
    down: Plane
    """(height, width, 3)."""

    def presence(self, frame: NDArray[np.uint8]) -> float:
        """Return how much of the logo a frame shows, about 1 where it is there and 0 where it is not.

        frame  : (H, W, 3) uint8 RGB, of the size of those it was found in.
        Raises : ShapeError if it is of another size.
        """
        if frame.shape[:2] != self.marked.shape:
            raise ShapeError(f"expected a frame of {self.marked.shape}; got {frame.shape[:2]}")
        x, y, wide, high = self.box
        top, left = min(y, 4), min(x, 4)  # pixels around it, which smoothing reaches
        across, down = edges_of(frame[y - top : y + high + 4, x - left : x + wide + 4])
        inner = slice(top, top + high), slice(left, left + wide)
        shown = float((across[inner] * self.across).sum() + (down[inner] * self.down).sum())
        return shown / float((self.across**2).sum() + (self.down**2).sum())


def stands_still(blocks: Sequence[EdgeSums]) -> bool:
    """Return whether so much of the picture stands still that a logo cannot be told from it."""
    return still_share(reduce(add, blocks)) > STILL_CAMERA


def find_logos(blocks: Sequence[EdgeSums]) -> list[Logo]:
    """Return what stands still over a moving picture, the clearest first; what is found does not overlap.

    blocks : sums over neighbouring frames, as sum_in_blocks makes them; a logo may be there in some only.
    Source : ours: edges that stay where those around them do not, over the whole and parts of the time; the surface by
             Poisson's equation, as Dekel et al. (CVPR 2017) rebuild watermarks.
    """
    candidates = [
        (part, sums) for sums in _ranges(blocks) for part in still_parts(sums) if part.confidence > LEAST_CONFIDENCE
    ]
    found: list[Logo] = []
    for part, sums in sorted(candidates, key=lambda candidate: -candidate[0].score):
        if not any((part.edges & _near(known)).any() for known in found):
            logo = _logo(part, sums)
            if logo.marked.any():
                found.append(logo)
    return found


def present_in(presence: Sequence[float]) -> list[tuple[int, int]]:
    """Return from which frame to which, the end not included, a logo is there for at least STEADY frames.

    presence : Logo.presence of each frame.

    >>> present_in([0.1, 0, 0, 0.9, 1, 1, 1.1, 1, 0.9, 0.1, 0, 0])
    [(3, 9)]
    """
    reach = STEADY // 2
    padded = np.pad(np.asarray(presence, np.float64), reach, mode="edge")
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, STEADY), axis=-1)
    steps = np.diff(np.pad((steady > PRESENT).astype(np.int8), 1))
    firsts, stops = (np.flatnonzero(steps == way).tolist() for way in (1, -1))
    return [(first, stop) for first, stop in zip(firsts, stops, strict=True) if stop - first >= STEADY]


def _ranges(blocks: Sequence[EdgeSums]) -> Iterator[EdgeSums]:
    """Yield sums over all blocks, and over some shares of them wherever they lie, where they are long enough."""
    for length in sorted({-(-len(blocks) * share // 8) for share in SHARES}, reverse=True):
        for first in range(len(blocks) - length + 1):
            sums = reduce(add, blocks[first : first + length])
            if sums.count >= SHORTEST:
                yield sums


def _near(logo: Logo) -> NDArray[np.bool_]:
    x, y, wide, high = logo.box
    near = logo.marked.copy()
    near[y : y + high, x : x + wide] = True
    return near


def _logo(part: StillPart, sums: EdgeSums) -> Logo:
    """Rebuild what a part marks from the edges near it that stay."""
    height, width = part.edges.shape
    margin = round(MARGIN * min(height, width))
    x, y, wide, high = part.box
    around = slice(max(y - margin, 0), y + high + margin), slice(max(x - margin, 0), x + wide + margin)
    near = cv2.dilate(part.edges[around].view(np.uint8), np.ones((9, 9), np.uint8)) > 0
    amplitude = sums.amplitude[around]
    stays = sums.coherence()[around] > STAYS * min(1, part.coherence / 0.6)
    still = cv2.dilate((near & stays & (amplitude > FAINT_EDGE)).view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    marked = np.zeros_like(part.edges)
    marked[around] = outlined(standing_out(sums.mean[around], still), amplitude, still)
    box = slice(y, y + high), slice(x, x + wide)
    across, down = (
        np.asarray(total[box] * part.edges[box][..., None] / sums.count, np.float32)
        for total in (sums.across, sums.down)
    )
    return Logo(marked, part.confidence, part.box, across, down)
