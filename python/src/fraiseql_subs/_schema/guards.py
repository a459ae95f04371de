"""Tests of a value's kind that say what is in it, too: anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

__all__ = ["is_dict", "is_items", "is_list", "is_mapping", "is_sequence"]


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Tell whether it is a list."""
    return isinstance(value, list)


def is_dict(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether it is a dict, as JSON objects become."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Tell whether it is a mapping."""
    return isinstance(value, Mapping)


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Tell whether it is a sequence of values, not of letters."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def is_items(value: object) -> TypeGuard[Iterable[Any]]:
    """Tell whether it holds values that can be a list."""
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
