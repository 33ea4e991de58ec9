"""How a run differs from a preset, and the command that repeats it."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from flows.configs.run_config import PRESETS, RunConfig, explain_keys, load_config
from storage.media.masks.kinds.union import SEPARATOR

FROM_THE_OUTPUT = {"encode.container"}  # the command takes it from the name of the output
AS_OPTIONS = {"plates"}


class Difference(BaseModel):
    """A parameter that is not what the preset makes it."""

    key: str
    value: str
    """In JSON, as are the preset's."""
    preset: str
    meaning: str


def nearest_preset(config: RunConfig) -> tuple[str, list[Difference]]:
    """Return the preset from which a configuration differs in the fewest parameters, and these."""
    found = {name: differences(config, load_config(name)) for name in PRESETS}
    name = min(found, key=lambda name: len(found[name]))
    return name, found[name]


def differences(config: RunConfig, preset: RunConfig) -> list[Difference]:
    """Return the parameters in which two configurations differ; parameters that only the second has are left out."""
    ground = {key: value for key, value, _ in explain_keys(preset)}
    return [
        Difference(key=key, value=value, preset=ground.get(key, ""), meaning=meaning.splitlines()[0] if meaning else "")
        for key, value, meaning in explain_keys(config)
        if ground.get(key) != value and key not in FROM_THE_OUTPUT
    ]


def command_line(inputs: Mapping[str, Any], preset: str, changed: Sequence[Difference], root: str) -> str:
    """Return the `dfvi inpaint` command that repeats a run, with `inputs` as in `RunFacts.inputs`."""
    words = ["dfvi", "inpaint", *_options(inputs, preset, changed, root), "-o", inputs["output"]]
    return shlex.join(words)


def plate_command(inputs: Mapping[str, Any], preset: str, changed: Sequence[Difference], root: str, frame: int) -> str:
    """Return the `dfvi plate` command that writes a frame of a run as an image to paint on."""
    words = ["dfvi", "plate", *_options(inputs, preset, changed, root), "--frame", str(frame), "-o", f"{frame}.png"]
    return shlex.join(words)


def _options(inputs: Mapping[str, Any], preset: str, changed: Sequence[Difference], root: str) -> list[str]:
    words = [inputs["video_path"]]
    for mask in inputs["mask"].split(SEPARATOR):
        words += [f"--mask={mask}"] if mask.startswith("-") else ["--mask", mask]
    if inputs.get("name"):
        words += ["--name", inputs["name"]]
    if preset != "default":
        words += ["--preset", preset]
    for each in changed:
        if each.key not in AS_OPTIONS:
            words += ["--set", f"{each.key}={each.value}"]
    for frame, image in inputs["config"].get("plates", {}).items():
        words += ["--plate", f"{frame}={image}"]
    return [*words, "--root", root]
