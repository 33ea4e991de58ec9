"""Where the known pixels around a hole differ from what other frames show at the same place, all in the same way.

A shadow that goes with what is removed darkens what lies beneath it and keeps its texture; the blurred edge of a thing
is anything at all, but lies close to the hole. Everything is looked at on the working grid of `registration.views`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.compiled import compiled

EDGE_REACH = 5
"""Working pixels around the hole in which any difference may be the thing's own blurred edge."""

SMALLEST_DIFFERENCE = 3.5  # grey levels
SPREAD_QUANTILE = 0.75  # of the differences farther out, which nothing that is removed can explain
SHADE_DIFFERENCE = 0.06  # of the logarithm of brightness
FAINT_DIFFERENCE, FAINT_QUANTILE, FAINT_SHADE = 2.0, 0.5, 0.03
"""The same three where a shadow fades out: enough beside what is surely shaded, too little to begin with."""
LARGEST_TINT = 0.35  # between the channels of that logarithm: a shadow has little colour of its own
SHADE_SIGMA = 0.9  # working pixels over which brightness is averaged
TEXTURE_SIDE = 5  # working pixels: what is narrower is texture
TEXTURE_SIGMA = 2.0  # working pixels over which it is averaged
TEXTURE_SHARE = 1.0  # of the texture's own spread by which a shadow may change it
FEWEST_FRAMES = 2  # that must show a pixel
SHARE_AGREEING = 0.7  # of these frames that must differ alike
DARKEST = 8.0  # grey levels added before the logarithm
SOFTNESS = 0.7  # working pixels: sigma that hides what sampling another frame softens
VOTE_WINDOW = 5  # working pixels over which pixels vote


@dataclass(frozen=True)
class Shown:
    """What one other frame shows around the hole."""

    colour: NDArray[np.uint8]
    """(h, w, 3) RGB, brought to the grid of the frame with the hole."""
    usable: NDArray[np.bool_]
    """(h, w) where it shows the scene, clear of its own hole and of what may lie around that."""


class Differing(NamedTuple):
    """What is known of the surroundings of a hole; all (h, w) bool, False in the hole."""

    shaded: NDArray[np.bool_]
    """A darker copy of what other frames show: a shadow that goes with what is removed."""
    doubtful: NDArray[np.bool_]
    """A fainter shadow, or any difference close to the hole; by chance, this is found beside clean holes as well."""
    judged: NDArray[np.bool_]
    """Enough other frames show something to tell."""


def differing(
    colour: NDArray[np.uint8], distance: NDArray[np.float32], reach: float, shown: Sequence[Shown]
) -> Differing:
    """Return where the surroundings of a hole differ from what other frames show, as a shadow or an edge would.

    colour   : (h, w, 3) uint8, the frame with the hole.
    distance : (h, w) pixels to the hole; 0 in it.
    reach    : pixels around the hole that are judged. What lies up to twice as far tells what differs by chance.
    shown    : what other frames show.
    Returns  : Differing; what is not connected to the hole counts as well.
    """
    looked_at = np.asarray((distance > 0) & (distance <= 2 * reach), np.bool_)
    near = np.asarray(looked_at & (distance <= reach), np.bool_)
    if len(shown) < FEWEST_FRAMES or not near.any():
        return Differing(*np.zeros((3, *distance.shape), np.bool_))
    alike = [_with_exposure_of(colour, one, np.asarray(distance > reach, np.bool_)) for one in shown]
    usable = np.stack([one.usable[looked_at] for one in shown])
    known = np.asarray(distance > 0, np.bool_)
    own = _mean(colour, known, SOFTNESS)
    outside = np.stack([_outside(own, one)[looked_at] for one in alike])
    apart, median = _agreed(outside, np.stack([one[looked_at] for one in alike]), usable)
    size, judged, lit = np.zeros(distance.shape, np.float32), np.zeros(distance.shape, np.bool_), own.copy()
    size[looked_at] = np.abs(apart).max(axis=1)
    judged[looked_at] = usable.sum(axis=0) >= FEWEST_FRAMES
    lit[looked_at] = np.where(usable.sum(axis=0)[:, None] > 0, median, lit[looked_at])
    shade = _Shade.of(own, lit, known)
    far = size[judged & ~near]
    differs, slightly = (
        near & (size > max(least, float(np.quantile(far, quantile)) if len(far) else 0.0))
        for least, quantile in ((SMALLEST_DIFFERENCE, SPREAD_QUANTILE), (FAINT_DIFFERENCE, FAINT_QUANTILE))
    )
    shaded = _voted(differs & shade.darker_than(SHADE_DIFFERENCE), near)
    faint = _voted(slightly & shade.darker_than(FAINT_SHADE), near)
    edge = _voted(differs & (distance <= EDGE_REACH), near)
    return Differing(shaded, np.asarray(faint | edge, np.bool_), judged & near)


