"""What became of the pixels of a clip's hole, for the stages that follow and for reports."""

from dataclasses import dataclass, field

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
    unfinished_frames: list[int] = field(default_factory=list)

    def add(self, t: int, merged: Merged) -> None:
        """Count frame t."""
        left = int(np.count_nonzero(merged.hole))
        self.holes_left += left
        self.largest_hole = max(self.largest_hole, left)
        self.propagated += int(np.count_nonzero(merged.source >= 0))
        self.invented += int(np.count_nonzero(merged.source == INVENTED))
        if left:
            self.unfinished_frames.append(t)
