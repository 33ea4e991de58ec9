"""Tables on the terminal and in CSV files."""

import csv
import doctest
import os

import pytest

from flows.reports import tables
from flows.reports.tables import as_csv, as_text, text_table, write_text
from storage.errors import InputError


def test_the_example_is_true():
    assert doctest.testmod(tables) == (0, 1)


def test_columns_are_as_wide_as_their_widest_entry_and_lines_end_without_blanks():
    lines = text_table({"name": ["a", "longer"], "n": ["1", "100"], "why": ["because", ""]}, left=["name", "why"])
    assert lines.splitlines() == ["name      n  why", "a         1  because", "longer  100"]


def test_a_table_without_rows_is_its_headings():
    assert text_table({"stage": [], "why": []}) == "stage  why"


def test_what_is_not_known_is_a_dash_or_as_asked():
    assert (as_text(None, ".1f"), as_text(None, ".1f", "?"), as_text(0.25, ".0%")) == ("-", "?", "25%")


def test_what_is_not_known_is_an_empty_cell_of_a_csv():
    text = as_csv([{"a": 1, "b": None}, {"a": float("nan")}, {"a": "x,y", "b": 2}], ["a", "b"])
    assert list(csv.reader(text.splitlines())) == [["a", "b"], ["1", ""], ["", ""], ["x,y", "2"]]


def test_files_follow_links_and_replace_nothing_but_files(tmp_path):
    for name in ("there.csv", "pipe.csv"):
        (tmp_path / f"link-to-{name}").symlink_to(tmp_path / name)
    os.mkfifo(tmp_path / "pipe.csv")
    write_text(tmp_path / "link-to-there.csv", "a,b\n")
    assert (tmp_path / "link-to-there.csv").is_symlink()
    assert (tmp_path / "there.csv").read_text() == "a,b\n"
    for name in ("pipe.csv", "link-to-pipe.csv"):
        with pytest.raises(InputError, match="device, pipe or socket"):
            write_text(tmp_path / name, "a,b\n")
    assert (tmp_path / "pipe.csv").is_fifo()
    assert not list(tmp_path.glob(".*"))
