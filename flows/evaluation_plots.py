"""Pictures of an evaluation. Needs matplotlib, which `dfvi[plots]` brings."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.evaluation_report import HEADINGS, case_scores, means

if TYPE_CHECKING:
    from flows.evaluation import Evaluation

HINT = "for plots, install matplotlib: pip install 'dfvi[plots]'"
DOTS_PER_INCH = 120
BARS = ("hole_psnr", "psnr", "ssim", "warping_error", "flow_epe", "propagated")


def can_plot() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def write_plots(evaluation: "Evaluation", folder: Path) -> list[Path]:
    """Write means.png, cases.png and speed.png; return their paths.

    Raises : ImportError without matplotlib; ask `can_plot` first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plots = {"means": _plot_means, "cases": _plot_cases, "speed": _plot_speed}
    paths = []
    for name, plot in plots.items():
        figure = plot(evaluation)
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=DOTS_PER_INCH)
    return paths


def _figure(evaluation: "Evaluation", width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    sizes = sorted({f"{case.width}x{case.height}" for case in evaluation.cases})
    frames = sorted({case.frames for case in evaluation.cases})
    lengths = str(frames[0]) if len(frames) == 1 else f"{frames[0]}-{frames[-1]}"
    holes = ", ".join(evaluation.config.holes)
    figure.suptitle(f"{len(evaluation.clips)} clips, {', '.join(sizes)}, {lengths} frames; holes: {holes}", fontsize=9)
    return figure


def _plot_means(evaluation: "Evaluation") -> Any:
    """Bars: the mean of each score over all cases."""
    scores = means(evaluation, evaluation.cases)
    figure = _figure(evaluation, 12, 3 + 0.4 * len(scores))
    for panel, name in zip(figure.subplots(2, 3).flat, BARS, strict=True):
        known = {row: value for row, own in scores.items() if (value := own[name]) is not None}
        panel.barh(list(known), list(known.values()))
        panel.invert_yaxis()
        panel.set_title(HEADINGS[name][0], fontsize=10)
        if name in ("psnr", "hole_psnr", "ssim") and known:
            low, high = min(known.values()), max(known.values())
            panel.set_xlim(low - 0.3 * (high - low) - 1e-6, high + 0.05 * (high - low) + 1e-6)
    return figure


def _plot_cases(evaluation: "Evaluation") -> Any:
    """Hole PSNR of every clip and kind of hole."""
    places = [(clip, kind) for clip in evaluation.clips for kind in evaluation.config.holes]
    labels = [f"{clip} {kind}" for clip, kind in places]
    figure = _figure(evaluation, 4 + 0.4 * len(places), 6)
    panel = figure.subplots()
    scores = [case_scores(evaluation, clip, kind) for clip, kind in places]
    for row in evaluation.rows:
        values = [float("nan") if (v := own[row.name]["hole_psnr"]) is None else v for own in scores]
        panel.plot(labels, values, marker="o", linewidth=0.8, label=row.name)
    panel.set_ylabel("hole PSNR, dB")
    panel.tick_params(axis="x", rotation=75)
    panel.grid(alpha=0.3)
    panel.legend()
    return figure


def _plot_speed(evaluation: "Evaluation") -> Any:
    """Mean hole PSNR over time."""
    figure = _figure(evaluation, 7, 5)
    panel = figure.subplots()
    for row, scores in means(evaluation, evaluation.cases).items():
        seconds, psnr = scores["seconds_per_frame"], scores["hole_psnr"]
        if seconds is not None and psnr is not None:
            panel.plot([max(seconds, 1e-4)], [psnr], "o")
            panel.annotate(row, (max(seconds, 1e-4), psnr), xytext=(5, 4), textcoords="offset points")
    panel.set_xscale("log")
    panel.set_xlabel(f"seconds a frame, {evaluation.threads} threads")
    panel.set_ylabel("hole PSNR, dB")
    panel.grid(alpha=0.3)
    return figure
