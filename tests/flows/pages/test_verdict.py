"""What a report says of a result, by its numbers."""

import pytest

from flows.pages.verdict import helpful, judge, percent


@pytest.mark.parametrize(
    ("invented", "level"), [(0.0, "good"), (0.05, "good"), (0.2, "fair"), (0.31, "poor"), (1.0, "poor")]
)
def test_the_more_was_invented_the_worse_it_is(invented, level):
    assert judge({"earlier": 1 - invented, "invented": invented}, rough=[], is_finished=True).level == level


def test_what_is_not_finished_is_not_judged():
    assert judge({"earlier": 1.0}, rough=[], is_finished=False).level == "unknown"
    assert judge({}, rough=[], is_finished=True).level == "unknown"


def test_the_shares_are_told_in_words():
    shares = {"earlier": 0.5, "later": 0.25, "distant": 0.15, "painted": 0.0, "invented": 0.1, "open": 0.0}
    verdict = judge(shares, rough=["frame 3 (0:00.1)"], is_finished=True)
    assert verdict.sentences == [
        "90.0% of the hole shows what other frames show: 50.0% carried from earlier frames, 25.0% carried from later "
        "ones and 15.0% taken from distant frames that were registered.",
        "10.0% is shown by no frame, and was invented.",
        "Least is known of frame 3 (0:00.1): look there first.",
    ]


def test_only_what_would_help_is_named():
    assert helpful({"invented": 0.01}, grown=0.05, odd=[], plate=(7, "dfvi plate")) == []
    plate, dilation, mask = helpful({"invented": 0.5}, grown=0.2, odd=[4, 9], plate=(7, "dfvi plate"))
    assert plate.command == "dfvi plate"
    assert "--plate 7=7.png" in plate.words
    assert "20.0% of the hole" in dilation.words
    assert "frames 4, 9" in mask.words


def test_a_little_is_not_nothing():
    assert [percent(share) for share in (0.0, 1e-5, 0.001, 1.0)] == ["0%", "less than 0.1%", "0.1%", "100.0%"]
