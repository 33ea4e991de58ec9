"""What edits mean: from one document to the next."""

from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from flows.studio.document import Document, marked_frames, marked_in
from flows.studio.edits import Edit, add_found, take_track
from storage.errors import InputError
from storage.media.clip import Clip
from tasks.services.painted_masks import Marked

CLIP = Clip(Path("v.mp4"), "video", 20, 20, 48, 64, Fraction(25), Fraction(1, 25))
FOLDER = Path("painted")
PAINTED, OTHER = "0" * 20 + ".png", "1" * 20 + ".png"


def edited(*edits, document=None):
    for edit in edits:
        document = TypeAdapter(Edit).validate_python(edit).apply(document or Document(), CLIP)
    return document


def box(frame, *numbers, number=1, **more):
    return {"kind": "put_box", "number": number, "frame": frame, "box": numbers, **more}


def painting(frame, file, **more):
    return {"kind": "put_painting", "number": 1, "frame": frame, "file": file, **more}


def change(**more):
    return {"kind": "change_object", "number": 1, **more}


def boxes(document, t):
    marked = marked_in(document.objects[0], t, FOLDER)
    return marked and marked.boxes


def test_a_box_of_something_that_stands_still_is_in_every_frame():
    document = edited(box(5, 10, 11, 12, 13))
    assert [boxes(document, t) for t in (0, 5, 19)] == [((10, 11, 12, 13),)] * 3


def test_a_box_is_cut_to_the_picture():
    assert boxes(edited(box(0, -5, 40, 10, 30)), 0) == ((0, 40, 5, 8),)
    with pytest.raises(InputError, match="outside"):
        edited(box(0, 70, 0, 5, 5))


def test_a_box_glides_between_the_frames_in_which_something_that_moves_was_marked():
    document = edited(box(4, 0, 0, 10, 10), change(moves=True), box(8, 20, 8, 14, 10))
    assert boxes(document, 6) == ((10, 4, 12, 10),)
    assert boxes(document, 0) == ((0, 0, 10, 10),)
    assert boxes(document, 12) == ((20, 8, 14, 10),)


def test_moving_a_box_on_its_way_makes_a_key_frame_there():
    document = edited(
        box(0, 0, 0, 10, 10), change(moves=True), box(8, 16, 0, 10, 10), box(4, 8, 20, 10, 10, replaces=0)
    )
    assert [boxes(document, t) for t in (0, 4, 8)] == [((0, 0, 10, 10),), ((8, 20, 10, 10),), ((16, 0, 10, 10),)]
    assert boxes(document, 2) == ((4, 10, 10, 10),)


def test_a_second_box_in_the_same_frame_is_added():
    assert len(boxes(edited(box(0, 0, 0, 4, 4), box(3, 9, 9, 4, 4)), 0)) == 2
    document = edited(box(0, 0, 0, 4, 4), change(moves=True), box(0, 9, 9, 4, 4), box(3, 1, 1, 5, 5))
    assert (len(boxes(document, 0)), boxes(document, 3)) == (2, ((1, 1, 5, 5),))


def test_what_is_painted_replaces_what_was_painted_and_erasing_turns_boxes_into_paint():
    document = edited(box(0, 0, 0, 4, 4), painting(0, PAINTED), painting(7, OTHER, holds_boxes=True))
    marked = marked_in(document.objects[0], 3, FOLDER)
    assert (marked.boxes, marked.images) == ((), (FOLDER / OTHER,))


def test_paint_of_something_that_moves_stays_until_the_next_key_frame():
    document = edited(painting(2, PAINTED), change(moves=True), painting(6, OTHER))
    images = [marked_in(document.objects[0], t, FOLDER).images for t in (0, 2, 5, 6, 19)]
    assert images == [(FOLDER / PAINTED,)] * 3 + [(FOLDER / OTHER,)] * 2


def test_nothing_is_removed_outside_of_an_objects_frames():
    document = edited(box(0, 0, 0, 4, 4), change(first=9, last=5))
    assert [bool(frame) for frame in marked_frames(document, 12, FOLDER)] == [5 <= t <= 9 for t in range(12)]


def test_objects_are_numbered_apart_and_there_are_not_too_many():
    document = edited(*[{"kind": "add_object"}] * 3, {"kind": "remove_object", "number": 2}, {"kind": "add_object"})
    assert sorted(each.number for each in document.objects) == [1, 2, 3]
    with pytest.raises(InputError, match="7 things already"):
        edited(*[{"kind": "add_object"}] * 8)


def test_names_do_not_count_for_what_is_marked_and_boxes_do():
    document = edited(box(0, 0, 0, 4, 4))
    assert edited(change(name="logo"), document=document).fingerprint == document.fingerprint
    assert edited(box(0, 9, 9, 4, 4), document=document).fingerprint != document.fingerprint


@pytest.mark.parametrize(
    "edit",
    [
        change(name="x"),
        {"kind": "remove_object", "number": 3},
        {"kind": "remove_box", "number": 1, "frame": 0, "index": 0},
        {"kind": "choose", "preset": "../../etc"},
        box(0, 0, 0, 4, 4, replaces=2),
    ],
)
def test_what_is_not_there_cannot_be_edited(edit):
    with pytest.raises(InputError):
        edited(edit)


def test_what_was_followed_is_marked_once_it_is_there_and_a_key_frame_stands_over_it(tmp_path):
    track = "a" * 20
    document = take_track(edited(box(4, 0, 0, 10, 10), box(8, 20, 0, 10, 10)), 1, track)
    (followed,) = document.objects
    assert followed.moves
    assert marked_in(followed, 6, tmp_path).boxes  # on its way, as long as nothing is there
    (tmp_path / track).mkdir()
    assert marked_in(followed, 6, tmp_path) == Marked((), (tmp_path / track / "00006.png",))
    assert marked_in(followed, 4, tmp_path) == Marked(((0, 0, 10, 10),), ())
    corrected = edited(box(6, 1, 1, 5, 5), document=document)
    assert marked_in(corrected.objects[0], 6, tmp_path) == Marked(((1, 1, 5, 5),), ())
    assert corrected.fingerprint != document.fingerprint


def test_a_frame_in_which_what_was_followed_is_wrong_can_be_cleared(tmp_path):
    (tmp_path / ("a" * 20)).mkdir()
    document = take_track(edited(box(4, 0, 0, 10, 10)), 1, "a" * 20)
    cleared = edited({"kind": "clear_frame", "number": 1, "frame": 7}, document=document)
    assert marked_in(cleared.objects[0], 7, tmp_path) == Marked()
    assert marked_in(cleared.objects[0], 8, tmp_path).images
    drawn = edited(box(7, 2, 2, 5, 5), document=cleared)
    assert marked_in(drawn.objects[0], 7, tmp_path) == Marked(((2, 2, 5, 5),), ())


def test_what_was_found_is_an_object_of_its_own(tmp_path):
    document = add_found(edited(box(0, 0, 0, 4, 4)), "Captions", "b" * 20, CLIP)
    found = document.objects[1]
    assert (found.number, found.name, found.is_empty) == (2, "Captions", False)
    assert marked_in(found, 3, tmp_path) == Marked()  # not there yet
    (tmp_path / found.track).mkdir()
    assert marked_in(found, 3, tmp_path).images == (tmp_path / found.track / "00003.png",)
