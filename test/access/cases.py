"""Identities, registrations and events, at random but the same for the same seed."""

import random

from model import Event, Field, Identity

MISSING = object()


def chosen(choose: random.Random, values):
    return choose.choice(list(values))


def without_missing(members):
    return {name: value for name, value in members.items() if value is not MISSING}


def identity(choose: random.Random, number: int) -> Identity:
    claims = without_missing(
        {
            "sub": chosen(choose, [MISSING, "u1", "u2", "7"]),
            "tenant_id": chosen(choose, [MISSING, None, "a", "b", "a"]),
            "roles": chosen(choose, [MISSING, [], ["admin"], ["viewer", "editor"]]),
            "scope": chosen(choose, [MISSING, "read", "read write", ["write"]]),
            "subgraphs": chosen(choose, [MISSING, [], ["s1"], ["s1", "s2"]]),
            "regions": chosen(choose, [MISSING, None, [], "eu", ["eu"], ["eu", "us"], [1, "us"]]),
        }
    )
    return Identity(f"identity{number}", claims)


def identities(choose: random.Random, count: int) -> list[Identity]:
    return [Identity("anonymous"), Identity("bare", {})] + [
        identity(choose, number) for number in range(count - 2)
    ]


def subscription_field(choose: random.Random, number: int) -> Field:
    # Each module is off as often as on, so that most fields can be subscribed to by somebody.
    def perhaps(*values):
        return choose.choice([None, None, *values])

    return Field(
        f"field{number}",
        row_filter=perhaps(
            {"owner_id": "user"},
            {"region": "$.regions"},
            {"tags": "$.regions"},
            {"owner_id": "user", "region": "$.regions"},
            {"secret_region": "$.regions"},
        ),
        tenant_field=perhaps("tenant_id", "tenant_id"),
        shared=choose.random() < 0.3,
        subgraph=perhaps("s1"),
        scope=perhaps({"owner_id": "user"}),
        roles=perhaps(("admin",), ("editor", "nobody")),
        scopes=perhaps(("read",), ("read", "write")),
    )


def fields(choose: random.Random, count: int) -> list[Field]:
    return [Field("open")] + [subscription_field(choose, number) for number in range(count - 1)]


def event(choose: random.Random, number: int) -> Event:
    data = without_missing(
        {
            "id": str(number),
            "owner_id": chosen(choose, [MISSING, None, "u1", "u2", 7, "7"]),
            "region": chosen(choose, [MISSING, None, "eu", "us", "1"]),
            "secret_region": chosen(choose, [MISSING, None, "eu", "us"]),
            "tags": chosen(choose, [MISSING, None, [], ["eu"], ["us", "asia"], ["asia"], [None]]),
            "tenant_id": chosen(choose, [MISSING, None, "a", "b", "c"]),
        }
    )
    return Event(data, chosen(choose, [None, None, "s1", "s2"]))


def events(choose: random.Random, count: int) -> list[Event]:
    return [event(choose, number) for number in range(count)]


def arguments(choose: random.Random, what: Field) -> dict:
    """What a client asks for."""
    if what.scope or choose.random() < 0.3:
        return choose.choice([{}, {"owner_id": "u1"}, {"owner_id": "u2"}, {"owner_id": "7"}])
    return {}
