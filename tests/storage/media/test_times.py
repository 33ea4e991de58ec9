"""Times as people write them, and the frames they mean."""

from fractions import Fraction
from pathlib import Path

import pytest

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.times import Moment, Span, frame_at, frames_in, parse_moment, parse_span


def clip(count=100, rate=Fraction(25), **facts):
    return Clip(Path("v.mp4"), "video", count, count, 8, 8, rate, 1 / rate, **facts)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:45.5", "45.5"),
        ("1:02:03.5", "3723.5"),
        ("12.5", "12.5"),
        ("12s", "12"),
        ("90:00", "5400"),
        ("0:00.001", "0.001"),
    ],
)
def test_times_are_clocks_or_seconds(text, seconds):
    moment = parse_moment(text)
    assert moment == Moment(Fraction(seconds))
    assert parse_moment(str(moment)) == moment


def test_one_moment_is_written_in_one_way():
    assert {str(parse_moment(text)) for text in ("12.5", "12.5s", "0:12.5", "0:0:12.50")} == {"0:12.5"}
    assert str(parse_moment("f007")) == "f7"


@pytest.mark.parametrize("text", ["1:60", "1:60:00", "1:2:3:4", "-1", "1e3s", "f", "fx", "", "١٢s", "9" * 5000])
def test_what_is_no_time_is_one_line(text):
    with pytest.raises(InputError, match="write 0:") as told:
        parse_moment(text)
    assert len(str(told.value)) < 160


def test_a_whole_number_could_be_seconds_or_a_frame_and_is_refused():
    with pytest.raises(InputError, match="'10' may be seconds or a frame; write 0:10 or 10s for seconds, f10 for a"):
        parse_moment("10")


def test_spans_may_be_open():
    assert parse_span("0:10-") == Span(Moment(Fraction(10)))
    assert parse_span("-f20") == Span(end=Moment(frame=20))
    assert frames_in(clip(), parse_span("f3-1s"), "mask") == (3, 25)
    assert frames_in(clip(), parse_span("1s-"), "mask") == (25, 100)


@pytest.mark.parametrize("text", ["-", "", "0:10", "0:10-0:10", "0:10-5s", "f3-f3"])
def test_spans_that_hold_nothing_are_refused(text):
    with pytest.raises(InputError, match=r"is no time|holds nothing"):
        parse_span(text)


@pytest.mark.parametrize(
    ("text", "frame"), [("0s", 0), ("0:00.039", 1), ("0:00.04", 1), ("0:00.07", 1), ("0:00.08", 2)]
)
def test_a_time_means_the_frame_that_is_shown_then_rounded_to_thousandths(text, frame):
    assert frame_at(clip(), parse_moment(text)) == frame


def test_frames_of_a_varying_rate_are_found_by_their_time_stamps():
    varying = Clip(Path("v.mkv"), "video", 5, 5, 8, 8, Fraction(1, 25), Fraction(1), pts=(0, 1, 50, 51, 100))
    found = [frame_at(varying, Moment(Fraction(second))) for second in (0, 1, 49, 50, 60, 99, 100, 148, 149)]
    assert found == [0, 1, 1, 2, 3, 3, 4, 4, 5]


def test_times_count_from_the_start_of_the_file_not_of_the_picture():
    late = clip(start_time=Fraction(2))
    assert frame_at(late, parse_moment("1s")) == 0
    assert frame_at(late, parse_moment("3s")) == 25
    assert frames_in(late, parse_span("2s-6s"), "mask") == (0, 100)


@pytest.mark.parametrize(("first", "second"), [("0s-0.333s", "0.333s-1s"), ("0s-0:01.99", "0:01.99-")])
def test_spans_that_touch_share_no_frame_and_leave_none_out(first, second):
    odd = clip(100, Fraction(30000, 1001))
    assert frames_in(odd, parse_span(first), "a")[1] == frames_in(odd, parse_span(second), "b")[0]


def test_the_end_of_the_video_may_be_missed_by_a_second():
    assert frames_in(clip(), parse_span("3s-4.9s"), "mask") == (75, 100)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4s-", r"the mask begins at 0:04, and v.mp4 has 100 frames and lasts 0:04"),
        ("1s-5.1s", r"the mask ends at 0:05.1, and v.mp4 has 100 frames and lasts 0:04; leave its end away"),
        ("f100-", r"the mask begins at f100, and v.mp4"),
        ("f3-f101", r"the mask ends at f101, and v.mp4"),
        ("f30-1s", r"the mask holds no frame from f30 to 0:01"),
        ("1.01s-1.02s", r"the mask holds no frame from 0:01.01 to 0:01.02; its end is not part of it"),
    ],
)
def test_times_outside_the_video_are_one_line_with_its_length(text, said):
    with pytest.raises(InputError, match=said):
        frames_in(clip(), parse_span(text), "the mask")
