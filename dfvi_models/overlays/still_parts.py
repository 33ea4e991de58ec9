"""Parts of a picture whose edges stay while those around them move: what a logo is, before anything is known of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.overlays.edge_sums import EdgeSums, Plane

LEVELS = (0.95, 0.9, 0.8, 0.65, 0.5, 0.35)
"""Of coherence: edges above a level are a part where those around them are below it."""

EDGE = 4.0  # grey levels a pixel of a mean gradient that counts
TEXTURE = 4.0  # grey levels a pixel of a gradient that shows whether the picture moves
JOINED = 0.03  # of the shorter side: still edges as near as this to one another are one part
FRINGE = 4  # pixels around a part that belong neither to it nor to its surroundings
AROUND = 0.12  # of the shorter side that is looked at around a part
LEAST_EDGES = 30  # pixels
LARGEST = 0.15  # of the frame that the box around a part may have
LEAST_COHERENCE = 0.45  # median on the edges
LEAST_ROUNDNESS = 0.3
STILL_AROUND = 0.1  # of the texture around a part that may stay too
STILL_ELSEWHERE = 0.02  # of the texture of the whole frame that may stay too
BAR = 0.6  # of a row or column that stays: the edge of a black bar

Hole = NDArray[np.bool_]


@dataclass(frozen=True)
class StillPart:
    """Edges that stay where others move."""

    edges: Hole
    """(H, W), True on them."""
    box: tuple[int, int, int, int]
    """x, y, width, height around them, pixels."""
    coherence: float
    """Median on the edges."""
    still_around: float
    """Share of the texture near it that stays as well as it does."""
    still_elsewhere: float
    """Share of the texture of the frame that stays as well as it does."""
    roundness: float
    """0 if its edges all run in one direction, 1 if in all directions alike. Where the camera pans, edges along its way
    seem to stay."""

    @property
    def confidence(self) -> float:
        """Return 0 to 1: how far it is from what is no logo."""
        surely = (
            (self.coherence - 0.3) / 0.4,
            self.roundness / 0.6,
            1 - self.still_around / (2 * STILL_AROUND),
            1 - self.still_elsewhere / (2 * STILL_ELSEWHERE),
        )
        return float(np.clip(np.prod(np.clip(surely, 0, 1)), 0.01, 0.99))

    @property
    def score(self) -> float:
        """Return what the better of two parts in one place has more of: confidence, and edges."""
        return self.confidence * float(np.sqrt(np.count_nonzero(self.edges)))


def still_share(sums: EdgeSums) -> float:
    """Return the share of the texture of the frame that stays: near 1 before a still camera."""
    textured = sums.strength > TEXTURE
    return float((sums.coherence()[textured] > LEVELS[3]).mean()) if textured.any() else 1.0


def still_parts(sums: EdgeSums) -> list[StillPart]:
    """Return parts whose edges stay while the picture around them and elsewhere moves.

    One that is found at several levels comes several times, larger at the lower ones. Edges of black bars are none.
    """
    coherence, edge, texture = sums.coherence(), sums.amplitude > EDGE, sums.strength > TEXTURE
    bars = _bars(edge & (coherence > LEVELS[1]))
    edge, texture = np.asarray(edge & ~bars, np.bool_), np.asarray(texture & ~bars, np.bool_)
    return [part for level in LEVELS for part in _parts_at(level, sums, coherence, edge, texture) if _stands_out(part)]


def _stands_out(part: StillPart) -> bool:
    return (
        part.coherence >= LEAST_COHERENCE
        and part.roundness >= LEAST_ROUNDNESS
        and part.still_around <= STILL_AROUND
        and part.still_elsewhere <= STILL_ELSEWHERE
    )


def _bars(still: Hole) -> Hole:
    """Rows and columns of which most stays, and those beside them."""
    lines = [still.mean(axis=1) > BAR, still.mean(axis=0) > BAR]
    rows, columns = (np.convolve(line, np.ones(5), "same") > 0 for line in lines)
    return np.asarray(rows[:, None] | columns[None], np.bool_)


def _parts_at(level: float, sums: EdgeSums, coherence: Plane, edge: Hole, texture: Hole) -> Iterator[StillPart]:
    """The parts above one level of coherence, if they are neither tiny nor large."""
    shorter = min(edge.shape)
    still = np.asarray(edge & (coherence > level), np.bool_)
    stays = np.asarray(texture & (coherence > level), np.bool_)
    side = max(3, round(JOINED * shorter)) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    joined = cv2.morphologyEx(still.view(np.uint8), cv2.MORPH_CLOSE, disc)
    count, label, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    for number in range(1, count):
        x, y, wide, high, _ = map(int, stats[number])
        edges = np.asarray((label == number) & still, np.bool_)
        if np.count_nonzero(edges) < LEAST_EDGES or wide * high > LARGEST * edge.size:
            continue
        distance = np.asarray(cv2.distanceTransform((label != number).view(np.uint8), cv2.DIST_L2, 3))
        beyond = np.asarray(distance > FRINGE, np.bool_)
        around = np.asarray(beyond & (distance < AROUND * shorter), np.bool_)
        yield StillPart(
            edges,
            (x, y, wide, high),
            float(np.median(coherence[edges])),
            _share(stays & around, texture & around),
            _share(stays & beyond, texture & beyond),
            _roundness(sums, edges),
        )


def _share(some: Hole, of: Hole) -> float:
    """What is not textured tells nothing: nothing of it stays."""
    return float(np.count_nonzero(some)) / max(float(np.count_nonzero(of)), 1.0)


def _roundness(sums: EdgeSums, edges: Hole) -> float:
    """The smaller eigenvalue of the mean gradients' structure tensor as a share of the larger."""
    across, down = sums.across[edges].ravel(), sums.down[edges].ravel()
    squares, other, mixed = float(across @ across), float(down @ down), float(across @ down)
    root = float(np.hypot(squares - other, 2 * mixed))
    return (squares + other - root) / (squares + other + root + 1e-6)
