"""Export of stored results as images and flow files, and import of flow files as a stored result."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.flow_color import flow_to_rgb
from storage.backends.file_digest import file_sha256
from storage.cache import array_layout
from storage.cache.root import Root
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.flo import read_flo, write_flo
from storage.media.writing import write_images
from tasks.estimate_flow import EstimateFlowParams, ImportedFlow, estimate_flow
from tasks.stage.cached_stage import StageResult

FLOW_SUFFIXES = {"flow_fw": (".flo", 0), "flow_bw": (".rflo", 1)}
"""Suffix, and number of the first file: as in the paper's code, t.flo is frame t -> t+1 and t.rflo is t -> t-1."""


def export_store(store: StageStore, folder: Path) -> Iterator[str]:
    """Write frames, holes and flow of a finished result as files; yield a line for each folder made.

    frames, holes    -> PNG, holes white.
    flow_fw, flow_bw -> .flo and .rflo, and Middlebury colours as PNG beside.
    Raises           : InputError if the result has no such array; OSError if a file cannot be written.
    """
    names = [name for name in ("frames", "holes", *FLOW_SUFFIXES) if name in store]
    if not names:
        raise InputError(f"a result of {store.key.stage} has neither frames, holes nor flow to export")
    for name in names:
        array = store[name]
        items = (array[t] for t in range(len(array)))
        if name in FLOW_SUFFIXES:
            _export_flow(items, folder / name, *FLOW_SUFFIXES[name])
        else:
            write_images(folder / name, items)
        yield f"{folder / name}: {len(array)} items"


def _export_flow(flows: Iterator[NDArray[np.float32]], folder: Path, suffix: str, first: int) -> None:
    for t, flow in enumerate(flows, first):
        write_images(folder, [flow_to_rgb(flow)], start_number=t)
        write_flo(folder / f"{t:05d}{suffix}", flow)


def import_flow(root: Root, clip: StageResult, folder: Path) -> str:
    """Store `.flo` and `.rflo` files as the finished flow stage of a video; return the digest that names them.

    clip   : the decoded clip the flow belongs to; need not be stored yet.
    folder : holds 00000.flo .. for T-1 pairs and 00001.rflo ..; a 00000.rflo, a placeholder of the paper's code, is
             passed by.
    Raises : InputError if files are missing, or are of different sizes.
    """
    forward, backward = _flow_files(folder, ".flo", 0), _flow_files(folder, ".rflo", 1)
    if len(forward) != len(backward):
        raise InputError(f"{folder} has {len(forward)} .flo and {len(backward)} .rflo files; export both directions")
    digest = hashlib.sha256("".join(map(file_sha256, forward + backward)).encode()).hexdigest()
    params = EstimateFlowParams(estimator=ImportedFlow(imported=digest))
    key = estimate_flow.key(params, {"clip": clip})
    with root.writing(clip.video_name, key, on_wait=lambda holder: None) as store:  # noqa: ARG005
        store.begin()
        first = read_flo(forward[0])
        layout = array_layout.flow(len(forward), *first.shape[:2])
        for t in store.create(flow_fw=layout, flow_bw=layout):
            flows = {"flow_fw": read_flo(forward[t]), "flow_bw": read_flo(backward[t])}
            for path, flow in zip((forward[t], backward[t]), flows.values(), strict=True):
                if flow.shape != first.shape:
                    raise InputError(f"{path} is {flow.shape[:2]}, the first file {first.shape[:2]}; all must agree")
            store.write(t, **flows)
        store.seal(made={"imported": True})
    return digest


def _flow_files(folder: Path, suffix: str, first: int) -> list[Path]:
    """Return the files numbered first, first + 1, ... of a folder. Raises InputError for a gap."""
    paths = sorted(path for path in folder.glob(f"*{suffix}") if path.stem.isdigit() and int(path.stem) >= first)
    expected = [f"{t:05d}{suffix}" for t in range(first, first + len(paths))]
    if not paths or [path.name for path in paths] != expected:
        raise InputError(f"{folder} must hold {first:05d}{suffix} and so on without a gap; it has {len(paths)} files")
    return paths
