"""What a resolver's signature says: what it takes, what it returns, and the field that it makes."""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Union, cast

from fraiseql_subs._schema.classes import MISSING, generic_of, kind_of, parts_of
from fraiseql_subs._schema.faults import EncodeError, Fault
from fraiseql_subs._schema.guards import is_dict
from fraiseql_subs._schema.hints import Namespace, bare, hints_of, is_union, shown, type_arguments
from fraiseql_subs._schema.names import NameForm
from fraiseql_subs._schema.sdl_text import FieldText, described, quoted
from fraiseql_subs._schema.types import (
    FieldNode,
    Leaf,
    ListNode,
    Node,
    Nullable,
    ObjectNode,
    TypeReader,
    check_decodable,
    definitions,
)
from fraiseql_subs._schema.values import JSON_CODEC, KNOWN_SCALARS, LEAF_CODECS, encode_any
from fraiseql_subs.event import SKIP, Event, Skip
from fraiseql_subs.markers import FiltersBy, FiltersNothing

__all__ = [
    "Codecs",
    "Inferred",
    "Parameters",
    "complete_field",
    "infer_field",
    "read_codecs",
    "read_parameters",
]

_CONTEXT_NAMES = ("ctx", "context")


@dataclass(frozen=True)
class Parameters:
    """What a function takes, by the names of its parameters."""

    event: str
    variables: str | None
    context: str | None
    is_async: bool


def read_parameters(function: Callable[..., object]) -> Parameters:
    """Read which of event, variables and context a function takes, in this order."""
    target = _called(function)
    if inspect.isasyncgenfunction(target) or inspect.isgeneratorfunction(target):
        raise Fault("it yields; a resolver returns one result for one event")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise Fault(f"it has no signature: {error}") from error
    names: list[str] = []
    for one in signature.parameters.values():
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD):
            if one.default is one.empty or len(names) < 3:
                names.append(one.name)
        elif one.kind is one.VAR_POSITIONAL:
            raise Fault(f"it takes *{one.name}; declare event, variables and ctx")
        elif one.kind is one.KEYWORD_ONLY and one.default is one.empty:
            raise Fault(f'its parameter "{one.name}" is keyword-only; arguments come by position')
    if not names:
        raise Fault("it takes no event; its first parameter is the event")
    if len(names) > 3:
        raise Fault(
            f'it has a parameter "{names[3]}" too many; it takes event, variables and ctx at most'
        )
    rest = names[1:]
    context = rest.pop() if rest and rest[-1] in _CONTEXT_NAMES else None
    if len(rest) == 2:
        raise Fault(
            f'it has the parameters "{rest[0]}" and "{rest[1]}" behind the event; '
            "these are the variables, and the context if it is called ctx"
        )
    return Parameters(
        names[0], rest[0] if rest else None, context, inspect.iscoroutinefunction(target)
    )


def _called(function: Callable[..., object]) -> Callable[..., object]:
    """Return the function behind a partial or an object that can be called."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isfunction(function) or inspect.ismethod(function) or isinstance(function, type):
        return function
    called = type(function).__call__ if not inspect.isbuiltin(function) else function
    return called if inspect.isfunction(called) else function


@dataclass(frozen=True)
class Inferred:
    """A field that was made of a function."""

    sdl: str
    types: dict[str, str]
    """Definition by name."""

    arguments: tuple[str, ...]

    filters: dict[str, str]
    """The key of the event's data for each argument of which it is known that it filters."""


@dataclass(frozen=True)
class Codecs:
    """How a function's event and variables are read, and its result is written."""

    event_type: object
    variables_type: object
    decode_event: Callable[[Mapping[str, Any]], Any]
    decode_variables: Callable[[Mapping[str, Any]], Any]
    encode_result: Callable[[object], Any]
    variables: ObjectNode | None
    result: Node | None
    columns: Mapping[str, str] | None
    """The keys of the event's data by the attributes that have them; None: not known."""


