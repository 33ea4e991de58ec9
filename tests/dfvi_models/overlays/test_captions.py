"""Captions: lines of text that come and go, over a picture that moves or stands still."""

import cv2
import numpy as np
import pytest

from dfvi_models.overlays.captions import CaptionFinder, step_for
from dfvi_models.overlays.text_lines import text_lines
from tests.clips import texture

HEIGHT, WIDTH, COUNT, RATE = 240, 400, 60, 24
FIRST, STOP = 14, 47


def moving(step: int = 3) -> list[np.ndarray]:
    scene = cv2.GaussianBlur(texture(HEIGHT, WIDTH + step * COUNT), (0, 0), 3)
    return [np.ascontiguousarray(scene[:, step * t : step * t + WIDTH]) for t in range(COUNT)]


def still() -> list[np.ndarray]:
    scene = cv2.GaussianBlur(texture(HEIGHT, WIDTH), (0, 0), 3)
    return [scene.copy() for _ in range(COUNT)]


def written(frames, text, times, y=215, colour=(255, 255, 255)):
    """Frames with a line of text, and where it is."""
    mark = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.putText(mark, text, (60, y), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2, cv2.LINE_AA)
    hole = mark[..., 0] > 80
    laid = [frame.copy() for frame in frames]
    for frame in laid[slice(*times)]:
        frame[hole] = colour
    return laid, hole


def found_in(frames):
    finder = CaptionFinder(step_for(RATE))
    for frame in frames:
        finder.look(frame)
    captions = [
        (each, each.times([each.logo.presence(f) for f in frames[slice(*each.near)]])) for each in finder.captions()
    ]
    return [(each.logo.marked, *spans) for each, spans in captions if spans]


@pytest.mark.parametrize("background", [moving, still])
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0)])
def test_a_caption_is_found_with_its_times_over_a_moving_and_a_still_picture(background, colour):
    frames, hole = written(background(), "Where are we going?", (FIRST, STOP), colour=colour)
    ((marked, (first, stop)),) = found_in(frames)
    assert abs(first - FIRST) <= 2
    assert abs(stop - STOP) <= 2
    assert marked[hole].mean() > 0.9
    assert marked.mean() < 0.1


def test_a_caption_that_follows_another_in_the_same_place_is_one_of_its_own():
    frames, _ = written(moving(), "I never said that", (2, 28))
    frames, _ = written(frames, "Wait for me, please", (28, 56))
    spans = sorted(span for _, span in found_in(frames))
    assert len(spans) == 2
    assert np.abs(np.array(spans) - [(2, 28), (28, 56)]).max() <= 2


@pytest.mark.parametrize("background", [moving, still])
def test_nothing_is_found_where_nothing_is_written_and_what_is_always_there_is_no_caption(background):
    assert found_in(background()) == []
    frames, _ = written(background(), "Channel seven news", (0, COUNT))
    assert found_in(frames) == []


def test_a_line_is_letters_side_by_side():
    mark = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.putText(mark, "letters in a row", (40, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
    cv2.rectangle(mark, (40, 150), (300, 160), 255, -1)
    cv2.circle(mark, (350, 200), 20, 255, 3)
    ((line, (x, y, wide, high)),) = text_lines(mark > 100)
    assert 35 <= x <= 45
    assert y + high < 75
    assert wide > 100
    assert not line[100:].any()


def test_six_frames_a_second_are_looked_at():
    assert [step_for(rate) for rate in (60, 24, 5)] == [10, 4, 1]
