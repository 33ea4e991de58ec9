"""The report of a run on one video, gathered from its stored results."""

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as installed_version
from typing import Any

from flows.configs.run_config import RunConfig
from flows.pages.parameters import command_line, nearest_preset, plate_command
from flows.pages.report_model import FrameRow, MomentRow, StageRow, VideoReport
from flows.pages.verdict import clock, helpful, join, judge
from storage.cache.errors import StoreError
from storage.cache.names import title_of_video
from storage.cache.root import Root
from storage.cache.run_records import RunFacts
from tasks.reporting.clip_report import ClipReport, names_of_origins, report_clip
from tasks.reporting.flow_pictures import FlowPictures
from tasks.reporting.result_facts import facts_of
from tasks.reporting.run_results import RunResults, open_shown

WHY = {"reuse": "it was stored", "resume": "it was begun before"}
NOTHING_LIKE_IT = "nothing like it was stored"
MOST_STAGES = 60  # rows; a video of many shots gets one for each stage and iteration


@dataclass(frozen=True)
class VideoPage:
    """A report and its pictures."""

    report: VideoReport
    pictures: list[dict[str, Any]] = field(default_factory=list)
    """What the player shows of each frame, as plain values."""
    thumbnails: list[str] = field(default_factory=list)
    """One for each moment, as a data: URL."""
    slices: Mapping[str, str] = field(default_factory=dict)
    """A row of all frames before and after, each as a data: URL."""
    flow: Mapping[str, str] = field(default_factory=dict)
    """`estimated`, `completed` and the `wheel` of colours, each as a data: URL; empty where flow is not stored."""


def report_video(root: Root, run: RunFacts, *, threads: int = 1) -> VideoPage:
    """Gather what is known of a run on one video, finished or not; what cannot be read is named in the report."""
    results = RunResults.open(root, run.video, run.reached)
    shown, problem = open_shown(results)
    problems = [problem] if problem else []
    clip = None
    if shown is not None:
        try:
            clip = report_clip(shown, threads=threads)
        except (StoreError, OSError) as error:
            problems.append(f"the frames cannot be shown: {error}")
    facts = facts_of(results)
    problems += [f"{each['stage']} {each['digest'][:8]}: {each['problem']}" for each in facts if each.get("problem")]
    if run.damage:
        problems.insert(0, f"the record of the run is damaged: {run.damage}")
    report = _report(root, run, clip, facts, problems)
    return _with_pictures(report, clip) if clip else VideoPage(report)


def _report(
    root: Root, run: RunFacts, clip: ClipReport | None, facts: Sequence[Mapping[str, Any]], problems: list[str]
) -> VideoReport:
    summary, inputs = dict(run.summary or {}), run.inputs
    shares = _shares(clip) if clip else {}
    moments = _moments(clip) if clip else []
    is_finished = run.summary is not None
    if not is_finished:
        problems.insert(0, "the run has not ended: this is what was there of it")
    verdict = judge(shares, rough=[_spoken(each) for each in moments], is_finished=is_finished)
    preset, changed = nearest_preset(RunConfig.model_validate(inputs["config"])) if "config" in inputs else ("", [])
    place = str(root.path)
    if clip and inputs:
        made_up = max(clip.numbers, key=lambda each: each.counts[names_of_origins().index("invented") + 1])
        frame = clip.start + made_up.t
        verdict.help = helpful(
            shares,
            grown=summary.get("grown", 0.0),
            odd=[clip.start + t for t in clip.odd],
            plate=(frame, plate_command(inputs, preset, changed, place, frame)),
        )
    return VideoReport(
        video=run.video,
        title=title_of_video(inputs["video_path"]) if inputs else run.video,
        run=run.name,
        made=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        state="finished" if is_finished else "unfinished",
        problems=problems,
        output=str(summary.get("output") or inputs.get("output", "")),
        root=place,
        seconds=summary.get("seconds"),
        grown=round(summary.get("grown", 0.0), 4),
        shares=shares,
        verdict=verdict,
        moments=moments,
        stages=_stages(facts, summary.get("stages", ())),
        preset=preset,
        differences=changed,
        command=command_line(inputs, preset, changed, place) if inputs else "",
        warnings=list(summary.get("warnings", ())),
        versions=_versions(facts),
        weights={name: digest for each in facts for name, digest in each.get("weights", {}).items()},
        **(_of_clip(clip) if clip else {}),
    )


