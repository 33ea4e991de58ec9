"""Following an object from a frame in which it is given to the ends of what is wanted: a chain of stored links.

A link depends on the frames it covers, on the object as given, and on the link before it, and on nothing else. So a
frame that is given later, or corrected, recomputes only the chains that begin there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.segmentation.following import Followed
from dfvi_models.segmentation.tracking import Span, spans_between
from storage.cache.stage_store import StageStore
from tasks.shots.shot_batches import DirectRunner
from tasks.stage.cached_stage import Job, StageResult
from tasks.tracking.follow_object import FollowObjectParams, follow_object
from tasks.tracking.frame_span import FrameIndex

LINK = 16
"""Frames of a link. The last link of a chain goes on beyond the next given frame, so that it stays as it is, whichever
frames are given."""


@dataclass(frozen=True)
class Chain:
    """Where an object goes, in one direction, from a frame in which it is given."""

    given: int
    """Number of that frame."""
    is_forward: bool
    links: tuple[StageResult, ...]

    def open(self, job: Job) -> "OpenChain":
        """Return it for reading."""
        return OpenChain(self, [link.open(job) for link in self.links])


class OpenChain:
    """A chain, read frame by frame."""

    def __init__(self, chain: Chain, stores: Sequence[StageStore]) -> None:
        """Look at it; nothing is read."""
        self._chain, self._stores = chain, stores

    def frame(self, t: int) -> Followed:
        """Return the object in a frame."""
        link, item = divmod(abs(t - self._chain.given) - 1, LINK)
        store = self._stores[link]
        return Followed(store["share"][item], float(store["certainty"][item][0]))


@dataclass(frozen=True)
class Followings:
    """All chains of an object, and what every link did."""

    chains: tuple[Chain, ...]
    done: tuple[StageResult, ...]

    @property
    def was_stored(self) -> bool:
        """Whether nothing had to be computed."""
        return all(result.action == "reuse" for result in self.done)


def follow_through(job: Job, index: FrameIndex, outlined: Mapping[int, StageResult]) -> Followings:
    """Follow an object from every frame in which it is given, forwards and backwards, up to the next such frame or the
    end of its shot; chains side by side, on the threads of the job.

    outlined : frame -> the object as given there, of `outline_object`.
    """
    spans = spans_between(outlined, index.shots)
    wanted = [part for span in spans for part in _parts(span)]
    side_by_side = max(1, min(job.threads, len(wanted)))
    alone = replace(job, threads=max(1, job.threads // side_by_side))

    def one(part: tuple[int, int]) -> tuple[Chain, list[StageResult]]:
        step = DirectRunner(alone)
        return _follow(step, index, outlined[part[0]], *part), step.done

    followed = list(ordered_map(one, wanted, side_by_side))
    return Followings(tuple(chain for chain, _ in followed), tuple(link for _, links in followed for link in links))


def _parts(span: Span) -> list[tuple[int, int]]:
    """The frames in which the object is given and those up to which it is followed from there."""
    inner = range(span.first + span.begins, span.stop - span.ends)
    forward = [(span.first, inner[-1])] if span.begins and inner else []
    return forward + ([(span.stop - 1, inner[0])] if span.ends and inner else [])


def _follow(step: DirectRunner, index: FrameIndex, outlined: StageResult, given: int, last: int) -> Chain:
    """Follow an object from frame `given` to frame `last` at least."""
    is_forward = last > given
    first, stop = index.shot_of(given)
    end = stop - 1 if is_forward else first
    direction = FollowObjectParams(direction="forward" if is_forward else "backward")
    reader = index.reader()
    links: list[StageResult] = []
    at = given
    while (at < last) if is_forward else (at > last):
        to = min(at + LINK, end) if is_forward else max(at - LINK, end)
        frames = index.span(min(at, to), max(at, to) + 1, reader)
        reached = links[-1] if links else None
        links.append(step(follow_object, direction, frames=frames, given=outlined, reached=reached))
        at = to
    return Chain(given, is_forward, tuple(links))
