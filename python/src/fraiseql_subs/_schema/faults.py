"""What is wrong with a definition or a value."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

__all__ = ["DecodeError", "EncodeError", "Fault", "UnknownName", "fault_of", "function_name"]


class Fault(Exception):
    """What is wrong with a definition, before it is known whose it is."""


class UnknownName(Fault):
    """An annotation names what is not defined, or not yet."""


class DecodeError(ValueError):
    """An event or arguments do not fit the type that a resolver declares."""


class EncodeError(TypeError):
    """A resolver's result does not fit the type that it declares."""


def function_name(function: Callable[..., object]) -> str:
    """Name a function as people look for it: module and qualified name."""
    inner = getattr(function, "func", function)  # of functools.partial
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    return f"{getattr(inner, '__module__', '?')}.{name}"


@contextlib.contextmanager
def fault_of(decorator: str, function: Callable[..., object]) -> Generator[None]:
    """Raise ValueError for what is wrong with a function, with its name."""
    try:
        yield
    except UnknownName as error:
        message = f"{decorator} of {function_name(function)}: {error}"
        raise UnknownName(message) from error
    except Fault as error:
        raise ValueError(f"{decorator} of {function_name(function)}: {error}") from error
