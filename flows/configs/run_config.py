"""The run configuration: a preset, a YAML file and `--set` laid over one another, checked as a whole."""

import difflib
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from flows.configs.yaml_reading import load_yaml_file, parse_yaml
from storage.cache.run_records import Keep
from storage.errors import InputError, reading
from tasks.complete_flow import CompleteFlowParams
from tasks.decode import DecodeParams
from tasks.deflicker import DeflickerParams
from tasks.encode import EncodeParams
from tasks.estimate_flow import EstimateFlowParams
from tasks.fill_key_frames import FillKeyFramesParams
from tasks.find_shots import FindShotsParams
from tasks.grow_holes import GrowHolesParams
from tasks.merge import MergeParams
from tasks.propagate import PropagateParams
from tasks.register_frames import RegisterFramesParams
from tasks.stage.method_params import MethodParams, description

Model = TypeVar("Model", bound=BaseModel)

LONGEST_KEY = 200  # characters of `stage.param`
SIZES = {"M": 10**6, "G": 10**9, "T": 10**12}
PRESETS = ("default", "fast", "quality", "paper", "paper-rule", "paper-rule-plus")


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _bytes_in(size: Any) -> Any:
    """Return the bytes that a text such as 20GB or 1.5 TB stands for; anything else as it is."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([MGT])B", size) if isinstance(size, str) else None
    return round(float(found[1]) * SIZES[found[2]]) if found else size


FrameNumber = Annotated[int, Field(ge=0)]
DiskSize = Annotated[int, Field(gt=0), BeforeValidator(_bytes_in)]
ImagePath = Annotated[str, Field(min_length=1), AfterValidator(_absolute)]


class Draft(BaseModel):
    """One rough fill of the clip, made only so that flow can be estimated on it again: no key frames are filled."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    estimate_flow: EstimateFlowParams = EstimateFlowParams(scale=0.25)
    """Flow between neighbouring frames, of the draft before."""
    complete_flow: CompleteFlowParams = CompleteFlowParams()
    """Flow inside the hole."""
    propagate: PropagateParams = PropagateParams.of(candidates=1)
    """What is carried along the flow."""
    merge: MergeParams = MergeParams.of(blending=False)
    """Which of the carried colours is taken."""


class RunConfig(BaseModel):
    """Everything that decides the pixels of a result: the parameters of each stage, and how often stages repeat."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    decode: DecodeParams = DecodeParams()
    """Which frames and which hole."""
    find_shots: FindShotsParams = FindShotsParams()
    """Where shots begin: nothing is carried from one to another."""
    grow_holes: GrowHolesParams = GrowHolesParams()
    """Which shadows and blurred edges beside a hole are removed too."""
    estimate_flow: EstimateFlowParams = EstimateFlowParams()
    """Optical flow between neighbouring frames, of the last draft if there are any."""
    complete_flow: CompleteFlowParams = CompleteFlowParams(dilation=2)
    """Flow inside the hole."""
    propagate: PropagateParams = PropagateParams()
    """What is carried along the flow."""
    merge: MergeParams = MergeParams()
    """Which of the carried colours is taken."""
    register_frames: RegisterFramesParams = RegisterFramesParams()
    """What distant frames show, registered directly, where flow carried nothing or something worse."""
    fill_key_frames: FillKeyFramesParams = FillKeyFramesParams()
    """What invents the rest."""
    deflicker: DeflickerParams = DeflickerParams()
    """What takes the flicker out of all that was filled in."""
    encode: EncodeParams = EncodeParams()
    """The file that comes out."""
    max_iterations: int = Field(3, ge=1)
    """After so many rounds of propagate and merge, every unfinished frame is filled at once."""
    drafts: tuple[Draft, ...] = (Draft(), Draft(complete_flow=CompleteFlowParams(dilation=2)))
    """Rough fills made first, one after the other; the sections above then start from the last one."""
    keep: Keep = "tune"
    """Which results stay; changes no pixel. all: every one; tune: what a changed parameter may need, not the drafts;
    result: nothing but the video, so that a long one needs little room: frames are decoded again where they are read,
    and of each filled shot the pixels of its hole are kept until the video is encoded."""
    max_disk: DiskSize | None = None
    """Bytes that the results of a video may take at most, as 20GB; a run that is foreseen to need more is refused
    before its shots are filled, with what would help. Null leaves it to the room on the disk."""
    plates: dict[FrameNumber, ImagePath] = {}
    """Frames painted by hand: number of the frame, counted from the start of the video, and an image of its size. What
    it shows inside the hole is taken as seen, and carried to other frames; where it is transparent the hole stays."""


def load_config(
    preset: str = "default", file: Path | None = None, settings: Sequence[str] = (), **sections: Any
) -> RunConfig:
    """Make a run configuration.

    preset   : name of a shipped preset, the ground layer.
    file     : YAML file whose keys replace those of the preset.
    settings : `stage.param=value` texts, values in YAML; together the top layer.
    sections : further keys by section, between the file and the settings.
    Raises   : InputError naming the key, the value and what is allowed.
    """
    return lay_config(preset, [read_yaml(file) if file else {}, sections], settings)


def lay_config(preset: str, layers: Sequence[Mapping[str, Any]], settings: Sequence[str] = ()) -> RunConfig:
    """Lay nested keys, the later over the earlier, over a preset, and settings over all of them; see `load_config`."""
    return lay_over(RunConfig, read_preset(preset), [*layers, parse_settings(settings)])


def lay_over(model: type[Model], ground: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]) -> Model:
    """Lay nested keys, the later over the earlier, over `ground`, and make a `model` of them.

    Where a layer chooses another method for a stage, parameters of the method below it are dropped.
    Raises : InputError naming the key, the value and what is allowed.
    """
    with reading("the configuration"):
        try:
            for layer in layers:
                ground = overlay(ground, layer, model)
            return model.model_validate(ground)
        except ValidationError as error:
            raise InputError(explain(error, model)) from error


def read_preset(name: str) -> dict[str, Any]:
    """Return keys and values of a shipped preset. Raises InputError with the names there are."""
    if name not in PRESETS:
        raise InputError(f"there is no preset {name!r}; choose from {', '.join(PRESETS)}")
    text = files("flows.configs").joinpath("presets", f"{name}.yaml").read_text(encoding="utf-8")
    return dict(parse_yaml(text) or {})


def explain_keys(config: RunConfig) -> list[tuple[str, str, str]]:
    """Return every key of a run configuration with its value, as YAML writes it, and its meaning."""
    return _explain_keys(config, "")


def parse_settings(texts: Sequence[str]) -> dict[str, Any]:
    """Turn `stage.param=value` texts into nested keys; where a parameter stands twice, the later one counts."""
    nested: dict[str, Any] = {}
    for text in texts:
        nested = overlay(nested, parse_setting(text))
    return nested


def parse_setting(text: str) -> dict[str, Any]:
    """Turn `stage.param=value` into nested keys.

    >>> parse_setting("propagate.max_consistency_error=3")
    {'propagate': {'max_consistency_error': 3}}
    """
    key, equals, value = text.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names) or len(key) > LONGEST_KEY:
        raise InputError(f"--set takes stage.param=value; got {shorten(repr(text))}")
    try:
        nested: Any = parse_yaml(value)
    except InputError as error:
        raise InputError(f"--set {shorten(key)}: {shorten(repr(value))} is not a YAML value: {error}") from error
    for name in reversed(names):
        nested = {name: nested}
    return dict(nested)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a run configuration file.

    Raises : InputError if it cannot be read or does not hold keys and values.
    """
    return load_yaml_file(path, "configuration")


