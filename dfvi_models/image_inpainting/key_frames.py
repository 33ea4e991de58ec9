"""Key frames: the unfinished frames an image inpainter fills, so that propagation can finish the others from them.

Source: arXiv:1905.02884, section 3.4; rule of the reference code.
"""

from collections.abc import Sequence


def key_frames(unfinished: Sequence[bool]) -> list[int]:
    """Return the first and last frame of each run of unfinished frames, as seen from both ends of the clip.

    unfinished : T flags, True where a frame still has a hole.
    Returns    : ascending frame numbers, all of them unfinished; empty only if no frame is. A run that lies over the
                 middle of the clip gives only its outer ends.
    Source     : reference code, `get_key_ids`: each end looks at its own half, the middle frame belongs to both.
    """
    count = len(unfinished)
    half = (count + 1) // 2
    from_left = _ends_of_runs(unfinished[:half])
    from_right = _ends_of_runs([unfinished[count - 1 - i] for i in range(half)])
    return sorted({*from_left, *(count - 1 - i for i in from_right)})


def _ends_of_runs(unfinished: Sequence[bool]) -> list[int]:
    """Return the first and last index of each run, without the last of a run that is still open at the end."""
    ends = []
    inside = False
    for i, todo in enumerate(unfinished):
        if todo and not inside:
            ends.append(i)
        elif inside and not todo:
            ends.append(i - 1)
        inside = bool(todo)
    return ends
