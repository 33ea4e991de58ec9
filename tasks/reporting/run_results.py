"""The stored results of a run, finished or not: opened as far as they are there, and what is wrong with the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from storage.backends.errors import LinkError
from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.root import Root
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from tasks.shots.filled_clip import FilledClip
from tasks.shots.filled_shots import OpenShot, OpenShots, ShownClip, open_shots
from tasks.stage.recipe import was_dropped

FILLING = ("merge", "register_frames", "deflicker")
"""Stages that write the frames of a shot filled, as far as they are."""


@dataclass
class RunResults:
    """The results of one run on one video, in the order in which they were asked for."""

    root: Root
    video: str
    stages: Mapping[str, str]
    """Digest -> stage."""
    stores: dict[str, StageStore] = field(default_factory=dict)
    """Digest -> the result, whether complete or begun; those that cannot be read are not in it."""
    damage: dict[str, str] = field(default_factory=dict)
    """Digest -> why a result cannot be read."""

    @classmethod
    def open(cls, root: Root, video: str, reached: Iterable[Mapping[str, str]]) -> "RunResults":
        """Open what is there of the results that a run used; see `RunFacts.reached`."""
        found = cls(root, video, {each["digest"]: each["stage"] for each in reached})
        for digest, stage in found.stages.items():
            try:
                found.stores[digest] = root.open_store(video, stage, digest)
            except (StoreError, LinkError, OSError) as error:
                found.damage[digest] = str(error)
        return found

    def last(self, stage: str) -> StageStore | None:
        """Return the result of a stage that was asked for last; None if none can be read."""
        found = [store for digest, store in self.stores.items() if self.stages[digest] == stage]
        return found[-1] if found else None

    def read_by(self, store: StageStore, role: str) -> StageStore | None:
        """Return what a result was made from; None if that is no result, or cannot be read."""
        digest = store.key.inputs.get(role, "")
        return self.stores.get(digest)

    def clip(self) -> StageStore | None:
        """Return the decoded clip, if it is finished."""
        encoded = self.last("encode")
        clip = (self.read_by(encoded, "clip") if encoded else None) or self.last("decode")
        return clip if clip is not None and clip.state in ("complete", "dropped") else None

    def filled(self) -> OpenShots:
        """Return the shots as far as they are filled; of a finished run, those that were encoded.

        Raises : StoreError or OSError if a result that was encoded is not there any more, or damaged; InputError if
                 it was dropped.
        """
        encoded = self.last("encode")
        if encoded is not None and encoded.state == "complete":
            return open_shots(self.root, self.video, encoded.attributes["shots"])
        return OpenShots([*self._unfinished_shots()], [])

    def _unfinished_shots(self) -> Iterable[OpenShot]:
        """The last complete result of each region that some stage has filled, at least in part."""
        found = self.last("find_shots")
        regions = found.attributes.get("regions", ()) if found else ()
        for region in regions:
            last = next((s for s in reversed(list(self._filling())) if region["digest"] in self.origins(s)), None)
            if last is None:
                continue
            grown = next((self.stores[d] for d in self.origins(last) if self.stages.get(d) == "grow_holes"), None)
            filled = FilledClip(last)
            y0, x0, y1, x1 = region["box"] or (0, 0, filled.height, filled.width)
            yield OpenShot(int(region["first"]), filled, grown, (slice(y0, y1), slice(x0, x1)))

    def _filling(self) -> Iterable[StageStore]:
        stores = [store for digest, store in self.stores.items() if self.stages[digest] in FILLING]
        return [store for store in stores if store.state == "complete" and _iteration(store) >= 0]

    def origins(self, store: StageStore) -> list[str]:
        """Return the digests of the clips from which a result was made, one after the other, back to the shot."""
        digests = []
        digest: str | None = store.key.inputs.get("clip")
        while digest and digest not in digests:
            digests.append(digest)
            below = self.stores.get(digest)
            digest = below.key.inputs.get("clip") if below else None
        return digests


def _iteration(store: StageStore) -> int:
    return int(store.manifest.made.get("iteration", 0)) if store.manifest else 0


@dataclass(frozen=True)
class ShotHistory:
    """The results that led to a filled shot, as far as they are there."""

    merges: Sequence[StageStore]
    """What was merged in each iteration, the first one first."""
    carried: StageStore | None
    """What was propagated in the first iteration."""
    registered: StageStore | None
    plates: Sequence[int]
    """Frames of the shot that were painted by hand."""
    estimated: StageStore | None = None
    """The flow along which was propagated, as it was estimated."""
    completed: StageStore | None = None
    """The same, completed in the hole."""

    @classmethod
    def of(cls, results: RunResults, last: StageStore) -> "ShotHistory":
        """Follow the inputs of the result that filled a shot, back to its first propagation, if all are there."""
        merges: list[StageStore] = []
        carried = registered = None
        store: StageStore | None = last
        while store is not None:
            stage = store.key.stage
            if stage == "register_frames":
                registered = store
            if stage == "merge":
                merges.insert(0, store)
                found = results.read_by(store, "carried")
                carried = (
                    found if found and "fill" not in found.key.inputs else None
                )  # later ones know a part of the hole
            store = results.read_by(store, "clip" if stage == "merge" else "merged")
            if store is not None and store.key.stage not in FILLING:
                break
        plates = [int(frame) for frame, _ in last.attributes.get("plates", ())]
        completed = results.read_by(carried, "flow") if carried is not None else None
        estimated = results.read_by(completed, "flow") if completed is not None else None
        return cls(merges, carried, registered, plates, estimated, completed)


@dataclass(frozen=True)
class ShownResults:
    """What can be looked at of a run: the clip, the shots laid over it, and how each came about."""

    clip: StageStore
    shown: ShownClip
    shots: Sequence[OpenShot]
    histories: Sequence[ShotHistory]
    """One for each shot."""
    cuts: Sequence[int] = ()
    """First frame of each shot of the clip but the first, among the decoded ones."""

    @property
    def taken(self) -> range:
        """The decoded frames that were to be filled; those beside them only helped."""
        told = self.clip.attributes
        start = int(told.get("start", 0))
        first, stop = told.get("taken", (start, start + self.shown.count))
        return range(max(first - start, 0), min(stop - start, self.shown.count))

    @property
    def start(self) -> int:
        """Number in the video of the first frame that was to be filled."""
        return int(self.clip.attributes.get("start", 0)) + self.taken.start

    @property
    def rate(self) -> float:
        """Frames a second."""
        return float(Fraction(self.clip.attributes["clip"]["rate"]))


def open_shown(results: RunResults) -> tuple[ShownResults | None, str]:
    """Return what can be looked at, and why that is not all; nothing where not even the clip can be read."""
    clip = results.clip()
    if clip is None:
        return None, "the decoded frames are not there, so nothing can be shown"
    if clip.state == "dropped":
        return None, f"the frames cannot be shown: {was_dropped(results.video, 'decode')}"
    shots: list[OpenShot] = []
    problem = ""
    try:
        opened = results.filled()
        shots = [shot for shot in opened.shots if isinstance(shot, OpenShot)]
    except (StoreError, DamagedStoreError, InputError, OSError) as error:
        opened, problem = OpenShots([], []), f"the filled frames cannot be shown: {error}"
    histories = [ShotHistory.of(results, shot.filled.base) for shot in shots]
    found = results.last("find_shots")
    changes = found.attributes.get("changes", ()) if found else ()
    cuts = sorted({int(t) for change in changes for t in change})  # a dissolve is a shot of its own
    return ShownResults(clip, ShownClip(clip, opened), shots, histories, cuts), problem
