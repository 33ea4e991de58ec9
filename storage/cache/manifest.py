"""The two small files of a stage store: `key.json`, written first, says what it is; `manifest.json`, written last,
says that it is complete, and what it took."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from storage.backends.store_path import StorePath
from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.stage_key import StageKey

FORMAT = 1
"""Version of the layout on disk. A reader refuses what is newer than itself."""
KEY_FILE = "key.json"
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What is known of a finished stage result besides its arrays."""

    key: StageKey
    arrays: Mapping[str, tuple[int, ...]]
    """Name -> shape of every array."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What the stage says about its result, such as the frame rate or the share of the hole filled."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Name -> SHA-256 of every plain file, such as the encoded video."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """Host, versions, seconds and peak memory of the run that finished it. Never decides anything."""


def write_json(path: StorePath, content: Mapping[str, Any]) -> None:
    """Write `content` so that a reader sees the old file or the whole new one, also after a power cut."""
    path.write_whole((json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def read_json(path: StorePath) -> dict[str, Any]:
    """Read a file of ours.

    Raises : FileNotFoundError if there is none; DamagedStoreError if it is not ours or damaged; StoreError if a
             newer version of the program wrote it.
    """
    try:
        content = json.loads(path.read_bytes().decode())
        written = content["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedStoreError(path, error, path.parent) from error
    if not isinstance(written, int) or written > FORMAT:
        raise StoreError(
            f"{path} was written in format {written}; this version reads formats up to {FORMAT}: upgrade dfvi, or use "
            "another --root"
        )
    return dict(content)


def write_key(folder: StorePath, key: StageKey) -> None:
    """Write down what the store in `folder` is, before anything is in it."""
    write_json(folder / KEY_FILE, {"format": FORMAT, "key": asdict(key)})


def read_key(folder: StorePath) -> StageKey:
    """Read what the store in `folder` is; raises like `read_json`."""
    return _key_of(read_json(folder / KEY_FILE), folder / KEY_FILE)


def write_manifest(folder: StorePath, manifest: Manifest) -> None:
    """Declare the store in `folder` complete."""
    write_json(folder / MANIFEST_FILE, {"format": FORMAT, **asdict(manifest)})


def read_manifest(folder: StorePath) -> Manifest | None:
    """Read the manifest of the store in `folder`; None if the store is not complete. Raises like `read_json`."""
    path = folder / MANIFEST_FILE
    try:
        content = read_json(path)
    except FileNotFoundError:
        return None
    try:
        arrays = {name: tuple(int(n) for n in shape) for name, shape in content["arrays"].items()}
        manifest = Manifest(_key_of(content, path), arrays, content["attributes"], content["files"], content["made"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedStoreError(path, repr(error), path.parent) from error
    if manifest.key.digest != folder.name or any(not is_plain_name(name) for name in (*arrays, *manifest.files)):
        raise DamagedStoreError(path, "it does not describe this store", folder)
    return manifest


def is_plain_name(name: str) -> bool:
    """Tell whether `name` can be a file inside a store: one visible path component, nothing that leads elsewhere."""
    return (
        bool(name) and name == Path(name).name and not name.startswith(".") and name.isprintable() and "\\" not in name
    )


def _key_of(content: Mapping[str, Any], path: StorePath) -> StageKey:
    try:
        return StageKey(**content["key"])
    except (KeyError, TypeError) as error:
        raise DamagedStoreError(path, repr(error), path.parent) from error