def read_codecs(
    function: Callable[..., object],
    parameters: Parameters,
    namespace: Namespace,
    rename: NameForm | None,
    *,
    is_batch: bool,
) -> Codecs:
    """Read the annotations of a function."""
    hints = hints_of(_called(function), namespace)
    event: Any = hints.get(parameters.event, Any)
    result = hints.get("return", Any)
    if is_batch:
        event = _item(event, f'parameter "{parameters.event}"')
    result = _awaited(result)
    if is_batch:
        result = _item(result, "the result")
    variables = hints.get(parameters.variables, Any) if parameters.variables else None
    decode_event, columns = _read_event(event, namespace)
    reader = TypeReader(namespace, rename)
    variables_node = None
    if parameters.variables is not None:
        variables_node = _variables_node(variables, reader)
    result_node = _result_node(result, reader)
    return Codecs(
        event,
        variables,
        decode_event,
        _variables_decoder(variables_node),
        _result_encoder(result_node),
        variables_node,
        result_node,
        columns,
    )


def _item(annotation: Any, what: str) -> Any:
    found = bare(annotation).type
    origin = typing.get_origin(found)
    if found is Any:
        return Any
    if origin not in (list, Sequence) or not type_arguments(found):
        raise Fault(
            f"{what} is {shown(annotation)}; a batch takes Sequence[Event[T]] and returns "
            "Sequence[Result]"
        )
    return type_arguments(found)[0]


def _awaited(annotation: Any) -> Any:
    origin = typing.get_origin(annotation)
    if origin in (Coroutine, Awaitable):
        return type_arguments(annotation)[-1]
    return annotation


# Events -------------------------------------------------------------------------------------------


def _read_event(
    annotation: Any, namespace: Namespace
) -> tuple[Callable[[Mapping[str, Any]], Any], Mapping[str, str] | None]:
    """Return how events are decoded, and what they have."""
    found = bare(annotation).type
    reader = TypeReader(namespace, is_graphql=False)
    origin = typing.get_origin(found) or found
    if origin is not Event:
        if found in (Any, dict) or origin in (dict, Mapping):
            return lambda envelope: JSON_CODEC.decode(envelope["data"], "data"), None
        try:
            node = reader.node(found)
            check_decodable(node)
        except Fault as error:
            raise type(error)(f"its event: {error}") from error
        return lambda envelope: node.decode(envelope["data"], "data"), _columns(node)
    arguments = type_arguments(found)
    try:
        node = reader.node(arguments[0] if arguments else Any)
        check_decodable(node)
    except Fault as error:
        raise type(error)(f"its event: {error}") from error
    takes_none = isinstance(node, Nullable) or not arguments or arguments[0] is Any

    def decode(envelope: Mapping[str, Any]) -> Any:
        data, old = envelope["data"], envelope.get("old")
        row = _change_of(data)
        if row is not None:
            data, old = row["row"], row["old"]
            if data is None and not takes_none:
                return SKIP
        elif is_dict(data) and "old" in data:
            # A key of what was published, which the worker cannot tell from a row's.
            old = None
        return Event(
            id=str(envelope["id"]),
            type=envelope["type"],
            channel=envelope["channel"],
            data=node.decode(data, "data"),
            old=None if old is None else node.decode(old, "old"),
            position=str(envelope["position"]),
            commit_time=_moment(envelope["commit_time"]),
            correlation_id=envelope.get("correlation_id"),
            subgraph=envelope.get("subgraph"),
        )

    return decode, _columns(node)


def _columns(node: Node) -> Mapping[str, str] | None:
    inner = node.inner if isinstance(node, Nullable) else node
    if not isinstance(inner, ObjectNode):
        return None
    parts = inner.parts
    for part in parts:
        if part.name == "row":
            row = bare(part.annotation).type
            if is_union(row):
                row = next(one for one in type_arguments(row) if one is not type(None))
            if kind_of(generic_of(row)[0]) is not None:
                return {one.name: one.wire for one in parts_of(row, inner.namespace)}
    return {part.name: part.wire for part in parts}


_CHANGE = {"operation", "table", "row", "old"}


def _change_of(data: object) -> Mapping[str, Any] | None:
    """Return what the trigger of a watched table wrote, or None for other data."""
    return data if is_dict(data) and data.keys() == _CHANGE else None


