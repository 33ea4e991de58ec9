"""Captions: lines of text that stand over a picture for some seconds, whether that moves or not. NumPy and OpenCV."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.overlays.edge_sums import Plane, edges_of
from dfvi_models.overlays.logos import Logo, present_in
from dfvi_models.overlays.text_lines import GAP, Box, Hole, text_lines

SAMPLES_A_SECOND = 6
STROKE = 0.035  # of the shorter side: what is narrower is a stroke
CONTRAST = 40  # grey levels by which a stroke stands out
STEADY = 20  # grey levels by which it may change from sample to sample
BORN = 3  # samples that a stroke must have stayed for to count: half a second
TOGETHER = 2  # samples within which the strokes of a line come
STAYS = 0.6  # of the strokes of a line that must be there for it to be there
MISSED = 2  # samples without it after which it has gone
SAME = 0.5  # of a line that lies within another to be a part of it
AROUND = 0.2  # of a line's height that is marked around strokes: outlines and shadows of letters
LATE = 1.2  # seconds after a line began in which more of it may come
ALIKE = 0.8  # of the strokes of a line that another one must have to be the same
RETURNS = 2.0  # seconds after which the same strokes are another caption
ABRUPT, GONE, THERE = 6, 0.35, 0.65  # frames before and after an end, and how present it is in them
UNCHANGED = 0.25  # of the squared edge: where it changed less when a line came, it is the picture's
SURE = 0.9  # confidence of what passes all of these; nothing tells them apart further


@dataclass(frozen=True)
class Caption:
    """A line of text, and when it is there."""

    logo: Logo
    """What is marked, and its edges, by which a frame is told to have it or not."""
    near: tuple[int, int]
    """The frames among which it comes and goes, the end not included."""

    def times(self, presence: Sequence[float]) -> list[tuple[int, int]]:
        """Return the frame from which it is there and the one from which it is no longer; nothing if it never is, or
        comes and goes slowly, as things in the picture do.

        presence : that of the logo in the frames `near`.
        """
        spans = present_in(presence)
        if not spans:
            return []
        first, stop = spans[0][0], spans[-1][1]
        known = np.asarray(presence)
        ends = [(known[:first], known[first:stop])] if first else []
        ends += [(known[stop:][::-1], known[first:stop][::-1])] if stop < len(known) else []
        if not all(outside[-ABRUPT:].mean() < GONE and inside[:ABRUPT].mean() > THERE for outside, inside in ends):
            return []
        return [(self.near[0] + first, self.near[0] + stop)]


@dataclass(eq=False)
class _Line:
    """A line of text that is being followed."""

    strokes: Hole
    first: int
    last: int
    box: Box
    across: Plane
    down: Plane
    before: tuple[Plane, Plane]
    """Edges before it came, (height, W, 3), of the whole rows of its box."""
    seen: int = 1

    def note(self, edges: tuple[Plane, Plane]) -> None:
        """Add the edges of one more frame that has it."""
        x, y, wide, high = self.box
        self.across += edges[0][y : y + high, x : x + wide]
        self.down += edges[1][y : y + high, x : x + wide]
        self.seen += 1

    def widen(self, left: int, wide: int) -> None:
        """Make the box as wide as the strokes are now; its edges are summed from then on."""
        if (left, wide) != (self.box[0], self.box[2]):
            self.box = left, self.box[1], wide, self.box[3]
            self.across, self.down = np.zeros((2, self.box[3], wide, 3), np.float32)
            self.seen = 0


class _Way:
    """Lines that are brighter than what is around them, or darker: each by itself, as the gaps between bright letters
    are dark ones.

    way  : cv2.MORPH_TOPHAT or cv2.MORPH_BLACKHAT.
    step : frames from one sample to the next.
    """

    def __init__(self, way: int, step: int) -> None:
        self._way, self._step = way, step
        self._steady: Hole = np.zeros((0, 0), np.bool_)
        self._runs: NDArray[np.int32] = np.zeros((0, 0), np.int32)
        self._open: list[_Line] = []
        self._closed: list[_Line] = []

    def look(self, number: int, grey: NDArray[np.uint8], changed: Hole, edges: Sequence[tuple[Plane, Plane]]) -> None:
        """Take in a frame, where it has changed since the last sample, and the edges of the last few and its own."""
        if not self._runs.size:
            self._runs = np.zeros(grey.shape, np.int32)
        side = max(3, round(STROKE * min(grey.shape))) | 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        self._steady = np.asarray((cv2.morphologyEx(grey, self._way, kernel) > CONTRAST) & ~changed, np.bool_)
        self._runs = np.where(self._steady, self._runs + 1, 0)
        self._follow(number, edges[-1])
        born = np.asarray((self._runs >= BORN) & (self._runs < BORN + TOGETHER), np.bool_)
        for strokes, box in text_lines(born):
            self._add(strokes, box, number, edges)

    def lines(self) -> list[_Line]:
        """Return the lines that came, or went; what was there all the time is no caption."""
        return [*self._closed, *(line for line in self._open if line.first > 0)]

    def _follow(self, number: int, edges: tuple[Plane, Plane]) -> None:
        """Note which lines are still there, and close those that have gone."""
        for line in self._open:
            if np.count_nonzero(self._steady & line.strokes) >= STAYS * np.count_nonzero(line.strokes):
                line.last = number
                if self._is_new(line, number):
                    self._take_in(line, number)
                line.note(edges)
        going = [line for line in self._open if number - line.last >= MISSED * self._step]
        self._closed += going
        self._open = [line for line in self._open if line not in going]

    def _is_new(self, line: _Line, number: int) -> bool:
        return number - line.first <= LATE * SAMPLES_A_SECOND * self._step

    def _take_in(self, line: _Line, number: int) -> None:
        """Take in strokes beside a line's own that came with it, and were not clear enough at first."""
        x, y, wide, high = line.box
        gap = round(GAP * min(line.strokes.shape))
        beside = slice(y, y + high), slice(max(x - gap, 0), x + wide + gap)
        age = (number - line.first) // self._step + TOGETHER
        near = cv2.dilate(line.strokes[beside].view(np.uint8), np.ones((3, 2 * gap + 1))) > 0
        line.strokes[beside] |= near & (self._runs[beside] >= BORN) & (self._runs[beside] <= age)
        left, _, wide, _ = cv2.boundingRect(line.strokes[beside[0]].view(np.uint8))
        line.widen(left, wide)

    def _add(self, strokes: Hole, box: Box, number: int, edges: Sequence[tuple[Plane, Plane]]) -> None:
        """Begin to follow a line, unless it is a part of one that has just come, or one that was gone for a moment."""
        for line in self._open:
            if _shared(line.box, box) >= SAME and self._is_new(line, number):
                line.strokes |= _inside(strokes, line.box)
                return
        first = max(number - BORN * self._step, 0)
        for line in self._closed:
            again = _shared(line.box, box) >= SAME and _alike(line.strokes, strokes) >= ALIKE
            if again and first - line.last <= RETURNS * SAMPLES_A_SECOND * self._step:
                line.last = number
                self._closed.remove(line)
                self._open.append(line)
                return
        x, y, wide, high = box
        across, down = (np.array(edge[y : y + high, x : x + wide]) for edge in edges[-1])
        before = np.array(edges[0][0][y : y + high]), np.array(edges[0][1][y : y + high])
        self._open.append(_Line(strokes, first, number, box, across, down, before))


