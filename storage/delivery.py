"""Handing a finished result to the user: a copy under the name they asked for, whole or not at all."""

import os
import re
import shutil
from pathlib import Path
from uuid import uuid4

from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.codecs import FOLDER, choose_output, container_of

_NUMBERED = re.compile(r"\d+\.png")


def check_output(output: Path, container: str, codec: str | None) -> None:
    """Make sure, before hours of work, that the output can be written.

    Raises : InputError if the name, the container and the codec do not fit together, the folder cannot be written, or
             would be mixed with other files.
    """
    choose_output(output, codec)
    if container_of(output) != container:
        raise InputError(
            f"{output} asks for {container_of(output)}, but encode.container is {container}; change one of them"
        )
    if output.is_dir() and container != FOLDER:
        raise InputError(f"{output} is a folder; name a file")
    if container == FOLDER and output.is_dir():
        foreign = [path.name for path in output.iterdir() if not _NUMBERED.fullmatch(path.name)]
        if foreign:
            raise InputError(f"{output} holds other files, such as {foreign[0]}; choose an empty or new folder")
    folder = output if output.is_dir() else output.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}; choose another output") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder} cannot be written; choose another output")


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

    Raises : OSError if it cannot be written; the older output is then untouched.
    """
    names = sorted(store.manifest.files) if store.manifest else []
    partial = output.absolute().with_name(f".{output.name}.{uuid4().hex}.partial")
    try:
        if container_of(output) != FOLDER:
            _copy(store, names[0], partial)
            partial.replace(output)
            return
        partial.mkdir()
        for name in names:
            _copy(store, name, partial / name)
        if output.is_dir():
            shutil.rmtree(output)
        partial.rename(output)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        partial.unlink(missing_ok=True)


def _copy(store: StageStore, name: str, target: Path) -> None:
    with target.open("xb") as file:
        for block in store.file(name).read_blocks():
            file.write(block)
