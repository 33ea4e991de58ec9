"""The small files of a stage store, each with a checksum.

`key.json`, written first, says what it is; `manifest.json`, written last, that it is complete, and what it took;
`choices.json`, in a few, holds numbers that followed from the machine it was begun on.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from storage.backends.errors import LinkError
from storage.backends.store_path import StorePath
from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.stage_key import StageKey
from storage.errors import UNREADABLE

FORMAT = 2
"""Version of the layout on disk. A reader refuses what is newer than itself."""
FORMAT_WITHOUT_CHECKSUM = 1
"""Files of this format, of the first version, carry no checksum; they are read as they are."""
CHECKSUM = "sha256"
KEY_FILE = "key.json"
MANIFEST_FILE = "manifest.json"
CHOICES_FILE = "choices.json"


@dataclass(frozen=True)
class Manifest:
    """What is known of a finished stage result besides its arrays."""

    key: StageKey
    arrays: Mapping[str, tuple[int, ...]]
    """Name -> shape of every array."""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    """Name -> SHA-256 of the description (`zarr.json`) of every array; empty if an earlier version wrote it."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What the stage says about its result, such as the frame rate or the share of the hole filled."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Name -> SHA-256 of every plain file, such as the encoded video."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """Host, versions, seconds and peak memory of the run that finished it. Never decides anything."""
    dropped: bool = False
    """Whether its arrays were given up, or never stored, because nobody needs them: what it says of itself holds on."""


def write_json(path: StorePath, content: Mapping[str, Any]) -> None:
    """Write a small file with a checksum, so that a reader sees the old file or the whole new one."""
    path.write_whole(_encode({**content, "format": FORMAT}))


def read_json(path: StorePath) -> dict[str, Any]:
    """Read a small file, and make sure that it is what was written.

    Raises : FileNotFoundError if there is none; DamagedStoreError if it is not ours or not as it was written;
             StoreError if a newer version of the program wrote it.
    """
    try:
        raw = path.read_bytes()
        content = json.loads(raw.decode())
        written = content["format"]
    except (LinkError, *UNREADABLE) as error:
        raise DamagedStoreError(path, _reason(error), path.parent) from error
    if type(written) is not int or written < FORMAT_WITHOUT_CHECKSUM:
        raise DamagedStoreError(path, f"its format is {written!r}", path.parent)
    expected = content.pop(CHECKSUM, None)
    if written > FORMAT and (expected is None or _checksum(content) == expected):
        raise StoreError(
            f"{path} was written in format {written}; this version reads formats up to {FORMAT}: upgrade dfvi, or use "
            "another --root"
        )
    if written != FORMAT_WITHOUT_CHECKSUM and raw != _encode(content):
        raise DamagedStoreError(path, "its checksum is not that of its content", path.parent)
    return dict(content)


def _encode(content: Mapping[str, Any]) -> bytes:
    """Return the text of a small file; whatever byte of it is changed, it no longer is the text of what it says."""
    return (json.dumps({**content, CHECKSUM: _checksum(content)}, indent=2, sort_keys=True) + "\n").encode()


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _reason(error: Exception) -> str:
    return str(error.strerror) if isinstance(error, OSError) else " ".join(f"{type(error).__name__}: {error}".split())


def write_key(folder: StorePath, key: StageKey) -> None:
    """Write down what the store in `folder` is, before anything is in it."""
    write_json(folder / KEY_FILE, {"key": asdict(key)})


def read_key(folder: StorePath) -> StageKey:
    """Read what the store in `folder` is; raises like `read_json`."""
    path = folder / KEY_FILE
    return _key_of(read_json(path), path)


def write_manifest(folder: StorePath, manifest: Manifest) -> None:
    """Declare the store in `folder` complete."""
    write_json(folder / MANIFEST_FILE, asdict(manifest))


def read_manifest(folder: StorePath) -> Manifest | None:
    """Read the manifest of the store in `folder`; None if the store is not complete. Raises like `read_json`."""
    path = folder / MANIFEST_FILE
    try:
        content = read_json(path)
    except FileNotFoundError:
        return None
    try:
        arrays = {name: tuple(int(n) for n in shape) for name, shape in content["arrays"].items()}
        manifest = Manifest(
            _key_of(content, path),
            arrays,
            attributes=dict(content["attributes"]),
            files=dict(content["files"]),
            made=dict(content["made"]),
            descriptions=dict(content.get("descriptions", {})),
            dropped=bool(content.get("dropped", False)),
        )
    except UNREADABLE as error:
        raise DamagedStoreError(path, _reason(error), path.parent) from error
    if any(not is_plain_name(name) for name in (*arrays, *manifest.files)):
        raise DamagedStoreError(path, "it does not describe this store", folder)
    return manifest


def read_choices(folder: StorePath) -> dict[str, int]:
    """Read the numbers that were chosen for the store in `folder`; none if there are none. Raises like `read_json`."""
    path = folder / CHOICES_FILE
    try:
        return {str(name): int(value) for name, value in read_json(path)["choices"].items()}
    except FileNotFoundError:
        return {}
    except UNREADABLE as error:
        raise DamagedStoreError(path, _reason(error), folder) from error


def write_choices(folder: StorePath, choices: Mapping[str, int]) -> None:
    """Keep the numbers that were chosen for the store in `folder`."""
    write_json(folder / CHOICES_FILE, {"choices": dict(choices)})


def is_plain_name(name: str) -> bool:
    """Tell whether `name` can be a file inside a store: one visible path component, nothing that leads elsewhere."""
    return (
        bool(name) and name == Path(name).name and not name.startswith(".") and name.isprintable() and "\\" not in name
    )


def _key_of(content: Mapping[str, Any], path: StorePath) -> StageKey:
    """Return the key in a file of a store, which must be the one that the store's folder is named by."""
    try:
        key = StageKey(**content["key"])
        fits = key.digest == path.parent.name
    except UNREADABLE as error:
        raise DamagedStoreError(path, _reason(error), path.parent) from error
    if not fits:
        raise DamagedStoreError(path, "it does not describe this store", path.parent)
    return key
