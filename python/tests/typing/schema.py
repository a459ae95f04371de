"""What type checkers must make of decorators and events; never run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import psycopg
from typing_extensions import assert_type

from fraiseql_subs import (
    ID,
    SKIP,
    Event,
    FiltersBy,
    GraphQLName,
    GraphQLType,
    Skip,
    batch,
    subscription,
)
from fraiseql_subs.registry import Registry, SubscriptionDefinition
from fraiseql_subs.sync import Change, Drift, sync


@dataclass
class Row:
    id: Annotated[int, ID]
    total: Annotated[float, "With tax."]


@dataclass
class Vars:
    customer: Annotated[int, FiltersBy("customer_id"), GraphQLName("customerId")]
    where: Annotated[dict[str, Any] | None, GraphQLType("RowFilter")] = None


@subscription(channel="orders", events=["paid"], per="audience", timeout=2.5, on_error="skip")
async def order_paid(event: Event[Row], variables: Vars) -> Row | Skip:
    """An order was paid."""
    assert_type(event.data, Row)
    assert_type(event.old, Row | None)
    assert_type(event.commit_time, datetime)
    return event.data if event.data.total > 0 else SKIP


@subscription("orderSeen(id: ID): Order", channel="orders")
def order_seen(event: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    return event | variables


@batch("orderPaid", max_size=10)
async def orders_paid(events: Sequence[Event[Row]], variables: Vars) -> Sequence[Row | Skip]:
    return [event.data for event in events]


async def a_decorated_function_stays_what_it_was(event: Event[Row]) -> None:
    assert_type(order_seen({}, {}), dict[str, Any])
    assert_type(await order_paid(event, Vars(7)), Row | Skip)
    assert_type(await orders_paid([event], Vars(7)), Sequence[Row | Skip])


def an_event_of_a_row_is_one_of_a_wider_type(event: Event[Row]) -> Event[object]:
    return event


def skips_are_told_from_results(result: Row | Skip) -> Row | None:
    if result is SKIP:
        return None
    assert_type(result, Row)
    return result


def definitions_are_typed(registry: Registry) -> SubscriptionDefinition:
    registry.subscription(channel="c", rename="camel")(order_paid)
    definition = registry.subscriptions["orderPaid"]
    assert_type(definition.timeout, float)
    assert_type(registry.batches["orderPaid"].max_size, int)
    return definition


async def drift_is_typed(connection: psycopg.AsyncConnection[Any], registry: Registry) -> str:
    drift = await sync(connection, [registry], application="shop", check=True)
    assert_type(drift, Drift)
    assert_type(drift.added, Sequence[Change])
    return str(drift)
