"""What became of a hole in words that a person understands, and what would help. Numbers in, sentences out."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

Level = Literal["good", "fair", "poor", "unknown"]

LITTLE_INVENTED, MUCH_INVENTED = 0.05, 0.3  # share of the hole
WORTH_A_PLATE = 0.03  # share of the hole that is invented: less is not worth painting
MUCH_GROWN = 0.1  # share of the hole beside the mask
NAMED = 5  # frames named one by one at most
HEADLINES: Mapping[Level, str] = {
    "good": "Nearly all that was hidden is shown by other frames",
    "fair": "Most of what was hidden is shown by other frames",
    "poor": "Much was invented: no frame shows what was hidden",
    "unknown": "Not enough is there to tell how good this is",
}


class Help(BaseModel):
    """Something that would make the result better."""

    words: str
    command: str = ""
    """To type; empty where no single command does it."""


class Verdict(BaseModel):
    """The judgement of a result."""

    level: Level
    headline: str
    sentences: list[str]
    help: list[Help]


def judge(shares: Mapping[str, float], *, rough: Sequence[str], is_finished: bool) -> Verdict:
    """Return the verdict, without what would help.

    shares : of the hole by where its pixels came from, see `VideoReport.shares`.
    rough  : where doubt is highest, in words; the worst first.
    """
    made_up = shares.get("invented", 0.0) + shares.get("open", 0.0)
    level = level_of(made_up) if shares and is_finished else "unknown"
    sentences = [_carried(shares)] if shares else []
    if shares.get("invented"):
        sentences.append(f"{percent(shares['invented'])} is shown by no frame, and was invented.")
    if shares.get("open"):
        sentences.append(f"{percent(shares['open'])} is not filled.")
    if rough:
        sentences.append(f"Least is known of {join(rough[:3])}: look there first.")
    return Verdict(level=level, headline=HEADLINES[level], sentences=sentences, help=[])


def level_of(invented: float | None) -> Level:
    """Return how good a result is by the share of the hole that no frame shows; None where that is not known."""
    if invented is None:
        return "unknown"
    return "good" if invented <= LITTLE_INVENTED else "fair" if invented <= MUCH_INVENTED else "poor"


def helpful(
    shares: Mapping[str, float], *, grown: float, odd: Sequence[int], plate: tuple[int, str] | None
) -> list[Help]:
    """Return what would help.

    grown : share of the hole that lay beside the mask.
    odd   : frames whose mask is unlike that of their neighbours.
    plate : the frame most of which is invented, and the command that writes it to paint on.
    """
    found = []
    if plate and shares.get("invented", 0.0) > WORTH_A_PLATE:
        frame, command = plate
        found.append(
            Help(
                words=f"If you know what lies behind, paint it into frame {frame}: this command writes that frame as "
                f"an image. Paint on it, then run again with --plate {frame}={frame}.png",
                command=command,
            )
        )
    if grown > MUCH_GROWN:
        found.append(
            Help(
                words=f"{percent(grown)} of the hole are shadows and blurred edges that the mask leaves out. A mask "
                "that covers them, or a larger dilation, is surer: --set decode.dilation=8"
            )
        )
    if odd:
        some = ", ".join(map(str, odd[:NAMED])) + (" and others" if len(odd) > NAMED else "")
        found.append(
            Help(
                words=f"The mask of {'frame' if len(odd) == 1 else 'frames'} {some} is much smaller or larger than in "
                "the frames before and after: correct it there"
            )
        )
    return found


def _carried(shares: Mapping[str, float]) -> str:
    seen = sum(shares.get(name, 0.0) for name in ("earlier", "later", "distant"))
    parts = [f"{percent(shares[name])} {words}" for name, words in WAYS.items() if shares.get(name)]
    text = f"{percent(seen)} of the hole shows what other frames show"
    return f"{text}: {join(parts)}." if parts else f"{text}."


WAYS = {
    "earlier": "carried from earlier frames",
    "later": "carried from later ones",
    "distant": "taken from distant frames that were registered",
    "painted": "painted by hand",
}


def percent(share: float) -> str:
    """Return a share as people read it; a little is not nothing.

    >>> percent(0.937), percent(0.0004), percent(0.0)
    ('93.7%', 'less than 0.1%', '0%')
    """
    if 0 < share < 0.001:
        return "less than 0.1%"
    return f"{share:.1%}" if share else "0%"


def clock(seconds: float) -> str:
    """Return a time in a video.

    >>> clock(61.25)
    '1:01.2'
    """
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{int(rest * 10) / 10:04.1f}"


def join(parts: Sequence[str]) -> str:
    """Join words as in a sentence.

    >>> join(["one", "two", "three"])
    'one, two and three'
    """
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""
