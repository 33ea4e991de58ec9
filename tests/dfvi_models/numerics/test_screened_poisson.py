import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from dfvi_models.numerics.screened_poisson import (
    OUTSIDE,
    Equations,
    assemble,
    assemble_unequal,
    framed_kinds,
    framed_planes,
    relax,
    unframed,
)


def solve_directly(image, hole, screen, target, gradient, heights, widths):
    """The stated minimum by a sparse direct solve: one row for each link and for each screened pixel.

    gradient : (2, H, W): wanted step of the surface to the pixel below, and to the pixel on the right.
    """
    number = np.cumsum(hole).reshape(hole.shape) - 1
    rows, right = [], []

    def add(pixels, value, weight):
        row = np.zeros(hole.sum())
        for (y, x), sign in pixels:
            if hole[y, x]:
                row[number[y, x]] += sign
            else:
                value = value - sign * image[y, x]
        if row.any():
            rows.append(row * np.sqrt(weight))
            right.append(value * np.sqrt(weight))

    for y, x in np.ndindex(hole.shape):
        if hole[y, x]:
            add([((y, x), 1)], target[y, x], screen[y, x])
        if y + 1 < hole.shape[0]:
            weight = 2 * widths[x] / (heights[y] + heights[y + 1])
            add([((y + 1, x), 1), ((y, x), -1)], gradient[0, y, x], weight)
        if x + 1 < hole.shape[1]:
            weight = 2 * heights[y] / (widths[x] + widths[x + 1])
            add([((y, x + 1), 1), ((y, x), -1)], gradient[1, y, x], weight)
    matrix, vector = scipy.sparse.csc_matrix(np.array(rows)), np.array(right)
    surface = image.copy()
    surface[hole] = scipy.sparse.linalg.spsolve((matrix.T @ matrix).tocsc(), matrix.T @ vector)
    return surface


def source_of(equations: Equations, screen, target, gradient):
    """Screen times target, plus the wanted steps towards each pixel, as the module's docstring has it."""
    source = screen * target
    source[1:] += gradient[0, :-1]
    source[:-1] -= gradient[0, :-1]
    source[:, 1:] += gradient[1, :, :-1]
    source[:, :-1] -= gradient[1, :, :-1]
    return framed_planes(source[..., None], np.float64)[:, equations.pixels]


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.integers(2, 12), st.integers(2, 12)), st.sampled_from([0.3, 0.7, 0.95]), st.integers(0, 2**32 - 1))
def test_relaxation_ends_at_the_direct_solution(shape, share, seed):
    random = np.random.default_rng(seed)
    image, target = random.uniform(-10, 10, (2, *shape))
    hole, screen = random.random(shape) < share, random.uniform(0.05, 2, shape)
    gradient = random.uniform(-3, 3, (2, *shape))
    if not hole.any():
        return
    surface = framed_planes(np.where(hole, 0, image)[..., None], np.float64)
    kind = framed_kinds(hole)
    equations = assemble(kind, framed_planes(screen[..., None], np.float64).reshape(kind.shape), np.float64)
    source = source_of(equations, screen, target, gradient)
    relax(surface, source, equations, over_relaxation=1.5, sweeps=400)
    expected = solve_directly(image, hole, screen, target, gradient, np.ones(shape[0]), np.ones(shape[1]))
    np.testing.assert_allclose(unframed(surface, shape)[..., 0], expected, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.integers(2, 9), st.integers(2, 9)), st.integers(0, 2**32 - 1))
def test_pixels_of_unequal_size_pull_as_their_sides_and_distances_say(shape, seed):
    random = np.random.default_rng(seed)
    image, hole = random.uniform(-10, 10, shape), random.random(shape) < 0.7
    hole[0, 0], hole[-1, -1] = False, True
    heights, widths = (random.choice([1.0, 2.0], size) for size in shape)
    equations = assemble_unequal(framed_kinds(hole), heights, widths)
    surface = framed_planes(np.where(hole, 0, image)[..., None], np.float64)
    relax(surface, np.zeros((1, len(equations.pixels))), equations, over_relaxation=1.5, sweeps=600)
    nothing = np.zeros(shape)
    expected = solve_directly(image, hole, nothing, nothing, np.zeros((2, *shape)), heights, widths)
    np.testing.assert_allclose(unframed(surface, shape)[..., 0], expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_pixel_that_is_outside_is_nobodys_neighbour(dtype):
    hole = np.zeros((1, 3), bool)
    hole[0, 1] = True
    kind = framed_kinds(hole)
    kind[1, 3] = OUTSIDE
    surface = framed_planes(np.array([[[8.0], [0.0], [0.0]]]), dtype)
    relax(surface, np.zeros((1, 1), dtype), assemble(kind, dtype=dtype), over_relaxation=1.0, sweeps=1)
    assert unframed(surface, (1, 3))[0, 1, 0] == 8


def test_a_pixel_without_neighbours_and_screen_becomes_zero():
    equations = assemble(framed_kinds(np.ones((1, 1), bool)))
    surface = framed_planes(np.full((1, 1, 1), 5.0))
    relax(surface, np.ones((1, 1), np.float32), equations, over_relaxation=1.0, sweeps=1)
    assert unframed(surface, (1, 1)).item() == 0
