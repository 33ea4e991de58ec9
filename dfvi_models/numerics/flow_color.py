"""Colour images of optical flow: hue is direction, saturation is speed (Middlebury's colour wheel)."""

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError

SPANS = (15, 6, 4, 11, 13, 6)
"""Steps from red to yellow, green, cyan, blue, magenta and back to red: more where the eye tells more apart."""

CORNERS = np.array([(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0)], np.float64)
UNKNOWN_FLOW = 1e9  # pixels: Middlebury's mark for unknown flow is anything above


def flow_to_rgb(flow: NDArray[np.float32], max_magnitude: float | None = None) -> NDArray[np.uint8]:
    """Colour a flow: no motion is white, right is red, down is yellow, left is blue-green, up is violet.

    flow          : (H, W, 2) float32, pixels.
    max_magnitude : pixels, > 0: the speed shown in full colour; faster pixels are darkened. None = the fastest pixel's.
                    Give one number for all frames of a clip, or their colours mean different speeds.
    Returns       : (H, W, 3) uint8 RGB; black where the flow is not finite or beyond UNKNOWN_FLOW.
    Raises        : ShapeError if the flow is not (H, W, 2); ValueError if max_magnitude is not above 0.
    Source        : Baker et al., A Database and Evaluation Methodology for Optical Flow, IJCV 2011.
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ShapeError(f"flow must be (H, W, 2); got {flow.shape}")
    if max_magnitude is not None and not max_magnitude > 0:
        raise ValueError(f"max_magnitude must be above 0 px; got {max_magnitude}")
    known: NDArray[np.bool_] = np.all(np.abs(flow) < UNKNOWN_FLOW, axis=-1, keepdims=True)  # False for NaN
    dx, dy = np.moveaxis(np.where(known, flow, 0).astype(np.float64), -1, 0)
    speed = np.hypot(dx, dy)
    if max_magnitude is None:
        max_magnitude = float(speed.max(initial=0)) or 1.0
    colour = _mix_with_white(_hue(dx, dy), speed[..., None] / max_magnitude)
    return np.where(known, np.floor(255 * colour), 0).astype(np.uint8)


def _wheel() -> NDArray[np.float64]:
    """Return the 55 colours (55, 3) around the wheel."""
    arcs = [
        start + (end - start) * np.arange(span)[:, None] / span
        for start, end, span in zip(CORNERS[:-1], CORNERS[1:], SPANS, strict=True)
    ]
    wheel: NDArray[np.float64] = np.floor(255 * np.concatenate(arcs)) / 255
    return wheel


def _hue(dx: NDArray[np.float64], dy: NDArray[np.float64]) -> NDArray[np.float64]:
    wheel = _wheel()
    turn = (np.arctan2(-dy, -dx) / np.pi + 1) / 2 * (len(wheel) - 1)
    before = np.floor(turn).astype(int)
    share = (turn - before)[..., None]
    hue: NDArray[np.float64] = (1 - share) * wheel[before] + share * wheel[(before + 1) % len(wheel)]
    return hue


def _mix_with_white(hue: NDArray[np.float64], strength: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(strength <= 1, 1 - strength * (1 - hue), 0.75 * hue)
