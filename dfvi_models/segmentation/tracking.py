"""Tracking an object through a shot from frames in which it is given: forwards, backwards, and between two of them."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.protocols import Frames
from dfvi_models.segmentation.distance import overlap, signed_distance
from dfvi_models.segmentation.following import Followed, Look, Motion, ObjectFollower

MARKED = 127
"""A pixel is the object where its share, 0 to 255, is above it."""
FORGOTTEN = 25.0  # frames after which a track is half as trusted as where it began
SHAPE_REACH = 20.0  # pixels up to which distances from two outlines are averaged
SOFT = 2.0  # pixels over which a share rises from 0 to 255 across an outline that was averaged


class Span(NamedTuple):
    """Frames of one shot, first <= t < stop, in which an object is given in the first, the last, or both."""

    first: int
    stop: int
    begins: bool
    """Whether the object is given in the first frame."""
    ends: bool
    """Whether it is given in the last one."""


def spans_between(given: Iterable[int], shots: Iterable[tuple[int, int]]) -> list[Span]:
    """Return the spans to track, so that each frame of a shot in which the object is given lies in one.

    given   : frames in which the object is given.
    shots   : (first, stop) of each shot.
    Returns : in order; neighbouring ones share a frame that is given. A shot without such a frame has none.

    >>> spans_between([3, 5], [(0, 9), (9, 12)])
    [Span(0, 4, False, True), Span(3, 6, True, True), Span(5, 9, True, False)]
    """
    spans = []
    for first, stop in shots:
        inside = sorted({t for t in given if first <= t < stop})
        if not inside:
            continue
        if inside[0] > first or stop - first == 1:
            spans.append(Span(first, inside[0] + 1, False, True))
        spans += [Span(a, b + 1, True, True) for a, b in pairwise(inside)]
        if inside[-1] < stop - 1:
            spans.append(Span(inside[-1], stop, True, False))
    return spans


def follow(
    follower: ObjectFollower,
    frames: Frames,
    start: int,
    share: NDArray[np.uint8],
    order: Iterable[int],
    *,
    certainty: float = 1.0,
    threads: int = 1,
) -> Iterator[tuple[int, Followed]]:
    """Follow an object from one frame to the next. Certainty is what is left of that at the start.

    follower : knows the object's colours.
    frames   : (H, W, 3) uint8 RGB each; read by one thread, one after the other.
    start    : number of the frame from which it is followed.
    share    : (H, W) uint8, 0 to 255, the object in it.
    order    : numbers of frames, one after the other upwards or downwards, that begin beside `start`.
    certainty: of the object in frame `start`, 0 to 1.
    threads  : estimate the flow ahead; nothing depends on how many there are.
    Yields   : number of each frame of `order`, and the object in it.
    """
    for t, motion in ordered_map(_estimated, _pairs(frames, Look.of(frames[start]), order), threads):
        found = follower.step(share, motion)
        share, certainty = found.share, certainty * found.certainty
        yield t, Followed(share, certainty)


def _pairs(frames: Frames, before: Look, order: Iterable[int]) -> Iterator[tuple[int, Look, Look]]:
    for t in order:
        now = Look.of(frames[t])
        yield t, before, now
        before = now


def _estimated(pair: tuple[int, Look, Look]) -> tuple[int, Motion]:
    t, before, now = pair
    return t, Motion.between(before, now)


def join(forward: Followed | None, backward: Followed | None, after: int, before: int) -> Followed:
    """Return what two tracks say together of a frame between two given ones; the only one as it is.

    forward, backward : the object by the track from the earlier, and from the later given frame; None where it is
                        not given.
    after, before     : frames from the earlier one, and to the later one.
    Raises            : ShapeError if there is no track at all.
    """
    if forward is None or backward is None:
        if (only := forward or backward) is None:
            raise ShapeError("there is no track to join")
        return only
    weights = [
        track.certainty * 0.5 ** (distance / FORGOTTEN) * (1 - distance / (after + before + 1))
        for track, distance in ((forward, after), (backward, before))
    ]
    total = sum(weights)
    if not total:
        return Followed(np.zeros_like(forward.share), 0.0)
    distance = np.zeros(forward.share.shape, np.float32)
    for weight, track in zip(weights, (forward, backward), strict=True):
        own = np.clip(signed_distance(track.share > MARKED), -SHAPE_REACH, SHAPE_REACH)
        distance += np.float32(weight / total) * own
    share = np.rint(255 * np.clip(0.5 + distance / SOFT, 0, 1)).astype(np.uint8)
    agreement = overlap(forward.share > MARKED, backward.share > MARKED)
    certainty = sum(w * track.certainty for w, track in zip(weights, (forward, backward), strict=True)) / total
    return Followed(share, certainty * (0.5 + 0.5 * agreement))


def track(
    frames: Frames,
    given: Mapping[int, NDArray[np.bool_]],
    shots: Iterable[tuple[int, int]] | None = None,
    *,
    threads: int = 1,
) -> tuple[list[NDArray[np.bool_]], NDArray[np.float32]]:
    """Track an object through a clip from the frames in which it is given.

    frames  : (H, W, 3) uint8 RGB each.
    given   : frame -> (H, W) bool, the object in it; an empty one says that it is not there.
    shots   : (first, stop) of each shot, over which nothing is carried; None is one shot.
    threads : estimate the flow ahead; nothing depends on how many there are.
    Returns : (H, W) bool for each frame, empty in shots where the object is not given; and (T,) float32, 0 to 1, how
              sure each of them is.
    Raises  : ShapeError if a frame that is given does not exist, or is of another size.
    """
    for t, mask in given.items():
        if not 0 <= t < len(frames) or mask.shape != frames[t].shape[:2]:
            raise ShapeError(f"an object is given in frame {t} as {mask.shape}; there are {len(frames)} frames")
    masks = [np.zeros(frames[0].shape[:2], bool) for _ in range(len(frames))]
    certainty = np.zeros(len(frames), np.float32)
    shares = {t: mask.astype(np.uint8) * np.uint8(255) for t, mask in given.items()}
    for span in spans_between(given, shots or [(0, len(frames))]):
        for t, found in track_span(frames, span, shares, threads):
            masks[t], certainty[t] = found.share > MARKED, found.certainty
    for t, mask in given.items():
        masks[t], certainty[t] = mask.copy(), 1.0
    return masks, certainty


def track_span(
    frames: Frames, span: Span, shares: Mapping[int, NDArray[np.uint8]], threads: int = 1
) -> Iterator[tuple[int, Followed]]:
    """Track an object through a span; yield each frame between its ends, and the object in it."""
    inner = range(span.first + span.begins, span.stop - span.ends)
    last = span.stop - 1
    forward = _from(frames, span.first, shares, inner, threads) if span.begins else {}
    backward = _from(frames, last, shares, reversed(inner), threads) if span.ends else {}
    for t in inner:
        yield t, join(forward.get(t), backward.get(t), t - span.first, last - t)


def _from(
    frames: Frames, given: int, shares: Mapping[int, NDArray[np.uint8]], order: Iterable[int], threads: int
) -> dict[int, Followed]:
    follower = ObjectFollower(Look.of(frames[given]), shares[given])
    return dict(follow(follower, frames, given, shares[given], order, threads=threads))
