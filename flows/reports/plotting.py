"""What all plots share: whether matplotlib is there, and how a figure is made and written."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from storage.backends.atomic_write import appears_when_complete

HINT = "for plots, install matplotlib: pip install 'dfvi[plots]'"
DOTS_PER_INCH = 120


def can_plot() -> bool:
    """Return whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of so many inches. Raises ImportError without matplotlib; ask `can_plot` first."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def write_figure(figure: Any, path: Path) -> Path:
    """Write a figure as PNG and return its path; the file appears when it is whole. Raises OSError."""
    with appears_when_complete(path) as partial:
        figure.savefig(partial, dpi=DOTS_PER_INCH, format="png")
    return path
