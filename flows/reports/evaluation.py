"""The report of an evaluation: tables for the terminal, CSV for spreadsheets, JSON for scripts."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from flows.evaluation.methods import CEILING
from flows.evaluation.model import MEAN, Case, Evaluation
from flows.reports.tables import as_csv, as_text, text_table, write_text

Scores = dict[str, float | None]

HEADINGS = {
    "psnr": ("PSNR", ".2f"),
    "ssim": ("SSIM", ".4f"),
    "hole_psnr": ("hole PSNR", ".2f"),
    "hole_ssim": ("hole SSIM", ".4f"),
    "detail": ("detail", ".4f"),
    "flicker": ("flicker", ".2f"),
    "warping_error": ("warp x1000", ".2f"),
    "true_warping_error": ("clip's own", ".2f"),
    "flow_epe": ("EPE px", ".2f"),
    "propagated": ("propagated", ".1%"),
    "lpips": ("LPIPS", ".4f"),
    "vfid": ("VFID", ".3f"),
    "covered": ("covered", ".0%"),
    "seconds_per_frame": ("s/frame", ".3f"),
}
"""Column -> its heading and format on the terminal."""
PERCEPTUAL = ("lpips", "vfid")
"""Columns that stand there only where they were asked for."""
OF_MANY = ("covered", "vfid")
"""Columns that are no means of cases."""
BAR = "paper-rule"
"""The method from which the way to the ceiling is measured."""
COMPARED_WITH = (BAR, "paper-rule-plus", "harmonic")
"""Methods every other is held against, case by case."""
NEAR = 0.5  # dB; where bar and ceiling are nearer than this, a share of the way between them says nothing


def summary_tables(evaluation: Evaluation) -> str:
    """Return what was scored, means over all cases and for each kind of hole, and every case, as tables."""
    kinds = evaluation.config.holes
    blocks = [describe(evaluation)]
    if len(kinds) > 1:
        blocks.append(_means_table(evaluation, f"mean of {' and '.join(kinds)}", MEAN))
    for kind in kinds:
        blocks.append(_means_table(evaluation, f"holes: {kind}", kind))
    return "\n\n".join([*blocks, *_paired_table(evaluation), _cases_table(evaluation)])


def describe(evaluation: Evaluation) -> str:
    """Return clips, sizes, frames, kinds of holes and metrics, without which no score can be compared."""
    lengths = {case.clip: case.frames for case in evaluation.cases}
    shares = [case.hole_share for case in evaluation.cases]
    return "\n".join(
        [
            title(evaluation),
            f"clips (frames): {', '.join(f'{clip} ({count})' for clip, count in lengths.items())}",
            f"holes cover {min(shares):.1%} to {max(shares):.1%} of a clip; seed {evaluation.config.seed}; "
            f"threads: {evaluation.threads}",
            f"metrics: {evaluation.metric_code}",
        ]
    )


def title(evaluation: Evaluation) -> str:
    """Return in one line what was scored."""
    sizes = sorted({f"{case.width}x{case.height}" for case in evaluation.cases})
    frames = sorted({case.frames for case in evaluation.cases})
    lengths = str(frames[0]) if len(frames) == 1 else f"{frames[0]} to {frames[-1]}"
    clips = f"{len(evaluation.clips)} clip" + ("s" if len(evaluation.clips) > 1 else "")
    return f"{clips} at {', '.join(sizes)}, {lengths} frames each; holes: {', '.join(evaluation.config.holes)}"


def headings(evaluation: Evaluation) -> dict[str, tuple[str, str]]:
    """Return the headings of the columns that this evaluation has."""
    missing = set(PERCEPTUAL) - set(evaluation.config.perceptual)
    return {name: heading for name, heading in HEADINGS.items() if name not in missing}


def means(evaluation: Evaluation, cases: Sequence[Case], kind: str = "") -> dict[str, Scores]:
    """Return for each method the mean of each column over `cases`; `covered` is that of the mean PSNR, and
    VFID that of all cases of one kind of hole, or MEAN; None for other cases."""
    found, vfid = {}, evaluation.vfid.get(kind, {})
    columns = headings(evaluation)
    for method in (method.name for method in evaluation.methods):
        own = [_columns(case) for case in cases if case.method == method]
        found[method] = {name: _mean([scores[name] for scores in own]) for name in columns if name not in OF_MANY}
    of_many = {method: {"covered": _covered(found, method), "vfid": vfid.get(method)} for method in found}
    return {method: {name: {**scores, **of_many[method]}[name] for name in columns} for method, scores in found.items()}


def write_reports(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write scores.csv (cases and means), frames.csv (every frame) and evaluation.json; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = [
        {"clip": c.clip, "hole": c.hole, "row": c.method, **line} for c in evaluation.cases for line in c.per_frame
    ]
    texts = {
        "scores.csv": _csv(list(_score_lines(evaluation))),
        "frames.csv": _csv(frames),
        "evaluation.json": evaluation.model_dump_json(indent=2) + "\n",
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]


def case_scores(evaluation: Evaluation, clip: str, hole: str) -> dict[str, Scores]:
    """Return for each method its scores on one clip with one kind of hole."""
    return means(evaluation, [case for case in evaluation.cases if (case.clip, case.hole) == (clip, hole)])


def _score_lines(evaluation: Evaluation) -> Iterable[dict[str, object]]:
    about: dict[str, object]
    for case in evaluation.cases:
        scores = case_scores(evaluation, case.clip, case.hole)[case.method]
        about = {"clip": case.clip, "hole": case.hole, "row": case.method, "frames": case.frames}
        yield {**about, "height": case.height, "width": case.width, "hole_share": case.hole_share, **scores}
    for kind in (*evaluation.config.holes, MEAN):
        cases = _cases_of(evaluation, kind)
        for method, scores in means(evaluation, cases, kind).items():
            own = [case for case in cases if case.method == method]
            about = {"clip": MEAN, "hole": kind, "row": method, "frames": sum(case.frames for case in own)}
            yield {**about, "hole_share": fmean(case.hole_share for case in own), **scores}


def _columns(case: Case) -> Scores:
    return {**case.scores, "seconds_per_frame": case.seconds_per_frame}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _covered(scores: dict[str, Scores], method: str) -> float | None:
    """Return the share of the way from the paper's rule to the ceiling, in dB of the hole."""
    bar, top, own = (scores.get(name, {}).get("hole_psnr") for name in (BAR, CEILING, method))
    if bar is None or top is None or own is None or top - bar < NEAR:
        return None
    return (own - bar) / (top - bar)


