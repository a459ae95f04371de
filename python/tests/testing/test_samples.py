"""What docs/python-testing.md shows; it is run as it stands there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

import pytest
from fastapi import FastAPI

from fraiseql_subs import SKIP, Event, Skip, SubscriptionManager, SubscriptionRefused
from fraiseql_subs.fastapi import SubscriptionRouterFactory
from fraiseql_subs.testing import SubscriptionClient, WorkerServer, make_event, serve_app


@dataclass
class OrderRow:
    id: int
    status: str


@dataclass
class Order:
    id: int
    paid: bool


async def order_updated(event: Event[OrderRow], variables: dict[str, object]) -> Order | Skip:
    if event.data.status == "draft":
        return SKIP
    return Order(event.data.id, event.data.status == "paid")


manager: SubscriptionManager[None] = SubscriptionManager(sync=False, resolvers=False)
app = FastAPI(lifespan=manager.lifespan)
app.include_router(SubscriptionRouterFactory.create(manager))


# [start:make_event]
async def test_a_paid_order_is_paid() -> None:
    event = make_event(OrderRow(id=7, status="paid"), type="UPDATE", channel="orders")
    assert await order_updated(event, {}) == Order(id=7, paid=True)


async def test_a_draft_is_told_to_nobody() -> None:
    event = make_event(
        OrderRow(id=7, status="draft"),
        old=OrderRow(id=7, status="open"),
        commit_time=datetime(2026, 1, 1, tzinfo=timezone.utc),
        correlation_id="request-1",
    )
    assert await order_updated(event, {}) is SKIP


# [end:make_event]

SUBSCRIPTION = "subscription ($id: ID) { orderUpdated(id: $id) { id status } }"


# [start:fixtures]
async def test_only_the_order_asked_for_arrives(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(SUBSCRIPTION, {"id": 7}) as s:
        subs_server.publish("orderUpdated", "orders", {"id": 8, "status": "paid"})
        await s.assert_silent()
        subs_server.publish("orderUpdated", "orders", {"id": 7, "status": "paid"})
        assert await s.next(timeout=1) == {"orderUpdated": {"id": "7", "status": "paid"}}


# [end:fixtures]


# [start:refused]
async def test_a_field_that_is_not_there_is_refused(subs_client: SubscriptionClient) -> None:
    with pytest.raises(SubscriptionRefused) as refused:
        async with subs_client.subscribe("subscription { orderUpdated { price } }"):
            pass
    assert refused.value.code == "GRAPHQL_VALIDATION_FAILED"


# [end:refused]


# [start:app]
@pytest.fixture(scope="module")
def url(subs_server: WorkerServer) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in subs_server.environment.items():
            patch.setenv(name, value)
        with serve_app(app) as address:
            yield address.replace("http", "ws") + "/graphql/subscriptions"


async def test_the_application_delivers(subs_server: WorkerServer, url: str) -> None:
    async with subs_server.client(url) as client, client.subscribe(SUBSCRIPTION) as s:
        subs_server.publish("orderUpdated", "orders", {"id": 7, "status": "paid"})
        assert (await s.next())["orderUpdated"]["id"] == "7"


# [end:app]


# [start:server]
@pytest.fixture(scope="module")
def strict_server() -> Iterator[WorkerServer]:
    settings = {"fraiseql_subs.allow_anonymous": False, "max_connections": 50}
    with WorkerServer("CREATE TABLE orders (id int, status text)", settings=settings) as server:
        yield server


def test_its_database_can_be_used(strict_server: WorkerServer) -> None:
    strict_server.execute("INSERT INTO orders VALUES (%s, %s)", [7, "paid"])
    assert strict_server.execute("SELECT id FROM orders") == [(7,)]


# [end:server]
