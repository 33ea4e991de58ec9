"""Whatever goes wrong where input is read is the fault of the input; what is raised elsewhere is not."""

import errno

import pytest

from storage.errors import InputError, reading


@pytest.mark.parametrize(
    "error",
    [ValueError("a\nb"), KeyError("a"), RecursionError(), AssertionError(), type("OfAParser", (Exception,), {})()],
)
def test_whatever_a_parser_raises_becomes_one_line_about_what_was_read(error):
    with pytest.raises(InputError, match=r"^clip.mp4 cannot be used \(") as raised, reading("clip.mp4"):
        raise error
    assert "\n" not in str(raised.value)
    assert type(error).__name__ in str(raised.value)


@pytest.mark.parametrize(
    "error", [InputError("no such file"), OSError(errno.EIO, "Input/output error"), MemoryError(), NameError("frmaes")]
)
def test_input_errors_and_those_of_the_system_and_of_a_broken_program_are_passed_on(error):
    with pytest.raises(type(error)) as raised, reading("clip.mp4"):
        raise error
    assert raised.value is error


def test_frames_may_be_read_in_part():
    def frames():
        with reading("clip.mp4"):
            yield from range(3)

    started = frames()
    assert next(started) == 0
    started.close()
