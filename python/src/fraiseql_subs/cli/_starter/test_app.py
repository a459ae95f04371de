"""The resolver by itself, and the application from a row to its client."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from fraiseql_subs import SKIP
from fraiseql_subs.testing import WorkerServer, make_event, serve_app

from app import Order, OrderRow, OrderVars, app, order_changed

SUBSCRIPTION = "subscription ($id: ID) { orderChanged(id: $id) { id status summary } }"


async def test_an_order_is_summed_up() -> None:
    event = make_event(OrderRow(id=7, customer="Ada", status="new", total=Decimal(42)))
    assert await order_changed(event, OrderVars()) == Order(
        id=7, status="new", summary="Ada: 42.00"
    )


async def test_a_draft_is_told_to_nobody() -> None:
    event = make_event(OrderRow(id=7, customer="Ada", status="draft", total=Decimal(42)))
    assert await order_changed(event, OrderVars()) is SKIP


@pytest.fixture(scope="module")
def url(subs_server: WorkerServer) -> Iterator[str]:
    """Where the application serves subscriptions."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in subs_server.environment.items():
            patch.setenv(name, value)
        with serve_app(app) as base:
            yield f"{base.replace('http', 'ws')}/graphql/subscriptions"


async def test_a_client_sees_an_order_change(subs_server: WorkerServer, url: str) -> None:
    async with subs_server.client(url) as client, client.subscribe(SUBSCRIPTION) as s:
        subs_server.execute("INSERT INTO orders (customer, total) VALUES ('Ada', 42)")
        new = await s.next()
        assert new["orderChanged"]["summary"] == "Ada: 42.00"
        number = new["orderChanged"]["id"]

        async with client.subscribe(SUBSCRIPTION, {"id": number}) as one:
            subs_server.execute("INSERT INTO orders (customer, total) VALUES ('Bob', 1)")
            await one.assert_silent()
