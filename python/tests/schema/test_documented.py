"""The samples of docs/python-schema.md do what it says."""

import asyncio
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import shop

from fraiseql_subs.event import Event
from fraiseql_subs.registry import Registry


def envelope(data: object) -> dict[str, Any]:
    names = {"id": "1", "position": "1", "channel": "orders", "type": "UPDATE"}
    return names | {"data": data, "old": None, "commit_time": "2026-01-02T03:04:05Z"}


def test_the_field_is_that_of_the_page() -> None:
    definition = shop.manager.subscriptions["orderChanged"]
    text = Path(__file__).with_name("shop.graphql").read_text()
    assert (
        text
        == "\n\n".join(["# [start:field]\n" + definition.sdl, *definition.types.values()])
        + "\n# [end:field]\n"
    )
    assert definition.filters == {"customer_id": "customer_id", "status": "status"}


def test_the_function_gets_rows_and_arguments_as_its_classes() -> None:
    definition = shop.manager.subscriptions["orderChanged"]
    row = {"id": 7, "customer_id": 1, "status": "paid", "total": Decimal(4), "paid_at": None}
    change = {"operation": "UPDATE", "table": "public.orders", "row": row, "old": None}
    event = definition.decode_event(envelope(change))
    variables = definition.decode_variables({"customer_id": "1", "currency": "CAD"})
    result = asyncio.run(definition.call(event, variables, None))
    assert definition.encode_result(result) == {"id": "7", "status": "paid", "total": "5.00"}


def test_a_field_of_sdl_takes_dicts() -> None:
    definition = shop.manager.subscriptions["orderNoted"]
    assert definition.call({"id": 1, "text": "a"}, {"loud": True}, None) == {"id": 1, "text": "A"}
    assert definition.types_sdl is not None
    assert definition.types_sdl.strip() == "type Note { id: ID! text: String! }"


def test_markers_say_what_names_do_not() -> None:
    registry = Registry()

    @dataclass
    class Row:
        order_id: int

    def changed(event: Event[Row], variables: shop.NoteVars) -> shop.Invoice:
        raise NotImplementedError

    registry.subscription(channel="c")(changed)
    definition = registry.subscriptions["changed"]
    assert definition.sdl == (
        'changed(order: ID @filters(by: "order_id"), language: String! = "en" @filtersNothing, '
        "where: OrderFilter): Bill"
    )
    assert re.sub(r"\s+", " ", definition.types["Bill"]) == (
        'type Bill { paid_at: DateTime! "Without tax." net: Decimal! }'
    )
