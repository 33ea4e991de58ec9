"""The digest changes with every field and with nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.cache.stage_key import DIGEST_LENGTH, StageKey, canonical_json

KEY = StageKey("propagate", 1, {"error": 5.0, "sampling": "nearest"}, {"clip": "a", "flow": "b"}, {"net": "c"})

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "merge"},
        {"version": 2},
        {"params": {"error": 5.0, "sampling": "nearest", "more": None}},
        {"params": {"error": 5.0}},
        {"params": {"error": 5.000001, "sampling": "nearest"}},
        {"inputs": {"clip": "b", "flow": "a"}},
        {"inputs": {"clip": "a", "flow": "b", "fill": "c"}},
        {"inputs": {"clip": "a"}},
        {"weights": {"net": "d"}},
        {"weights": {}},
    ],
)
def test_digest_changes_with_every_field(change):
    assert replace(KEY, **change).digest != KEY.digest


def test_digest_does_not_depend_on_the_order_of_names():
    turned = StageKey(
        KEY.stage, KEY.version, dict(reversed(KEY.params.items())), dict(reversed(KEY.inputs.items())), KEY.weights
    )
    assert turned.digest == KEY.digest
    assert len(KEY.digest) == DIGEST_LENGTH


def test_digest_stays_what_it_was_in_earlier_versions():
    """A changed digest would make every stored result of every user worthless: raise a stage's version instead."""
    assert StageKey("decode", 1, {"start": 0}, {"video": "ab"}).digest == "6e830d407cc13818b24ad7f5abb1aaf7"


@given(json_values)
def test_equal_values_share_one_text(value):
    import json

    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


def test_not_a_number_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"error": float("nan")})


def test_differences_name_the_field_and_both_values():
    other = replace(KEY, version=3, params={"error": 10.0, "sampling": "nearest"}, inputs={"clip": "x", "flow": "b"})
    assert KEY.differences(other) == ["propagate version: 3 -> 1", "error: 10.0 -> 5.0", "input clip changed"]
    assert KEY.differences(KEY) == []
