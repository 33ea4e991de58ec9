"""Plots of an evaluation: means, cases, and quality over time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.reports.evaluation import HEADINGS, case_scores, means, title
from flows.reports.plotting import new_figure, write_figure

if TYPE_CHECKING:
    from flows.evaluation.model import Evaluation

SCORES = ("hole_psnr", "hole_ssim", "detail", "flicker", "flow_epe", "propagated")
MARKERS = "os^vD<>P*Xph"


def write_plots(evaluation: "Evaluation", folder: Path) -> list[Path]:
    """Write means.png, cases.png and speed.png; return their paths.

    Raises : ImportError without matplotlib; ask `can_plot` first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plots = {"means": _plot_means, "cases": _plot_cases, "speed": _plot_speed}
    return [write_figure(plot(evaluation), folder / f"{name}.png") for name, plot in plots.items()]


def _figure(evaluation: "Evaluation", width: float, height: float) -> Any:
    figure = new_figure(width, height)
    figure.suptitle(title(evaluation), fontsize=9)
    return figure


def _plot_means(evaluation: "Evaluation") -> Any:
    """The mean of each score over all cases, with a dot for each method."""
    scores = means(evaluation, evaluation.cases)
    figure = _figure(evaluation, 12, 3 + 0.4 * len(scores))
    for panel, name in zip(figure.subplots(2, 3).flat, SCORES, strict=True):
        known = {method: value for method, own in scores.items() if (value := own[name]) is not None}
        panel.plot(list(known.values()), list(known), "o")
        panel.margins(y=0.1)
        panel.invert_yaxis()
        panel.grid(alpha=0.3)
        panel.set_title(HEADINGS[name][0], fontsize=10)
    return figure


def _plot_cases(evaluation: "Evaluation") -> Any:
    """Hole PSNR of every clip and kind of hole."""
    places = [(clip, kind) for clip in evaluation.clips for kind in evaluation.config.holes]
    labels = [f"{clip} {kind}" for clip, kind in places]
    figure = _figure(evaluation, 6 + 0.4 * len(places), 6)
    panel = figure.subplots()
    scores = [case_scores(evaluation, clip, kind) for clip, kind in places]
    for number, method in enumerate(evaluation.methods):
        values = [float("nan") if (v := own[method.name]["hole_psnr"]) is None else v for own in scores]
        panel.plot(labels, values, MARKERS[number % len(MARKERS)], label=method.name)
    panel.set_ylabel("hole PSNR, dB")
    panel.tick_params(axis="x", rotation=75)
    panel.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    return figure


def _plot_speed(evaluation: "Evaluation") -> Any:
    """Mean hole PSNR over time."""
    figure = _figure(evaluation, 7, 5)
    panel = figure.subplots()
    scores = means(evaluation, evaluation.cases).items()
    known = [
        (method, x, y) for method, s in scores if (x := s["seconds_per_frame"]) and (y := s["hole_psnr"]) is not None
    ]
    for method, seconds, psnr in known:
        panel.plot([seconds], [psnr], "o")
        panel.annotate(method, (seconds, psnr), xytext=(5, 4), textcoords="offset points")
    panel.set_xlim(0, 1.3 * max((seconds for _, seconds, _ in known), default=1.0))  # room for the last name
    panel.set_xlabel(f"seconds a frame, threads: {evaluation.threads}")
    panel.set_ylabel("hole PSNR, dB")
    panel.grid(alpha=0.3)
    return figure
