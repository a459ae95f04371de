"""Brings what functions are decorated with into the database."""

from __future__ import annotations

import difflib
import json
import re
import warnings as python_warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from fraiseql_subs._schema.values import KNOWN_SCALARS
from fraiseql_subs.registry import (
    BatchDefinition,
    Registry,
    SubscriptionDefinition,
)

__all__ = ["Change", "Drift", "DriftWarning", "sync"]

Kind = Literal["type", "subscription", "resolver"]


class DriftWarning(UserWarning):
    """What was registered is valid, and probably not what is meant."""


@dataclass(frozen=True)
class Change:
    """A difference between code and catalog."""

    kind: Kind
    name: str
    """Of the type, or of the subscription field, whose resolver it may be."""

    before: str | None
    """What the catalog had, as lines of text; None if it had none."""

    after: str | None
    """What the code has; None if it has none any more."""


@dataclass(frozen=True)
class Drift:
    """How code and catalog differed; false if they did not. As a text it is a diff."""

    changes: Sequence[Change] = ()
    warnings: Sequence[str] = ()
    """What is valid and probably not meant: an argument that filters by no column."""

    applied: bool = False
    """Whether the catalog has been changed."""

    added: Sequence[Change] = field(init=False)
    changed: Sequence[Change] = field(init=False)
    removed: Sequence[Change] = field(init=False)

    def __post_init__(self) -> None:
        """Sort the changes by what happens to the catalog."""
        groups: dict[str, list[Change]] = {"added": [], "changed": [], "removed": []}
        for one in self.changes:
            name = "added" if one.before is None else "removed" if one.after is None else "changed"
            groups[name].append(one)
        for name, found in groups.items():
            object.__setattr__(self, name, found)

    def __bool__(self) -> bool:
        """Return whether anything differed."""
        return bool(self.changes)

    def __str__(self) -> str:
        """Return a diff from the catalog to the code, and the warnings."""
        lines: list[str] = []
        for one in self.changes:
            sign = "+" if one.before is None else "-" if one.after is None else "~"
            lines.append(f"{sign} {one.kind} {one.name}")
            before = (one.before or "").splitlines()
            after = (one.after or "").splitlines()
            for line in difflib.ndiff(before, after):
                if not line.startswith("?"):
                    lines.append("    " + line.rstrip())
        lines.extend(f"! {warning}" for warning in self.warnings)
        return "\n".join(lines) if lines else "no drift"


async def sync(
    connection: AsyncConnection[Any],
    registries: Iterable[Registry],
    *,
    application: str,
    check: bool = False,
) -> Drift:
    """Make what an application has registered in the database equal to what its code registers.

    All of it is one transaction, or part of the connection's. What SQL registered, and what other
    applications did, is never changed or removed; only what an earlier call for the same
    application added. Processes that call it at once come one after the other.

    :param connection: as a role that may register: ``fraiseql_registrar``.
    :param registries: whose definitions are the application's, all of them.
    :param application: the name that the catalog remembers them by.
    :param check: change nothing, and return what would be.
    :raises ValueError: if two of the registries have a field, or one type in two forms; or if a
        definition names what there is not.
    :raises psycopg.errors.ObjectNotInPrerequisiteState: if SQL or another application registered
        something of the name otherwise; the message names it.
    :raises psycopg.errors.InvalidObjectDefinition: if all of it together is no valid schema.
    """
    wanted = describe(registries)
    async with (
        connection.transaction(),
        connection.cursor(row_factory=tuple_row) as cursor,
    ):
        await cursor.execute(
            "SELECT fraiseql_sync_application(%s, %s::jsonb, %s)::text",
            (application, json.dumps(wanted), check),
        )
        row = await cursor.fetchone()
    assert row is not None
    found: dict[str, Any] = json.loads(row[0])
    drift = Drift(
        [
            Change(one["kind"], one["name"], _shown(one["before"]), _shown(one["after"]))
            for one in found["changes"]
        ],
        list(found["warnings"]),
        applied=not check and bool(found["changes"]),
    )
    for warning in drift.warnings:
        python_warnings.warn(warning, DriftWarning, stacklevel=2)
    return drift


def _shown(content: object) -> str | None:
    """Write the content of an object as lines: SDL, or its parameters."""
    if content is None or isinstance(content, str):
        return content
    members = cast("Mapping[str, object]", content)
    lines = [str(members["field"])] if "field" in members else []
    for name, value in sorted(members.items()):
        # What nobody has to say is not shown either.
        if name != "field" and (name, value) != ("shared", False):
            lines.append(f"{name}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines)


def describe(registries: Iterable[Registry]) -> dict[str, Any]:
    """Write what registries hold as fraiseql_sync_application() takes it."""
    types: dict[str, str] = {}
    texts: list[str] = []
    subscriptions: dict[str, SubscriptionDefinition] = {}
    batches: dict[str, BatchDefinition] = {}
    for one in registries:
        for name in one.subscriptions:
            definition = one.subscriptions[name]
            if name in subscriptions and subscriptions[name] is not definition:
                raise ValueError(f'two registries have a subscription "{name}"')
            subscriptions[name] = definition
            for type_name, sdl in definition.types.items():
                if types.setdefault(type_name, sdl) != sdl:
                    raise ValueError(
                        f'the type "{type_name}" of subscription "{name}" is another than that of '
                        f"another subscription:\n{types[type_name]}\n{sdl}"
                    )
            if definition.types_sdl and definition.types_sdl not in texts:
                texts.append(definition.types_sdl)
        for name in one.batches:
            batches[name] = one.batches[name]
    resolvers: dict[str, SubscriptionDefinition | BatchDefinition] = {**batches, **subscriptions}
    for name in KNOWN_SCALARS:
        if any(re.search(rf"\bscalar\s+{name}\b", text) for text in texts):
            types.pop(name, None)
    return {
        "types": "\n\n".join([*types.values(), *texts]),
        "optional_types": [name for name in KNOWN_SCALARS if name in types],
        "subscriptions": [_subscription(one) for _, one in sorted(subscriptions.items())],
        "resolvers": [_resolver(one) for _, one in sorted(resolvers.items())],
    }


def _subscription(definition: SubscriptionDefinition) -> dict[str, Any]:
    events = definition.events
    return {
        "field": definition.sdl,
        "channel": definition.channel,
        "event_types": None if events is None else list(events),
        "filters": dict(definition.filters),
        **definition.options,
    }


def _resolver(definition: SubscriptionDefinition | BatchDefinition) -> dict[str, Any]:
    return {
        "field": definition.field,
        "per": definition.per,
        "timeout_ms": max(1, round(definition.timeout * 1000)),
        "retries": definition.retries,
        "idempotent": definition.idempotent,
        "on_error": definition.on_error,
        "concurrency": definition.concurrency,
    }
