"""Checkpoint files as their authors published them: read safely, recognise the network, store.

Old checkpoints are pickles, which could run any code. They are read by torch's restricted reader, which builds
tensors and plain containers only; everything else is refused before it is made.
"""

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from dfvi_models.errors import WeightsError
from dfvi_models.weights.catalogue import NETWORKS, network_called
from dfvi_models.weights.network_builders import COUNTER, Shapes, compare, expected_shapes
from dfvi_models.weights.store import StoredWeights, file_sha256, weights_folder, weights_path, write_note

WRAPPERS = ("state_dict", "model")  # keys under which published files keep the tensors
PREFIX = "module."  # left by torch.nn.DataParallel
NUMPY_NUMBER = np.float64(0).__reduce__()[0]  # the function that unpickles one
# A NumPy number beside the tensors (best error so far) is common. These build numbers and nothing else.
SAFE_TYPES: list[Any] = [
    (NUMPY_NUMBER, "numpy.core.multiarray.scalar"),
    (NUMPY_NUMBER, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "b1")),
]


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a file, freed from their wrapping."""

    tensors: dict[str, Tensor]
    wrapping: str
    """For example `model, module.`: the key they stood under and the prefix of their names; `bare` for neither."""


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file without running code from it.

    path   : a file by `torch.save` of any version, or a safetensors file.
    Raises : WeightsError if there is no such file, if it is damaged, or if it holds more than tensors and numbers.
    """
    if not path.is_file():
        raise WeightsError(f"there is no file {path}")
    try:
        if path.suffix == ".safetensors":
            return unwrap(load_file(path))
        with torch.serialization.safe_globals(SAFE_TYPES):
            return unwrap(torch.load(path, map_location="cpu", weights_only=True))
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is not a plain checkpoint: it asks for more than tensors and numbers, or is damaged. Nothing of "
            f"it was run. Files of unknown origin can hold harmful code; do not load this one by other means. "
            f"({_reason(error)})"
        ) from error
    except Exception as error:  # the readers raise more than they name, depending on the damage
        raise WeightsError(f"{path} cannot be read as a checkpoint; is it damaged? ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """What PyTorch found, without its advice on how to load the file all the same, which takes many lines."""
    return (str(error).rpartition("WeightsUnpickler error: ")[2].splitlines() or [type(error).__name__])[0]


def unwrap(content: object) -> Checkpoint:
    """Find the tensors in what a checkpoint file holds: bare, or under `state_dict` or `model`, with or without prefix.

    Raises : WeightsError if there are none, or something that is no tensor stands among them.
    """
    found: list[str] = []
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content, found = content[wrapper], [wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"expected named tensors, bare or under one of {WRAPPERS}; got {_describe(content)}")
    strangers = [str(key) for key, value in content.items() if not (isinstance(key, str) and _holds_numbers(value))]
    if strangers:
        raise WeightsError(f"expected named tensors of plain numbers only; these are none: {', '.join(strangers)}")
    if all(key.startswith(PREFIX) for key in content):
        content = {key.removeprefix(PREFIX): value for key, value in content.items()}
        found.append(PREFIX)
    tensors = {key: value for key, value in content.items() if not key.endswith(COUNTER)}
    return Checkpoint(tensors, ", ".join(found) or "bare")


def _holds_numbers(value: object) -> bool:
    """Return whether this is a tensor whose numbers all stand in the file: not sparse, quantised, or a mere shape."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not (value.is_meta or value.is_quantized or value.is_complex())
    )


def _describe(content: object) -> str:
    return f"the keys {sorted(map(str, content))}" if isinstance(content, Mapping) else type(content).__name__


def recognise(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the networks these tensors fit exactly; several where stages, or origins, share one architecture.

    Raises : WeightsError if they fit none, with every difference from the nearest one.
    """
    differences = {name: compare(tensors, shapes) for name, shapes in _all_shapes().items()}
    fitting = [name for name, found in differences.items() if not found]
    if fitting:
        return fitting
    common = {name: len(expected_shapes(name)) - len(d.missing) - len(d.other_shape) for name, d in differences.items()}
    nearest = max(common, key=lambda name: common[name] / len(expected_shapes(name)))
    if not common[nearest]:
        raise WeightsError(
            f"the tensors fit none of the networks {', '.join(differences)}; first: {next(iter(tensors))}"
        )
    raise WeightsError(f"the tensors fit no network; nearest is {nearest}, with {differences[nearest]}")


def _all_shapes() -> dict[str, Shapes]:
    """Return the shapes of every network that can be built here; RAFT only where torchvision is installed."""
    shapes = {}
    for name in NETWORKS:
        try:
            shapes[name] = expected_shapes(name)
        except ImportError:
            continue
    return shapes


def add_weights(
    file: Path, *, network: str | None = None, origin: str | None = None, folder: Path | None = None
) -> StoredWeights:
    """Check a checkpoint file and store its tensors as safetensors under their SHA-256, with a note of origin.

    network : name in NETWORKS; None recognises it. Needed where the file fits two networks and is not named as one
              of their published files.
    origin  : where the file came from, in words; None takes the authors' place of publication.
    Raises  : WeightsError if the file cannot be read safely, fits no network or another one, fits two, or holds a
              number that is not finite.
    """
    checkpoint = read_checkpoint(file)
    known = network_called(_choose(recognise(checkpoint.tensors), network, file))
    tensors = {key: _kept_precision(tensor) for key, tensor in sorted(checkpoint.tensors.items())}
    broken = [key for key, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise WeightsError(f"{file} holds numbers that are not finite, in: {', '.join(broken)}")
    folder = folder or weights_folder()
    sha256, size = _store(tensors, folder)
    note = StoredWeights(
        network=known.name,
        sha256=sha256,
        source_file=file.name,
        source_sha256=file_sha256(file),
        origin=origin or f"from {known.published}",
        wrapping=checkpoint.wrapping,
        tensors=len(tensors),
        parameters=sum(tensor.numel() for tensor in tensors.values()),
        bytes=size,
        added=datetime.now(UTC).isoformat(),
    )
    write_note(note, folder)
    return note


def _kept_precision(tensor: Tensor) -> Tensor:
    """Return half precision as it is, as `dfvi train` leaves it, and anything else as float32."""
    return (tensor if tensor.dtype == torch.float16 else tensor.float()).contiguous()


def _choose(fitting: list[str], asked: str | None, file: Path) -> str:
    """Return the one network a file is for."""
    if asked is not None and network_called(asked).name not in fitting:
        raise WeightsError(f"{file} does not fit {asked}; it fits {' and '.join(fitting)}")
    by_file_name = [name for name in fitting if NETWORKS[name].file == file.name]
    published = [name for name in fitting if not NETWORKS[name].trained]
    chosen = [asked] if asked else by_file_name or published or fitting
    if len(chosen) != 1:
        raise WeightsError(f"{file} fits {' and '.join(fitting)}; say which one it is for (--network)")
    return chosen[0]


def _store(tensors: dict[str, Tensor], folder: Path) -> tuple[str, int]:
    """Write the tensors under the SHA-256 of the file; return that and the size in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{os.getpid()}.unfinished"
    try:
        save_file(tensors, unfinished)  # no metadata: the bytes depend on the tensors alone
        sha256 = file_sha256(unfinished)
        unfinished.replace(weights_path(sha256, folder))
    finally:
        unfinished.unlink(missing_ok=True)
    return sha256, weights_path(sha256, folder).stat().st_size
