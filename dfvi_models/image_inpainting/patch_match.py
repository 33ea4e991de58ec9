"""Patch matching: finds, for every patch that touches a hole, a similar one that does not. Compiled loops only.

A pixel is named by its flat index, y * W + x. A patch is a square of SIDE pixels, named by its centre; centres keep
RADIUS pixels away from the image's border, so the loops need no bounds checks.
Source: Barnes et al. 2009, PatchMatch (the search); Wexler et al. 2007, Space-Time Completion of Video (the votes).
"""

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.compiled import compiled

RADIUS = 3  # pixels
SIDE = 2 * RADIUS + 1
NO_MATCH = -1

MEAN_WEIGHT = SIDE * SIDE // 2
"""What a squared difference of mean colours counts, in squared differences of pixels. The higher, the nearer to the
smooth fill and the fewer foreign things appear, but also the more blur. Measured on the holes of 60 photos, PSNR /
gradient similarity (benchmarks/bench_inpainting.py): 0: 17.05 dB / .670, 14: 17.57 / .662, 24: 17.65 / .663,
48: 17.69 / .655."""

# A linear congruential generator modulo 2**64 (Knuth's MMIX), of which the upper bits are used.
_FACTOR, _SUMMAND, _SHIFT = np.uint64(6364136223846793005), np.uint64(1442695040888963407), np.uint64(33)


@compiled
def search(
    image: NDArray[np.uint8],
    mean: NDArray[np.uint8],
    source: NDArray[np.bool_],
    targets: NDArray[np.int32],
    match: NDArray[np.int32],
    error: NDArray[np.int32],
    rounds: int,
    reach: int,
    seed: int,
) -> None:
    """Improve matches, by the shifted ones of the neighbours and by random ones ever closer to the best so far.

    image : (H, W, 3) uint8, known pixels and the fill so far.
    mean    : (H, W, 3) uint8, mean colour that each patch has (sources) or ought to have (targets).
    source  : (H, W) bool, centres of patches without hole.
    targets : (N,) int32, ascending, centres of patches with hole.
    match   : (H * W,) int32, for each target a source, NO_MATCH elsewhere; changed in place.
    error   : (H * W,) int32, difference between each target and its match; set in place.
    rounds  : passes over the targets, alternately from the first and from the last.
    reach   : pixels, how far the first random trial may lie from the best match so far; each next one half as far.
    seed    : of the random numbers.
    """
    height, width = source.shape
    pixels, means, is_source = image.reshape(-1), mean.reshape(-1, 3), source.reshape(-1)
    corner, line = 3 * RADIUS * (width + 1), np.uint32(3 * width)
    state = np.uint64(seed)
    for turn in range(rounds):
        step = 1 if turn % 2 == 0 else -1
        for n in range(len(targets)):
            at = np.int64(targets[n] if step == 1 else targets[len(targets) - 1 - n])
            best, least = np.int64(match[at]), np.int64(error[at])
            trial, radius = 1, reach
            if turn == 0:  # the fill has changed since the error was measured
                trial, least = 0, np.int64(2**31 - 1)
            while radius > 0:
                proposed = best
                if trial == 1 or trial == 2:
                    before = step if trial == 1 else step * width
                    if match[at - before] != NO_MATCH:
                        proposed = match[at - before] + before
                elif trial > 2:
                    y, x = best // width, best % width
                    top, bottom = max(y - radius, RADIUS), min(y + radius, height - 1 - RADIUS)
                    left, right = max(x - radius, RADIUS), min(x + radius, width - 1 - RADIUS)
                    state = state * _FACTOR + _SUMMAND
                    y = top + np.int64(state >> _SHIFT) % (bottom - top + 1)
                    state = state * _FACTOR + _SUMMAND
                    x = left + np.int64(state >> _SHIFT) % (right - left + 1)
                    proposed = y * width + x
                    radius //= 2
                trial += 1
                if not is_source[proposed] or (proposed == best and trial > 1):
                    continue
                total = np.int64(0)
                for c in range(3):
                    shift = np.int64(means[at, c]) - np.int64(means[proposed, c])
                    total += MEAN_WEIGHT * shift * shift
                # Unsigned and of 32 bits: then the row is one vector operation.
                a, b = np.uint32(3 * at - corner), np.uint32(3 * proposed - corner)
                for _ in range(SIDE):
                    if total >= least:
                        break
                    row = np.int32(0)
                    for i in range(3 * SIDE):
                        away = np.int32(pixels[a + np.uint32(i)]) - np.int32(pixels[b + np.uint32(i)])
                        row += np.int32(away * away)
                    total += row
                    a += line
                    b += line
                if total < least:
                    best, least = proposed, total
            match[at], error[at] = best, least


@compiled
def vote(
    image: NDArray[np.uint8], match: NDArray[np.int32], weight: NDArray[np.float32], wanted: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Return the colours of pixels: the weighted mean of what the matches of all patches around each show at its place.

    image : (H, W, 3) uint8; only source patches are read.
    match   : (H * W,) int32 as in `search`; every patch that holds a wanted pixel must have one.
    weight  : (H * W,) float32, > 0 at targets.
    wanted  : (M,) int32, pixels.
    Returns : (M, 3) uint8.
    """
    height, width = image.shape[:2]
    pixels = image.reshape(-1, 3)
    colours = np.empty((len(wanted), 3), np.uint8)
    for n in range(len(wanted)):
        at = np.int64(wanted[n])
        y, x = at // width, at % width
        red, green, blue, total = 0.0, 0.0, 0.0, 0.0
        for j in range(max(y - RADIUS, RADIUS), min(y + RADIUS, height - 1 - RADIUS) + 1):
            for i in range(max(x - RADIUS, RADIUS), min(x + RADIUS, width - 1 - RADIUS) + 1):
                centre = j * width + i
                matched, w = match[centre] + at - centre, weight[centre]
                red += w * pixels[matched, 0]
                green += w * pixels[matched, 1]
                blue += w * pixels[matched, 2]
                total += w
        colours[n, 0] = np.uint8(red / total + 0.5)
        colours[n, 1] = np.uint8(green / total + 0.5)
        colours[n, 2] = np.uint8(blue / total + 0.5)
    return colours


@compiled
def take_over(
    coarse: NDArray[np.int32],
    coarse_width: int,
    source: NDArray[np.bool_],
    targets: NDArray[np.int32],
    match: NDArray[np.int32],
) -> None:
    """Start from the matches of the grid of half the size; where these lead to no source, from the previous pixel's.

    coarse  : matches of the coarser grid, flat, `coarse_width` pixels a row.
    match   : (H * W,) int32; targets hold any sources at first, NO_MATCH elsewhere; changed in place.
    Others  : as in `search`.
    """
    height, width = source.shape
    coarse_height = len(coarse) // coarse_width
    for n in range(len(targets)):
        at = np.int64(targets[n])
        y, x = at // width, at % width
        j = min(max(y // 2, RADIUS), coarse_height - 1 - RADIUS)
        i = min(max(x // 2, RADIUS), coarse_width - 1 - RADIUS)
        matched = np.int64(coarse[j * coarse_width + i])
        to_y, to_x = y + 2 * (matched // coarse_width - j), x + 2 * (matched % coarse_width - i)
        if matched != NO_MATCH and 0 <= to_y < height and 0 <= to_x < width and source[to_y, to_x]:
            match[at] = to_y * width + to_x
        elif match[at - 1] != NO_MATCH and source[(match[at - 1] + 1) // width, (match[at - 1] + 1) % width]:
            match[at] = match[at - 1] + 1
