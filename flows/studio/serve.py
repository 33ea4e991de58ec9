"""Starting the studio's server: which folder it serves, under which address, and that there is one for each folder."""

import hashlib
import json
import os
import secrets
import socket
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import platformdirs

from flows.prefect_server.loopback import LOOPBACK
from flows.studio.guard import guarded
from flows.studio.library import VIDEO_SUFFIXES
from storage.backends.atomic_write import appears_when_complete
from storage.backends.file_lock import FileLock, try_hold
from storage.backends.root_url import store_path_at
from storage.errors import InputError
from storage.media.clip import find_source
from storage.media.images.folder import IMAGE_SUFFIXES


def serve(place: str, root: str, port: int, *, with_browser: bool) -> None:
    """Serve the page until it is stopped. If a studio serves the folder already, say where, and end.

    place : a video, a folder of images, or a folder with videos.
    root  : of the stored results.
    port  : 0 takes the one of last time, so that a page that is still open goes on, or one that is free.
    """
    folder, opened = _folder_of(find_source(place).resolve())
    root = root if "://" in root else str(Path(root).absolute())
    store_path_at(root)
    record = _record_of(folder)
    with try_hold(FileLock(record.with_suffix(".lock"))) as is_mine:
        if not is_mine:
            address = _address(*_read(record), opened)
            _say(f"a studio serves {folder} already: {address}", address, with_browser)
            return
        old_port, token = _read(record)
        with socket.socket() as listener:
            _bind(listener, port, old_port)
            listener.listen(128)  # whoever comes from now on waits until the server is ready
            chosen = listener.getsockname()[1]
            _write(record, chosen, token)
            address = _address(chosen, token, opened)
            _say(f"the studio is at {address}\nstop it with Ctrl-C; what runs goes on", address, with_browser)
            _run(listener, folder, root, opened, chosen, token)


def _run(listener: socket.socket, folder: Path, root: str, opened: str, port: int, token: str) -> None:
    import uvicorn

    from flows.studio.server import Studio, make_app

    app = guarded(make_app(Studio(folder, root, opened)), port, token)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2, access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def _folder_of(source: Path) -> tuple[Path, str]:
    """Return the folder to serve, and the video in it to begin with."""
    if source.is_file():
        if source.suffix.lower() not in VIDEO_SUFFIXES and source.suffix.lower() in IMAGE_SUFFIXES:
            raise InputError(f"{source} is an image; name a video, or the folder with all frames")
        return source.parent, source.name
    has_images = any(path.suffix.lower() in IMAGE_SUFFIXES for path in source.iterdir())
    return (source.parent, source.name) if has_images else (source, "")


def _record_of(folder: Path) -> Path:
    """Return the file that keeps port and token of a folder's studio, in a place that only its owner may read."""
    home = platformdirs.user_state_path("dfvi") / "studio"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}.json"


def _read(record: Path) -> tuple[int, str]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        return int(found["port"]), str(found["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, secrets.token_urlsafe(32)


def _write(record: Path, port: int, token: str) -> None:
    with appears_when_complete(record) as partial:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"port": port, "token": token}, file)


def _bind(listener: socket.socket, port: int, old_port: int) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if port:
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            raise InputError(
                f"port {port} cannot be used ({error.strerror}); leave --port out for a free one"
            ) from None
        return
    for each in (old_port, 0):
        with suppress(OSError):
            listener.bind((LOOPBACK, each))
            return
    raise InputError("no port of this machine is free")


def _address(port: int, token: str, opened: str) -> str:
    query = {"token": token} | ({"video": opened} if opened else {})
    return f"http://{LOOPBACK}:{port}/?{urlencode(query, errors='surrogateescape')}"


def _say(text: str, address: str, with_browser: bool) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
    if with_browser and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        webbrowser.open(address)
