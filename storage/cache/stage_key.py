"""Identity of a stage result: everything that decides its content, and nothing else."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DIGEST_LENGTH = 32  # hexadecimal digits kept of the SHA-256: 128 bits

_DIGEST = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}")


def is_digest(text: str) -> bool:
    """Tell whether `text` has the form of a digest."""
    return _DIGEST.fullmatch(text) is not None


def canonical_json(value: Any) -> str:
    """Write `value` as JSON in the one form that equal values share: keys sorted, no blanks, ASCII.

    Raises : ValueError for NaN and infinities, which JSON does not have.

    >>> canonical_json({"b": 1.0, "a": [True, None]})
    '{"a":[true,null],"b":1.0}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class StageKey:
    """What decides the content of a stage result. Paths, device, threads and batch size are not in here."""

    stage: str
    """Name of the stage."""
    version: int
    """Raised in the code when the same input must give different content."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """The stage's parameters, JSON-able."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Role -> digest of each result this stage reads."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """Network -> SHA-256 of the weight file it uses."""

    @property
    def digest(self) -> str:
        """DIGEST_LENGTH hexadecimal digits that name the result: SHA-256 of the canonical JSON of all fields.

        A field that holds nothing still stands in the text, so no two keys can run into each other.
        """
        text = canonical_json(
            {
                "kind": "dfvi stage key",
                "stage": self.stage,
                "version": self.version,
                "params": dict(self.params),
                "inputs": dict(self.inputs),
                "weights": dict(self.weights),
            }
        )
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGEST_LENGTH]

    def differences(self, other: "StageKey") -> list[str]:
        """Say in words what differs from `other`, the stored result, to this key; one entry a field.

        >>> StageKey("merge", 1, {"rule": "paper"}).differences(StageKey("merge", 1, {"rule": "traced"}))
        ['rule: "traced" -> "paper"']
        """
        found = []
        if self.version != other.version:
            found.append(f"{self.stage} version: {other.version} -> {self.version}")
        for name in _differing(self.params, other.params):
            old, new = json.dumps(other.params.get(name)), json.dumps(self.params.get(name))
            found.append(f"{name}: {old} -> {new}")
        found += [f"input {name} changed" for name in _differing(self.inputs, other.inputs)]
        found += [f"weights {name} changed" for name in _differing(self.weights, other.weights)]
        return found


def _differing(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Names whose values differ, or that only one side has."""
    missing = object()
    return [name for name in sorted({*mine, *theirs}) if mine.get(name, missing) != theirs.get(name, missing)]
