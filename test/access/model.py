"""Who may subscribe to what, and which events reach whom, said once more and as plainly as it goes.

Nothing here is shared with the server. docs/access.md is what both are made from.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Field:
    """A subscription field as registered."""

    name: str
    row_filter: dict | None = None
    tenant_field: str | None = None
    shared: bool = False
    subgraph: str | None = None
    scope: dict | None = None
    roles: tuple | None = None
    scopes: tuple | None = None


@dataclass(frozen=True)
class Event:
    data: dict
    subgraph: str | None = None


@dataclass(frozen=True)
class Identity:
    name: str
    claims: dict | None = None  # of its token; None: it has none
    arguments: dict = field(default_factory=dict)


def as_list(value: Any) -> list:
    if value is None or value == "":
        return []
    return [item for item in value if item is not None] if isinstance(value, list) else [value]


def claim(identity: Identity, reference: str) -> list:
    """The values of a claim; none if it is missing, null or an empty list."""
    claims = identity.claims or {}
    names = {"user": "sub", "tenant": "tenant_id", "roles": "roles", "subgraphs": "subgraphs"}
    if reference == "scopes":
        scope = claims.get("scope")
        return scope.split() if isinstance(scope, str) else as_list(scope)
    return as_list(claims.get(names.get(reference) or reference.removeprefix("$.")))


def same(one: Any, other: Any) -> bool:
    """As values of the type ID compare: 7 equals "7"."""
    return one is not None and other is not None and str(one) == str(other)


def refusal(who: Identity, what: Field, arguments: dict) -> str | None:
    """Why a client is refused the field; None: it is not."""
    reasons = []
    if what.roles and not set(what.roles) & set(claim(who, "roles")):
        reasons.append("ROLE_REQUIRED")
    if what.scopes and not set(what.scopes) <= set(claim(who, "scopes")):
        reasons.append("SCOPE_REQUIRED")
    if what.subgraph and what.subgraph not in claim(who, "subgraphs"):
        reasons.append("SUBGRAPH_REQUIRED")
    if what.tenant_field and not what.shared and not claim(who, "tenant"):
        reasons.append("TENANT_REQUIRED")
    if any(not claim(who, reference) for reference in (what.row_filter or {}).values()):
        reasons.append("CLAIM_REQUIRED")
    for argument, reference in (what.scope or {}).items():
        asked = as_list(arguments.get(argument))
        own = claim(who, reference)
        if not asked or not all(any(same(value, mine) for mine in own) for value in asked):
            reasons.append("SCOPE_MISMATCH")
    if not reasons:
        return None
    return reasons[0] if who.claims is not None else "UNAUTHENTICATED"


def reaches(event: Event, who: Identity, what: Field, arguments: dict) -> bool:
    """Whether an event reaches a client that subscribed to the field."""
    for argument, value in arguments.items():
        if not same(event.data.get(argument), value):
            return False
    for name, reference in (what.row_filter or {}).items():
        values = as_list(event.data.get(name))
        if not any(same(value, mine) for value in values for mine in claim(who, reference)):
            return False
    if what.tenant_field:
        tenant = event.data.get(what.tenant_field)
        if tenant is None:
            if not what.shared:
                return False
        elif not any(same(tenant, mine) for mine in claim(who, "tenant")):
            return False
    if what.subgraph:
        return event.subgraph == what.subgraph
    return event.subgraph is None or event.subgraph in claim(who, "subgraphs")
