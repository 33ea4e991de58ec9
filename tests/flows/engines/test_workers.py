"""The engine `workers`: runs that are no more are not waited for."""

from types import SimpleNamespace
from uuid import uuid4

import httpx
import pytest
from prefect.states import Running

from flows.engines import workers
from flows.engines.protocol import ChildFailedError
from flows.engines.workers import RunStates


class Server:
    def __init__(self):
        self.runs, self.away = {}, False

    def read_flow_runs(self, flow_run_filter, limit):
        if self.away:
            raise httpx.ConnectError("refused")
        wanted = flow_run_filter.id.any_
        return [SimpleNamespace(id=run, state=state) for run, state in self.runs.items() if run in wanted]


def test_a_run_that_was_deleted_on_the_server_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(workers, "SECONDS_BETWEEN_LOOKS", 0.0)
    server, run, later = Server(), uuid4(), uuid4()
    server.runs[run] = state = Running()
    states = RunStates(server)
    with states.watching(run):
        assert states.read(run) is state
        assert states.read(later) is None  # not asked for yet: it may have been made a moment ago
        server.away = True
        assert states.read(run) is None
        server.away = False
        del server.runs[run]
        with pytest.raises(ChildFailedError, match="was deleted on the Prefect server"):
            states.read(run)
