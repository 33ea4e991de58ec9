"""The flow that looks after a root: reads every chunk back, and deletes what no run uses."""

import prefect
from prefect.artifacts import create_table_artifact
from pydantic import BaseModel

from flows.prefect_server.bounded import publish_artifact
from storage.cache.housekeeping import delete as delete_stores
from storage.cache.housekeeping import unreached
from storage.cache.housekeeping import verify as verify_root
from storage.cache.root import Root


class Housekeeping(BaseModel):
    """What was found, and what was done about it."""

    damaged: list[str]
    """Files that did not read back."""
    unused: int
    """Results that no run uses."""
    unused_bytes: int
    deleted_bytes: int


@prefect.flow(name="housekeeping", flow_run_name="{root}", persist_result=False)
def housekeeping(root: str, verify: bool = True, repair: bool = False, delete: bool = False) -> Housekeeping:
    """Look after a root.

    verify : read every chunk of every result.
    repair : drop what is damaged, so that the next run computes just that.
    delete : delete results that no run uses; those begun within a day are kept.
    Raises : InputError if there is no root; RuntimeError if something is damaged and not repaired.
    """
    opened = Root.open(root)
    damaged = [f"{d.path}: {d.reason}" for d in verify_root(opened, repair=repair)] if verify else []
    unused = unreached(opened)
    found = Housekeeping(
        damaged=damaged,
        unused=len(unused),
        unused_bytes=sum(store.size for store in unused),
        deleted_bytes=delete_stores(opened, unused) if delete else 0,
    )
    publish_artifact(
        create_table_artifact, [found.model_dump()], key="housekeeping", description=f"the root {opened.path}"
    )
    if damaged and not repair:
        raise RuntimeError(f"{len(damaged)} damaged, such as {damaged[0]}; run again with repair")
    return found
