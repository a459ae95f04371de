"""Annotations: finding what they name, and taking off what is not a type."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Annotated, Any, ForwardRef, NewType, TypeVar, Union, cast

from fraiseql_subs._schema.faults import Fault, UnknownName

__all__ = [
    "Bare",
    "Namespace",
    "bare",
    "hints_of",
    "is_union",
    "shown",
    "substitute",
    "type_arguments",
]

_WRAPPERS = ("Required", "NotRequired", "ReadOnly", "Final")


@dataclass(frozen=True)
class Namespace:
    """Names that annotations may use beside those of their module."""

    local: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of_frame(cls, frame: FrameType) -> Namespace:
        """Take the names of the function that decorates; a module's are found without."""
        return cls({} if frame.f_locals is frame.f_globals else dict(frame.f_locals))


def hints_of(annotated: Any, namespace: Namespace) -> dict[str, Any]:
    """Return the annotations of a class or function, with what they name."""
    local = dict(namespace.local)
    if isinstance(annotated, type):
        # A class in a function can name itself.
        local.setdefault(annotated.__name__, annotated)
    try:
        return typing.get_type_hints(annotated, localns=local or None, include_extras=True)
    except NameError as error:
        raise UnknownName(f"annotations of {annotated.__qualname__}: {error}") from error
    except (TypeError, AttributeError, SyntaxError) as error:
        raise Fault(f"annotations of {annotated.__qualname__}: {error}") from error


def resolve(annotation: object, owner: object, namespace: Namespace) -> object:
    """Find what a text names that stands inside another annotation, as in ``list["Order"]``."""
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if not isinstance(annotation, str):
        return annotation
    module = sys.modules.get(getattr(owner, "__module__", ""), None)
    names: dict[str, Any] = dict(vars(module)) if module else {}
    names.update(namespace.local)
    if isinstance(owner, type):
        names.setdefault(owner.__name__, owner)
    try:
        return cast("object", eval(annotation, names))
    except NameError as error:
        raise UnknownName(f'annotation "{annotation}": {error}') from error
    except Exception as error:
        raise Fault(f'annotation "{annotation}": {error}') from error


def is_union(annotation: object) -> bool:
    """Tell whether it is ``A | B``."""
    return typing.get_origin(annotation) in (Union, types.UnionType)


def type_arguments(annotation: object) -> tuple[Any, ...]:
    """Return what stands in its brackets."""
    return typing.get_args(annotation)


@dataclass(frozen=True)
class Bare:
    """A type, and what `Annotated` said beside it."""

    type: Any
    metadata: tuple[object, ...]
    wrappers: frozenset[str]
    """Of ``NotRequired`` and its like, those that it stood in."""


def bare(annotation: Any) -> Bare:
    """Take off what is around a type."""
    metadata: tuple[object, ...] = ()
    wrappers: set[str] = set()
    while True:
        origin = typing.get_origin(annotation)
        name = getattr(origin, "_name", None) or getattr(origin, "__name__", "")
        if origin is Annotated:
            metadata = (*annotation.__metadata__, *metadata)
            annotation = annotation.__origin__
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif name in _WRAPPERS and type_arguments(annotation):
            wrappers.add(name)
            annotation = type_arguments(annotation)[0]
        else:
            return Bare(annotation, metadata, frozenset(wrappers))


def substitute(annotation: Any, values: Mapping[Any, Any]) -> Any:
    """Put types in place of type variables."""
    if isinstance(annotation, TypeVar):
        return values.get(annotation, annotation)
    arguments = type_arguments(annotation)
    if not arguments or not values:
        return annotation
    origin: Any = typing.get_origin(annotation)
    if origin is Annotated:
        inner = substitute(annotation.__origin__, values)
        marked = (inner, *annotation.__metadata__)
        return cast("Any", Annotated)[marked]
    if origin is typing.Literal:
        return annotation
    changed = tuple(substitute(one, values) for one in arguments)
    if is_union(annotation):
        return cast("Any", Union)[changed]
    single, *more = changed
    return origin[changed if more else single]


def shown(annotation: object) -> str:
    """Write an annotation as it stands in code."""
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, type) and not type_arguments(annotation):
        return annotation.__name__
    if is_union(annotation):
        return " | ".join(shown(one) for one in type_arguments(annotation))
    return str(annotation).replace("typing.", "")
