"""How clips differ from another one: means for the terminal, and a row for each frame."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict

from flows.reports.tables import as_csv, as_text, text_table
from tasks.services.clip_comparison import FrameDifference

SHAPES = {
    "psnr": ".2f",
    "ssim": ".4f",
    "hole_psnr": ".2f",
    "hole_ssim": ".4f",
    "detail": ".4f",
    "flicker": ".2f",
    "changed": ".2%",
    "changed_outside": ".0f",
}
"""Number -> how it is written."""
MOST_WORST = 5


class ComparedClip(BaseModel):
    """One clip against the other."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    video: str
    mean: dict[str, float | None]
    """Means over the frames where a number has a meaning."""
    worst: list[int]
    """Frames that differ most, inside the hole if there is a mask, the worst first."""
    frames: list[dict[str, float | int | None]]
    """A row for each frame."""

    @classmethod
    def of(cls, video: str, differences: Iterable[FrameDifference]) -> "ComparedClip":
        """Gather the differences of all frames."""
        rows = [asdict(each) for each in differences]
        mean = {name: _mean([row[name] for row in rows if row[name] is not None]) for name in SHAPES}
        by = "psnr" if mean["hole_psnr"] is None else "hole_psnr"
        scored = sorted((row[by], row["frame"]) for row in rows if row[by] is not None and row["changed"])
        return cls(video=video, mean=mean, worst=[frame for _, frame in scored[:MOST_WORST]], frames=rows)


class Comparison(BaseModel):
    """Clips against one that is taken for the truth, or only for what they are compared with."""

    truth: str
    mask: str | None = None
    clips: list[ComparedClip]

    @property
    def worst(self) -> list[int]:
        """Frames of any of the clips that differ most, those of each clip with the worst first."""
        return list(dict.fromkeys(frame for clip in self.clips for frame in clip.worst))

    def describe(self) -> str:
        """Return a table of means, and which frames to look at."""
        columns = {"against " + self.truth: [clip.video for clip in self.clips]}
        for name, shape in SHAPES.items():
            if any(clip.mean[name] is not None for clip in self.clips):
                columns[name] = [as_text(clip.mean[name], shape) for clip in self.clips]
        lines = [text_table(columns, left=["against " + self.truth])]
        lines += [
            f"{clip.video}: look at frames {', '.join(map(str, clip.worst))}" for clip in self.clips if clip.worst
        ]
        lines += [f"{clip.video}: no pixel differs" for clip in self.clips if not clip.worst]
        return "\n".join(lines)

    def csv(self) -> str:
        """Return a row for each frame of each clip."""
        rows: list[dict[str, Any]] = [{"video": clip.video, **row} for clip in self.clips for row in clip.frames]
        return as_csv(rows, ["video", "frame", *SHAPES])


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
