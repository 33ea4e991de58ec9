"""Lines of text among strokes: told by letters of one height side by side. NumPy and OpenCV."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

GAP = 0.08  # of the shorter side between letters and words of a line
LOWEST, HIGHEST = 0.02, 0.15  # of the shorter side: height of a line
LEAST_WIDTH = 2.5  # times the height of a line
LEAST_FILL, MOST_FILL = 0.1, 0.75  # of a line that is strokes
LEAST_CROSSINGS = 4.0  # strokes that a row through the middle of a line meets
CROSSINGS_A_HEIGHT = 0.5  # the same for each height of the line that it is long
BAND = 0.35  # of the most crossings that any row of a line has: rows with fewer are no letters
SHORTEST_LETTER, TALLEST_LETTER = 0.55, 1.7  # times the height of these rows
FEWEST_LETTERS, LETTER_SHARE = 5, 0.6  # and of all strokes in these rows that are letters

Hole = NDArray[np.bool_]
Box = tuple[int, int, int, int]
"""x, y, width, height, pixels."""


def text_lines(strokes: Hole) -> Iterator[tuple[Hole, Box]]:
    """Yield the parts of strokes (H, W) bool that look like a line of text, and x, y, width, height around each."""
    shorter = min(strokes.shape)
    joined = cv2.morphologyEx(strokes.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, max(round(GAP * shorter), 3) | 1)))
    _, label, facts, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    for number, (x, y, wide, high, _) in enumerate(np.asarray(facts).tolist()):
        if number == 0 or high < LOWEST * shorter or wide < LEAST_WIDTH * LOWEST * shorter:
            continue
        inside = slice(y, y + high), slice(x, x + wide)
        part = _letters(np.asarray(strokes[inside] & (np.asarray(label)[inside] == number), np.bool_))
        left, top, wide, high = cv2.boundingRect(part.view(np.uint8))
        if LOWEST * shorter <= high <= HIGHEST * shorter and wide >= LEAST_WIDTH * high:
            line = np.zeros_like(strokes)
            line[inside] = part
            yield line, (x + left, y + top, wide, high)


def _letters(part: Hole) -> Hole:
    """What of a part is letters side by side, of one height; nothing where these are too few of all there is."""
    crossings = np.count_nonzero(part[:, 1:] & ~part[:, :-1], axis=1)
    band = _band(crossings)
    _, label, facts, middles = cv2.connectedComponentsWithStats(part.view(np.uint8), connectivity=8)
    label, heights, areas = (
        np.asarray(label),
        np.asarray(facts)[:, cv2.CC_STAT_HEIGHT],
        np.asarray(facts)[:, cv2.CC_STAT_AREA],
    )
    high = len(band)
    beside = (np.asarray(middles)[:, 1] >= band[0]) & (np.asarray(middles)[:, 1] <= band[-1])
    letter = beside & (heights >= SHORTEST_LETTER * high) & (heights <= TALLEST_LETTER * high)
    touching = np.isin(np.arange(len(facts)), np.unique(label[band[0] : band[-1] + 1]))
    letter[0] = touching[0] = False
    if np.count_nonzero(letter) < FEWEST_LETTERS or areas[letter].sum() < LETTER_SHARE * areas[touching].sum():
        return np.zeros_like(part)
    mean = float(crossings[band].mean())
    line = np.asarray(letter[label] | (beside & touching & (heights < high))[label], np.bool_)
    columns = np.flatnonzero(line.any(axis=0))
    wide = int(columns[-1] - columns[0] + 1)
    fill = np.count_nonzero(line) / (wide * high)
    reads = mean >= max(LEAST_CROSSINGS, CROSSINGS_A_HEIGHT * wide / high) and LEAST_FILL <= fill <= MOST_FILL
    return line if reads else np.zeros_like(part)


def _band(crossings: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of a line's letters: neighbours with about as many crossings as any."""
    many = np.flatnonzero(crossings >= max(BAND * crossings.max(initial=0), 1))
    if not len(many):
        return np.zeros(1, np.int64)
    runs = np.split(many, np.flatnonzero(np.diff(many) > 2) + 1)
    best = max(runs, key=lambda run: float(crossings[run].sum()))
    return np.arange(best[0], best[-1] + 1)
