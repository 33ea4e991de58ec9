"""Folders of images as outputs: replaced in one step, and nothing in them lost that we did not write.

Next to the images lies a hidden file with the SHA-256 of each. What is not in it, or was changed since, is not ours.
"""

import errno
import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from storage.backends.atomic_write import appears_when_complete
from storage.backends.file_digest import file_sha256
from storage.backends.folder_swap import exchange, is_abandoned, working_on
from storage.errors import UNREADABLE, InputError

MARKER = ".dfvi-output.json"
CANNOT_BESIDE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV, errno.EBUSY}
"""Why nothing can be put beside a folder, or in its place: its parent is not ours, or it is a mounted disk."""
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST}

Copy = Callable[[str, Path], None]
"""Writes the file of this name to this path."""


def foreign_names(folder: Path) -> list[str]:
    """Return the names in a folder of what we did not write there, or what was changed since, sorted."""
    return sorted(set(os.listdir(folder)) - _own_names(folder) - {MARKER})  # noqa: PTH208


def has_marker(folder: Path) -> bool:
    """Tell whether we wrote into this folder before."""
    return (folder / MARKER).is_file()


def deliver_folder(output: Path, files: Mapping[str, str], copy: Copy) -> None:
    """Make `output` a folder of these files, in one step where its parent can be written.

    files  : name -> SHA-256.
    Raises : InputError if files of these names lie there that are not ours; OSError if it cannot be written. The older
             output is then untouched. What lies there besides is kept.
    """
    output = output.resolve()
    recover_output(output)
    _refuse_collisions(output, files)
    if os.path.ismount(output):
        _deliver_in_place(output, files, copy)
        return
    try:
        _deliver_by_swap(output, files, copy)
    except OSError as error:
        if error.errno not in CANNOT_BESIDE or not output.is_dir():
            raise
        _deliver_in_place(output, files, copy)


def recover_output(output: Path) -> None:
    """Bring back what a killed delivery had in hand, and remove what it had begun to write."""
    pattern = re.compile(rf"\.{re.escape(output.name)}\.[0-9a-f]{{8}}\.(old|new|partial)")
    try:
        names = [name for name in os.listdir(output.parent) if pattern.fullmatch(name)]  # noqa: PTH208
    except OSError:
        return  # writing says what is wrong
    for name in sorted(names, key=lambda name: pattern.sub(r"\1", name) != "old"):
        path = output.parent / name
        if not is_abandoned(path):
            continue
        if name.endswith(".partial"):
            _remove(path)
        elif name.endswith(".old") and not output.exists():
            path.rename(output)
        else:
            _dissolve(path, output)


def _deliver_by_swap(output: Path, files: Mapping[str, str], copy: Copy) -> None:
    partial = output.with_name(f".{output.name}.{secrets.token_hex(4)}.partial")
    partial.mkdir()
    try:
        with working_on(partial):
            for name in files:
                copy(name, partial / name)
            _write_marker(partial, {name: [digest] for name, digest in files.items()})
            if output.is_dir():
                partial.chmod(output.stat().st_mode & 0o7777)
            complete = partial.rename(partial.with_suffix(".new"))
            _put_in_place(complete, output)
    finally:
        for path in (partial, partial.with_suffix(".new")):
            if path.is_dir():
                _dissolve(path, output) if path.suffix == ".new" else shutil.rmtree(path)


def _put_in_place(complete: Path, output: Path) -> None:
    """Rename the folder `complete` to `output`; what was there is then called `complete`, or is gone."""
    if not output.exists():
        try:
            complete.rename(output)
            return
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
    if exchange(complete, output):
        return
    old = output.rename(complete.with_suffix(".old"))
    try:
        complete.rename(output)
    except OSError:
        old.rename(output)
        raise
    _dissolve(old, output)


def _deliver_in_place(output: Path, files: Mapping[str, str], copy: Copy) -> None:
    """Replace file by file: each appears whole, but for a moment old and new ones lie side by side."""
    known = _written(output)
    gone = _own_names(output) - set(files)
    _write_marker(output, {name: [*known.get(name, []), *filter(None, [files.get(name)])] for name in {*known, *files}})
    for name in files:
        with appears_when_complete(output / name, durable=False) as partial:
            copy(name, partial)
    for name in gone:
        (output / name).unlink(missing_ok=True)
    _write_marker(output, {name: [digest] for name, digest in files.items()})


def _refuse_collisions(output: Path, files: Iterable[str]) -> None:
    if output.is_dir() and (taken := sorted(set(foreign_names(output)) & set(files))):
        raise InputError(
            f"{output / taken[0]} was not written by dfvi, or was changed since; move it, or choose another output"
        )


def _dissolve(folder: Path, output: Path) -> None:
    """Remove a folder that `output` has replaced, after moving over what in it is not ours."""
    own = _own_names(folder)
    for name in os.listdir(folder):  # noqa: PTH208
        with suppress(FileNotFoundError):  # somebody else recovers it, too
            if name in own or name == MARKER:
                (folder / name).unlink()
            elif not os.path.lexists(output / name):
                output.mkdir(exist_ok=True)
                (folder / name).rename(output / name)
    try:
        folder.rmdir()
    except OSError:
        logging.getLogger(__name__).warning("%s keeps files whose names in %s are taken", folder, output)


def _own_names(folder: Path) -> set[str]:
    """Names of files that we wrote and nobody changed."""
    return {name for name, digests in _written(folder).items() if _sha256(folder / name) in digests}


def _sha256(path: Path) -> str | None:
    return file_sha256(path) if path.is_file() and not path.is_symlink() else None


def _written(folder: Path) -> dict[str, list[str]]:
    """Name -> every SHA-256 that a file of this name may have if it is ours; empty if the marker is missing or bad."""
    try:
        files = json.loads((folder / MARKER).read_bytes())["files"]
        return {str(name): [str(digest) for digest in digests] for name, digests in files.items() if "/" not in name}
    except (OSError, *UNREADABLE):
        return {}


def _write_marker(folder: Path, files: Mapping[str, list[str]]) -> None:
    content = {
        "written by": "dfvi: files of these names and SHA-256 are replaced by the next run",
        "files": dict(files),
    }
    with appears_when_complete(folder / MARKER, durable=False) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
