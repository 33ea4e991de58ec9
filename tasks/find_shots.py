"""Shot finding: where one camera take gives way to the next, what of it must be looked at to fill it, and what
identifies that. Store in, store out."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from dfvi_models.numerics.holes import hole_boxes
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.shots.detection import ShotChange, find_shot_changes, shots_between
from dfvi_models.shots.nearby_motion import nearby_motion, small_grey
from dfvi_models.shots.regions import Bounds, Region, find_regions, overlap
from storage.cache import array_layout
from storage.cache.stage_key import DIGEST_LENGTH
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from tasks.stage.cached_stage import Job, StageParams, stage

HASH_BYTES = 16  # kept of the SHA-256 of a tile
MOST_TEXT = 10_000_000  # letters of a file of frame numbers; what is longer, or a device, is another file
SHARE_SLOWER = 0.9  # of the frames with the same hole, than the motion that its margin follows
TILE = 128  # pixels: a change recomputes the regions that touch its tile


def _read_file(value: object) -> object:
    """Frame numbers out of a text file, where the value names one: a run does not depend on where it lies."""
    if not isinstance(value, str) or value in ("auto", "none"):
        return value
    try:
        with Path(value).open(encoding="utf-8") as file:
            text = file.read(MOST_TEXT + 1)
        if len(text) > MOST_TEXT:
            raise ValueError(f"{value} has more than {MOST_TEXT} letters")
        lines = text.splitlines()
        return [int(line) for line in lines if line.strip() and not line.startswith("#")]
    except (OSError, ValueError) as error:
        raise ValueError(
            f"expected auto, none, a list of frame numbers, or a text file with one on each line: {error}"
        ) from None


Frame = Annotated[int, Field(ge=1)]


class FindShotsParams(StageParams):
    """Where shots begin."""

    shots: Annotated[Literal["auto", "none"] | tuple[Frame, ...], BeforeValidator(_read_file)] = "auto"
    """auto: cuts, dissolves and fades are found; none: the video is one shot; else the first frame of every shot but
    the first, counted from the start of the video, as a list or a text file with one on each line."""
    regions: Literal["auto", "none"] = "auto"
    """auto: a small hole is filled in a box around it, and frames far from any hole are left alone; none: whole frames
    of whole shots, as far as they are decoded."""


@stage(version=3)  # 2: regions, and digests of tiles; 3: margins follow the picture's motion
def find_shots(out: StageStore, *, clip: StageStore, params: FindShotsParams, job: Job) -> None:
    """Write digests of the tiles of every frame and its hole, and the regions to fill: frames of a shot, a box, and
    what identifies them."""
    count, height, width = clip["holes"].shape
    tiles = -(-height // TILE), -(-width // TILE)
    out.create(digests=array_layout.values(1, count, *tiles, HASH_BYTES, dtype="uint8"))
    digests = np.zeros((count, *tiles, HASH_BYTES), np.uint8)
    boxes: list[dict[Bounds, int]] = []
    motions: list[dict[Bounds, float]] = []

    def one_frame(t: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], dict[Bounds, int], NDArray[np.uint8]]:
        frame, hole = clip["frames"][t], clip["holes"][t]
        return frame, _digests(frame, hole), _sizes(hole), small_grey(frame)

    def frames() -> Iterator[NDArray[np.uint8]]:
        read_ahead = ordered_map(one_frame, range(count), job.threads)
        before = None
        for t, (frame, digest, found, grey) in enumerate(out.count(read_ahead, count)):
            digests[t] = digest
            boxes.append(found)
            motions.append({} if before is None else nearby_motion(before, grey, found, height, width))
            before = grey
            yield frame

    changes = _changes(frames(), params, clip.attributes)
    out.write(0, digests=digests)
    out.attributes["changes"] = [[change.first, change.stop] for change in changes]
    found = [
        replace(region, first=shot[0] + region.first, stop=shot[0] + region.stop)
        for shot in shots_between(changes, count)
        for region in _regions(boxes[slice(*shot)], motions[slice(*shot)], height, width, params)
    ]
    out.attributes["regions"] = [_facts(region, boxes, digests, height, width) for region in found]


def _regions(
    boxes: list[dict[Bounds, int]], motions: list[dict[Bounds, float]], height: int, width: int, params: FindShotsParams
) -> list[Region]:
    """The regions of a shot, counted from its first frame; the motion into that is from another shot."""
    if params.regions == "auto":
        paces: dict[Bounds, list[float]] = {}
        for box, pace in (item for found in motions[1:] for item in found.items()):
            paces.setdefault(box, []).append(pace)
        usual = {box: float(np.quantile(found, SHARE_SLOWER)) for box, found in paces.items()}
        return find_regions(boxes, height, width, usual)
    return [Region(0, len(boxes), (0, 0, height, width))] if any(boxes) else []


def _changes(frames: Iterable[NDArray[np.uint8]], params: FindShotsParams, told: Mapping[str, Any]) -> list[ShotChange]:
    """Where shots begin, counted from the first frame that was decoded; `told` is what decoding says."""
    if params.shots == "auto":
        return find_shot_changes(frames)
    for _ in frames:  # for their digests
        pass
    begins = [] if params.shots == "none" else params.shots
    last = told["clip"]["frame_count"] - 1
    if wrong := [begin for begin in begins if not 0 < begin <= last]:
        raise InputError(
            f"find_shots.shots names frame {wrong[0]}; a shot other than the first may begin at 1 to {last} of this "
            "video"
        )
    inside = range(told["start"] + 1, told["stop"])
    return [ShotChange(t - told["start"], t - told["start"]) for t in sorted(set(begins)) if t in inside]


def _sizes(hole: NDArray[np.bool_]) -> dict[Bounds, int]:
    """Bounding boxes of the connected parts of a hole, and the hole pixels in each."""
    parts = hole_boxes(hole, 0)
    return {(y.start, x.start, y.stop, x.stop): int(np.count_nonzero(hole[y, x])) for y, x in parts}


def _facts(
    region: Region, boxes: list[dict[Bounds, int]], digests: NDArray[np.uint8], height: int, width: int
) -> dict[str, Any]:
    """What is said of a region; its digest stands for the tiles that it touches, and where in them it lies."""
    y0, x0, y1, x1 = region.box
    rows, columns = slice(y0 // TILE, -(-y1 // TILE)), slice(x0 // TILE, -(-x1 // TILE))
    place = (y0 % TILE, x0 % TILE, y1 - y0, x1 - x0, height, width)
    touched = np.ascontiguousarray(digests[region.first : region.stop, rows, columns])
    content = hashlib.sha256(f"dfvi region {place} {touched.shape}".encode("ascii") + touched.tobytes())
    sizes = [
        sum(size for part, size in boxes[t].items() if overlap(region.box, part))
        for t in range(region.first, region.stop)
    ]
    box = None if region.box == (0, 0, height, width) else list(region.box)
    return {
        "first": region.first,
        "stop": region.stop,
        "box": box,
        "is_still": region.is_still,
        "digest": content.hexdigest()[:DIGEST_LENGTH],
        "hole_pixels": sum(sizes),
        "largest_hole": max(sizes),
    }


def _digests(frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """HASH_BYTES of the SHA-256 of each tile of a frame and its hole."""
    height, width = hole.shape
    found = np.zeros((-(-height // TILE), -(-width // TILE), HASH_BYTES), np.uint8)
    for row, column in np.ndindex(found.shape[:2]):
        tile = slice(row * TILE, (row + 1) * TILE), slice(column * TILE, (column + 1) * TILE)
        total = hashlib.sha256(repr(hole[tile].shape).encode("ascii"))
        total.update(np.ascontiguousarray(frame[tile]).data)
        total.update(np.packbits(hole[tile]).data)
        found[row, column] = np.frombuffer(total.digest()[:HASH_BYTES], np.uint8)
    return found
