"""Names: those of GraphQL, and how they are made from Python's."""

from __future__ import annotations

import re
from typing import Literal

from fraiseql_subs._schema.faults import Fault

__all__ = ["NameForm", "camel_case", "check_name", "is_name"]

NameForm = Literal["camel"]

_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")


def is_name(text: str) -> bool:
    """Tell whether it is a name of GraphQL's grammar."""
    return _NAME.fullmatch(text) is not None


def check_name(name: str, what: str) -> str:
    """Return the name, if GraphQL allows it for something of a schema."""
    if not is_name(name):
        raise Fault(f'{what} "{name}" is not a GraphQL name: letters, digits and underscores')
    if name.startswith("__"):
        raise Fault(f'{what} "{name}" begins with two underscores, which GraphQL keeps to itself')
    return name


def camel_case(name: str) -> str:
    """Make ``orderUpdated`` of ``order_updated``; underscores at the ends stay."""
    body = name.strip("_")
    head, *rest = body.split("_")
    joined = head + "".join(part[:1].upper() + part[1:] for part in rest)
    return name.replace(body, joined, 1) if body else name
