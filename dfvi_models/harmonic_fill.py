"""Fills holes by the smoothest surface through their rim: Laplace's equation, solved to convergence. NumPy only."""

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError

TOLERANCE = 1e-10  # largest residual over largest right side; a 200-pixel hole then errs by less than 1e-5
Neighbours = list[NDArray[np.intp]]


def harmonic_fill(values: NDArray[np.floating], hole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Replace each hole pixel so that it is the mean of its 4 neighbours inside the picture.

    values  : (H, W, C) float; what stands in the hole is not looked at.
    hole    : (H, W) bool.
    Returns : (H, W, C) float64; known pixels as given. A hole over the whole picture gives 0: nothing is known.
    Raises  : ShapeError if the shapes do not fit.
    Source  : the initial fill of arXiv:1905.02884; the authors' code solves the same equations by a sparse direct
              solver. Conjugate gradients need no SciPy, and memory for a few numbers a hole pixel.
    """
    if values.ndim != 3 or hole.shape != values.shape[:2] or hole.dtype != np.bool_:
        raise ShapeError(
            f"expected values (H, W, C) and a bool hole (H, W); got {values.shape}, {hole.shape} {hole.dtype}"
        )
    filled = values.astype(np.float64)
    filled[hole] = 0
    if not hole.any() or hole.all():
        return filled
    neighbours, count = _hole_neighbours(hole)
    filled[hole] = _solve(neighbours, count, _rim_sum(filled)[hole])
    return filled


def _hole_neighbours(hole: NDArray[np.bool_]) -> tuple[Neighbours, NDArray[np.float64]]:
    """For each hole pixel: the numbers of its four neighbours, and how many lie inside the picture.

    Hole pixels are numbered row by row; a neighbour that is no hole pixel has the number after the last.
    """
    total = int(hole.sum())
    numbers = np.full((hole.shape[0] + 2, hole.shape[1] + 2), total)
    numbers[1:-1, 1:-1][hole] = np.arange(total)
    inside = np.zeros(numbers.shape)
    inside[1:-1, 1:-1] = 1
    places = np.flatnonzero(np.pad(hole, 1))
    steps = (-numbers.shape[1], -1, 1, numbers.shape[1])
    count = sum(inside.ravel()[places + step] for step in steps)
    return [numbers.ravel()[places + step] for step in steps], np.asarray(count, np.float64)[:, None]


def _rim_sum(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of each pixel's four neighbours; hole pixels and what lies outside count as 0."""
    padded = np.pad(known, ((1, 1), (1, 1), (0, 0)))
    return np.asarray(padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:])


def _solve(neighbours: Neighbours, count: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Conjugate gradients for count * x - (sum of x over neighbours) = right, all channels at once."""
    x = np.zeros((len(right) + 1, right.shape[1]))  # the last row stands for neighbours that are no hole pixels
    direction = np.zeros_like(x)
    residual = right.copy()
    scaled = residual / count
    direction[:-1] = scaled
    energy = (residual * scaled).sum(axis=0)
    enough = TOLERANCE * np.abs(right).max(initial=0)
    for _ in range(len(right) + 50):  # exact arithmetic would need at most one step a pixel
        if np.abs(residual).max() <= enough:
            break
        image = count * direction[:-1] - sum(direction[places] for places in neighbours)
        step = _ratio(energy, (direction[:-1] * image).sum(axis=0))
        x[:-1] += step * direction[:-1]
        residual -= step * image
        scaled = residual / count
        previous, energy = energy, (residual * scaled).sum(axis=0)
        direction[:-1] = scaled + _ratio(energy, previous) * direction[:-1]
    return x[:-1]


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """above / below, 0 where a channel is solved already."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