def _of_clip(clip: ClipReport) -> dict[str, Any]:
    names = names_of_origins()
    return {
        "width": clip.width,
        "height": clip.height,
        "rate": round(clip.rate, 4),
        "start": clip.start,
        "count": clip.count,
        "cuts": [clip.start + t for t in clip.cuts],
        "slice_row": clip.slice.row if clip.slice else None,
        "flow_frame": clip.start + clip.flow.t if clip.flow else None,
        "fastest_flow": clip.flow.fastest if clip.flow else None,
        "hole_pixels": sum(each.hole for each in clip.numbers),
        "frames": [
            FrameRow(
                frame=clip.start + each.t,
                hole=each.hole,
                origins=dict(zip(names, each.counts[1:], strict=True)),
                confidence=each.confidence,
                doubt=each.doubt,
                left=list(each.left),
            )
            for each in clip.numbers
        ],
    }


def _shares(clip: ClipReport) -> dict[str, float]:
    whole = sum(each.hole for each in clip.numbers)
    if not whole:
        return {}
    totals = [sum(each.counts[i + 1] for each in clip.numbers) for i in range(len(names_of_origins()))]
    return {name: round(total / whole, 6) for name, total in zip(names_of_origins(), totals, strict=True)}


def _moments(clip: ClipReport) -> list[MomentRow]:
    return [
        MomentRow(frame=clip.start + each.t, seconds=round((clip.start + each.t) / clip.rate, 2), doubt=each.doubt)
        for each in clip.moments
    ]


def _spoken(moment: MomentRow) -> str:
    return f"frame {moment.frame} ({clock(moment.seconds)})"


def _stages(facts: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> list[StageRow]:
    by_digest = {each["digest"]: each for each in reversed(told)}
    rows = []
    for fact in facts:
        said = by_digest.get(fact["digest"], {})
        fields = {name: fact[name] for name in StageRow.model_fields if name in fact}
        action = said.get("action", "")
        why = fact.get("against") or NOTHING_LIKE_IT if action == "compute" else WHY.get(action, "")
        rows.append(StageRow(**fields, shot=said.get("shot", ""), action=action, why=why))
    return rows if len(rows) <= MOST_STAGES else _joined(rows)


def _joined(rows: Sequence[StageRow]) -> list[StageRow]:
    """One row for each stage and iteration; what is summed is left out where a result does not tell it."""
    found: dict[tuple[str, int, str, str], list[StageRow]] = {}
    for row in rows:
        found.setdefault((row.stage, row.iteration, row.state, row.action), []).append(row)
    joined = []
    for same in found.values():
        first = same[0]
        joined.append(
            first.model_copy(
                update={
                    "seconds": sum(row.seconds or 0 for row in same),
                    "bytes": sum(row.bytes or 0 for row in same),
                    "peak_memory_bytes": max(row.peak_memory_bytes or 0 for row in same) or None,
                    "shot": f"{len(same)} shots" if len(same) > 1 else first.shot,
                    "digest": first.digest if len(same) == 1 else "",
                    "frames_per_second": first.frames_per_second if len(same) == 1 else None,
                    "results": len(same),
                }
            )
        )
    return joined


def _versions(facts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Versions that the results were made with, each named once, and the one that made the report."""
    found: dict[str, set[str]] = {}
    for each in facts:
        for name, version in each.get("versions", {}).items():
            found.setdefault(name, set()).add(version)
    known = {name: join(sorted(versions)) for name, versions in sorted(found.items())}
    return {**known, "report": installed_version("dfvi")}


def _with_pictures(report: VideoReport, clip: ClipReport) -> VideoPage:
    frames = [
        {
            "frame": clip.start + each.t,
            "before": _text(each.before),
            "box": each.box,
            "after": _text(each.after),
            "origins": _text(each.origins),
            "sure": _text(each.sure),
            "outline": each.outline,
        }
        for each in clip.pictures
    ]
    slices = {"Before": clip.slice.before, "After": clip.slice.after} if clip.slice else {}
    return VideoPage(
        report,
        frames,
        [_url(each.picture) for each in clip.moments],
        {name: _url(each) for name, each in slices.items()},
        _flow(clip.flow) if clip.flow else {},
    )


def _flow(flow: FlowPictures) -> dict[str, str]:
    return {
        "estimated": _url(flow.estimated),
        "completed": _url(flow.completed),
        "wheel": _url(flow.wheel, "image/png"),
    }


def _url(picture: bytes, kind: str = "image/jpeg") -> str:
    return f"data:{kind};base64,{_text(picture)}"


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
