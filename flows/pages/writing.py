"""Pages as files: templates filled in, all they need put into them, and nothing overwritten that is not ours."""

import base64
import secrets
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from flows.pages.verdict import clock, percent
from flows.reports.tables import write_text
from storage.errors import InputError

MARKER = "<!-- a report of dfvi -->"
"""The second line of every page: what does not have it is not ours, and not overwritten."""
MOST_BEFORE_MARKER = 200  # bytes
SUFFIX = ".report.html"


def page_beside(output: Path) -> Path:
    """Return where the report of a result lies: clean.report.html beside clean.mp4, out.report.html beside out/."""
    output = output.resolve() if output.name in ("", ".", "..") else output
    return output.with_name(f"{output.stem if output.suffix and not output.is_dir() else output.name}{SUFFIX}")


def check_page(path: Path) -> None:
    """Make sure that a page may be written. Raises InputError if something lies there that is no page of ours."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if MARKER.encode() not in file.read(MOST_BEFORE_MARKER):
                raise InputError(f"{path} is not a report of dfvi, and is left as it is; choose another -o")


def write_page(path: Path, page: str) -> None:
    """Write a page, unless something else lies there. Raises InputError or OSError."""
    check_page(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)


def render(template: str, content: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Fill in a template of `page/`; all it needs is put into it.

    content : what the template shows.
    data    : what its scripts read, as one block of JSON.
    """
    nonce = secrets.token_hex(16)  # what came into the page with the name of a file does not have it, and cannot run
    style = Markup(_text("theme.css") + _text("report.css"))
    page = (
        _templates()
        .get_template(template)
        .render(**content, data=data, marker=Markup(MARKER), style=style, nonce=nonce)
    )
    return page.encode("utf-8", "replace").decode()  # names of files may be no text


@cache
def _templates() -> jinja2.Environment:
    names = [each.name for each in _folder().iterdir() if each.name.endswith(".j2")]
    templates = jinja2.Environment(
        loader=jinja2.DictLoader({name: _text(name) for name in names}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"bytes": in_bytes, "number": in_digits, "share": percent, "clock": clock}
    templates.globals |= {"script": _script, "modules": _modules}
    return templates


def _script(name: str) -> Markup:
    """The text of one of our own scripts, which stands in the page as it is."""
    return Markup(_text(name))


def _modules(*names: str) -> dict[str, Any]:
    """An import map by which scripts find the modules of the page: each is a data: URL."""
    encoded = {name: base64.b64encode(_text(name).encode()).decode() for name in names}
    return {"imports": {name: f"data:text/javascript;base64,{text}" for name, text in encoded.items()}}


def _folder() -> Any:
    return files("flows.pages") / "page"


def _text(name: str) -> str:
    shared = files("flows.studio") / "page" / name
    file = _folder() / name
    return str((file if file.is_file() else shared).read_text(encoding="utf-8"))


def in_bytes(count: float | None) -> str:
    """Bytes as people read them.

    >>> in_bytes(1_350_000), in_bytes(None)
    ('1.4 MB', '–')
    """
    if count is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def in_digits(value: float | None, digits: int = 1) -> str:
    """A number as people read it.

    >>> in_digits(12345.678), in_digits(None)
    ('12,345.7', '–')
    """
    return "–" if value is None else f"{value:,.{digits}f}"
