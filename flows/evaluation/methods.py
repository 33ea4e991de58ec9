"""The methods an evaluation compares: presets, configuration files, changed presets, baselines, and the ceiling."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from flows.configs.run_config import PRESETS, RunConfig, load_config
from flows.pipeline.stage_order import StageRunner
from storage.errors import InputError
from tasks.complete_flow import complete_flow
from tasks.estimate_flow import estimate_flow
from tasks.register_frames import RegisterFramesParams
from tasks.stage.cached_stage import Input, Stage, StageParams, StageResult

Baseline = Literal["telea", "harmonic", "median"]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
CEILING = "ceiling"
DEFAULT_METHODS = ("telea", "harmonic", "median", "paper-rule", "paper-rule-plus", "default", CEILING)
_NEXT_SETTING = re.compile(r",(?=[a-z_]+(?:\.[a-z_]+)*=)")


class Method(BaseModel):
    """One way of filling holes, under the name it has in tables."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)

    name: str
    baseline: Baseline | None = Field(
        None, serialization_alias="method", validation_alias=AliasChoices("baseline", "method")
    )
    """A simple method; None where `config` says what is done."""
    config: RunConfig | None = None
    on_true_flow: bool = False
    """Run `config` on the flow of the clip without holes."""

    def runs(self, stage: Stage) -> bool:
        """Return whether a stage of `config` is run, and not replaced by the true flow."""
        return not (self.on_true_flow and stage in (estimate_flow, complete_flow))


def parse_methods(names: Sequence[str], extra: Sequence[str] = ()) -> list[Method]:
    """Return the methods in the order given, those of `extra` last.

    names  : telea, harmonic, median; a preset; a YAML file, laid over the default; `ceiling` or `ceiling:ROW`, which
             runs the default or another method on the flow of the clip without holes.
    extra  : texts `NAME=PRESET,stage.param=value,...`: methods of changed presets.
    Raises : InputError for what is none of these, or a name that stands twice.
    """
    changed = {method.name: method for method in map(_changed_preset, extra)}
    methods = [_parse(name, changed) for name in names]
    methods += [method for method in changed.values() if method.name not in names]
    for place, method in enumerate(methods):
        if method.name in [other.name for other in methods[:place]]:
            raise InputError(f"two methods are called {method.name}; each needs a name of its own")
    return methods


class OnTrueFlow:
    """Steps of the pipeline with flow estimation and completion replaced by the flow of the clip without holes."""

    def __init__(self, step: StageRunner, true_flow: StageResult) -> None:
        """Take all other steps as `step` does."""
        self._step, self._true_flow = step, true_flow

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Take one step."""
        if stage in (estimate_flow, complete_flow):
            return self._true_flow
        return self._step(stage, params, iteration, **inputs)


def _parse(name: str, changed: dict[str, Method]) -> Method:
    kind, _, of = name.partition(":")
    if kind == CEILING:
        config = _parse(of or "default", changed).config or _no_flow(of)
        flow_alone = {"drafts": (), "register_frames": RegisterFramesParams(distances=())}
        return Method(name=name, config=config.model_copy(update=flow_alone), on_true_flow=True)
    for baseline in BASELINES:
        if name == baseline:
            return Method(name=name, baseline=baseline)
    if name in changed:
        return changed[name]
    if name in PRESETS:
        return Method(name=name, config=load_config(name))
    if Path(name).suffix in (".yaml", ".yml"):
        return Method(name=Path(name).stem, config=load_config(file=Path(name)))
    known = ", ".join((*PRESETS, *BASELINES, CEILING))
    raise InputError(f"there is no method {name!r}; choose from {known}, or name a YAML file")


def _changed_preset(text: str) -> Method:
    name, equals, rest = text.partition("=")
    preset, *settings = _NEXT_SETTING.split(rest)
    if not equals or not re.fullmatch(r"[\w.+-]+", name) or not settings:
        raise InputError(f"--row takes NAME=PRESET,stage.param=value; got {text!r}")
    if name in (*PRESETS, *BASELINES, CEILING):
        raise InputError(f"--row {name}: this name is taken; choose another")
    return Method(name=name, config=load_config(preset, settings=settings))


def _no_flow(name: str) -> RunConfig:
    raise InputError(f"{name} uses no flow, so it has no ceiling")
