"""A shot, or a region of one, as a stage reads it: a part of a decoded clip, known by its content alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from dfvi_models.shots.regions import Bounds
from storage.cache.stage_store import StageStore
from storage.cache.stored_array import StoredArray
from tasks.stage.cached_stage import Job, StageResult


@dataclass(frozen=True)
class Shot:
    """Frames first <= t < stop of a decoded clip that has more than one shot, or may have; or a box of them."""

    clip: StageResult
    """The decoded clip."""
    first: int
    stop: int
    digest: str
    """Stands for the content of these frames and their holes, wherever they lie in whichever clip; empty in a plan as
    long as nobody knows it."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What decoding says of a clip, for this shot: hole_pixels, largest_hole, frames."""
    why: str = ""
    box: Bounds | None = None
    """Rows y0 to y1 and columns x0 to x1 as (y0, x0, y1, x1); None for whole frames."""
    is_still: bool = False
    """Whether it is a box in which all holes stand still, as logos do."""
    cut: StageResult | None = None
    """What cut_region stored of these frames, which is read in their place where the decoded clip is not stored."""

    @property
    def undecided(self) -> bool:
        """Whether it stands, in a plan, for shots that are not known yet."""
        return not self.digest

    @property
    def shot(self) -> str:
        """Name of the shot by its first and last frame in the video, and of a region by width, height, and place from
        the left and the top too; empty where it is the whole clip."""
        is_whole = self.stop - self.first == self.clip.attributes.get("frames")
        if self.undecided or (is_whole and self.box is None):
            return ""
        start = int(self.clip.attributes.get("start", 0))
        name = f"{start + self.first}-{start + self.stop - 1}"
        if self.box is None:
            return name
        y0, x0, y1, x1 = self.box
        return f"{name} {x1 - x0}x{y1 - y0}+{x0}+{y0}"

    def check(self) -> None:
        """Raise InputError if frames were decoded again from a file that has changed."""
        if self.cut is None:
            self.clip.check()

    def open(self, job: Job) -> Any:
        """Open the clip's store, and show these frames of it; or open what was cut out."""
        if self.cut is not None:
            return self.cut.open(job)
        return ShotView(self.clip.open(job), self.first, self.stop, self.attributes, self.box)


class ShotView:
    """The arrays of a clip's store as if the clip were one shot."""

    def __init__(
        self, store: StageStore, first: int, stop: int, attributes: Mapping[str, Any], box: Bounds | None = None
    ) -> None:
        """Show items first <= t < stop of every array, inside the box."""
        self._store, self._first, self._stop, self._box = store, first, stop, box
        self.attributes = attributes

    def __getitem__(self, name: str) -> "ArraySpan":
        """Array `name` of the shot as a lazy sequence."""
        return ArraySpan(self._store[name], self._first, self._stop, self._box)

    def __contains__(self, name: str) -> bool:
        return name in self._store


class ArraySpan(Sequence[NDArray[Any]]):
    """Items first <= t < stop of a stored array, counted from 0, each read when asked for; inside a box."""

    def __init__(self, array: StoredArray, first: int, stop: int, box: Bounds | None = None) -> None:
        """Look at the array; nothing is read."""
        self._array, self._first = array, first
        y0, x0, y1, x1 = box or (0, 0, *array.shape[1:3])
        self._inside = slice(y0, y1), slice(x0, x1)
        self.shape = (stop - first, y1 - y0, x1 - x0, *array.shape[3:])
        self.dtype = array.dtype

    def __len__(self) -> int:
        return self.shape[0]

    @overload
    def __getitem__(self, t: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, t: slice) -> Sequence[NDArray[Any]]: ...
    def __getitem__(self, t: int | slice) -> NDArray[Any] | Sequence[NDArray[Any]]:
        """Read item t."""
        if isinstance(t, slice):
            return [self[i] for i in range(*t.indices(len(self)))]
        if not 0 <= t < len(self):
            raise IndexError(f"item {t} of {len(self)}")
        return np.ascontiguousarray(self._array[self._first + t][self._inside])

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Read one item after the other."""
        return (self[t] for t in range(len(self)))


def shots_with_holes(clip: StageResult, found: StageResult) -> list[Shot]:
    """The shots of a decoded clip in which there is something to fill, or the regions of them; those that lie outside
    what is to be filled are left out.

    found   : what find_shots says about the clip.
    Returns : in a plan, before both are there, one undecided shot that stands for all of them.
    """
    if "regions" not in found.attributes:
        why = found.why if found.undecided else f"follows {found.stage}, which tells the shots and their content"
        return [Shot(clip, 0, 0, "", why=why)]
    if "frames" not in clip.attributes:  # damaged, say, and thrown away
        return [Shot(clip, 0, 0, "", why=clip.why or f"follows {clip.stage}, which is not there")]
    start, count = clip.attributes.get("start", 0), clip.attributes["frames"]
    first, last = (t - start for t in clip.attributes.get("taken", (start, start + count)))
    return [
        Shot(
            clip,
            region["first"],
            region["stop"],
            region["digest"],
            {
                "frames": region["stop"] - region["first"],
                "hole_pixels": region["hole_pixels"],
                "largest_hole": region["largest_hole"],
            },
            box=tuple(region["box"]) if region["box"] else None,
            is_still=region.get("is_still", False),
        )
        for region in found.attributes["regions"]
        if region["first"] < last and first < region["stop"]
    ]
