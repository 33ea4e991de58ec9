"""Hand a finished result to the user: a checked copy under the name they asked for, whole or not at all."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from storage.backends.atomic_write import appears_when_complete, refuse_no_file
from storage.backends.folder_swap import working_on
from storage.cache.errors import DamagedStoreError
from storage.cache.stage_store import StageStore
from storage.errors import InputError, reading
from storage.media.codecs import FOLDER, choose_output, container_of
from storage.output_folder import deliver_folder, foreign_names, has_marker, recover_output

LONGEST_NAME = 237  # bytes: a file system takes 255, and .<name>.<8 digits>.partial lies beside it while it is written
_NUMBERED = re.compile(r"\d+\.png")


def check_output(output: Path, container: str, codec: str | None) -> None:
    """Make sure, before hours of work, that the output can be written.

    Raises : InputError if the name, the container and the codec do not fit together, the folder cannot be written, or
             would be mixed with other files.
    """
    with reading(output):
        _check_output(output, container, codec)


def _check_output(output: Path, container: str, codec: str | None) -> None:
    choose_output(output, codec)
    if container_of(output) != container:
        raise InputError(
            f"{output} asks for {container_of(output)}, but encode.container is {container}; change one of them"
        )
    if output.is_dir() and container != FOLDER:
        raise InputError(f"{output} is a folder; name a file")
    refuse_no_file(output)
    if output.is_file() and container == FOLDER:
        raise InputError(f"{output} is a file; name a folder, or a file ending in .mp4, .mkv or .mov")
    if container == FOLDER and output.is_dir() and (foreign := foreign_names(output)):
        _refuse_foreign(output, foreign)
    folder = output if output.is_dir() else output.resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}; choose another output") from error
    if len(os.fsencode(output.name)) > LONGEST_NAME:
        raise InputError(f"{output.name} is longer than the {LONGEST_NAME} bytes an output's name may have; shorten it")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder} cannot be written; choose another output")


def _refuse_foreign(output: Path, names: list[str]) -> None:
    """Refuse a folder that is not ours, and one of ours where somebody changed or added images."""
    images = [name for name in names if _NUMBERED.fullmatch(name)]
    if images:
        raise InputError(
            f"{output / images[0]} was not written by dfvi, or was changed since; move it, or choose another output"
        )
    if not has_marker(output):
        raise InputError(f"{output} holds other files, such as {names[0]}; choose an empty or new folder")


def check_apart(output: Path, *inputs: str) -> None:
    """Make sure that writing `output` replaces none of the files it is made from.

    inputs : video and mask; a text that names no file stands for itself.
    Raises : InputError if the output is one of them, lies inside it, or holds it.
    """
    target = output.resolve()
    for text in inputs:
        try:
            given = Path(text).resolve(strict=True)
        except (OSError, ValueError):
            continue  # a box, or `alpha`
        if target == given or target in given.parents or given in target.parents:
            raise InputError(f"{output} would overwrite what it is made from, {text}; choose another output")


def deliver(store: StageStore, output: Path) -> None:
    """Copy the files of a finished `encode` store to `output`; an older output is replaced whole.

    What others put into an output folder is kept, and a link to a file or folder is followed.
    Raises : DamagedStoreError if a file is not as it was encoded; OSError if the output cannot be written. The older
             output is then untouched.
    """
    files = dict(sorted(store.manifest.files.items())) if store.manifest else {}
    with _naming(output):
        if container_of(output) == FOLDER:
            deliver_folder(output, files, lambda name, target: copy_file(store, name, target))
            return
        (name,) = files
        target = output.resolve()
        recover_output(target)
        with appears_when_complete(target) as partial:
            copy_file(store, name, partial)


def copy_file(store: StageStore, name: str, target: Path) -> None:
    """Copy a plain file of a finished store to a path where nothing is yet.

    Raises : DamagedStoreError if its content is not what the manifest says; OSError if it cannot be written.
    """
    source, digest = store.file(name), hashlib.sha256()
    with target.open("xb") as file, working_on(target):
        try:
            for block in source.read_blocks():
                digest.update(block)
                _write(file, block)
        except FileNotFoundError as error:
            raise DamagedStoreError(source, "the file is missing", store.folder) from error
    if store.manifest is None or digest.hexdigest() != store.manifest.files[name]:
        raise DamagedStoreError(source, "its SHA-256 is not the manifest's", store.folder)


def _write(file: BinaryIO, block: bytes) -> None:
    file.write(block)


@contextmanager
def _naming(output: Path) -> Iterator[None]:
    """Let errors of writing name the output, not the file that is still written under another name."""
    try:
        yield
    except OSError as error:
        hidden = f".{output.resolve().name}."
        if error.filename is None or hidden in str(error.filename):
            raise OSError(error.errno, error.strerror, str(output)) from error
        raise
