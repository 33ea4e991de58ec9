"""Progress of a stage, shown and not shown."""

import logging
from types import SimpleNamespace

import tasks.stage.progress


def test_a_server_that_does_not_answer_costs_no_stage(monkeypatch, caplog):
    def refuse(*_):
        raise ConnectionError("nobody there")

    monkeypatch.setattr(tasks.stage.progress, "_show_in_prefect", refuse)
    monkeypatch.setattr(tasks.stage.progress, "SECONDS_BETWEEN_ARTIFACTS", 0.0)
    counted = SimpleNamespace(items=2, items_found=0)
    with tasks.stage.progress.watch("merge", counted, logging.getLogger("here")) as progress:
        progress.step()
        progress.step()
    assert "progress could not be shown: nobody there" in caplog.text
