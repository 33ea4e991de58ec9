"""What is known of each result of a run: what it is, what it cost, and why it was not there before."""

from typing import Any

from storage.cache.housekeeping import finished_keys, nearest
from storage.cache.manifest import MANIFEST_FILE
from storage.cache.stage_store import StageStore
from tasks.reporting.run_results import RunResults

MOST_COMPARED = 100
"""Results of a run from which on they are not compared with earlier ones: each is compared with all of its stage."""


def facts_of(results: RunResults) -> list[dict[str, Any]]:
    """Return what is known of each result: stage, digest, state, seconds, items, bytes, memory, parameters, weights."""
    return [_facts(results, digest, stage) for digest, stage in results.stages.items()]


def _facts(results: RunResults, digest: str, stage: str) -> dict[str, Any]:
    if digest in results.damage:
        return {"stage": stage, "digest": digest, "state": "missing or damaged", "problem": results.damage[digest]}
    store = results.stores[digest]
    made = dict(store.manifest.made) if store.manifest else {}
    items, seconds = made.get("items", 0), made.get("seconds", 0.0)
    return {
        "stage": stage,
        "digest": digest,
        "state": store.state,
        "problem": "",
        "against": _against(results, store),
        "iteration": made.get("iteration", 0),
        "seconds": seconds,
        "frames_per_second": round(items / seconds, 3) if items and seconds else None,
        "bytes": store.folder.usage().size,
        "peak_memory_bytes": made.get("peak_memory_bytes"),
        "device": made.get("device", ""),
        "host": made.get("host", ""),
        "finished": made.get("finished", ""),
        "versions": {name: made[name] for name in ("dfvi", "python") if name in made},
        "weights": dict(store.key.weights),
        "warnings": list(store.attributes.get("warnings", ())),
    }


def _against(results: RunResults, store: StageStore) -> str:
    """What sets a result apart from the one most like it that was there before the run."""
    if store.state != "complete" or len(results.stages) > MOST_COMPARED:
        return ""
    made = (store.folder / MANIFEST_FILE).modified()
    earlier = finished_keys(results.root, results.video, store.key.stage, before=made, without=results.stages)
    other = nearest(store.key, earlier)
    return ", ".join(store.key.differences(other)) if other else ""
