"""What became of the pixels of a clip's hole, for the stages that follow and for reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dfvi_models.types import INVENTED, Merged


@dataclass
class FillCounts:
    """Counts what became of the hole so far, in pixels over all frames."""

    holes_left: int = 0
    largest_hole: int = 0
    propagated: int = 0
    """Pixels whose colour another frame of the clip shows."""
    registered: int = 0
    """Those of them that were taken from a frame registered directly, not carried along flow."""
    invented: int = 0
    painted: int = 0
    """Pixels that stand in a plate, and those of `propagated` that were taken from one."""
    plates: list[list[int]] = field(default_factory=list)
    """Frames that have a plate, and how many of their hole's pixels it shows."""
    unfinished_frames: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, clip: Mapping[str, Any]) -> "FillCounts":
        """Start to count; `clip` is what the stage that is read says of its result."""
        plates = [list(plate) for plate in clip.get("plates", ())]
        painted = sum(pixels for _, pixels in plates)
        return cls(registered=int(clip.get("registered", 0)), painted=painted, plates=plates)

    def add(self, t: int, merged: Merged) -> None:
        """Count frame t."""
        left = int(np.count_nonzero(merged.hole))
        self.holes_left += left
        self.largest_hole = max(self.largest_hole, left)
        self.propagated += int(np.count_nonzero(merged.source >= 0))
        self.invented += int(np.count_nonzero(merged.source == INVENTED))
        if self.plates:
            self.painted += int(np.count_nonzero(np.isin(merged.source, [frame for frame, _ in self.plates])))
        if left:
            self.unfinished_frames.append(t)
