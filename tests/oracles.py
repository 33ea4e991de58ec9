"""Plain full-frame NumPy versions of compiled algorithms: what the fast ones must equal bit for bit."""

import numpy as np


def warp_from_neighbour(planes, flow_there, flow_back, limit, reach_border=False):
    """Pull every plane (H, W, ...) of a neighbouring frame to the current one; returns values, valid, error."""
    height, width = flow_there.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    there = flow_there.astype(np.float64)
    at_y, at_x = y + there[..., 1], x + there[..., 0]
    inside = _within(at_y, height, reach_border) & _within(at_x, width, reach_border)
    at_y, at_x = np.where(inside, at_y, 0), np.where(inside, at_x, 0)
    top, left = np.floor(at_y).astype(int), np.floor(at_x).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    dy, dx = (at_y - top)[..., None], (at_x - left)[..., None]
    back = flow_back.astype(np.float64)
    back = (
        (1 - dy) * (1 - dx) * back[top, left]
        + dy * (1 - dx) * back[bottom, left]
        + (1 - dy) * dx * back[top, right]
        + dy * dx * back[bottom, right]
    )
    error = np.sqrt(((back + there) ** 2)[..., 1] + ((back + there) ** 2)[..., 0])
    from_y, from_x = y + (there - back)[..., 1] / 2, x + (there - back)[..., 0] / 2
    valid = inside & (error < limit) & _within(from_y, height, reach_border) & _within(from_x, width, reach_border)
    row = np.rint(np.where(valid, from_y, 0)).astype(int)
    column = np.rint(np.where(valid, from_x, 0)).astype(int)
    return [plane[row, column] for plane in planes], valid, np.where(inside, error, np.inf).astype(np.float32)


def _within(position, size, reach_border):
    return (position >= 0) & (position <= size - 1 if reach_border else position < size - 1)


def sweep(frames, holes, flow_fw, flow_bw, limit, direction, reach_border=False):
    """Colours, source frames (-1 none) and summed errors of every pixel of every frame, known ones included."""
    count = len(frames)
    results = [None] * count
    order = range(count) if direction == "forward" else range(count - 1, -1, -1)
    for i, t in enumerate(order):
        colour = np.zeros_like(frames[t])
        source = np.full(holes[t].shape, -1, np.int32)
        error = np.zeros(holes[t].shape, np.float32)
        if i > 0:
            there, back = (flow_bw[t - 1], flow_fw[t - 1]) if direction == "forward" else (flow_fw[t], flow_bw[t])
            planes = results[t - 1] if direction == "forward" else results[t + 1]
            (near_colour, near_source, near_error), valid, step = warp_from_neighbour(
                planes, there, back, limit, reach_border
            )
            valid &= near_source >= 0
            colour[valid], source[valid] = near_colour[valid], near_source[valid]
            error[valid] = near_error[valid] + step[valid]
        known = ~holes[t]
        colour[known], source[known], error[known] = frames[t][known], t, 0
        results[t] = colour, source, error
    return results


def merge(frame, hole, t, forward, backward):
    """The colour nearer in time, forward when equally near; returns frame, hole left, source (-1 known or left)."""
    before, after = forward[1].astype(np.int64), backward[1].astype(np.int64)
    has_before, has_after = before >= 0, after >= 0
    share = (t - before) / np.maximum(after - before, 1)
    take_after = has_after & (~has_before | (share > 0.5))
    colour = np.where(take_after[..., None], backward[0], forward[0])
    source = np.where(take_after, after, before)
    merged = np.where(hole[..., None], colour, frame)
    left = hole & ~has_before & ~has_after
    merged[left] = 0
    return merged, left, np.where(hole, source, -1).astype(np.int32)


def propagate_and_merge(frames, holes, flow_fw, flow_bw, limit, reach_border=False):
    """One iteration over a clip: a list of (frame, hole left, source)."""
    forward = sweep(frames, holes, flow_fw, flow_bw, limit, "forward", reach_border)
    backward = sweep(frames, holes, flow_fw, flow_bw, limit, "backward", reach_border)
    return [merge(frames[t], holes[t], t, forward[t], backward[t]) for t in range(len(frames))]
