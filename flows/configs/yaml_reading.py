"""YAML and JSON of users, read within bounds: whatever stands there ends in plain values or in one line.

Taken are the types of JSON: a date, or a time such as 0:45 (to YAML a number to the base 60), is the text it is written
as. Refused are deep nesting, aliases that multiply what
is written or refer to what they stand in, and numbers of more digits than any parameter has.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from storage.errors import InputError

DEEPEST = 40  # sections in one another; a configuration has five
LONGEST_NUMBER = 40  # digits
FREE_NODES, MOST_GROWTH = 10_000, 10  # aliases may make so many values, or so many times what is written
LARGEST_FILE = 16 * 2**20  # bytes
TYPES = ("null", "bool", "int", "float", "str", "seq", "map")
DATE = "tag:yaml.org,2002:timestamp"


class BoundedLoader(yaml.SafeLoader):
    """Builds plain values from YAML, within bounds."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._written = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node with those below it; raises YAMLError where they nest too deeply, or a key stands twice."""
        self._depth, self._written = self._depth + 1, self._written + 1
        if self._depth > DEEPEST:
            raise yaml.YAMLError(f"it nests deeper than {DEEPEST} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(node, yaml.MappingNode):
            _refuse_doubles(node)
        return node

    def get_single_data(self) -> Any:
        """Return the values of the only document; raises YAMLError where aliases make too much of it."""
        node = self.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > max(FREE_NODES, MOST_GROWTH * self._written):
            raise yaml.YAMLError("its aliases multiply what is written too often")
        return self.construct_document(node)

    def construct_number(self, node: yaml.ScalarNode) -> int | float | str:
        """Return a number, or the text of a time; raises YAMLError for one of very many digits, or one that is none."""
        if len(node.value) > LONGEST_NUMBER:
            raise yaml.YAMLError(f"it has a number of {len(node.value)} characters; at most {LONGEST_NUMBER} are read")
        if ":" in node.value:
            return str(node.value)
        try:
            made: int | float = (
                self.construct_yaml_int(node) if node.tag.endswith("int") else self.construct_yaml_float(node)
            )
        except (ValueError, ArithmeticError) as error:
            raise yaml.YAMLError(f"{node.value!r} is no number") from error
        return made


BoundedLoader.yaml_constructors = {
    tag: construct
    for tag, construct in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.rpartition(":")[2] in TYPES
}
for number in ("int", "float"):
    BoundedLoader.add_constructor(f"tag:yaml.org,2002:{number}", BoundedLoader.construct_number)
BoundedLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != DATE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> Any:
    """Return the plain values that YAML or JSON text stands for.

    Raises : InputError, one line, for whatever else it is.
    """
    try:
        return yaml.load(text, BoundedLoader)  # it is a SafeLoader
    except Exception as error:  # the parser raises more than its documentation names, depending on the text
        raise InputError(" ".join(str(error).split()) or type(error).__name__) from error


def load_yaml_file(path: Path, kind: str) -> dict[str, Any]:
    """Read keys and values from a YAML or JSON file; errors call it a `kind`. Raises InputError."""
    try:
        with path.open("rb") as file:
            stored = file.read(LARGEST_FILE + 1)
        text = stored.decode("utf-8")
    except (OSError, ValueError) as error:  # ValueError: a null character in its name, or text that is not UTF-8
        problem = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise InputError(f"the {kind} {repr(str(path))[1:-1]} cannot be read: {problem}") from error
    if len(stored) > LARGEST_FILE:
        raise InputError(f"the {kind} {path} is larger than {LARGEST_FILE // 2**20} MiB; is it another file?")
    try:
        content = parse_yaml(text)
    except InputError as error:
        raise InputError(f"the {kind} {path} is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"the {kind} {path} must hold keys and values; got a {type(content).__name__}")
    return content


def _refuse_doubles(mapping: yaml.MappingNode) -> None:
    """Raise YAMLError for a key that stands twice: the first one would count for nothing, without a word."""
    names = [key.value for key, _ in mapping.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise yaml.YAMLError(f"the key {double!r} stands twice in one place")


def _size(node: yaml.Node, known: dict[int, int | None]) -> int:
    """Count the values below a node, each as often as it is referred to. Raises YAMLError if it holds itself."""
    key = id(node)
    if key not in known:
        known[key] = None
        known[key] = 1 + sum(_size(below, known) for below in _below(node))
    size = known[key]
    if size is None:
        raise yaml.YAMLError("an alias refers to what it stands in")
    return size


def _below(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
