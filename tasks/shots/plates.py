"""Plates laid over a shot: frames of which a person painted what the hole hides, which is then taken as seen."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfvi_models.shots.regions import Bounds
from storage.cache.stage_key import DIGEST_LENGTH, canonical_json
from storage.cache.stage_store import StageStore
from storage.cache.stored_array import StoredArray
from storage.errors import InputError
from storage.media.images.plates import plate_digest, read_plate
from tasks.shots.filled_clip import Derived
from tasks.shots.grown_clip import GrownClip, GrownView
from tasks.shots.shot import ArraySpan, Shot, ShotView
from tasks.stage.cached_stage import Job, StageResult


@dataclass(frozen=True)
class Plate:
    """An image that stands for a frame, with the digest of what it shows."""

    frame: int
    """Number of the frame in its shot."""
    path: str
    digest: str


@dataclass(frozen=True)
class PaintedShot:
    """A shot some frames of which have less of a hole, or none, because plates show what it hides."""

    bare: StageResult | Shot | GrownClip
    plates: tuple[Plate, ...]
    box: Bounds | None = None
    """Of the frame that the shot shows, if it is a region; see `Shot`."""

    @property
    def digest(self) -> str:
        """Stands for the content of the shot and of its plates."""
        shown = {str(plate.frame): plate.digest for plate in self.plates}
        text = canonical_json({"shot": self.bare.digest, "plates": shown})
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGEST_LENGTH]

    @property
    def undecided(self) -> bool:
        """Never: plates are laid over shots that are known."""
        return self.bare.undecided

    @property
    def why(self) -> str:
        """What the shot itself says."""
        return self.bare.why

    @property
    def shot(self) -> str:
        """Name of the shot by its first and last frame; empty where it is the whole clip."""
        return self.bare.shot

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What decoding says of the shot without plates."""
        return self.bare.attributes

    def check(self) -> None:
        """Raise InputError if a plate no longer shows what its digest stands for."""
        for plate in self.plates:
            if plate_digest(Path(plate.path)) != plate.digest:
                raise InputError(f"{plate.path} changed while it was worked on; run again once it is written")

    def open(self, job: Job) -> "PaintedView":
        """Open the shot, and read the plates."""
        return PaintedView(self.bare.open(job), self.plates, self.box)


class PaintedView:
    """The arrays of a shot with its plates laid over them, inside the hole."""

    def __init__(
        self, shot: StageStore | ShotView | GrownView, plates: Sequence[Plate], box: Bounds | None = None
    ) -> None:
        """Read the plates and lay them over frames and holes.

        Raises : InputError if a plate is no image of the frame's size.
        """
        self._shot = shot
        self._laid: dict[str, dict[int, NDArray[Any]]] = {"frames": {}, "holes": {}}
        shown = {}
        for plate in plates:
            frame, hole = shot["frames"][plate.frame], shot["holes"][plate.frame]
            colours, is_painted = read_plate(Path(plate.path))
            if box:
                inside = slice(box[0], box[2]), slice(box[1], box[3])
                colours, is_painted = colours[inside], is_painted[inside]
            if colours.shape != frame.shape:
                raise InputError(f"the plate {plate.path} is not of the video's size; paint on a frame of the video")
            taken = hole & is_painted
            self._laid["frames"][plate.frame] = np.where(taken[..., None], colours, frame)
            self._laid["holes"][plate.frame] = hole & ~is_painted
            shown[plate.frame] = int(np.count_nonzero(taken))
        self.attributes = {**shot.attributes, "plates": sorted(shown.items())}

    def __getitem__(self, name: str) -> Any:
        """Array `name` of the shot as a lazy sequence; `hidden` are its holes without the plates."""
        if name == "hidden":
            return self._shot["holes"]
        return LaidOver(self._shot[name], self._laid[name]) if name in self._laid else self._shot[name]

    def __contains__(self, name: str) -> bool:
        return name == "hidden" or name in self._shot


class LaidOver(Derived):
    """A lazy sequence of arrays, some of which are replaced."""

    def __init__(self, below: ArraySpan | StoredArray, laid: Mapping[int, NDArray[Any]]) -> None:
        """Look at the arrays; nothing is read."""
        super().__init__(len(below), lambda t: laid[t] if t in laid else below[t])
        self.shape, self.dtype = below.shape, below.dtype


def lay_plates(
    shot: Shot, clip: Shot | StageResult, paths: Mapping[int, str], start: int
) -> Shot | StageResult | PaintedShot:
    """Return a shot with the plates that lie in it; `clip` if none does, or, in a plan, if it is not known.

    clip   : the shot itself, or what was cut out of it.
    paths  : number of a frame in the video -> image.
    start  : number in the video of the first frame that was decoded.
    Raises : InputError if a plate is no image.
    """
    inside = {number - start - shot.first: path for number, path in sorted(paths.items())}
    inside = {frame: path for frame, path in inside.items() if 0 <= frame < shot.stop - shot.first}
    if shot.undecided or not inside:
        return clip
    plates = tuple(Plate(frame, path, plate_digest(Path(path))) for frame, path in inside.items())
    return PaintedShot(clip, plates, shot.box)
