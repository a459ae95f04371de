"""A Python annotation as a tree of nodes, each of which knows its SDL and turns values over.

An object's node exists before those of its fields, so that types may contain themselves.
"""

from __future__ import annotations

import collections.abc
import enum
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fraiseql_subs._schema.classes import (
    Part,
    docstring,
    generic_of,
    is_unset,
    kind_of,
    parts_of,
)
from fraiseql_subs._schema.faults import DecodeError, Fault
from fraiseql_subs._schema.guards import is_dict, is_items, is_list, is_mapping
from fraiseql_subs._schema.hints import (
    Namespace,
    bare,
    is_union,
    resolve,
    shown,
    type_arguments,
)
from fraiseql_subs._schema.names import NameForm, camel_case, check_name, is_name
from fraiseql_subs._schema.sdl_text import described, quoted
from fraiseql_subs._schema.values import (
    JSON_CODEC,
    LEAF_CODECS,
    Codec,
    encode_id,
    unfit,
    wrong,
)
from fraiseql_subs.markers import GraphQLType

__all__ = [
    "EnumNode",
    "FieldNode",
    "Leaf",
    "ListNode",
    "Node",
    "Nullable",
    "ObjectNode",
    "TypeReader",
    "check_decodable",
    "definitions",
]

BUILT_IN = ("Int", "Float", "String", "Boolean", "ID")


