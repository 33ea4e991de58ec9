"""How often a run of a deployment may come back after a crash: the automations of `flows.cluster` do not count."""

from prefect.runtime import flow_run

RETURNS = 3


class ReturnedTooOftenError(RuntimeError):
    """The run has crashed each time; it ends as Failed, which nothing brings back."""


def refuse_endless_returns() -> None:
    """End a run that has been brought back RETURNS times: what kills it will kill it again."""
    times = flow_run.run_count or 0
    if times > RETURNS + 1:
        raise ReturnedTooOftenError(
            f"crashed {times - 1} times; finished frames are kept. Look for what killed it (memory?), then run it again"
        )
