"""Plots of a sweep: quality, time and size over the values of each parameter."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.reports.plotting import new_figure, write_figure

PANELS = {
    "hole_psnr": "hole PSNR, dB",
    "propagated": "share of the hole propagated",
    "full_seconds": "seconds of all stages",
    "full_megabytes": "MB of all stages",
}

Row = Mapping[str, Any]


def write_plots(rows: Sequence[Row], keys: Sequence[str], folder: Path) -> list[Path]:
    """Write <key>.png for each varied parameter; return their paths.

    rows   : one for each combination, with a value under each of `keys`, and under those of PANELS that are known.
    Raises : ImportError without matplotlib; ask `can_plot` first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for key in keys:
        panels = [name for name in PANELS if any(row.get(name) is not None for row in rows)]
        figure = new_figure(4 * len(panels), 4)
        for panel, name in zip(figure.subplots(1, len(panels), squeeze=False).flat, panels, strict=True):
            _plot(panel, rows, key, [other for other in keys if other != key], name)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        if len(keys) > 1:
            figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), fontsize=8)
        paths.append(write_figure(figure, folder / f"{key}.png"))
    return paths


def _plot(panel: Any, rows: Sequence[Row], key: str, others: Sequence[str], name: str) -> None:
    """Draw one score over the values of one parameter, with a line for each combination of the others."""
    lines: dict[str, list[tuple[Any, Any]]] = defaultdict(list)
    for row in rows:
        if row.get(name) is not None:
            label = ", ".join(f"{other.rpartition('.')[2]} {row[other]}" for other in others)
            lines[label].append((_place(row[key]), row[name]))
    for label, points in lines.items():
        panel.plot(*zip(*points, strict=True), "o-", label=label)
    panel.set_xlabel(key)
    panel.set_title(PANELS[name], fontsize=10)
    panel.grid(alpha=0.3)


def _place(value: Any) -> Any:
    """Return a number as it is, and anything else as the text that labels its place on the axis."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
