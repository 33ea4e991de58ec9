"""COCO run-length masks in JSON as the mask.

Read are: a COCO file (`images`, `annotations`), one of YouTube-VIS (an annotation has `segmentations`, one a frame), a
list with an RLE, several, or null for each frame, and a single RLE for all frames. An RLE is {"size": [height, width],
"counts": ...}, with counts as a list or in COCO's compressed text.
Source: the format of `pycocotools.mask` (COCO API, maskApi.c): runs go down the columns and begin with zeros.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from storage.errors import InputError
from storage.media.clip import Clip, check_size
from storage.media.images.folder import natural_key
from storage.media.masks.source import MARKED, Marks, MaskSource
from storage.media.reading import content_digest

Rle = tuple[int | None, dict[str, Any]]
"""An object's number, where it has one, and its RLE."""
OBJECT_KEYS = ("track_id", "instance_id", "category_id")
"""What numbers an object through the frames of a COCO file; the first that an annotation has."""


@dataclass(frozen=True)
class CocoMask(MaskSource):
    """A JSON file of run-length masks."""

    path: Path
    expected = "COCO RLE (.json)"

    @classmethod
    def recognise(cls, text: str, *, is_path: bool) -> "CocoMask | None":
        """See MaskSource."""
        return cls(Path(text)) if is_path and Path(text).suffix.lower() == ".json" else None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"mask {self.path}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    def digest(self) -> str:
        """See MaskSource."""
        return content_digest(self.path)

    def open(self, clip: Clip, object_number: int | None = None) -> Marks:  # noqa: ARG002
        """See MaskSource."""
        try:
            frames = _frames_of(json.loads(self.path.read_text(encoding="utf-8")))
            height, width = _common_size(frames)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(
                f"{self.name}: not COCO RLE ({reason}); expected images and annotations, or a list of RLEs, one a frame"
            ) from None
        check_size(self.path, height, width)
        if object_number is not None:
            numbers = {number for frame in frames for number, _ in frame}
            if object_number not in numbers:
                there = ", ".join(sorted(str(number) for number in numbers if number is not None)) or "none"
                raise InputError(f"{self.name}: has no object {object_number}; there are {there}")

        def read(start: int, stop: int) -> Iterator[np.ndarray]:
            for t, frame in enumerate(frames[start:stop], start):
                chosen = [rle for number, rle in frame if object_number in (None, number)]
                try:
                    yield _union_of(chosen, height, width)
                except (ValueError, TypeError, KeyError, OverflowError) as error:
                    raise InputError(f"{self.name}: frame {t} does not decode ({error}); write it again") from None

        return Marks(height, width, len(frames), read)


def decode_rle(rle: dict[str, Any]) -> np.ndarray:
    """Return the (H, W) bool mask of one RLE. Raises ValueError if the runs do not fill it exactly."""
    height, width = (int(side) for side in rle["size"])
    counts = rle["counts"]
    runs = _decompress(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if min(runs, default=0) < 0 or sum(runs) != height * width:
        raise ValueError(f"runs of {sum(runs)} pixels in a mask of {width}x{height}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def encode_rle(mask: np.ndarray) -> dict[str, Any]:
    """Return the RLE of a (H, W) bool mask, with runs in COCO's compressed text; decode_rle reads it back."""
    down = np.ascontiguousarray(mask.T).reshape(-1)
    changes = np.flatnonzero(np.diff(down)) + 1
    runs = np.diff([0, *([0] if down[0] else []), *changes, down.size]).tolist()
    return {"size": list(mask.shape), "counts": _compress(runs)}


def _compress(runs: Sequence[int]) -> str:
    """Return runs as COCO's compressed text; see `_decompress`."""
    letters = []
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        while True:
            bits, value = value & 0x1F, value >> 5
            is_last = value == (-1 if bits & 0x10 else 0)
            letters.append(chr(48 + bits + (0 if is_last else 0x20)))
            if is_last:
                break
    return "".join(letters)


def _decompress(text: str) -> list[int]:
    """Return the runs of COCO's compressed text.

    A letter above "0" holds 5 bits, the lowest first; bit 5 says that more follow, and the last letter carries the
    sign. From the third on, a run is the difference to the run before the previous one.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError(f"{letter!r} is no letter of a run-length text")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("the run-length text breaks off")
    return runs


def _frames_of(content: Any) -> list[list[Rle]]:
    """Return the RLEs of each frame."""
    if isinstance(content, list):
        return [_of_one_frame(entry) for entry in content]
    if "counts" in content:
        return [[(None, content)]]
    annotations = content["annotations"]
    if any("segmentations" in annotation for annotation in annotations):
        return _frames_of_tracks(annotations)
    return _frames_of_images(content["images"], annotations)


def _of_one_frame(entry: Any) -> list[Rle]:
    if entry is None:
        return []
    if isinstance(entry, dict):
        return [(_object_of(entry), entry.get("segmentation", entry))]
    return [(number, rle) for number, rle in enumerate(entry, 1) if rle]


def _frames_of_tracks(annotations: Sequence[dict[str, Any]]) -> list[list[Rle]]:
    count = max(len(annotation["segmentations"]) for annotation in annotations)
    frames: list[list[Rle]] = [[] for _ in range(count)]
    for annotation in annotations:
        for t, rle in enumerate(annotation["segmentations"]):
            if rle:
                frames[t].append((annotation.get("id"), rle))
    return frames


def _frames_of_images(images: Sequence[dict[str, Any]], annotations: Sequence[dict[str, Any]]) -> list[list[Rle]]:
    order = sorted(images, key=lambda image: natural_key(str(image.get("file_name", image["id"]))))
    frames: dict[Any, list[Rle]] = {image["id"]: [] for image in order}
    for annotation in annotations:
        rle = annotation["segmentation"]
        if not isinstance(rle, dict):
            raise ValueError("the segmentation is a polygon, not an RLE; convert it with pycocotools' annToRLE")
        frames[annotation["image_id"]].append((_object_of(annotation), rle))
    return list(frames.values())


def _object_of(annotation: dict[str, Any]) -> int | None:
    return next((annotation[key] for key in OBJECT_KEYS if key in annotation), None)


def _common_size(frames: list[list[Rle]]) -> tuple[int, int]:
    sizes = {tuple(int(side) for side in rle["size"]) for frame in frames for _, rle in frame}
    if len(sizes) != 1:
        raise ValueError(f"masks of sizes {sorted(sizes)} in one file" if sizes else "no mask in it")
    height, width = sizes.pop()
    return height, width


def _union_of(rles: Sequence[dict[str, Any]], height: int, width: int) -> np.ndarray:
    marked = np.zeros((height, width), np.uint8)
    for rle in rles:
        marked[decode_rle(rle)] = MARKED
    return marked
