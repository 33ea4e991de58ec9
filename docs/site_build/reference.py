"""The reference pages: every parameter out of the configuration's models, every command out of the parser."""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flows.cli.main import _parser
from flows.configs.run_config import RunConfig, load_config
from tasks.stage.method_params import MethodParams, description

PRESETS = ("default", "fast", "quality", "paper")
HEAD = "<!-- Generated while the site is built. -->\n\n"


def write_reference(folder: Path) -> None:
    """Write parameters.md and commands.md; a file that would stay as it is is not touched."""
    folder.mkdir(exist_ok=True)
    for name, text in (("parameters", parameters_page()), ("commands", commands_page())):
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def parameters_page() -> str:
    """Return the page of all parameters, section by section."""
    lines = [
        HEAD + "# Parameters",
        "Everything that decides the pixels of a result, as `dfvi config --explain` prints it. Set one with "
        "`--set stage.param=value`, or in a YAML file given with `--config`. A changed parameter recomputes its stage "
        "and those that read it.",
        *_presets_table(),
    ]
    for name, field in RunConfig.model_fields.items():
        model = field.annotation
        lines.append(f"## {name}\n\n{field.description}")
        if isinstance(model, type) and issubclass(model, BaseModel):
            lines += _section(model, field.get_default(call_default_factory=True), f"{name}.")
        else:
            lines.append(f"Default: {_default(field)}")
    return "\n\n".join(lines) + "\n"


def _section(model: type[BaseModel], values: BaseModel, prefix: str) -> list[str]:
    lines = []
    for name, field in model.model_fields.items():
        if isinstance(values, MethodParams) and name == values.kind:
            lines.append(_entry(f"{prefix}{name}", field, f'`"{values.method.name}"`'))
            for label, method in values.methods().items():
                lines.append(f"### {prefix}{name} = {label}\n\n{description(method)}")
                lines += [_entry(f"{prefix}{key}", each, _default(each)) for key, each in method.model_fields.items()]
        else:
            lines.insert(0, _entry(f"{prefix}{name}", field, f"`{_json(getattr(values, name))}`"))
    return lines


def _entry(key: str, field: FieldInfo, default: str) -> str:
    limits = _limits(field)
    return f"`{key}`\n: {field.description or ''}\n\n  Default: {default}{limits}"


def _default(field: FieldInfo) -> str:
    return (
        "none, it must be given" if field.is_required() else f"`{_json(field.get_default(call_default_factory=True))}`"
    )


def _limits(field: FieldInfo) -> str:
    signs = {"gt": "above", "ge": "from", "lt": "below", "le": "to"}
    found = [
        f"{word} {getattr(each, name)}"
        for each in field.metadata
        for name, word in signs.items()
        if hasattr(each, name)
    ]
    return f"; {' '.join(found)}" if found else ""


def _presets_table() -> list[str]:
    """A row for each parameter that a preset changes, and its value in each."""
    flat = {name: dict(_flat(load_config(name).model_dump(mode="json"))) for name in PRESETS}
    keys = [key for key in dict.fromkeys(key for each in flat.values() for key in each) if key != "drafts"]
    rows = [key for key in keys if len({_json(each.get(key)) for each in flat.values()}) > 1]
    table = ["| parameter | " + " | ".join(PRESETS) + " |", "|---" * (len(PRESETS) + 1) + "|"]
    for key in rows:
        cells = [f"`{_json(each[key])}`" if key in each else "" for each in flat.values()]
        table.append(f"| `{key}` | " + " | ".join(cells) + " |")
    drafts = ", ".join(f"{name} {len(load_config(name).drafts)}" for name in PRESETS)
    return ["## What the presets change", "\n".join(table), f"Drafts: {drafts}."]


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _json(value: Any) -> str:
    return json.dumps(value, default=lambda model: model.model_dump(mode="json", exclude_defaults=True))


def commands_page() -> str:
    """Return the page of all commands, each with its arguments."""
    lines = [HEAD + "# Commands", "`dfvi COMMAND --help` prints the same."]
    for name, parser in _leaves(_parser(), "dfvi"):
        lines.append(f"## {name}\n\n{_told(parser)}")
        usage = re.sub(r"\s+", " ", parser.format_usage().removeprefix("usage: ")).strip()
        lines.append(f"```text\n{_wrapped(usage)}\n```")
        for action in parser._actions:
            if action.dest != "help":
                lines.append(f"`{_shown(action)}`\n: {_plain(action.help or '')}")
    lines.append(_exit_codes())
    return "\n\n".join(lines) + "\n"


def _exit_codes() -> str:
    return (
        "## Exit codes\n\n0: all is done. 1: a video failed, or the system refused, such as a full disk. 2: bad input. "
        "70: a fault of dfvi itself. 128 + signal: stopped."
    )


def _leaves(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield name, parser
    for action in below:
        for word, child in action.choices.items():
            child.help_text = next((each.help for each in action._choices_actions if each.dest == word), "")
            yield from _leaves(child, f"{name} {word}")


def _told(parser: argparse.ArgumentParser) -> str:
    text = parser.description or getattr(parser, "help_text", "") or ""
    text = " ".join(text.split())
    return _plain(text[:1].upper() + text[1:] + ("" if text.endswith(".") else "."))


def _plain(text: str) -> str:
    """Text in which nothing but code in backticks is markup."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.replace("%%", "%").split()))
    return "".join(part if part.startswith("`") else re.sub(r"([*_<>\[\]|])", r"\\\1", part) for part in parts)


def _shown(action: argparse.Action) -> str:
    value = action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest.upper())
    if not action.option_strings:
        return str(value)
    names = ", ".join(action.option_strings)
    if action.nargs == 0:
        return names
    return f"{names} [{value}]" if action.nargs == "?" else f"{names} {value}"


def _wrapped(usage: str) -> str:
    lines, line = [], ""
    for word in re.findall(r"\[[^\]]*\]+|\S+", usage):
        if line and len(line) + len(word) > 92:
            lines.append(line)
            line = "    "
        line += ("" if not line.strip() else " ") + word
    return "\n".join([*lines, line])
