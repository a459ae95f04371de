"""Reads as much of SDL as a decorator must know: a field's name, its arguments and its type.

What is right and wrong in it besides, the extension says when the field is registered.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from fraiseql_subs._schema.faults import Fault

__all__ = ["ArgumentText", "FieldText", "described", "quoted", "read_field"]

_TOKEN = re.compile(
    r"""
    (?P<ignored>[\s,\ufeff]+|\#[^\n\r]*)
  | (?P<text>\"\"\"(?:\\\"\"\"|[^"]|"(?!""))*\"\"\"|"(?:\\.|[^"\\\n\r])*")
  | (?P<name>[_A-Za-z][_0-9A-Za-z]*)
  | (?P<number>-?\d[\d.eE+-]*)
  | (?P<mark>\.\.\.|[!$&()\[\]{}:=@|])
    """,
    re.VERBOSE,
)
_OPENING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class ArgumentText:
    """An argument as it was read."""

    type: str
    """Such as ``[ID!]``."""

    end: int
    """Where it ends in the text, behind its directives."""

    directives: dict[str, str]
    """The text in brackets by the directive's name."""

    @property
    def type_name(self) -> str:
        """The type without list and non-null marks."""
        return self.type.strip("[]!")


@dataclass(frozen=True)
class FieldText:
    """A field as it was read."""

    name: str
    arguments: dict[str, ArgumentText]

    type: str
    """With list and non-null marks."""

    @property
    def type_name(self) -> str:
        """The type without them."""
        return self.type.strip("[]!")


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.ends: list[int] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise Fault(f"SDL cannot have {text[at : at + 10]!r} at character {at + 1}")
            if match.lastgroup not in (None, "ignored"):
                self.tokens.append((str(match.lastgroup), match.group()))
                self.ends.append(match.end())
            at = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, expected: str) -> str:
        """Take a token of a kind, or a mark."""
        if expected not in (self.kind(), self.peek()):
            found = repr(self.peek()) if self.peek() else "its end"
            raise Fault(f"SDL has {found} where a {expected} is due")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def skip_description(self) -> None:
        if self.kind() == "text":
            self.at += 1

    def skip_value(self) -> None:
        """Pass over a value, whatever it is."""
        closing = _OPENING.get(self.peek())
        self.at += 1
        if closing is None:
            return
        while self.peek() != closing:
            if not self.peek():
                raise Fault(f"SDL ends where a {closing} is due")
            self.skip_value()
        self.at += 1

    def directives(self) -> dict[str, str]:
        read: dict[str, str] = {}
        while self.peek() == "@":
            self.at += 1
            name = self.take("name")
            start = self.at
            if self.peek() == "(":
                self.skip_value()
            read[name] = " ".join(text for _, text in self.tokens[start : self.at])
        return read

    def type(self) -> str:
        if self.peek() == "[":
            self.at += 1
            read = f"[{self.type()}"
            read += self.take("]")
        else:
            read = self.take("name")
        if self.peek() == "!":
            read += self.take("!")
        return read


def read_field(sdl: str) -> FieldText:
    """Read the definition of a field."""
    reader = _Reader(sdl)
    reader.skip_description()
    name = reader.take("name")
    arguments: dict[str, ArgumentText] = {}
    if reader.peek() == "(":
        reader.take("(")
        while reader.peek() != ")":
            reader.skip_description()
            argument = reader.take("name")
            if argument in arguments:
                raise Fault(f'SDL has two arguments "{argument}"')
            reader.take(":")
            type_ = reader.type()
            if reader.peek() == "=":
                reader.take("=")
                reader.skip_value()
            directives = reader.directives()
            end = reader.ends[reader.at - 1]
            arguments[argument] = ArgumentText(type_, end, directives)
        reader.take(")")
    if reader.peek() != ":":
        raise Fault(f'SDL is not that of a field: after "{name}" there is no ":" and type')
    reader.take(":")
    type_ = reader.type()
    reader.directives()
    if reader.peek():
        raise Fault(f"SDL goes on with {reader.peek()!r} after the field; it is one field")
    return FieldText(name, arguments, type_)


def quoted(text: str) -> str:
    """Write a text as GraphQL does."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def described(description: str | None, definition: str, indent: str = "") -> str:
    """Put a description before a definition."""
    text = (description or "").strip()
    return f"{indent}{quoted(text)}\n{indent}{definition}" if text else f"{indent}{definition}"