class Node:
    """How values of one annotation are described, read and written."""

    def type_name(self) -> str:
        """Return the GraphQL type, without the outermost non-null mark."""
        raise NotImplementedError

    def sdl(self) -> str:
        """Return the GraphQL type of a field or argument of it."""
        return self.type_name() + "!"

    def decode(self, value: Any, path: str) -> Any:
        """Make Python's value of JSON's, which came from `path`. Raises DecodeError."""
        raise NotImplementedError

    def encode(self, value: Any, path: str) -> Any:
        """Make JSON's value of Python's. Raises EncodeError."""
        raise NotImplementedError

    def raw(self, value: Any) -> Any:
        """Put what a library of classes expects in place of the GraphQL names of enums."""
        return value

    def literal(self, value: Any) -> str:
        """Write a value as a default in SDL. Raises EncodeError."""
        return _literal(self.encode(value, "the default"))


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if is_dict(value):
        members = (f"{key}: {_literal(one)}" for key, one in value.items())
        return "{" + ", ".join(members) + "}"
    if is_list(value):
        return "[" + ", ".join(_literal(one) for one in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


class Leaf(Node):
    """A scalar."""

    def __init__(self, name: str, codec: Codec, *, is_defined: bool) -> None:
        self.name = name
        self.is_defined = is_defined
        self._codec = codec

    def type_name(self) -> str:
        return self.name

    def decode(self, value: Any, path: str) -> Any:
        return self._codec.decode(value, path)

    def encode(self, value: Any, path: str) -> Any:
        return self._codec.encode(value, path)


class EnumNode(Node):
    """An enum. Its GraphQL values are Python's values where they are names, else Python's names.

    Columns have the values, and a filter compares what a client names with the column.
    """

    def __init__(self, cls: type[enum.Enum]) -> None:
        self.cls = cls
        self.name = check_name(_graphql_name(cls), "enum")
        members = list(cls)
        if not members:
            raise Fault(f"enum {cls.__name__} has no members")
        by_value = all(
            isinstance(member.value, str)
            and is_name(member.value)
            and member.value not in ("true", "false", "null")
            and not member.value.startswith("__")
            for member in members
        )
        self.names: dict[enum.Enum, str] = {
            member: str(member.value) if by_value else check_name(member.name, "enum value")
            for member in members
        }
        self._members = {name: member for member, name in self.names.items()}

    def type_name(self) -> str:
        return self.name

    def decode(self, value: Any, path: str) -> Any:
        if isinstance(value, str) and value in self._members:
            return self._members[value]
        try:
            return self.cls(value)
        except (ValueError, TypeError):
            raise wrong(f"a value of {self.cls.__name__}", value, path) from None

    def encode(self, value: Any, path: str) -> str:
        try:
            return self.names[value]
        except (KeyError, TypeError):
            raise unfit(f"a member of {self.cls.__name__}", value, path) from None

    def raw(self, value: Any) -> Any:
        member = self._members.get(value) if isinstance(value, str) else None
        return value if member is None else member.value

    def literal(self, value: Any) -> str:
        return self.encode(value, "the default")

    def definition(self) -> str:
        values = "".join(f"  {name}\n" for name in self.names.values())
        return described(docstring(self.cls), f"enum {self.name} {{\n{values}}}")


class Nullable(Node):
    """What may be None."""

    def __init__(self, inner: Node) -> None:
        self.inner = inner

    def type_name(self) -> str:
        return self.inner.type_name()

    def sdl(self) -> str:
        return self.inner.type_name()

    def decode(self, value: Any, path: str) -> Any:
        return None if value is None else self.inner.decode(value, path)

    def encode(self, value: Any, path: str) -> Any:
        return None if value is None else self.inner.encode(value, path)

    def raw(self, value: Any) -> Any:
        return self.inner.raw(value)

    def literal(self, value: Any) -> str:
        return "null" if value is None else self.inner.literal(value)


class ListNode(Node):
    """A list, or what else holds several of one type."""

    def __init__(self, item: Node, make: Callable[[list[Any]], Any]) -> None:
        self.item = item
        self.make = make

    def type_name(self) -> str:
        return f"[{self.item.sdl()}]"

    def decode(self, value: Any, path: str) -> Any:
        if not is_list(value):
            raise wrong("a list", value, path)
        return self.make([self.item.decode(one, f"{path}[{at}]") for at, one in enumerate(value)])

    def encode(self, value: Any, path: str) -> list[Any]:
        if not is_items(value):
            raise unfit("a list", value, path)
        return [self.item.encode(one, f"{path}[{at}]") for at, one in enumerate(value)]

    def raw(self, value: Any) -> Any:
        return [self.item.raw(one) for one in value] if is_list(value) else value

    def literal(self, value: Any) -> str:
        return "[" + ", ".join(self.item.literal(one) for one in value) + "]"


class Elsewhere(Node):
    """What has a GraphQL type of another name, which is registered elsewhere."""

    def __init__(self, inner: Node, name: str) -> None:
        self.name = name
        self._inner = inner

    def type_name(self) -> str:
        return self.name

    def decode(self, value: Any, path: str) -> Any:
        return self._inner.decode(value, path)

    def encode(self, value: Any, path: str) -> Any:
        return self._inner.encode(value, path)

    def raw(self, value: Any) -> Any:
        return self._inner.raw(value)


@dataclass(frozen=True)
class FieldNode:
    """An attribute of a class."""

    part: Part
    key: str
    """Its name in JSON."""

    node: Node


class ObjectNode(Node):
    """A dataclass, TypedDict, msgspec.Struct or pydantic model."""

    def __init__(self, annotation: Any, reader: TypeReader) -> None:
        origin, _ = generic_of(annotation)
        kind = kind_of(origin)
        assert kind is not None
        self.annotation = annotation
        # An instance of pydantic's Page[Order] is one of that class.
        self.cls = cast("type[Any]", typing.get_origin(annotation) or annotation)
        self.kind = kind
        self.name = check_name(_type_name(annotation), "type")
        self._reader = reader
        self._fields: list[FieldNode] | None = None

    def type_name(self) -> str:
        return self.name

    @property
    def fields(self) -> list[FieldNode]:
        """Its fields in the order of the class. Raises Fault if one has no GraphQL type."""
        if self._fields is None:
            self._fields = [self._reader.field(self.cls, part) for part in self.parts]
        return self._fields

    @property
    def parts(self) -> list[Part]:
        """The attributes of the class, whether they have GraphQL types or not."""
        return parts_of(self.annotation, self.namespace)

    @property
    def namespace(self) -> Namespace:
        """What the class's annotations may name."""
        return self._reader.namespace

    def decode(self, value: Any, path: str) -> Any:
        if not is_dict(value):
            raise wrong(f"a JSON object, as {self.cls.__name__} is", value, path)
        given = value
        if self.kind.convert is not None:
            if self._reader.is_graphql:
                given = {
                    one.part.wire: one.node.raw(given[one.key])
                    for one in self.fields
                    if one.key in given
                }
            return self.kind.convert(self.annotation, given, path)
        made: dict[str, Any] = {}
        for one in self.fields:
            part = one.part
            if not part.is_input:
                continue
            inner = f"{path}.{one.key}" if path else one.key
            if one.key in given and not self._is_left_out(one, given[one.key]):
                made[part.name] = one.node.decode(given[one.key], inner)
            elif part.required:
                if not isinstance(one.node, Nullable):
                    raise DecodeError(f"{inner} is missing")
                made[part.name] = None
        return made if self.kind.is_dict else self.cls(**made)

    def _is_left_out(self, field: FieldNode, value: Any) -> bool:
        """Tell whether null stands for nothing: clients may give it where SDL has no default."""
        return (
            value is None
            and self._reader.is_graphql
            and not field.part.required
            and not isinstance(field.node, Nullable)
        )

    def encode(self, value: Any, path: str) -> Any:
        encoded: dict[str, Any] = {}
        if self.kind.is_dict:
            if not is_mapping(value):
                raise unfit(f"a dict, as {self.cls.__name__} is", value, path)
            for field in self.fields:
                name, key = field.part.name, field.key
                if name in value:
                    inner = f"{path}.{key}" if path else key
                    encoded[key] = field.node.encode(value[name], inner)
            return encoded
        if not isinstance(value, self.cls):
            raise unfit(f"of the class {self.cls.__name__}", value, path)
        for field in self.fields:
            one = getattr(value, field.part.name)
            if not is_unset(one):
                inner = f"{path}.{field.key}" if path else field.key
                encoded[field.key] = field.node.encode(one, inner)
        return encoded

    def _sdl_of(self, field: FieldNode) -> str:
        """Return the type of a field; a key that may be missing is null then."""
        if self.kind.is_dict and not field.part.required:
            return field.node.type_name()
        return field.node.sdl()

    def definition(self) -> str:
        if not self.fields:
            raise Fault(f"type {self.name} has no fields, and GraphQL wants one at least")
        fields = "\n".join(
            described(one.part.description, f"{one.key}: {self._sdl_of(one)}", "  ")
            for one in self.fields
        )
        return described(docstring(self.cls), f"type {self.name} {{\n{fields}\n}}")


class TypeReader:
    """Makes nodes of annotations; one for what belongs to one field."""

    def __init__(
        self, namespace: Namespace, rename: NameForm | None = None, *, is_graphql: bool = True
    ) -> None:
        """Make one.

        :param rename: how GraphQL names are made of attributes'.
        :param is_graphql: whether JSON has GraphQL's names, or those of an event's data.
        """
        self.namespace = namespace
        self.is_graphql = is_graphql
        self._rename = rename
        self._objects: dict[object, ObjectNode] = {}
        self._enums: dict[type[enum.Enum], EnumNode] = {}

    def node(self, annotation: Any, owner: object = None) -> Node:
        """Return the node of an annotation. Raises Fault if GraphQL has no type for it."""
        found = bare(resolve(annotation, owner, self.namespace))
        name: str | None = None
        for marker in found.metadata:
            if isinstance(marker, GraphQLType):
                name = marker.name
        return self._node(found.type, name, owner)

    def _node(self, annotation: Any, name: str | None, owner: object) -> Node:
        """Make a node; `name` is the GraphQL type of what is within lists and beside None."""
        found = bare(resolve(annotation, owner, self.namespace))
        for marker in found.metadata:
            if isinstance(marker, GraphQLType):
                name = marker.name
        annotation = found.type
        if is_union(annotation):
            return self._optional(annotation, name, owner)
        if isinstance(annotation, TypeVar):
            raise Fault(f"the type variable {annotation.__name__} stands for no type")
        if annotation in (None, type(None)):
            raise Fault("None is no type of GraphQL's by itself")
        node = self._list(annotation, name, owner)
        if node is not None:
            return node
        leaf = self._leaf(annotation, name)
        if leaf is not None:
            return leaf
        node = self._class(annotation)
        return node if name is None else Elsewhere(node, name)

    def _optional(self, annotation: Any, name: str | None, owner: object) -> Node:
        members = [
            one
            for one in type_arguments(annotation)
            if one is not type(None) and getattr(one, "__name__", "") != "UnsetType"
        ]
        if len(members) != 1:
            raise Fault(
                f"{shown(annotation)} is a union, of which no GraphQL type can be made; use one "
                "class, or write the field as SDL and return a dict"
            )
        node = self._node(members[0], name, owner)
        return node if isinstance(node, Nullable) else Nullable(node)

    def _list(self, annotation: Any, name: str | None, owner: object) -> Node | None:
        origin = typing.get_origin(annotation) or annotation
        arguments = type_arguments(annotation)
        make = _LISTS.get(origin)
        if make is None:
            return None
        if origin is tuple and (len(arguments) != 2 or arguments[1] is not Ellipsis):
            raise Fault(f"{shown(annotation)} is no list: tuple[T, ...] is one")
        if not arguments:
            raise Fault(f"{shown(annotation)} does not say of what: {shown(annotation)}[str]")
        return ListNode(self._node(arguments[0], name, owner), make)

    def _leaf(self, annotation: Any, name: str | None) -> Node | None:
        codec = LEAF_CODECS.get(annotation) if annotation.__hash__ else None
        if codec is None and is_json(annotation):
            codec = JSON_CODEC
        if codec is None:
            return None
        if name is None:
            return Leaf(codec.scalar, codec, is_defined=codec.scalar not in BUILT_IN)
        if name == "ID" and annotation in (str, int):
            codec = codec._replace(encode=encode_id)
        return Leaf(name, codec, is_defined=False)

    def _class(self, annotation: Any) -> Node:
        if isinstance(annotation, enum.EnumMeta):
            found = cast("type[enum.Enum]", annotation)
            if found not in self._enums:
                self._enums[found] = EnumNode(found)
            return self._enums[found]
        if kind_of(generic_of(annotation)[0]) is None:
            raise Fault(
                f"{shown(annotation)} has no GraphQL type; these have: str, int, float, bool, "
                "Decimal, UUID, datetime, date, bytes, dict, Enum, list, dataclasses, TypedDict, "
                "msgspec.Struct and pydantic models"
            )
        if annotation not in self._objects:
            self._objects[annotation] = ObjectNode(annotation, self)
        return self._objects[annotation]

    def field(self, cls: type[Any], part: Part) -> FieldNode:
        """Return the node of a class's attribute."""
        what = f"{cls.__name__}.{part.name}"
        try:
            found = bare(part.annotation)
            markers = (*part.metadata, *found.metadata)
            name = None
            for marker in markers:
                if isinstance(marker, GraphQLType):
                    name = marker.name
            node = self._node(found.type, name, cls)
            return FieldNode(part, self._key(part), node)
        except Fault as error:
            raise type(error)(f"{what}: {error}") from error

    def _key(self, part: Part) -> str:
        if not self.is_graphql:
            return part.wire
        if part.graphql_name is not None:
            return part.graphql_name
        if self._rename == "camel":
            return check_name(camel_case(part.name), "field")
        return check_name(part.alias or part.name, "field")


def is_json(annotation: Any) -> bool:
    """Tell whether it is of any JSON: a dict, or no type at all."""
    if annotation in (Any, object):
        return True
    origin = typing.get_origin(annotation) or annotation
    if origin not in (dict, collections.abc.Mapping, collections.abc.MutableMapping):
        return False
    arguments = type_arguments(annotation)
    if arguments and arguments[0] is not str:
        raise Fault(f"{shown(annotation)} is no JSON: its keys must be str")
    return True


_LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.abc.Sequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
    collections.abc.Set: frozenset,
}