def _voted(found: NDArray[Any], among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where more than half of the pixels around were found."""
    share, of = (cv2.boxFilter(one.astype(np.float32), -1, (VOTE_WINDOW, VOTE_WINDOW)) for one in (found, among))
    return np.asarray(among & (share > 0.5 * of), np.bool_)


def _with_exposure_of(colour: NDArray[np.uint8], one: Shown, clear: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The other frame's colours, each channel shifted so that half of the pixels clear of the hole are darker."""
    both = clear & one.usable
    other = np.asarray(cv2.GaussianBlur(one.colour, (0, 0), SOFTNESS), np.float32)
    if not both.any():
        return other
    return np.asarray(other + np.median(colour[both] - other[both], axis=0), np.float32)


def _mean(values: NDArray[Any], known: NDArray[np.bool_], sigma: float) -> NDArray[np.float32]:
    """Weighted mean around each pixel of what is known; what stands in the hole is not mixed in."""
    share = known.astype(np.float32)
    planes = values * (share[..., None] if values.ndim == 3 else share)
    weight = np.maximum(cv2.GaussianBlur(share, (0, 0), sigma), 1e-3)
    total = np.asarray(cv2.GaussianBlur(planes.astype(np.float32), (0, 0), sigma))
    return np.asarray(total / (weight[..., None] if values.ndim == 3 else weight), np.float32)


def _outside(own: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far colours lie above (positive) or below what the other frame shows within a pixel of the same place."""
    square = np.ones((3, 3), np.uint8)
    above, below = own - cv2.dilate(other, square), own - cv2.erode(other, square)
    return np.asarray(np.maximum(above, 0) + np.minimum(below, 0), np.float32)


@dataclass(frozen=True)
class _Shade:
    """How a picture would have to be shaded to look like another one, at each pixel."""

    darker: NDArray[np.float32]
    """(h, w) logarithm of the channel that is darkened least; negative where all of them are."""
    tint: NDArray[np.float32]
    """(h, w) between the channels of that logarithm."""
    changed: NDArray[np.float32]
    """(h, w) by which its texture differs more than the other picture's own varies."""

    @classmethod
    def of(cls, own: NDArray[np.float32], lit: NDArray[np.float32], known: NDArray[np.bool_]) -> "_Shade":
        dark, bright = (np.log(np.maximum(one, 0) + DARKEST) for one in (own, lit))
        mean = _mean(dark - bright, known, SHADE_SIGMA)
        change, texture = (_spread(one.mean(axis=2), known) for one in (dark - bright, bright))
        return cls(mean.max(axis=2), mean.max(axis=2) - mean.min(axis=2), change - TEXTURE_SHARE * texture)

    def darker_than(self, by: float) -> NDArray[np.bool_]:
        """Where one picture is a copy of the other that is darker by so much."""
        return np.asarray((self.darker < -by) & (self.tint < LARGEST_TINT) & (self.changed < by), np.bool_)


def _spread(plane: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Standard deviation around each pixel of what is narrower than TEXTURE_SIDE pixels; edges are no texture."""
    detail = plane - np.asarray(cv2.medianBlur(plane, TEXTURE_SIDE), np.float32)
    return np.asarray(np.sqrt(_mean(detail * detail, known, TEXTURE_SIGMA)), np.float32)


@compiled
def _agreed(
    outside: NDArray[np.float32], values: NDArray[np.float32], usable: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return by how much SHARE_AGREEING of the frames differ at least, in one direction, and their median colour.

    outside, values : (K, N, 3); usable: (K, N). Both results are (N, 3), 0 where too few frames are usable.
    """
    most, count = usable.shape
    apart, median = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    sorted_values = np.zeros((2, most), np.float32)
    for n in range(count):
        for c in range(3):
            held = 0
            for k in range(most):
                if not usable[k, n]:
                    continue
                for row in range(2):
                    value = outside[k, n, c] if row == 0 else values[k, n, c]
                    at = held
                    while at > 0 and sorted_values[row, at - 1] > value:
                        sorted_values[row, at] = sorted_values[row, at - 1]
                        at -= 1
                    sorted_values[row, at] = value
                held += 1
            if held == 0:
                continue
            median[n, c] = sorted_values[1, held // 2]
            if held < FEWEST_FRAMES:
                continue
            other = int((1.0 - SHARE_AGREEING) * (held - 1))
            if sorted_values[0, other] > 0.0:
                apart[n, c] = sorted_values[0, other]
            elif sorted_values[0, held - 1 - other] < 0.0:
                apart[n, c] = sorted_values[0, held - 1 - other]
    return apart, median
