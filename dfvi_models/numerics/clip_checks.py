"""What must fit before an algorithm walks a clip: the lengths of its sequences, and the numbers it is asked for."""

from collections.abc import Sequence, Sized

from dfvi_models.errors import ShapeError


def check_planes(count: int, planes: Sized | None, what: str) -> None:
    """Raises ShapeError where there is not one plane for each of `count` frames; None is none at all, and fits."""
    if planes is not None and len(planes) != count:
        raise ShapeError(f"{count} frames need as many {what}; got {len(planes)}")


def check_flows(count: int, flow_fw: Sized, flow_bw: Sized) -> None:
    """Raises ShapeError where there is not a flow each way for each of the `count` - 1 pairs of frames."""
    pairs = max(count - 1, 0)
    if not len(flow_fw) == len(flow_bw) == pairs:
        raise ShapeError(f"{count} frames need {pairs} flows each way; got {len(flow_fw)} and {len(flow_bw)}")


def wanted_numbers(wanted: Sequence[int], count: int, what: str) -> list[int]:
    """The wanted numbers, each once, ascending. Raises ValueError where one is not in 0 .. `count` - 1."""
    numbers = sorted(set(wanted))
    if numbers and not 0 <= numbers[0] <= numbers[-1] < count:
        raise ValueError(f"wanted {what} must lie in 0..{count - 1}; got {numbers[0]}..{numbers[-1]}")
    return numbers