def _graphql_name(cls: type[Any]) -> str:
    given = cls.__dict__.get("__graphql_name__")
    return given if isinstance(given, str) else cls.__name__


def _type_name(annotation: Any) -> str:
    """Name a type; one of types behind them: ``Page[Order]`` is ``OrderPage``."""
    origin, arguments = generic_of(annotation)
    names: list[str] = []
    for argument in arguments:
        inner = bare(argument).type
        while type_arguments(inner) and kind_of(generic_of(inner)[0]) is None:
            inner = bare(type_arguments(inner)[0]).type
        names.append(
            _type_name(inner) if isinstance(inner, type) or type_arguments(inner) else str(inner)
        )
    joined = "".join(name[:1].upper() + name[1:] for name in names)
    return joined + _graphql_name(origin)


def definitions(*nodes: Node) -> dict[str, str]:
    """Return the definitions of the types that nodes need: SDL by name.

    Raises Fault if two classes have one name.
    """
    found: dict[str, str] = {}
    owners: dict[str, object] = {}
    waiting = list(nodes)
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Nullable):
            waiting.append(node.inner)
        elif isinstance(node, ListNode):
            waiting.append(node.item)
        elif isinstance(node, Leaf) and node.is_defined:
            found[node.name] = f"scalar {node.name}"
        elif isinstance(node, (ObjectNode, EnumNode)):
            if node.name in found:
                raise Fault(
                    f"two classes make a type {node.name}: {owners[node.name]} and {node.cls}"
                )
            found[node.name] = node.definition()
            owners[node.name] = node.cls
            if isinstance(node, ObjectNode):
                waiting.extend(one.node for one in node.fields)
    return dict(sorted(found.items()))


def check_decodable(node: Node) -> None:
    """Raise Fault if values of a node cannot be read: all that its classes name has a type."""
    waiting = [node]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Nullable):
            waiting.append(node.inner)
        elif isinstance(node, ListNode):
            waiting.append(node.item)
        elif isinstance(node, ObjectNode) and node.kind.convert is None:
            waiting.extend(one.node for one in node.fields)
