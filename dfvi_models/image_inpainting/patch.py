"""Image inpainting by patches from elsewhere in the same frame: continues texture and edges, without weights.

Source: Wexler et al., Space-Time Completion of Video, 2007; Barnes et al., PatchMatch, 2009 (see `patch_match`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.image_inpainting.patch_match import NO_MATCH, RADIUS, SIDE, search, take_over, vote
from dfvi_models.image_inpainting.smooth import SmoothInpainter
from dfvi_models.numerics.clip_checks import check_frame, check_planes, wanted_numbers
from dfvi_models.numerics.holes import dilate_by_square, hole_boxes
from dfvi_models.numerics.laplace import fill_smooth
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.protocols import Frames, Holes

DEEPEST_START = 6.0
"""Pixels from the boundary to the middle of the hole on the coarsest grid, where the smooth fill is the first guess.

A shallower start, on a coarser grid, forgets the smooth fill; a deeper one keeps its blur. Measured as MEAN_WEIGHT
was: 3: 17.38 dB / .665, 6: 17.65 / .663, 10: 17.80 / .654."""

FEWEST_SOURCES = 50  # patches without hole; a grid with fewer is left out, unless it is the finest
ITERATIONS = (3, 4, 6, 8, 10, 12)  # searches and votes per grid, the finest first; more for the coarse ones cost little
ROUNDS = 2  # of the search, per iteration: forward and backward
FIRST_ROUNDS = 6  # on the coarsest grid, from random matches
FINE_REACH = 16  # pixels; finer grids start from the matches of the coarser ones
CERTAINTY = 1.3  # by how much a vote counts less per pixel away from the boundary (Wexler et al. 2007)
SMALLEST_WEIGHT = 1e-12
SEAM_WINDOW = 5  # pixels along the boundary over which its step is averaged
GREY_TOLERANCE = 0.1  # grey levels: the result is rounded to whole ones


class PatchInpainter:
    """Fills single frames with texture, sharp but invented; meant for key frames whose content no other frame shows.

    Patches of other frames were tried as sources, 10 and 30 frames away on 8 clips: no gain (PSNR in the hole -0.1 dB,
    gradient similarity the same), so each frame is filled by itself.
    """

    def inpaint(
        self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Fill the wanted frames, in ascending order; arguments and errors as in `ImageInpainter`.

        Equal frames and holes give equal results. A frame takes about 60 bytes a pixel.
        Where no patch of SIDE pixels is wholly known, the hole is filled as SmoothInpainter does.
        Source  : Wexler et al. 2007 (coarse to fine, search and vote), Barnes et al. 2009 (search). Ours: the pull
                  towards the mean colours of the smooth fill, and the step left at the boundary spread over the hole.
        """
        check_planes(len(frames), holes, "holes")
        numbers = wanted_numbers(wanted, len(frames), "frames")
        return ordered_map(_fill, ((t, frames[t], holes[t]) for t in numbers), threads)


@dataclass(frozen=True)
class _Grid:
    """One grid of the pyramid."""

    image: NDArray[np.uint8]
    """(H, W, 3): known pixels and the fill so far, at first the smooth one. Changes."""
    hole: NDArray[np.bool_]
    """(H, W): on coarser grids True where any pixel of the finest one is."""
    mean: NDArray[np.uint8]
    """(H, W, 3): mean colours of the patches of the known and smoothly filled image."""
    source: NDArray[np.bool_]
    """(H, W): centres of patches without hole."""
    targets: NDArray[np.int32]
    """(N,): flat numbers of the centres of patches with hole."""
    depth: NDArray[np.float32]
    """(H, W): pixels to the next known one."""


def _fill(inputs: tuple[int, NDArray[np.uint8], NDArray[np.bool_]]) -> tuple[int, NDArray[np.uint8]]:
    t, frame, hole = inputs
    check_frame(frame, hole, f"frame {t}")
    if not hole.any():
        return t, frame.copy()
    if not _patches(hole)[0].any():
        return t, next(SmoothInpainter().inpaint([frame], [hole], wanted=[0]))[1]
    grids = _pyramid(frame, hole)
    match, weight = _improved(grids[-1], _random_matches(grids[-1]), FIRST_ROUNDS, max(hole.shape), len(grids) - 1)
    for i in reversed(range(len(grids) - 1)):
        finer = _random_matches(grids[i])
        take_over(match, grids[i + 1].hole.shape[1], grids[i].source, grids[i].targets, finer)
        # filled from these matches it is sharper than the coarse fill enlarged would be.
        _replace_hole(grids[i], finer, _weights(grids[i], None))
        match, weight = _improved(grids[i], finer, ROUNDS, FINE_REACH, i)
    return t, _without_seam(grids[0], match, weight)


