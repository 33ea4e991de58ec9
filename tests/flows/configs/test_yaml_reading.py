"""Configurations of strangers: any text ends in a configuration or in one line, soon."""

import datetime
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.configs.run_config import RunConfig, lay_config, load_config
from flows.configs.yaml_reading import load_yaml_file, parse_yaml
from storage.errors import InputError

BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9))
HOSTILE = {
    "bomb": (BOMB, "aliases multiply"),
    "merges": (MERGES, "aliases multiply"),
    "loop": ("a: &a [*a]", "refers to what it stands in"),
    "deep list": ("[" * 9999 + "]" * 9999, "nests deeper"),
    "deep map": ("{a: " * 9999 + "1" + "}" * 9999, "nests deeper"),
    "long number": ("9" * 5000, "number of 5000 characters"),
    "long float": ("1." + "9" * 5000, "number of 5002 characters"),
    "no number": ("!!int x", "is no number"),
    "python": ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "binary": ("!!binary aGk=", "could not determine a constructor"),
    "date": ("!!timestamp 2020-01-01", "could not determine a constructor"),
    "unhashable": ("{[]: 1}", "unhashable"),
    "control": ("a\x00b", "unacceptable character"),
    "two documents": ("a\n---\nb", "expected a single document"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_in_one_line_and_at_once(name):
    text, problem = HOSTILE[name]
    started = time.monotonic()
    with pytest.raises(InputError, match=problem) as caught:
        parse_yaml(text)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 30  # the bomb would take until the memory is full


def test_plain_values_are_what_json_has_and_a_date_is_text():
    assert parse_yaml("[1, 1.5, .inf, true, null, a, {b: 2020-01-01}]") == [
        1,
        1.5,
        float("inf"),
        True,
        None,
        "a",
        {"b": "2020-01-01"},
    ]
    assert parse_yaml("a: &a [1]\nb: *a") == {"a": [1], "b": [1]}
    assert parse_yaml("a: &a {x: 1}\nb: {<<: *a, y: 2}")["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    "setting",
    [
        "decode.frame_rate=1e99999999",
        "decode.frame_rate=1/0",
        "decode.frame_rate=1/000",
        "decode.frame_rate=[24]",
        "decode.frame_rate=.inf",
        "decode.start=2020-01-01",
        "decode.start=" + "9" * 5000,
        "decode.start='" + "9" * 5000 + "'",
        "max_iterations=.inf",
        "estimate_flow.estimator={a: 1}",
        "estimate_flow={1: 2}",
        "estimate_flow={null: 2}",
        "estimate_flow=[1]",
        "drafts={a: 1}",
        "drafts=[[[]]]",
        "drafts=[{estimate_flow: {estimator: [dis]}}]",
        "complete_flow={completer: dfc, sizes: [[1, .nan]]}",
        "a" * 9999 + "=1",
        "." * 99 + "=1",
    ],
)
def test_hostile_settings_are_one_short_line(setting):
    with pytest.raises(InputError) as caught:
        load_config(settings=[setting])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    for path in (tmp_path / "latin.yaml", tmp_path / "a\0b", tmp_path):
        with pytest.raises(InputError, match=r"the recipe .* cannot be read"):
            load_yaml_file(path, "recipe")


def test_a_file_without_end_is_refused():
    with pytest.raises(InputError, match="larger than 16 MiB"):
        load_yaml_file(Path("/dev/zero"), "configuration")


def refusal(action):
    try:
        action()
    except InputError as error:
        return str(error)
    return ""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.dates(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), below, max_size=3),
    max_leaves=6,
)
SECTIONS = RunConfig().model_dump()
KEYS = sorted(
    {key for section in SECTIONS.values() if isinstance(section, dict) for key in section} | {"sizes", "precision"}
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(sorted(SECTIONS)),
        VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3),
        max_size=3,
    )
)
@example({"decode": {"start": datetime.date(2020, 1, 1)}})
@example({"estimate_flow": {"estimator": None}})
@example({"drafts": [{"\n": None}]})
def test_any_values_make_a_configuration_or_one_line(layer):
    assert "\n" not in refusal(lambda: lay_config("default", [layer]))


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab01.:-[]{},&*!?|>'\"#%@<=\n \t\0e~é"), max_size=60))
def test_any_text_is_plain_values_or_one_line(text):
    assert "\n" not in refusal(lambda: parse_yaml(text))


def test_a_key_that_stands_twice_is_refused():
    """The first one was dropped, without a word."""
    for text in ("decode: {dilation: 1}\ndecode: {crf: 2}", '{"a": {"b": 1, "c": 2, "b": 3}}'):
        with pytest.raises(InputError, match=r"the key '(decode|b)' stands twice in one place"):
            parse_yaml(text)
    assert parse_yaml("a: {b: 1}\nc: {b: 1}") == {"a": {"b": 1}, "c": {"b": 1}}
