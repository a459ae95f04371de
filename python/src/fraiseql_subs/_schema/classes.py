"""Classes that stand for GraphQL objects: dataclass, TypedDict, msgspec.Struct, pydantic model.

The libraries are looked at only through classes that come from them, so neither is imported here
unless the user's program has it.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from fraiseql_subs._schema.faults import DecodeError
from fraiseql_subs._schema.hints import (
    Namespace,
    bare,
    hints_of,
    resolve,
    substitute,
    type_arguments,
)
from fraiseql_subs.markers import GraphQLName

__all__ = ["MISSING", "Kind", "Part", "docstring", "generic_of", "is_unset", "kind_of", "parts_of"]


class Missing(enum.Enum):
    """The type of `MISSING`."""

    MISSING = "MISSING"


MISSING = Missing.MISSING
"""In place of a default that there is not."""


@dataclass(frozen=True)
class Part:
    """An attribute of a class, or a key of a TypedDict."""

    name: str
    wire: str
    """Its key in an event's data."""

    alias: str | None
    """The name that the class's library gives it in JSON, if another."""

    annotation: Any
    """Without what `bare` takes off."""

    metadata: tuple[object, ...]
    required: bool
    default: object
    """`MISSING` if there is none."""

    description: str | None
    is_input: bool = True
    """Whether the class takes it when it is made."""

    @property
    def graphql_name(self) -> str | None:
        """The name that `GraphQLName` gives it."""
        for marker in self.metadata:
            if isinstance(marker, GraphQLName):
                return marker.name
        return None


@dataclass(frozen=True)
class Kind:
    """What a class is made with."""

    is_dict: bool
    convert: Callable[[Any, dict[str, Any], str], Any] | None
    """How its own library makes one of JSON; None: by its fields. Raises DecodeError."""

    parts: Callable[[type[Any], dict[str, Any]], list[Part]]


def _description(metadata: tuple[object, ...], otherwise: object = None) -> str | None:
    for one in reversed(metadata):
        text = one if isinstance(one, str) else getattr(one, "documentation", None)
        text = text or getattr(one, "description", None)
        if isinstance(text, str):
            return text
    return otherwise if isinstance(otherwise, str) else None


def _from_factory(factory: Callable[[], object]) -> object:
    """A default that is made anew each time, if it is one that SDL can have: an empty list."""
    made = factory()
    return made if made in ([], {}) else MISSING


def _dataclass_parts(cls: type[Any], hints: dict[str, Any]) -> list[Part]:
    parts: list[Part] = []
    for one in dataclasses.fields(cls):
        found = bare(hints[one.name])
        default: object = MISSING
        required = True
        if one.default is not dataclasses.MISSING:
            default, required = one.default, False
        elif one.default_factory is not dataclasses.MISSING:
            default, required = _from_factory(one.default_factory), False
        parts.append(
            Part(
                one.name,
                one.name,
                None,
                found.type,
                found.metadata,
                required,
                default,
                _description(found.metadata),
                one.init,
            )
        )
    return parts


def _typed_dict_parts(cls: type[Any], hints: dict[str, Any]) -> list[Part]:
    required_keys = cast("frozenset[str]", cls.__required_keys__)
    parts: list[Part] = []
    for name, hint in hints.items():
        found = bare(hint)
        required = name in required_keys
        if "NotRequired" in found.wrappers:
            required = False
        elif "Required" in found.wrappers:
            required = True
        parts.append(
            Part(
                name,
                name,
                None,
                found.type,
                found.metadata,
                required,
                MISSING,
                _description(found.metadata),
            )
        )
    return parts


def _struct_parts(cls: type[Any], hints: dict[str, Any]) -> list[Part]:
    from msgspec import NODEFAULT
    from msgspec.structs import fields

    parts: list[Part] = []
    for one in fields(cls):
        found = bare(hints[one.name])
        default: object = MISSING
        if one.default is not NODEFAULT and not is_unset(one.default):
            default = one.default
        elif one.default_factory is not NODEFAULT:
            default = _from_factory(cast("Callable[[], object]", one.default_factory))
        parts.append(
            Part(
                one.name,
                one.encode_name,
                one.encode_name if one.encode_name != one.name else None,
                found.type,
                found.metadata,
                one.required,
                default,
                _description(found.metadata),
            )
        )
    return parts


