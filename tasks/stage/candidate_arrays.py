"""How the candidates of a frame lie in the store of `propagate`: hole pixels only, padded to the largest hole."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfvi_models.types import NO_SOURCE, Candidates, Direction
from storage.cache import array_layout
from storage.cache.stage_store import StageStore

FIELDS = ("colour", "source", "error", "invented")


def create(out: StageStore, direction: Direction, frames: int, per_pixel: int, pixels: int) -> list[int]:
    """Declare the arrays of one direction; return the frames still missing.

    per_pixel : candidates per pixel, K.
    pixels    : pixels of the largest hole.
    """
    values = array_layout.values
    layouts = {
        "colour": values(frames, per_pixel, pixels, 3, dtype="uint8"),
        "source": values(frames, per_pixel, pixels, dtype="int32"),
        "error": values(frames, per_pixel, pixels, dtype="float32"),
        "invented": values(frames, per_pixel, pixels, dtype="bool"),
    }
    return out.create(**{f"{direction}_{field}": layout for field, layout in layouts.items()})


def write(out: StageStore, direction: Direction, t: int, candidates: Candidates) -> None:
    """Write the candidates of frame t."""
    pixels = out[f"{direction}_source"].shape[2]
    items = {
        "colour": _pad(candidates.colour, pixels, 0),
        "source": _pad(candidates.source, pixels, NO_SOURCE),
        "error": _pad(candidates.error, pixels, 0),
        "invented": _pad(candidates.invented, pixels, False),
    }
    out.write(t, **{f"{direction}_{field}": item for field, item in items.items()})


def read(store: StageStore, direction: Direction, t: int, hole: NDArray[np.bool_]) -> Candidates:
    """Read the candidates of frame t, whose hole is `hole`."""
    pixels = int(np.count_nonzero(hole))
    colour, source, error, invented = (store[f"{direction}_{field}"][t][:, :pixels] for field in FIELDS)
    return Candidates(colour, source, error, invented)


def reader(store: StageStore, direction: Direction, holes: Sequence[NDArray[Any]]) -> Any:
    """Return a function that reads the candidates of a frame by its number."""
    return lambda t: read(store, direction, t, holes[t])


def _pad(values: NDArray[Any], pixels: int, fill: int) -> NDArray[Any]:
    padded = np.full((values.shape[0], pixels, *values.shape[2:]), fill, values.dtype)
    padded[:, : values.shape[1]] = values
    return padded
