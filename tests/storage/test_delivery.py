"""What an output may be, before anything is computed."""

import pytest

from storage.delivery import check_apart
from storage.errors import InputError


def test_an_output_never_replaces_what_it_is_made_from(tmp_path):
    frames = tmp_path / "set" / "clip"
    frames.mkdir(parents=True)
    (tmp_path / "link").symlink_to(frames)
    for output in (frames, tmp_path / "link", frames / "out.mp4", tmp_path / "set"):
        with pytest.raises(InputError, match="would overwrite what it is made from"):
            check_apart(output, str(frames), "1,2,3,4")
        with pytest.raises(InputError, match="would overwrite what it is made from"):
            check_apart(output, "elsewhere.mp4", str(frames))
    check_apart(tmp_path / "set" / "clean", str(frames), "alpha")