def _moment(value: object) -> datetime:
    if isinstance(value, (int, float, Decimal)):
        return datetime.fromtimestamp(float(value) / 1e6, timezone.utc)
    moment = cast("datetime", LEAF_CODECS[datetime].decode(value, "commit_time"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


# Variables ----------------------------------------------------------------------------------------


def _variables_node(annotation: Any, reader: TypeReader) -> ObjectNode | None:
    """Return the node of a class of variables; None for a dict."""
    try:
        node = reader.node(annotation)
        if isinstance(node, Leaf) and node.type_name() == "JSON":
            return None
        if not isinstance(node, ObjectNode):
            raise Fault(f"{shown(annotation)} has no names of arguments; a class or dict has")
        for one in node.fields:
            if isinstance(_named(one.node), ObjectNode):
                raise Fault(
                    f"{node.cls.__name__}.{one.part.name}: an argument is a scalar, an enum or a "
                    'list; for a filter write Annotated[dict[str, Any], GraphQLType("OrderFilter")]'
                )
    except Fault as error:
        raise type(error)(f"its variables: {error}") from error
    return node


def _variables_decoder(node: ObjectNode | None) -> Callable[[Mapping[str, Any]], Any]:
    if node is None:
        return lambda variables: JSON_CODEC.decode(dict(variables), "")
    return lambda variables: node.decode(variables, "")


def _argument_sdl(one: FieldNode, directive: str) -> str:
    node, part = one.node, one.part
    if part.required:
        type_ = node.sdl()
    elif part.default is MISSING or part.default is None:
        # In SDL no default: it would filter by null.
        type_ = node.type_name()
    else:
        try:
            type_ = f"{node.sdl()} = {node.literal(part.default)}"
        except EncodeError as error:
            raise Fault(f"its variables: {part.name}: {error}") from error
    return described(part.description, f"{one.key}: {type_}{directive}").replace("\n", " ")


def _named(node: Node) -> Node:
    """Return what is in lists and beside None."""
    while isinstance(node, (Nullable, ListNode)):
        node = node.inner if isinstance(node, Nullable) else node.item
    return node


# What arguments filter by -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Filtering:
    """What an argument filters by, and how its SDL says so."""

    directive: str
    key: str | None
    is_known: bool = True


_NOTHING = _Filtering(" @filtersNothing", None)


def _filtering_by(key: str) -> _Filtering:
    return _Filtering(f" @filters(by: {quoted(key)})", key)


def _filtering(
    codecs: Codecs, name: str, type_: str, attribute: str, markers: tuple[object, ...] = ()
) -> _Filtering:
    """Find what an argument filters by: the attribute of the event's class of the same name."""
    for marker in markers:
        if isinstance(marker, FiltersBy):
            return _filtering_by(marker.key)
        if isinstance(marker, FiltersNothing):
            return _NOTHING
    type_ = type_.rstrip("!")
    if type_.endswith("Filter"):
        return _Filtering("", None)
    if type_.startswith("["):
        return _NOTHING
    # What is called alike in the result filters without being told to.
    is_of_result = _result_leaves(codecs).get(name) == type_
    if codecs.columns is None:
        return _Filtering("", name if is_of_result else None, is_of_result)
    key = codecs.columns.get(attribute)
    if key is None:
        return _NOTHING
    return _Filtering("", key) if key == name and is_of_result else _filtering_by(key)


def _result_leaves(codecs: Codecs) -> dict[str, str]:
    result = codecs.result and _named(codecs.result)
    if not isinstance(result, ObjectNode) or any(one.key == "row" for one in result.fields):
        return {}
    return {
        one.key: one.node.type_name()
        for one in result.fields
        if not isinstance(_named(one.node), ObjectNode)
    }


# Results ------------------------------------------------------------------------------------------


def _result_node(annotation: Any, reader: TypeReader) -> Node | None:
    """Return the node of a result; None if nothing is said of it."""
    found = bare(annotation).type
    if found is Any or found is object:
        return None
    if is_union(found) and Skip in type_arguments(found):
        members = tuple(one for one in type_arguments(found) if one is not Skip)
        if not members:
            raise Fault("its result is nothing but Skip")
        annotation = Union[members]  # noqa: UP007
    elif found is Skip:
        raise Fault("its result is nothing but Skip")
    try:
        return reader.node(annotation)
    except Fault as error:
        raise type(error)(f"its result: {error}") from error


def _result_encoder(node: Node | None) -> Callable[[object], Any]:
    encode = encode_any if node is None else node.encode

    def encode_result(result: object) -> Any:
        return SKIP if result is SKIP else encode(result, "")

    return encode_result


# Fields -------------------------------------------------------------------------------------------


def infer_field(function: Callable[..., object], name: str, codecs: Codecs) -> Inferred:
    """Make the field of a function and the types that it needs."""
    if codecs.variables_type is not None and codecs.variables is None:
        raise Fault(
            "its variables are a dict, which does not name the arguments; annotate them with a "
            "class, or write the field as SDL"
        )
    if codecs.result is None:
        raise Fault("it does not say what it returns; annotate it, or write the field as SDL")
    arguments = codecs.variables.fields if codecs.variables else []
    filters: dict[str, str] = {}
    listed: list[str] = []
    for one in arguments:
        found = _filtering(codecs, one.key, one.node.type_name(), one.part.name, one.part.metadata)
        if not found.is_known:
            raise Fault(
                f'its variables: what "{one.key}" filters by is not known, since the event is a '
                f'dict: write Annotated[…, FiltersBy("{one.key}")] or FiltersNothing(), or take '
                "an Event of a class"
            )
        if found.key is not None:
            filters[one.key] = found.key
        listed.append(_argument_sdl(one, found.directive))
    # Null is what an error leaves of the field.
    field = f"{name}({', '.join(listed)})" if listed else name
    sdl = described(_summary(function), f"{field}: {codecs.result.type_name()}")
    types = definitions(codecs.result, *(one.node for one in arguments))
    names = tuple(one.key for one in arguments)
    return Inferred(sdl, types, names, filters)


def complete_field(sdl: str, field: FieldText, codecs: Codecs) -> Inferred:
    """Check that a field's SDL and its function fit, and make the types that both name."""
    nodes: list[Node] = []
    if codecs.variables is not None:
        for one in codecs.variables.fields:
            if one.key not in field.arguments:
                known = ", ".join(f'"{name}"' for name in field.arguments) or "none"
                raise Fault(
                    f'its variables have "{one.key}", and the field has the arguments {known}; '
                    'a name that differs is said by GraphQLName or rename="camel"'
                )
            if _named(one.node).type_name() == field.arguments[one.key].type_name:
                nodes.append(one.node)
    if codecs.result is not None and _named(codecs.result).type_name() == field.type_name:
        nodes.append(codecs.result)
    types = definitions(*nodes)
    for name in (field.type_name, *(one.type_name for one in field.arguments.values())):
        if name in KNOWN_SCALARS:
            types[name] = f"scalar {name}"
    parts = {one.key: one.part for one in codecs.variables.fields} if codecs.variables else {}
    filters: dict[str, str] = {}
    # From the last on, so that those before stay where they were found.
    for name, argument in reversed(field.arguments.items()):
        if "filtersNothing" in argument.directives:
            continue
        said = re.search(r'"(.*)"', argument.directives.get("filters", ""))
        if said:
            filters[name] = said.group(1)
            continue
        part = parts.get(name)
        attribute, markers = (part.name, part.metadata) if part else (name, ())
        found = _filtering(codecs, name, argument.type, attribute, markers)
        sdl = sdl[: argument.end] + found.directive + sdl[argument.end :]
        if found.key is not None:
            filters[name] = found.key
    return Inferred(sdl.strip(), types, tuple(field.arguments), filters)


def _summary(function: Callable[..., object]) -> str | None:
    """Return the first paragraph of a docstring on one line."""
    text = inspect.getdoc(_called(function))
    if not text or isinstance(function, functools.partial):
        return None
    return " ".join(text.split("\n\n")[0].split())
