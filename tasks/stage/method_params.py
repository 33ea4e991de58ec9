"""Parameters of a stage whose method is exchangeable: flat for the user, but each method's own are that method's.

`{"estimator": "dis", "preset": "fast", "scale": 0.5}` becomes `EstimateFlowParams(estimator=Dis(preset="fast"),
scale=0.5)` and is written as the flat keys again. So a digest holds only what counts for the method that was chosen.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import get_annotations
from typing import Any, ClassVar, LiteralString, Self, cast

from pydantic import (
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from dfvi_models.errors import MethodError
from dfvi_models.methods import Method, MethodKind, Resources
from dfvi_models.registry import find_method, methods_of, package_of
from dfvi_models.weights.store import find_all_weights, find_weights
from storage.cache.stage_key import StageKey
from tasks.stage.cached_stage import Job, StageParams


class MethodParams(StageParams):
    """Parameters of a stage whose method is exchangeable; the field named after its kind holds the chosen method."""

    kind: ClassVar[MethodKind]
    """What the method does, and the name of the field that holds it."""

    @property
    def method(self) -> Method:
        """The chosen method."""
        return cast(Method, getattr(self, self.kind))

    def weights(self) -> dict[str, str]:
        """Return network -> SHA-256 of each weight file the method needs. Raises WeightsError if one is missing."""
        networks = self.method.networks
        return {name: path.stem for name, path in zip(networks, find_all_weights(networks), strict=True)}

    def resources(self, job: Job, key: StageKey, remember: Callable[[str, int], int] | None = None) -> Resources:
        """Return what the method is built with to make the result of `key`: the weights that entered its digest.

        remember : keeps a number that follows from the machine, so that a resumed result is made with the same one.
        Raises   : WeightsError if such a weight file is gone.
        """
        paths = [find_weights(network, sha256=key.weights[network]) for network in self.method.networks]
        return Resources(paths, job.device, remember)

    def identity(self) -> dict[str, Any]:
        """Return what enters the digest: the parameters, the method's version, and the package of one that is not ours.

        A first version adds nothing, and a package its name and version.
        """
        package, version = package_of(type(self.method)), self.method.version
        identity = super().identity() | ({f"{self.kind} package": package} if package else {})
        return identity | ({f"{self.kind} version": version} if version > 1 else {})

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Make parameters of flat keys: `EstimateFlowParams.of(estimator="dis", preset="fast", scale=0.5)`."""
        return cls.model_validate(values)

    @classmethod
    def methods(cls) -> dict[str, type[Method]]:
        """Return every method there is for this stage, by its name."""
        return methods_of(cls.kind)

    @classmethod
    def parameters(cls, method: type[Method]) -> list[str]:
        """Return the names of the parameters there are with a method: its own, then those of the stage."""
        return [cls.kind, *method.model_fields, *(name for name in cls._stage_keys() if name not in method.ignores)]

    @classmethod
    def method_in(cls, values: Mapping[str, Any]) -> type[Method]:
        """Return the class of the method that flat keys name. Raises MethodError if there is none."""
        chosen = values.get(cls.kind, cls.model_fields[cls.kind].default)
        return type(chosen) if isinstance(chosen, Method) else find_method(cls.kind, str(chosen))

    @classmethod
    def lay(cls, below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
        """Lay flat keys over others; where they choose another method, parameters of the one below are dropped.

        What both methods inherit from a common class means the same to both, and stays.
        """
        if cls.kind not in above:
            return _renamed(cls, below) | _renamed(cls, above, below)
        try:
            old, new = cls.method_in(below), cls.method_in(above)
        except MethodError:  # the whole is checked later, and the error told then
            return {**below, **above}
        kept = {
            key: value
            for key, value in _renamed(cls, below).items()
            if key not in old.model_fields or _first_stated(old, key) is _first_stated(new, key)
        }
        return kept | _renamed(cls, above)

    @classmethod
    def _stage_keys(cls) -> list[str]:
        return [name for name in cls.model_fields if name != cls.kind]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, values: Any) -> Any:
        """Make the method of the flat keys that are its own."""
        if not isinstance(values, Mapping):
            return values
        try:
            method = cls.method_in(values)
        except MethodError as error:
            raise _refusal(cls, "method", cls.kind, values[cls.kind], str(error)) from error
        chosen, values = values.get(cls.kind), _renamed(cls, values)
        of_method = () if isinstance(chosen, Method) else tuple(method.model_fields)
        for key in values:
            if key not in (cls.kind, *of_method, *cls._stage_keys()):
                raise _unknown(cls, method, key, values[key])
        if not isinstance(chosen, Method):
            chosen = method.model_validate({key: values[key] for key in of_method if key in values})
        shared = {key: values[key] for key in cls._stage_keys() if key in values and key not in method.ignores}
        return {cls.kind: chosen, **shared}

    @model_serializer(mode="wrap")
    def _flatten(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the method's name and parameters beside those of the stage."""
        flat: dict[str, Any] = {}
        for key, value in handler(self).items():
            if key == self.kind:
                flat |= {key: self.method.name, **value}
            elif key not in self.method.ignores:
                flat[key] = value
        return flat

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return one alternative for each method; only that of the default need not name its method."""
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        shared = {key: value for key, value in schema.pop("properties").items() if key != cls.kind}
        default = cls.model_fields[cls.kind].default
        schema.pop("additionalProperties", None)
        schema["oneOf"] = []
        for name, method in methods_of(cls.kind).items():
            own = handler.resolve_ref_schema(handler(method.__pydantic_core_schema__)).get("properties", {})
            alternative: JsonSchemaValue = {
                "title": f"{cls.kind} {name}",
                "description": description(method),
                "type": "object",
                "properties": {cls.kind: {"const": name, "title": cls.kind.capitalize()}, **own, **shared},
                "additionalProperties": False,
            }
            if not isinstance(default, method) or default.name != name:
                alternative["required"] = [cls.kind]
            schema["oneOf"].append(alternative)
        return reference


def description(method: type[Method]) -> str:
    """Return the first paragraph of a method's docstring, on one line."""
    return " ".join((method.__doc__ or "").partition("\n\n")[0].split())


def _renamed(
    cls: type[MethodParams], values: Mapping[str, Any], below: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the same keys by their present names."""
    try:
        renamed = cls.method_in({**(below or {}), **values}).renamed
    except MethodError:
        return dict(values)
    return {renamed.get(key, key): value for key, value in values.items()}


@cache
def _first_stated(method: type[Method], key: str) -> type | None:
    """Return the class that first states a parameter of a method; None if it has no such parameter."""
    return next((each for each in reversed(method.__mro__) if key in get_annotations(each)), None)


def _unknown(cls: type[MethodParams], method: type[Method], key: str, value: Any) -> ValidationError:
    """Say whose parameter a key is, or which there are."""
    takes = [name for name in cls.parameters(method) if name != cls.kind]
    owners = [name for name, other in methods_of(cls.kind).items() if key in other.model_fields]
    if not owners:
        return _refusal(cls, "unknown_key", key, value, "", allowed=[cls.kind, *takes])
    owner = " and ".join(owners)
    message = f"is a parameter of {owner}, not of {method.name}, which takes {', '.join(takes)}"
    return _refusal(cls, "foreign_key", key, value, message)


def _refusal(
    cls: type[MethodParams], kind: LiteralString, key: str, value: Any, message: str, allowed: Sequence[str] = ()
) -> ValidationError:
    error = PydanticCustomError(kind, "{message}", {"message": message or f"unknown key {key}", "allowed": allowed})
    return ValidationError.from_exception_data(cls.__name__, [InitErrorDetails(type=error, loc=(key,), input=value)])
