"""Commands that look after stored results: `dfvi store list | verify | gc | export | import-flow`."""

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.cli.arguments import add_root, add_video, configuration
from storage.errors import InputError

Subparsers = Any  # argparse keeps its class private


def add_store(subparsers: Subparsers) -> None:
    """`dfvi store ...`."""
    parser = subparsers.add_parser("store", help="list, check, clean, export and import stored results")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every stored result: state, size, when it changed")
    listing.add_argument("--video", help="of this video only")
    listing.add_argument("--stage", help="of this stage only")
    listing.add_argument("--json", action="store_true", help="print a list of objects")
    listing.set_defaults(command=_list)

    verify = actions.add_parser(
        "verify", help="read every chunk and file and name the damaged ones; exit code 1 if there are any"
    )
    verify.add_argument("--repair", action="store_true", help="drop what is damaged: the next run computes just that")
    verify.set_defaults(command=_verify)

    gc = actions.add_parser("gc", help="show what no run uses, and its bytes; --yes deletes it")
    gc.add_argument("--yes", action="store_true", help="delete it")
    gc.set_defaults(command=_gc)

    forget = actions.add_parser("forget", help="forget the runs of a name, so that gc may delete what only they used")
    forget.add_argument("run", help="name of the run; see `dfvi store runs`")
    forget.add_argument("--video", help="of this video only")
    forget.add_argument("--keep", type=int, default=0, metavar="N", help="but keep the last N runs on each video")
    forget.set_defaults(command=_forget)

    runs = actions.add_parser("runs", help="the runs that gc keeps results for")
    runs.set_defaults(command=_runs)

    export = actions.add_parser(
        "export",
        help="write a result as PNG (frames, holes, flow colours) and .flo (flow); of stages that fill, the filling",
    )
    export.add_argument("digest", help="digest of the result, or its first digits")
    export.add_argument("folder", type=Path, help="where to; one folder an array is made in it")
    export.set_defaults(command=_export)

    flow = actions.add_parser("import-flow", help="take t.flo and t.rflo files as the flow of a video")
    add_video(flow)
    flow.add_argument("folder", type=Path, help="holds 00000.flo (frame 0 to 1) ... and 00001.rflo (frame 1 to 0) ...")
    flow.set_defaults(command=_import_flow)
    for action in (listing, verify, gc, forget, runs, export):
        add_root(action)


COMMANDS = (add_store,)


def _list(options: argparse.Namespace) -> int:
    from flows.reports.tables import text_table
    from storage.cache.housekeeping import list_stores
    from storage.cache.root import Root

    stores = list(list_stores(Root.open(options.root), options.video, options.stage))
    if options.json:
        print(json.dumps([dataclasses.asdict(store) for store in stores], indent=2))
        return 0
    columns: dict[str, Sequence[str]] = {
        "video": [store.video for store in stores],
        "stage": [store.stage for store in stores],
        "digest": [store.digest[:8] for store in stores],
        "state": [store.state for store in stores],
        "MB": [f"{store.size / 1e6:.1f}" for store in stores],
        "changed": [time.strftime("%Y-%m-%d %H:%M", time.localtime(store.modified)) for store in stores],
    }
    print(text_table(columns, left=["video", "stage", "digest", "state", "changed"]))
    print(f"{len(stores)} results, {sum(store.size for store in stores) / 1e6:.1f} MB")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from storage.cache.housekeeping import count_without_checksum, verify
    from storage.cache.root import Root

    damages, root = 0, Root.open(options.root)
    for damage in verify(root, repair=options.repair):
        damages += 1
        print(f"damaged: {damage.path}: {damage.reason}")
    if unchecked := count_without_checksum(root):
        print(f"{unchecked} results of the first version have no checksum on their key and manifest")
    if not damages:
        print("every chunk and file reads back as it was written")
        return 0
    print(
        f"{damages} damaged; " + ("dropped: run again" if options.repair else "drop them with --repair, then run again")
    )
    return 0 if options.repair else 1


def _gc(options: argparse.Namespace) -> int:
    from storage.cache.housekeeping import delete, sweep_leftovers, unreached
    from storage.cache.root import Root

    root = Root.open(options.root)
    stores = unreached(root)
    for store in stores:
        print(f"{store.video}/{store.stage}/{store.digest}  {store.state}  {store.size} bytes")
    for run in root.runs():
        if run.damage:
            print(f"{run.video}: nothing of it may go, for {run.path} is damaged; see `dfvi store verify`")
    total = sum(store.size for store in stores)
    if options.yes:
        print(f"deleted {delete(root, stores)} of {total} bytes in {len(stores)} results")
        sweep_leftovers(root)
    else:
        print(f"{total} bytes in {len(stores)} results that no run uses; delete them with --yes")
    return 0


def _runs(options: argparse.Namespace) -> int:
    from storage.cache.root import Root

    for run in Root.open(options.root).runs():
        ended = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.finished)) if run.finished else "earlier"
        when = "damaged" if run.damage else "not finished" if run.finished is None else ended
        output = (run.summary or {}).get("output", "")
        print(f"{run.video}  {run.name}  {len(run.reached)} results  {when}  {output}".rstrip())
    return 0


def _forget(options: argparse.Namespace) -> int:
    from storage.cache.root import Root

    if options.keep < 0:
        raise InputError(f"--keep takes 0 or more runs; got {options.keep}")
    root = Root.open(options.root)
    if not any(run.name == options.run for run in root.runs(options.video)):
        raise InputError(f"there is no run {options.run!r}; `dfvi store runs` lists them")
    forgotten = root.forget_runs(options.run, options.video, keep=options.keep)
    print(f"forgot {options.run} of {', '.join(forgotten)}" if forgotten else "there are no more runs than are kept")
    return 0


def _export(options: argparse.Namespace) -> int:
    from storage.cache.root import Root
    from tasks.services.flow_files import export_store
    from tasks.stage.recipe import was_dropped

    root = Root.open(options.root)
    found = [folder for folder in root.folders() if folder.name.startswith(options.digest)]
    if len(found) != 1:
        raise InputError(f"{len(found)} results begin with {options.digest!r}; `dfvi store list` shows all")
    video, stage, digest = found[0].parts[-3:]
    store = root.open_store(video, stage, digest)
    if store.state == "dropped":
        raise was_dropped(video, stage)
    for line in export_store(store, options.folder):
        print(line)
    return 0


def _import_flow(options: argparse.Namespace) -> int:
    from flows.pipeline.naming import choose_name
    from storage.cache.root import Root
    from tasks.decode import MediaInput, decode
    from tasks.services.flow_files import import_flow
    from tasks.stage.cached_stage import StageResult

    config = configuration(options)
    video, mask = MediaInput.video(options.video), MediaInput.mask(options.mask)
    root = Root.create(options.root)
    name = options.name or choose_name(root, config, video, mask)
    clip = StageResult(name, decode.name, decode.key(config.decode, {"video": video, "mask": mask}).digest)
    digest = import_flow(root, clip, options.folder)
    settings = ("estimate_flow.estimator=imported", f"estimate_flow.imported={digest}", "complete_flow.dilation=10")
    print("imported; use it with: " + " ".join(f"--set {setting}" for setting in settings))
    return 0