class CaptionFinder:
    """Finds captions in frames that are shown to it one after the other.

    step   : frames from one that is looked at to the next; see `step_for`.
    Source : ours. Text is told by its strokes, which cross a row many times; a caption by that all of them come, stay
             and go together, as neither a moving nor a still picture does.
    """

    def __init__(self, step: int) -> None:
        self._step, self._count = step, 0
        self._ways = [_Way(way, step) for way in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
        self._before: NDArray[np.uint8] | None = None
        self._edges: deque[tuple[Plane, Plane]] = deque(maxlen=BORN + TOGETHER + 1)

    def look(self, frame: NDArray[np.uint8]) -> None:
        """Take in the next frame, (H, W, 3) uint8 RGB, all of one size."""
        number, self._count = self._count, self._count + 1
        if number % self._step:
            return
        grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
        before = grey if self._before is None else self._before
        changed = np.asarray(cv2.absdiff(grey, before) > STEADY, np.bool_)
        self._before = grey
        self._edges.append(edges_of(frame))
        for way in self._ways:
            way.look(number, grey, changed, self._edges)

    def captions(self) -> list[Caption]:
        """Return what was found, in the order in which it came. Outlines of letters are a part of these."""
        lines = [line for way in self._ways for line in way.lines()]
        found: list[tuple[_Line, Hole]] = []
        for line in sorted(lines, key=lambda line: int(line.strokes.sum()), reverse=True):
            own = next((marked for other, marked in found if self._go_together(line, other)), None)
            if own is None:
                found.append((line, line.strokes.copy()))
            else:
                own |= _inside(line.strokes, line.box)
        found.sort(key=lambda each: (each[0].first, each[0].box))
        return [Caption(_logo(line, strokes), self._near(line)) for line, strokes in found]

    def _go_together(self, one: _Line, other: _Line) -> bool:
        apart = max(abs(one.first - other.first), abs(one.last - other.last))
        return _shared(one.box, other.box) >= SAME and apart <= (TOGETHER + 1) * self._step

    def _near(self, line: _Line) -> tuple[int, int]:
        beyond = 3 * self._step
        return max(line.first - beyond, 0), min(line.last + beyond + 1, self._count)


def _shared(one: Box, other: Box) -> float:
    """Share of the smaller of two boxes that lies within the other."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(high, 0) / min(one[2] * one[3], other[2] * other[3])


def _alike(one: Hole, other: Hole) -> float:
    """Share of the fewer strokes that both have."""
    return int((one & other).sum()) / max(min(int(one.sum()), int(other.sum())), 1)


def _inside(strokes: Hole, box: Box) -> Hole:
    x, y, wide, high = box
    kept = np.zeros_like(strokes)
    kept[y : y + high, x : x + wide] = strokes[y : y + high, x : x + wide]
    return kept


def step_for(rate: float) -> int:
    """Return from how many frames one is looked at, of a video of so many frames a second.

    >>> step_for(30), step_for(4)
    (5, 1)
    """
    return max(round(rate / SAMPLES_A_SECOND), 1)


def _logo(line: _Line, strokes: Hole) -> Logo:
    """What strokes mark, with a line's mean edges on its own; edges that were there before it are none of it."""
    x, y, wide, high = line.box
    inside = slice(y, y + high), slice(x, x + wide)
    planes = [np.asarray(total / max(line.seen, 1), np.float32) for total in (line.across, line.down)]
    changes = [plane - old[:, x : x + wide] for plane, old in zip(planes, line.before, strict=True)]
    strength, change = (np.sum(np.square(each), axis=(0, 3)) for each in (planes, changes))
    came = np.asarray(change > UNCHANGED * strength, np.bool_)
    own = np.asarray(line.strokes[inside] & _wider(came), np.bool_)
    edge = (came & _wider(own))[..., None]
    marked = strokes.astype(np.uint8)
    marked[inside] = strokes[inside] & _wider(came)
    side = 2 * max(round(AROUND * high), 1) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(cv2.dilate(marked, disc), cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    across, down = (np.asarray(plane * edge, np.float32) for plane in planes)
    return Logo(np.asarray(closed) > 0, SURE, line.box, across, down)


def _wider(hole: Hole) -> Hole:
    return np.asarray(cv2.dilate(hole.view(np.uint8), np.ones((3, 3), np.uint8)) > 0, np.bool_)