def overlay(below: Mapping[str, Any], above: Mapping[str, Any], model: type[BaseModel] | None = None) -> dict[str, Any]:
    """Lay nested keys over others; a section that is a value on either side is replaced whole.

    model : what the keys are for; where it holds parameters of a method, see `MethodParams.lay`.

    >>> overlay({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    if model is not None and issubclass(model, MethodParams):
        return model.lay(below, above)
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = overlay(old, value, _model_of(model, key))
        result[key] = value
    return result


def shorten(text: str) -> str:
    """Return a text on one line of at most 80 characters."""
    return textwrap.shorten(text, 80, placeholder=" ...") if len(text) > 80 and " " in text[:80] else text[:80]


def explain(error: ValidationError, top: type[BaseModel] = RunConfig) -> str:
    """Say in one line what is wrong with a configuration, a `top`: key, value, what is allowed."""
    return "; ".join(_explain_one([_on_one_line(str(key)) for key in e["loc"]], e, top) for e in error.errors())


def _on_one_line(key: str) -> str:
    return key if key.isprintable() else repr(key)[1:-1]


def _explain_one(path: list[str], entry: Any, top: type[BaseModel]) -> str:
    key = ".".join(name for name in path if name != "[key]")  # pydantic's word for the key of a mapping
    message = (entry["msg"][0].lower() + entry["msg"][1:]).removeprefix("value error, ")
    if entry["type"] == "missing":
        return f"{key} is missing"
    if entry["type"] == "extra_forbidden":
        return _unknown_key(path, list(_model_at(path[:-1], top).model_fields))
    if entry["type"] == "unknown_key":
        return _unknown_key(path, entry["ctx"]["allowed"])
    if entry["type"] == "foreign_key":
        return f"{key} {message}"
    if entry["type"] == "value_error" and isinstance(entry["input"], Mapping):  # of keys that do not go together
        return ": ".join(filter(None, (key, message)))
    return f"{key} = {shorten(repr(entry['input']))} is not possible: {message}"


def _unknown_key(path: list[str], allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(path[-1], allowed, 1)
    hint = f"did you mean {'.'.join([*path[:-1], close[0]])}?" if close else f"allowed: {', '.join(allowed)}"
    return f"unknown key {'.'.join(path)}; {hint}"


def _model_at(path: Sequence[str], top: type[BaseModel]) -> type[BaseModel]:
    """Return the model whose fields are allowed below `path`."""
    model = top
    for name in path:
        if not name.isdigit():  # one of several; the model is that of all of them
            model = _model_of(model, name) or model
    return model


def _model_of(model: type[BaseModel] | None, name: str) -> type[BaseModel] | None:
    """Return the model of what stands under a key, or of each of several; None where it is a plain value."""
    if model is None or name not in model.model_fields:
        return None
    annotation = model.model_fields[name].annotation
    classes = [each for each in getattr(annotation, "__args__", (annotation,)) if isinstance(each, type)]
    return next((each for each in classes if issubclass(each, BaseModel)), None)


def _explain_keys(model: BaseModel, prefix: str) -> list[tuple[str, str, str]]:
    found = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(model, MethodParams) and name == model.kind:
            found.append((f"{prefix}{name}", json.dumps(model.method.name), _explain_methods(field.description, model)))
            found += _explain_keys(model.method, prefix)
        elif isinstance(value, BaseModel):
            found += _explain_keys(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", json.dumps(value, default=_without_defaults), field.description or ""))
    return found


def _explain_methods(meaning: str | None, params: MethodParams) -> str:
    """Say what the methods of a stage are for, and on a line each what a method does and which parameters it has."""
    lines = [meaning or ""]
    for name, method in params.methods().items():
        own = f" Takes {', '.join(method.model_fields)}." if method.model_fields else ""
        lines.append(f"- {name}: {description(method)}{own}")
    return "\n".join(lines)


def _without_defaults(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_defaults=True)
