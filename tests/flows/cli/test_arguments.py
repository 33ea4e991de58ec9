"""Arguments of the command line that argparse alone would misread."""

import argparse

import pytest

from flows.cli.arguments import add_video, at_least_one, attach_boxes, refuse_no_text
from storage.errors import InputError
from storage.media.masks.parsing import parse_mask


def mask_of(*arguments):
    parser = argparse.ArgumentParser()
    add_video(parser)
    return parser.parse_args(attach_boxes(["video.mp4", *arguments])).mask


def test_a_box_that_begins_outside_the_frame_is_no_option():
    assert mask_of("--mask", "-5,-5,20,20") == "-5,-5,20,20"
    assert mask_of("--mask", "-5,0,20,20", "--preset", "fast") == "-5,0,20,20"


def test_a_repeated_mask_is_the_union():
    union = parse_mask(mask_of("--mask", "1,2,3,4", "--mask", "alpha", "--mask", "-5,-5,20,20"))
    assert [part.name for part in union.parts] == ["mask box 1,2,3,4", "mask alpha", "mask box -5,-5,20,20"]


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "9" * 5000])
def test_no_threads_at_all_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number from 1 on; got"):
        at_least_one(text)
    assert at_least_one("3") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "the first argument is empty"),
        (["inpaint", "a.mp4", "--mask", ""], "what follows --mask is empty"),
        (["inpaint", "a.mp4", "--config="], "--config is empty"),
        (["inpaint", "a\udcff.mp4"], r"'a\\udcff.mp4' is no text in UTF-8; rename"),
    ],
)
def test_what_names_no_file_is_refused(arguments, message):
    """An empty path is the current folder, whose images were taken as the mask; other bytes ended in a fault."""
    with pytest.raises(InputError, match=message):
        refuse_no_text(arguments)
    refuse_no_text(["inpaint", "ü\N{GOAT}.mp4", "--set", "encode.crf="])


def test_an_empty_mask_is_not_the_current_folder():
    with pytest.raises(InputError, match="the mask is empty text"):
        parse_mask("")
