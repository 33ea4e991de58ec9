"""The folder of network weights: which are stored, and what to do about missing ones.

Nothing here imports torch, so that a missing file is reported before anything slow starts. Reading and adding
checkpoint files is in `checkpoint.py`, loading stored weights into networks in `loading.py`.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from dfvi_models.errors import WeightsError
from dfvi_models.weights.atomic_write import appears_when_complete
from dfvi_models.weights.catalogue import network_called

SHIPPED = Path(__file__).parent / "trained"
"""Weights that come with the package, laid out like the user's folder, with a card NETWORK.md for each."""
BLOCK = 2**22  # bytes hashed at a time


@dataclass(frozen=True)
class StoredWeights:
    """The note beside one stored weight file."""

    network: str
    """Name in NETWORKS."""
    sha256: str
    """Of the stored safetensors file; also its name, and what enters a stage's digest."""
    source_file: str
    """Name of the file it was read from."""
    source_sha256: str
    """Of that file."""
    origin: str
    """Where it came from, in words."""
    wrapping: str
    """How the tensors were wrapped in the source file."""
    tensors: int
    """How many there are."""
    parameters: int
    """Numbers in all tensors together."""
    bytes: int
    """Size of the stored file."""
    added: str
    """When, UTC, ISO 8601."""


def weights_folder() -> Path:
    """Return where weights are stored: the environment variable DFVI_WEIGHTS, else the user's data directory."""
    named = os.environ.get("DFVI_WEIGHTS")
    return Path(named).expanduser() if named else platformdirs.user_data_path("dfvi") / "weights"


def weights_path(sha256: str, folder: Path | None = None) -> Path:
    """Return where weights with this digest lie, whether or not they are there."""
    return (folder or weights_folder()) / f"{sha256}.safetensors"


def list_weights(folder: Path | None = None) -> list[StoredWeights]:
    """Return the notes of all stored weight files, the one added last first; without a folder also those that ship.

    Raises : WeightsError where a note cannot be read, with its path.
    """
    return [note for note, _ in _stored(folder)]


def card_of(note: StoredWeights) -> Path | None:
    """Return the path of the card of weights that ship: data, recipe, figures; None for others.

    The stages of a network share a card.
    """
    name = note.network.partition("_stage")[0]
    return SHIPPED / f"{name}.md" if weights_path(note.sha256, SHIPPED).is_file() else None


def _stored(folder: Path | None) -> list[tuple[StoredWeights, Path]]:
    """Return notes with the path of their weight file, the one added last first; what ships comes last."""
    found = []
    for place in (folder,) if folder else (weights_folder(), SHIPPED):
        notes = sorted(map(_read_note, place.glob("*.json")), key=lambda note: (note.added, note.network), reverse=True)
        found += [(note, path) for note in notes if (path := weights_path(note.sha256, place)).is_file()]
    return found


def _read_note(path: Path) -> StoredWeights:
    try:
        return StoredWeights(**json.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise WeightsError(
            f"{path} is not a note about weights ({error}); delete it and add the weights again"
        ) from error


def write_note(note: StoredWeights, folder: Path) -> Path:
    """Write the note of one network's weights, whole or not at all."""
    path = folder / f"{note.sha256}.{note.network}.json"
    with appears_when_complete(path) as partial:
        partial.write_text(json.dumps(asdict(note), indent=2) + "\n")
    return path


def find_weights(network: str, *, sha256: str | None = None, folder: Path | None = None) -> Path:
    """Return the stored weight file of a network: the one added last, or the one whose digest starts with `sha256`.

    Returns : path of the safetensors file; its stem is the SHA-256 of its content.
    Raises  : WeightsError if there is none, naming the network, the published file, where its authors put it, and
              the command that stores it; ValueError for a network that does not exist.
    """
    known = network_called(network)
    fitting = [(note.sha256, path) for note, path in _stored(folder) if note.network == network]
    wanted = [path for digest, path in fitting if digest.startswith(sha256 or "")]
    if wanted:
        return wanted[0]
    which = f" with a SHA-256 that starts with {sha256} (there are {[d[:12] for d, _ in fitting]})" if fitting else ""
    raise WeightsError(
        f"no weights for {known.name} ({known.title}){which} in {folder or weights_folder()}. Get the file "
        f"{known.file}, from {known.published}, then run: dfvi weights add {known.file}"
    )


def find_all_weights(networks: Iterable[str], folder: Path | None = None) -> list[Path]:
    """Return the stored weight files of several networks; one error tells of everything that is missing."""
    paths, problems = [], []
    for network in networks:
        try:
            paths.append(find_weights(network, folder=folder))
        except WeightsError as error:
            problems.append(str(error))
    if problems:
        raise WeightsError("\n".join(problems))
    return paths


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
