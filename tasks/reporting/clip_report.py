"""All that a report shows of the frames of a run: numbers of each, pictures of some, and which to look at first."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.review.moments import frames_to_show, odd_masks, worst_moments
from dfvi_models.review.origins import ORIGINS
from tasks.reporting.clip_review import FrameReview, review_frame
from tasks.reporting.flow_pictures import FlowPictures, picture_flow
from tasks.reporting.frame_pictures import FramePictures, picture_frame, thumbnail
from tasks.reporting.run_results import ShownResults
from tasks.reporting.time_slice import Rows, TimeSlice, choose_cut, picture_slice

MOST_COUNTED = 400  # frames; of longer clips some, evenly spread, are counted
MOST_BYTES = 9 * 2**20  # of pictures; as text in a page they are a third more
MOST_MOMENTS = 6
WIDEST, NARROWEST = 854, 426  # pixels of the picture of a frame
SECONDS_APART = 0.7  # between two moments
DOUBT_TO_SHOW = 0.5  # of a hole's pixels: less is not worth a look


@dataclass(frozen=True)
class FrameNumbers:
    """What is counted in one frame."""

    t: int
    """Its number among the frames that were to be filled."""
    counts: Sequence[int]
    """Pixels of each of ORIGINS."""
    confidence: float | None
    """Mean over the hole, 0..1, where it is known."""
    doubt: float
    """Pixels of the hole that are likely wrong."""
    left: Sequence[int]
    """Hole pixels left after each iteration."""

    @property
    def hole(self) -> int:
        """Pixels of the hole."""
        return sum(self.counts[1:])


@dataclass(frozen=True)
class Moment:
    """A frame to look at."""

    t: int
    doubt: float
    """Share of its hole that is likely wrong."""
    picture: bytes
    """JPEG."""


@dataclass
class ClipReport:
    """What a report shows of the frames of a run."""

    width: int
    height: int
    rate: float
    start: int
    """Number in the video of the first frame that was to be filled."""
    count: int
    """Frames that were to be filled."""
    numbers: list[FrameNumbers] = field(default_factory=list)
    pictures: list[FramePictures] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    """The most doubtful first."""
    odd: list[int] = field(default_factory=list)
    """Frames whose hole is unlike that of their neighbours."""
    cuts: list[int] = field(default_factory=list)
    """First frame of each shot but the first."""
    slice: TimeSlice | None = None
    """A row of the frames that were counted; None where no hole is found, or there is one frame."""
    flow: FlowPictures | None = None
    """Of the frame that is most in doubt; None where flow is not stored."""


def report_clip(results: ShownResults, *, threads: int = 1) -> ClipReport:
    """Count, and picture, the frames of a run.

    Raises : DamagedStoreError if a frame cannot be read.
    """
    report = _empty(results)
    width, most = _room(results, report)
    counted = frames_to_show(report.count, [], most=MOST_COUNTED, beside=0)
    is_short = report.count <= min(most, MOST_COUNTED)

    cut = choose_cut(results)

    def look(t: int) -> tuple[FrameNumbers, FramePictures | None, Rows | None]:
        review = _review(results, t)
        return _numbers(review), picture_frame(review, width) if is_short else None, cut.of(review) if cut else None

    seen = list(ordered_map(look, counted, threads))
    report.numbers = [numbers for numbers, _, _ in seen]
    if cut and len(seen) > 1:
        report.slice = picture_slice(cut, [rows for _, _, rows in seen if rows])
    report.odd = _odd(report.numbers)
    report.flow = picture_flow(results, max(report.numbers, key=lambda each: each.doubt).t)
    report.moments = list(ordered_map(lambda t: _moment(results, t), _worst(report), threads))
    report.pictures = [pictures for _, pictures, _ in seen if pictures]
    if not is_short:
        worst = [moment.t for moment in report.moments]
        wanted = frames_to_show(report.count, worst, most=most, beside=round(report.rate / 2))
        report.pictures = list(ordered_map(lambda t: picture_frame(_review(results, t), width), wanted, threads))
    return report


def _empty(results: ShownResults) -> ClipReport:
    shown, taken = results.shown, results.taken
    cuts = [t - taken.start for t in results.cuts if taken.start < t < taken.stop]
    return ClipReport(shown.width, shown.height, results.rate, results.start, len(taken), cuts=cuts)


def _review(results: ShownResults, t: int) -> FrameReview:
    return replace(review_frame(results, t + results.taken.start), t=t)


def _room(results: ShownResults, report: ClipReport) -> tuple[int, int]:
    """Width of the pictures of frames, and how many of them fit; narrower ones where that keeps more of them."""
    sample = _review(results, report.count // 2)
    width = min(WIDEST, report.width)
    while width > NARROWEST and picture_frame(sample, width).size() * report.count > MOST_BYTES:
        width = max(round(width * 0.8), NARROWEST)
    return width, max(MOST_BYTES // picture_frame(sample, width).size(), 12)


def _moment(results: ShownResults, t: int) -> Moment:
    review = _review(results, t)
    return Moment(t, _doubt_share(_numbers(review)), thumbnail(review))


def _worst(report: ClipReport) -> list[int]:
    numbers = report.numbers
    apart = max(round(report.rate * SECONDS_APART * len(numbers) / report.count), 1)
    found = worst_moments([each.doubt for each in numbers], apart=apart, most=MOST_MOMENTS)
    return [numbers[i].t for i in found if _doubt_share(numbers[i]) > DOUBT_TO_SHOW]


def _numbers(review: FrameReview) -> FrameNumbers:
    return FrameNumbers(review.t, review.counts, review.mean_confidence, round(review.doubt, 1), review.left)


def _doubt_share(numbers: FrameNumbers) -> float:
    return round(numbers.doubt / numbers.hole, 4) if numbers.hole else 0.0


def _odd(numbers: Sequence[FrameNumbers]) -> list[int]:
    """Only where every frame was counted: others have no neighbours to compare with."""
    if any(after.t - before.t > 1 for before, after in pairwise(numbers)):
        return []
    return [numbers[i].t for i in odd_masks([each.hole for each in numbers])]


def names_of_origins() -> tuple[str, ...]:
    """Return the names of what `counts` counts, without what lies outside the hole."""
    return ORIGINS[1:]
