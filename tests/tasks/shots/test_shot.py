"""Shots of a clip: what is known of them where a part of the store is gone."""

from tasks.shots.shot import shots_with_holes
from tasks.stage.cached_stage import StageResult


def test_shots_are_undecided_where_the_clip_is_gone_but_not_what_was_found_in_it():
    """`verify --repair` leaves it so: planning, and a run with `keep: result`, ended in a KeyError."""
    clip = StageResult("goat", "decode", "0" * 32, action="compute", why="never computed")
    found = StageResult("goat", "find_shots", "1" * 32, attributes={"regions": []})
    (shot,) = shots_with_holes(clip, found)
    assert shot.undecided
    assert shot.why == "never computed"
