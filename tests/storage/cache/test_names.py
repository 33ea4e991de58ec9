"""Names of videos: safe, and apart where videos are apart."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.cache.names import distinct_name, earlier_name, is_safe_name, name_of_video, video_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("goat", "goat"),
        ("../../etc", "etc"),
        ("a b/c", "a_b_c"),
        (".locks", "locks"),
        ("x" * 999, "x" * 80),
        ("", "video"),
        ("日本", "日本"),
        ("Été 1", "Été_1"),
        ("Кот и пёс", "Кот_и_пёс"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_a_name_keeps_its_letters_and_names_of_before_stay(text, name):
    assert video_name(text) == name


def test_different_names_stay_apart():
    names = ["视频", "猫", "😀", "😂", "a😀", "a😂", "猫" * 99 + "1", "猫" * 99 + "2", "video"]
    assert len({video_name(name) for name in names}) == len(names)
    assert video_name(unicodedata.normalize("NFD", "é")) == video_name("é") == "é"


@given(st.text())
def test_any_text_gives_a_safe_name(text):
    name = video_name(text)
    assert is_safe_name(name)
    assert len(name) <= 80
    assert "/" not in name
    assert is_safe_name(distinct_name(name, text))
    if text.isascii():
        assert name == earlier_name(text)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", ".runs", "a\n", "a b", "a\u202eb", "é" * 99, "e\u0301", "a@b"])
def test_an_unsafe_name_is_told(name):
    assert not is_safe_name(name)


def test_frames_of_a_video_are_called_by_its_folder(tmp_path, monkeypatch):
    assert name_of_video("set/goat/frames") == "goat"
    assert name_of_video("set/bear/frames") == "bear"
    assert name_of_video("set/bear/video.mp4") == "bear"
    assert name_of_video("set/goat.mp4") == "goat"
    (tmp_path / "猫").mkdir()
    monkeypatch.chdir(tmp_path / "猫")
    assert name_of_video("frames") == "猫"
