"""Tables: aligned text for the terminal, CSV for spreadsheets, and files that appear when they are whole."""

import csv
import io
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from storage.backends.atomic_write import appears_when_complete

GAP = "  "


def text_table(columns: Mapping[str, Sequence[str]], *, left: Collection[str] = ()) -> str:
    """Return columns of text under their headings, each as wide as its widest entry.

    columns : heading -> one text for each row.
    left    : headings of columns whose entries begin flush; the others end flush, as numbers do.

    >>> print(text_table({"stage": ["decode", "merge"], "seconds": ["0.5", "12.0"]}, left=["stage"]))
    stage   seconds
    decode      0.5
    merge      12.0
    """
    padded = []
    for heading, entries in columns.items():
        width = max(map(len, (heading, *entries)))
        align = str.ljust if heading in left else str.rjust
        padded.append([align(text, width) for text in (heading, *entries)])
    return "\n".join(GAP.join(row).rstrip() for row in zip(*padded, strict=True))


def as_text(value: float | None, shape: str, unknown: str = "-") -> str:
    """Return a number in the given format; `unknown` for None."""
    return unknown if value is None else format(value, shape)


def as_csv(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Return rows as CSV with the given columns; None, NaN and what a row lacks are empty cells."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if value != value else value for key, value in row.items()})
    return text.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a file that appears under its name only when it is whole; links are followed. Raises OSError."""
    with appears_when_complete(Path(os.path.realpath(path))) as partial:
        partial.write_text(text, encoding="utf-8")