def _means_table(evaluation: Evaluation, title: str, kind: str) -> str:
    columns = headings(evaluation)
    found = means(evaluation, _cases_of(evaluation, kind), kind)
    shown = {
        heading: [as_text(scores[name], shape) for scores in found.values()]
        for name, (heading, shape) in columns.items()
    }
    return text_table({title: list(found), **shown}, left=[title])


def _cases_of(evaluation: Evaluation, kind: str) -> list[Case]:
    """Return the cases with one kind of hole, or all for MEAN."""
    return [case for case in evaluation.cases if kind in (case.hole, MEAN)]


def _paired_table(evaluation: Evaluation) -> list[str]:
    """Return a table of the hole PSNR above that of COMPARED_WITH: mean, cases won, worst case; none without these."""
    names = [method.name for method in evaluation.methods]
    bars = [name for name in COMPARED_WITH if name in names]
    psnr = {(case.method, f"{case.clip} {case.hole}"): case.scores["hole_psnr"] for case in evaluation.cases}

    def compared(name: str, bar: str) -> str:
        gains = [
            own - other
            for (method, case), own in psnr.items()
            if method == name and own is not None and (other := psnr[bar, case]) is not None
        ]
        return _paired_text(gains) if name != bar else "-"

    title = "hole PSNR, case by case"
    gains = {f"above {bar}": [compared(name, bar) for name in names] for bar in bars}
    return [text_table({title: names, **gains}, left=[title])] if bars and len(names) > 1 else []


def _paired_text(gains: list[float]) -> str:
    if not gains:
        return "-"
    return f"{fmean(gains):+.2f} (won {sum(gain > 0 for gain in gains)} of {len(gains)}, worst {min(gains):+.2f})"


def _cases_table(evaluation: Evaluation) -> str:
    """Return the hole PSNR of every case, with a column for each method."""
    names = [method.name for method in evaluation.methods]
    places = [(clip, kind) for clip in evaluation.clips for kind in evaluation.config.holes]
    scores = [case_scores(evaluation, clip, kind) for clip, kind in places]
    columns = {name: [as_text(own[name]["hole_psnr"], ".2f") for own in scores] for name in names}
    return text_table({"hole PSNR": [f"{clip} {kind}" for clip, kind in places], **columns}, left=["hole PSNR"])


def _csv(rows: Sequence[dict[str, object]]) -> str:
    """Return rows as CSV; the first one, which is that of a clip, names the columns."""
    return as_csv(rows, list(rows[0]) if rows else [])
