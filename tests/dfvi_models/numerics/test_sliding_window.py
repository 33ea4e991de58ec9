from collections.abc import Iterator

import pytest

from dfvi_models.numerics.sliding_window import SlidingWindow


def squares(made: list[int], starts: list[int]):
    def make(start: int) -> Iterator[int]:
        starts.append(start)
        for number in range(start, 100):
            made.append(number)
            yield number**2

    return make


def test_overlapping_windows_make_each_item_once() -> None:
    made: list[int] = []
    sliding = SlidingWindow(squares(made, []))
    for centre in range(2, 30):
        assert sliding.between(centre - 2, centre + 2) == [n**2 for n in range(centre - 2, centre + 3)]
    assert made == list(range(32))


def test_what_lies_before_the_window_is_forgotten() -> None:
    sliding = SlidingWindow(squares([], []))
    for centre in range(2, 30):
        sliding.between(centre - 2, centre + 2)
        assert len(sliding._held) == 5


@pytest.mark.parametrize("block", [1, 4])
def test_a_window_far_ahead_does_not_make_what_lies_between(block: int) -> None:
    made: list[int] = []
    starts: list[int] = []
    sliding = SlidingWindow(squares(made, starts), block)
    sliding.between(0, 1)
    assert sliding.between(51, 52) == [51**2, 52**2]
    assert starts == [0, 51 // block * block]
    assert len(made) <= 4 + block


def test_a_start_in_a_new_block_is_aligned() -> None:
    starts: list[int] = []
    sliding = SlidingWindow(squares([], starts), 4)
    assert sliding.between(6, 7) == [36, 49]
    assert sliding.between(9, 9) == [81]  # within the block that comes next: no new start
    assert starts == [4]


def test_going_back_makes_the_items_again() -> None:
    starts: list[int] = []
    sliding = SlidingWindow(squares([], starts))
    sliding.between(10, 12)
    assert sliding.between(9, 11) == [81, 100, 121]
    assert starts == [10, 9]