def _pyramid(frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> list[_Grid]:
    """Return grids of half the size each, the finest first, down to where the hole is shallow."""
    image, hole = frame.copy(), np.ascontiguousarray(hole)
    smooth = fill_smooth(frame.astype(np.float32), hole, tolerance=GREY_TOLERANCE)[hole]
    image[hole] = np.clip(np.rint(smooth), 0, 255)
    grids = [_grid(image, hole)]
    while grids[-1].depth.max() > DEEPEST_START and min(hole.shape) >= 2 * (SIDE + 2):
        image, hole = _halved(grids[-1].image, grids[-1].hole)
        if np.count_nonzero(_patches(hole)[0]) < FEWEST_SOURCES:
            break
        grids.append(_grid(image, hole))
    return grids


def _grid(image: NDArray[np.uint8], hole: NDArray[np.bool_]) -> _Grid:
    source, target = _patches(hole)
    return _Grid(
        image=image,
        hole=hole,
        mean=np.asarray(cv2.blur(image, (SIDE, SIDE)), np.uint8),
        source=source,
        targets=np.flatnonzero(target).astype(np.int32),
        depth=np.asarray(cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3), np.float32),
    )


def _patches(hole: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the centres (H, W) of the patches without and with hole that lie wholly inside the image."""
    inside = np.zeros(hole.shape, bool)
    inside[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
    touched = dilate_by_square(hole, SIDE)
    return inside & ~touched, inside & touched


def _halved(image: NDArray[np.uint8], hole: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the means of 2 x 2 pixels, hole if one of them is; an odd last row or column is left out."""
    height, width = hole.shape[0] // 2, hole.shape[1] // 2
    even = np.ascontiguousarray(image[: 2 * height, : 2 * width])
    small = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    squares = hole[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return small, np.asarray(squares.any(axis=(1, 3)), bool)


def _random_matches(grid: _Grid) -> NDArray[np.int32]:
    """Return random matches, seeded alike for every frame so that equal frames give equal results."""
    match = np.full(grid.hole.size, NO_MATCH, np.int32)
    sources = np.flatnonzero(grid.source)
    match[grid.targets] = sources[np.random.default_rng(0).integers(len(sources), size=len(grid.targets))]
    return match


def _improved(
    grid: _Grid, match: NDArray[np.int32], first_rounds: int, reach: int, level: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Search and vote in turns; changes the grid's image and returns the last matches and their weights."""
    match, error, weight = match.copy(), np.zeros(match.size, np.int32), _weights(grid, None)
    for turn in range(ITERATIONS[min(level, len(ITERATIONS) - 1)]):
        rounds = ROUNDS if turn else first_rounds
        search(grid.image, grid.mean, grid.source, grid.targets, match, error, rounds, reach, turn)
        weight = _weights(grid, error[grid.targets])
        _replace_hole(grid, match, weight)
    return match, weight


def _weights(grid: _Grid, error: NDArray[np.int32] | None) -> NDArray[np.float32]:
    """Return the weights (H * W,) of the patches' votes: more near the boundary, more with similar matches."""
    certainty = CERTAINTY ** -grid.depth.reshape(-1)[grid.targets]
    if error is not None:
        scale = max(float(np.percentile(error, 75)), 1.0)
        certainty *= np.exp(error / np.float32(-2 * scale))
    weight = np.zeros(grid.hole.size, np.float32)
    weight[grid.targets] = np.maximum(certainty, SMALLEST_WEIGHT)
    return weight


def _replace_hole(grid: _Grid, match: NDArray[np.int32], weight: NDArray[np.float32]) -> None:
    grid.image[grid.hole] = vote(grid.image, match, weight, np.flatnonzero(grid.hole).astype(np.int32))


def _without_seam(grid: _Grid, match: NDArray[np.int32], weight: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the image, its hole shifted in colour so that the patches' step at the boundary vanishes.

    On the known pixels along the boundary the votes should have given the pixel itself. What they miss by is continued
    smoothly into the hole and added: measured as MEAN_WEIGHT was, +0.27 dB / +.011, and no outline is visible.
    """
    filled, hole = grid.image, grid.hole
    boundary = dilate_by_square(hole, 3) & ~hole
    step = np.zeros((*hole.shape, 3), np.float32)
    step[boundary] = filled[boundary] - vote(filled, match, weight, np.flatnonzero(boundary).astype(np.int32)).astype(
        np.float32
    )
    for box in hole_boxes(hole, SEAM_WINDOW):
        window = (SEAM_WINDOW, SEAM_WINDOW)
        share = cv2.blur(boundary[box].astype(np.float32), window)[..., None]
        mean_step = np.asarray(cv2.blur(step[box], window) / np.maximum(share, 1e-6), np.float32)
        correction = fill_smooth(mean_step, hole[box], tolerance=GREY_TOLERANCE)
        inside = hole[box]
        filled[box][inside] = np.clip(np.rint(filled[box][inside] + correction[inside]), 0, 255)
    return filled
