"""A project on disk: nothing is lost, nobody's edit is overwritten."""

import pytest

from flows.studio.document import Document
from flows.studio.project import FILE, ConflictError, Project
from storage.errors import InputError


@pytest.fixture
def project(tmp_path):
    (tmp_path / "goat.mp4").touch()
    return Project.of(tmp_path / "goat.mp4", tmp_path / "elsewhere")


def chosen(preset):
    return lambda document: document.model_copy(update={"preset": preset})


def test_an_edit_is_there_for_whoever_opens_the_video_next(project):
    project.edit(0, chosen("fast"))
    again = Project.of(project.video, project.folder).read()
    assert (again.revision, again.document.preset, project.folder.name) == (1, "fast", "goat.mp4.dfvi")


def test_undo_and_redo_go_through_the_documents_also_after_reopening(project):
    for revision, preset in enumerate(("fast", "quality")):
        project.edit(revision, chosen(preset))
    steps = enumerate([project.undo, project.undo, project.redo, project.redo], 2)
    presets = [step(revision).document.preset for revision, step in steps]
    assert presets == ["fast", "default", "fast", "quality"]


def test_undo_of_nothing_changes_nothing(project):
    assert project.undo(0).revision == project.redo(0).revision == 0


def test_an_edit_after_undo_forgets_what_was_undone(project):
    project.edit(0, chosen("fast"))
    project.undo(1)
    saved = project.edit(2, chosen("quality"))
    assert (saved.redo, saved.undo) == ((), (Document(),))


def test_an_edit_on_what_another_page_has_changed_is_refused(project):
    project.edit(0, chosen("fast"))
    with pytest.raises(ConflictError, match="another window"):
        project.edit(0, chosen("quality"))
    assert project.read().document.preset == "fast"


def test_a_video_in_a_folder_that_cannot_be_written_has_its_project_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "goat.mp4").touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    project = Project.of(tmp_path / "goat.mp4", tmp_path / "root" / ".studio")
    assert project.folder.parent == tmp_path / "root" / ".studio"


def test_a_damaged_project_is_told_and_not_overwritten(project):
    project.folder.mkdir()
    (project.folder / FILE).write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        project.edit(0, chosen("fast"))
    assert (project.folder / FILE).read_text() == "{"
