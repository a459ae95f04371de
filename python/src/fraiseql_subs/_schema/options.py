"""Options of decorators: checked where they are written, not when they reach the database."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fraiseql_subs._schema.faults import Fault
from fraiseql_subs._schema.guards import is_mapping, is_sequence

__all__ = ["Resolution", "check_events", "check_field_options", "check_resolution"]

CLAIMS = ("user", "tenant", "roles", "scopes", "subgraphs", "role")
# As fraiseql_subs.check_comparands reads them.
_CLAIM_PATH = re.compile(
    r'\$(\.([A-Za-z0-9_]|[^\x00-\x7f])+|\."([^"\\\x00-\x1f]|\\(["\\/bfnrt]|u[0-9A-Fa-f]{4}))*")+'
)
_RATE = re.compile(r"0|\d+/(s|min|h)( +burst +0*[1-9]\d*)?")

LONGEST_TIMEOUT = 3600.0
MOST_CALLS = 100_000
MOST_RETRIES = 100


@dataclass(frozen=True)
class Resolution:
    """How a resolver is called; `SubscriptionDefinition` explains each."""

    per: Any = "plan"
    timeout: Any = 10.0
    concurrency: Any = None
    retries: Any = 0
    idempotent: Any = False
    on_error: Any = "null"


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def check_resolution(given: Resolution) -> Resolution:
    """Return it with the timeout in seconds."""
    if given.per not in ("plan", "audience"):
        raise Fault(f'per is {given.per!r}; it is "plan" or "audience"')
    timeout = given.timeout
    if isinstance(timeout, timedelta):
        timeout = timeout.total_seconds()
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise Fault(f"timeout is {timeout!r}; it is a number of seconds or a timedelta")
    if not (math.isfinite(timeout) and 0.001 <= timeout <= LONGEST_TIMEOUT):
        raise Fault(f"timeout is {timeout!r} s; it is from 0.001 s to {LONGEST_TIMEOUT:.0f} s")
    if given.concurrency is not None and not (
        _is_integer(given.concurrency) and 1 <= given.concurrency <= MOST_CALLS
    ):
        raise Fault(f"concurrency is {given.concurrency!r}; it is from 1 to {MOST_CALLS}, or None")
    if not (_is_integer(given.retries) and 0 <= given.retries <= MOST_RETRIES):
        raise Fault(f"retries is {given.retries!r}; it is from 0 to {MOST_RETRIES}")
    if not isinstance(given.idempotent, bool):
        raise Fault(f"idempotent is {given.idempotent!r}; it is True or False")
    if given.on_error not in ("null", "skip", "complete"):
        raise Fault(f'on_error is {given.on_error!r}; it is "null", "skip" or "complete"')
    return Resolution(
        given.per,
        float(timeout),
        given.concurrency,
        given.retries,
        given.idempotent,
        given.on_error,
    )


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise Fault(f"{name} is {value!r}; it is a text")
    if "\0" in value:
        raise Fault(f"{name} has a zero byte, which PostgreSQL takes in no text")
    return value


def _texts(name: str, value: object) -> list[str]:
    if isinstance(value, str):
        value = [value]
    if not is_sequence(value):
        raise Fault(f"{name} is {value!r}; it is a list of texts")
    found = [_text(name, text) for text in value]
    if not found or "" in found:
        raise Fault(f"{name} is empty or has an empty text; leave {name} out to demand none")
    return found


def check_events(events: object) -> tuple[str, ...] | None:
    """Return the event types; None is all."""
    if events is None:
        return None
    if isinstance(events, str):
        events = [events]
    if not is_sequence(events):
        raise Fault(f"events is {events!r}; it is a list of event types")
    if not events:
        raise Fault("events is empty; leave it out to deliver every event of the channel")
    return tuple(_text("events", event) for event in events)


def _claims(name: str, value: object, key: str) -> dict[str, str]:
    if not is_mapping(value) or not value:
        raise Fault(f"{name} is {value!r}; it has a claim for each {key}")
    found: dict[str, str] = {}
    for one, claim in value.items():
        if not isinstance(one, str) or "" in one.split("."):
            raise Fault(f"{name}: {one!r} is not {'an' if key[0] in 'ae' else 'a'} {key}")
        if not isinstance(claim, str) or not (claim in CLAIMS or _CLAIM_PATH.fullmatch(claim)):
            raise Fault(
                f'{name}: {claim!r}, for "{one}", names no claim; there are '
                + ", ".join(f'"{claim}"' for claim in CLAIMS)
                + ' and paths such as "$.regions"'
            )
        found[one] = claim
    return found


def check_field_options(
    channel: object,
    *,
    row_filter: object,
    tenant_field: object,
    shared: object,
    subgraph: object,
    scope: object,
    roles: object,
    scopes: object,
    rate_limit: object,
) -> dict[str, Any]:
    """Return those that were given, as fraiseql_register_subscription takes them in JSON."""
    if not _text("channel", channel):
        raise Fault("channel is empty")
    options: dict[str, Any] = {}
    if row_filter is not None:
        options["row_filter"] = _claims("row_filter", row_filter, "event field")
    if tenant_field is not None:
        text = _text("tenant_field", tenant_field)
        if text and "" in text.split("."):
            raise Fault(f'tenant_field: "{text}" is not a field of events')
        options["tenant_field"] = text
    if not isinstance(shared, bool):
        raise Fault(f"shared is {shared!r}; it is True or False")
    if shared:
        if tenant_field == "":
            raise Fault("shared is about a tenant field, and there is none")
        options["shared"] = True
    if subgraph is not None:
        if not _text("subgraph", subgraph):
            raise Fault("subgraph is empty")
        options["subgraph"] = subgraph
    if scope is not None:
        options["scope"] = _claims("scope", scope, "argument")
    if roles is not None:
        options["roles"] = _texts("roles", roles)
    if scopes is not None:
        options["scopes"] = _texts("scopes", scopes)
    if rate_limit is not None:
        if not _RATE.fullmatch(_text("rate_limit", rate_limit)):
            raise Fault(
                f'rate_limit is "{rate_limit}"; it is written as "10/s", "600/min burst 50" or '
                '"5000/h"'
            )
        options["rate_limit"] = rate_limit
    return options