def _convert_struct(annotation: Any, given: dict[str, Any], path: str) -> Any:
    import msgspec

    try:
        return msgspec.convert(given, annotation)
    except msgspec.ValidationError as error:
        raise DecodeError(f"{path}: {error}" if path else str(error)) from error


def _model_parts(cls: type[Any], hints: dict[str, Any]) -> list[Part]:
    parts: list[Part] = []
    for name, one in cls.model_fields.items():
        found = bare(hints[name])
        default: object = MISSING
        if not one.is_required():
            if one.default_factory is None:
                default = one.default
            elif not getattr(one, "default_factory_takes_validated_data", False):
                default = _from_factory(one.default_factory)
        read = one.validation_alias if isinstance(one.validation_alias, str) else one.alias
        written = one.serialization_alias or one.alias
        parts.append(
            Part(
                name,
                read or name,
                written,
                found.type,
                found.metadata,
                bool(one.is_required()),
                default,
                _description(found.metadata, one.description),
            )
        )
    return parts


def _convert_model(annotation: Any, given: dict[str, Any], path: str) -> Any:
    from pydantic import ValidationError

    try:
        return annotation.model_validate(given)
    except ValidationError as error:
        raise DecodeError(f"{path}: {error}" if path else str(error)) from error


_DATACLASS = Kind(False, None, _dataclass_parts)
_TYPED_DICT = Kind(True, None, _typed_dict_parts)
_STRUCT = Kind(False, _convert_struct, _struct_parts)
_MODEL = Kind(False, _convert_model, _model_parts)


def kind_of(annotation: object) -> Kind | None:
    """Return what kind of class it is, or None if it is none that stands for an object."""
    if not isinstance(annotation, type):
        return None
    cls = cast("type[Any]", annotation)
    if dataclasses.is_dataclass(cls):
        return _DATACLASS
    # There is more than one TypedDict: typing_extensions has its own.
    if issubclass(cls, dict) and hasattr(cast("Any", cls), "__required_keys__"):
        return _TYPED_DICT
    msgspec = sys.modules.get("msgspec")
    if msgspec is not None and issubclass(cls, msgspec.Struct):
        return _STRUCT
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and issubclass(cls, pydantic.BaseModel):
        return _MODEL
    return None


def is_unset(value: object) -> bool:
    """Tell whether it is msgspec.UNSET."""
    msgspec = sys.modules.get("msgspec")
    return msgspec is not None and value is msgspec.UNSET


def generic_of(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split ``Page[Order]`` into the class and its arguments; pydantic's is a class of its own."""
    known = getattr(annotation, "__pydantic_generic_metadata__", None)
    if known and known["origin"] is not None:
        return known["origin"], known["args"]
    origin = typing.get_origin(annotation)
    return (annotation, ()) if origin is None else (origin, type_arguments(annotation))


def _type_variables(annotation: Any) -> dict[Any, Any]:
    """Which types its type variables stand for, and those of the classes that it is based on."""
    origin, arguments = generic_of(annotation)
    values: dict[Any, Any] = {}
    parameters = getattr(origin, "__parameters__", ())
    known = getattr(origin, "__pydantic_generic_metadata__", None)
    if known:
        parameters = known["parameters"]
    values.update(zip(parameters, arguments, strict=False))
    for base in getattr(origin, "__orig_bases__", ()):
        if typing.get_origin(base) is not typing.Generic and type_arguments(base):
            for variable, value in _type_variables(base).items():
                values.setdefault(variable, substitute(value, values))
    return values


def parts_of(annotation: Any, namespace: Namespace) -> list[Part]:
    """Return the attributes of an object's class."""
    origin, _ = generic_of(annotation)
    kind = kind_of(origin)
    assert kind is not None
    hints = hints_of(origin, namespace)
    values = _type_variables(annotation)
    found = kind.parts(origin, hints)
    return [
        dataclasses.replace(
            one, annotation=substitute(resolve(one.annotation, origin, namespace), values)
        )
        for one in found
    ]


def docstring(cls: type[Any]) -> str | None:
    """Return the description that somebody wrote, not one that was generated or inherited."""
    text = cls.__dict__.get("__doc__")
    if not isinstance(text, str) or text == "An enumeration.":
        return None
    if dataclasses.is_dataclass(cls) and text.startswith(f"{cls.__name__}("):
        return None
    import inspect

    return inspect.cleandoc(text)
