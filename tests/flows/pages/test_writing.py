"""Pages as files: what is not ours is left alone, and what comes from outside is text."""

import pytest

from flows.pages.writing import MARKER, in_bytes, page_beside, write_page
from storage.errors import InputError


def test_the_page_lies_beside_the_result(tmp_path):
    (tmp_path / "v1.0").mkdir()
    assert page_beside(tmp_path / "clean.mp4").name == "clean.report.html"
    assert page_beside(tmp_path / "frames").name == "frames.report.html"
    assert page_beside(tmp_path / "v1.0").name == "v1.0.report.html"


def test_only_what_is_ours_is_replaced(tmp_path):
    page = tmp_path / "new" / "a.report.html"
    write_page(page, f"<!doctype html>\n{MARKER}\none")
    write_page(page, f"<!doctype html>\n{MARKER}\ntwo")
    assert page.read_text().endswith("two")
    page.write_text("notes of somebody")
    with pytest.raises(InputError, match="is not a report of dfvi, and is left as it is"):
        write_page(page, f"<!doctype html>\n{MARKER}\nthree")
    assert page.read_text() == "notes of somebody"
    with pytest.raises(InputError, match="is a folder"):
        write_page(tmp_path, "")


def test_bytes_are_told_as_people_read_them():
    assert [in_bytes(count) for count in (None, 0, 999, 1000, 2_345_678)] == ["–", "0 B", "999 B", "1.0 kB", "2.3 MB"]
