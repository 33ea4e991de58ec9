"""Motion of the camera: a quadratic flow for the whole frame, fitted so that moving objects do not pull on it.

Source: iteratively reweighted least squares with the weights of Geman and McClure.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.holes import dilate_by_square

MARGIN = 12  # pixels by which holes are dilated (a square of 25): flow next to them is dragged along by the object
STEP = 6  # every sixth pixel in both directions is plenty for twelve numbers
FEWEST_SAMPLES = 600  # frames with fewer pixels than these at every STEP are sampled at every pixel
ROUNDS = 6
FIRST_SCALE = 3.0  # pixels; residuals beyond it count little. Wide in the first round, when the fit is still pulled
SCALE = 1.0


class CameraMotion(NamedTuple):
    """A flow over a frame: dx, dy are rows[y, :, 0] + columns[x, :, 0] + rows[y, :, 1] * columns[x, :, 1], pixels.

    It is kept in this form because a vector for each pixel would take as much memory as the flow it is compared to.
    """

    rows: NDArray[np.float64]
    """(H, 2, 2)."""
    columns: NDArray[np.float64]
    """(W, 2, 2)."""

    def flow(self) -> NDArray[np.float32]:
        """Return the vectors (H, W, 2) at every pixel."""
        product = self.rows[:, None, :, 1] * self.columns[None, :, :, 1]
        return (self.rows[:, None, :, 0] + self.columns[None, :, :, 0] + product).astype(np.float32)

    def at(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the vectors (N, 2) at N pixels."""
        rows, columns = self.rows[y], self.columns[x]
        return rows[..., 0] + columns[..., 0] + rows[..., 1] * columns[..., 1]


def fit_camera_motion(flow: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fit dx and dy, each as a + bx + cy + dx² + exy + fy², to the flow outside the hole.

    flow    : (H, W, 2) float32, pixels; hole pixels, those near them and values that are not finite are not read.
    hole    : (H, W) bool.
    Returns : (2, 6) float64: coefficients of dx and of dy. x and y run from -1 to 1 across the frame, so the
              coefficients are pixels. All 0 if there is no pixel to fit.
    Raises  : ShapeError if the sizes differ.
    Source  : iteratively reweighted least squares, weight 1/(1 + r²/s²)² (Geman and McClure) of the residual r.
    """
    if flow.ndim != 3 or flow.shape[2] != 2 or hole.shape != flow.shape[:2]:
        raise ShapeError(f"expected flow (H, W, 2) and hole (H, W); got {flow.shape} and {hole.shape}")
    y, x = _samples(flow, hole)
    values = flow[y, x].astype(np.float64)
    terms = _terms(x, flow.shape[1], y, flow.shape[0])
    weight = np.ones(len(values))
    coefficients: NDArray[np.float64] = np.zeros((6, 2))
    for scale in (None, FIRST_SCALE, *[SCALE] * (ROUNDS - 1)):
        if scale is not None:
            residual = ((values - terms @ coefficients) ** 2).sum(axis=1)
            weight = (1 + residual / scale**2) ** -2
        weighted = terms * weight[:, None]
        # Normal equations: well-conditioned since x and y are centred, and ten times faster than a decomposition.
        fit = np.linalg.lstsq(weighted.T @ terms, weighted.T @ values, rcond=1e-10)[0]
        coefficients = np.asarray(fit, np.float64)
    return coefficients.T.copy()


def evaluate_camera_motion(coefficients: NDArray[np.float64], shape: tuple[int, int]) -> CameraMotion:
    """Return the flow that fitted coefficients describe.

    coefficients : (2, 6) from `fit_camera_motion`.
    shape        : (H, W) of the flow they were fitted to.
    """
    height, width = shape
    x, y = _centred(np.arange(width), width)[:, None], _centred(np.arange(height), height)[:, None]
    a, b, c, d, e, f = coefficients.T
    rows, columns = (a + c * y + f * y**2, e * y), (b * x + d * x**2, np.broadcast_to(x, (width, 2)))
    return CameraMotion(np.stack(rows, axis=-1), np.stack(columns, axis=-1))


def _samples(flow: NDArray[np.float32], hole: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of the pixels the motion is fitted to."""
    dilated = dilate_by_square(hole, 2 * MARGIN + 1)
    if dilated.all():
        dilated = hole
    step = STEP if hole.size >= FEWEST_SAMPLES * STEP**2 else 1
    usable = ~dilated[::step, ::step] & np.isfinite(flow[::step, ::step]).all(axis=-1)
    y, x = np.nonzero(usable)
    return y * step, x * step


def _terms(x: NDArray[np.int64], width: int, y: NDArray[np.int64], height: int) -> NDArray[np.float64]:
    """Return the terms (N, 6) of the fit: 1, x, y, x², xy, y²."""
    columns, rows = _centred(x, width), _centred(y, height)
    return np.stack([np.ones(len(x)), columns, rows, columns**2, columns * rows, rows**2], axis=1)


def _centred(position: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Return positions 0 .. size-1 as -1 .. 1."""
    return (2.0 * position - (size - 1)) / max(size - 1, 1)
