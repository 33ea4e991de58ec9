"""Shot finding: where one camera take gives way to the next, and what identifies each. Store in, store out."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.shots.detection import ShotChange, find_shot_changes, shots_between
from storage.cache import array_layout
from storage.cache.stage_key import DIGEST_LENGTH
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from tasks.stage.cached_stage import Job, StageParams, stage

HASH_BYTES = 16  # kept of the SHA-256 of a frame


def _read_file(value: object) -> object:
    """Frame numbers out of a text file, where the value names one: a run does not depend on where it lies."""
    if not isinstance(value, str) or value in ("auto", "none"):
        return value
    try:
        lines = Path(value).read_text(encoding="utf-8").splitlines()
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


@stage(version=1)
def find_shots(out: StageStore, *, clip: StageStore, params: FindShotsParams, job: Job) -> None:
    """Write a digest of every frame and its hole, and the shots: where they begin and end, and what identifies them."""
    count = clip["frames"].shape[0]
    out.create(digests=array_layout.values(1, count, 2, HASH_BYTES, dtype="uint8"))
    digests = np.zeros((count, 2, HASH_BYTES), np.uint8)
    hole_sizes = np.zeros(count, np.int64)

    def one_frame(t: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
        frame, hole = clip["frames"][t], clip["holes"][t]
        return frame, np.stack([_digest(frame), _digest(hole)]), int(np.count_nonzero(hole))

    def frames() -> Iterator[NDArray[np.uint8]]:
        read_ahead = ordered_map(one_frame, range(count), job.threads)
        for t, (frame, digest, size) in enumerate(out.count(read_ahead, count)):
            digests[t], hole_sizes[t] = digest, size
            yield frame

    changes = _changes(frames(), params, clip.attributes["start"], count)
    out.write(0, digests=digests)
    out.attributes["changes"] = [[change.first, change.stop] for change in changes]
    out.attributes["shots"] = [
        _facts(first, stop, digests, hole_sizes) for first, stop in shots_between(changes, count)
    ]


def _changes(frames: Iterable[NDArray[np.uint8]], params: FindShotsParams, start: int, count: int) -> list[ShotChange]:
    if params.shots == "auto":
        return find_shot_changes(frames)
    for _ in frames:  # for their digests
        pass
    begins = [] if params.shots == "none" else [number - start for number in params.shots]
    if wrong := [begin + start for begin in begins if not 0 < begin < count]:
        raise InputError(
            f"find_shots.shots names frame {wrong[0]}; a shot other than the first may begin at {start + 1} to "
            f"{start + count - 1} of this video"
        )
    return [ShotChange(begin, begin) for begin in sorted(set(begins))]


def _facts(first: int, stop: int, digests: NDArray[np.uint8], hole_sizes: NDArray[np.int64]) -> dict[str, Any]:
    content = hashlib.sha256(b"dfvi shot" + digests[first:stop].tobytes()).hexdigest()[:DIGEST_LENGTH]
    sizes = hole_sizes[first:stop]
    facts = {"first": first, "stop": stop, "digest": content}
    return facts | {"hole_pixels": int(sizes.sum()), "largest_hole": int(sizes.max())}


def _digest(item: NDArray[Any]) -> NDArray[np.uint8]:
    """HASH_BYTES of the SHA-256 of an item's shape and bytes."""
    total = hashlib.sha256(repr((item.shape, item.dtype.str)).encode("ascii"))
    total.update(np.ascontiguousarray(item).data)
    return np.frombuffer(total.digest()[:HASH_BYTES], np.uint8)
