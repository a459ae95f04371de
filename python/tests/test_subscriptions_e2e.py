"""An application as people write it, from a committed transaction to clients that people use."""

import asyncio
import contextlib
import itertools
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import psycopg
import pytest
from cluster import wait_until
from fastapi import FastAPI, HTTPException
from hosting import Uvicorn, conninfo
from psycopg import AsyncConnection

from fraiseql_subs import Context, Event, SubscriptionManager, WebSocketAdapter
from fraiseql_subs.fastapi import SubscriptionRouterFactory

SECRET = "a secret of the tests, of 32 bytes and more"
PATH = "/graphql/subscriptions"


@dataclass
class OrderRow:
    id: int
    customer_id: int
    status: str


@dataclass
class Order:
    id: int
    status: str
    customer: str


@dataclass
class OrderVars:
    status: str | None = None


async def customer_names(ids: list[int], ctx: Context[None]) -> list[str]:
    async with ctx.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, name FROM customers WHERE id = ANY(%s)", (ids,)
        )
        names = dict(await cursor.fetchall())
    return [names[id] for id in ids]


class Shop:
    """The application, its server, and the database below."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.calls = 0
        self.manager: SubscriptionManager[None] = SubscriptionManager(conninfo=conninfo(cluster))
        self.manager.subscription(
            channel="orders", events="orderUpdated", tenant_field="tenant_id"
        )(self.order_updated)
        app = FastAPI(lifespan=self.manager.lifespan)
        app.include_router(
            SubscriptionRouterFactory.create(self.manager, PATH, auth_handler=self.who)
        )
        app.post("/orders/{id}/{status}")(self.change)
        self.server = Uvicorn(app)
        self.tls = None
        self.url = self.server.url + PATH

    async def order_updated(
        self, event: Event[OrderRow], variables: OrderVars, ctx: Context[None]
    ) -> Order:
        self.calls += 1
        customer = await ctx.loader(customer_names).load(event.data.customer_id)
        return Order(event.data.id, event.data.status, customer)

    def who(self, payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(payload["authToken"], SECRET, algorithms=["HS256"])
        return claims

    async def change(self, id: int, status: str) -> None:
        connection = await AsyncConnection.connect(conninfo(self.cluster), autocommit=True)
        async with connection, connection.transaction():
            cursor = await connection.execute(
                "UPDATE orders SET status = %s WHERE id = %s RETURNING customer_id, tenant_id",
                (status, id),
            )
            row = await cursor.fetchone()
            if row is None:
                raise HTTPException(404)
            data = {"id": id, "status": status, "customer_id": row[0], "tenant_id": row[1]}
            await self.manager.publish_event("orderUpdated", "orders", data, conn=connection)
            if status == "refused":
                raise HTTPException(409)

    def change_order(self, id: int, status: str) -> None:
        with contextlib.suppress(HTTPException):
            self.server.run(self.change(id, status))


SETUP = """
    CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers,
                         tenant_id text NOT NULL, status text NOT NULL);
    INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace');
    INSERT INTO orders SELECT i, i % 2 + 1, CASE WHEN i < 100 THEN 'a' ELSE 'b' END, 'open'
    FROM generate_series(1, 200) AS i;
"""


@pytest.fixture
def shop(make_cluster: Any) -> Any:
    cluster = make_cluster(allow_anonymous=False)
    for statement in SETUP.split(";")[:-1]:
        cluster.sql(statement)
    shop = Shop(cluster)
    yield shop
    shop.server.stop()


def token(tenant: str, **claims: Any) -> str:
    return jwt.encode({"sub": "7", "tenant_id": tenant, **claims}, SECRET, algorithm="HS256")


@pytest.fixture
def log_in(connect: Any) -> Callable[..., Any]:
    def open_client(shop: Shop, tenant: str = "a") -> Any:
        client = connect(shop, init=False)
        client.init({"authToken": token(tenant)})
        return client

    return open_client


QUERY = "subscription { orderUpdated { id status customer } }"


def test_a_committed_change_reaches_its_tenant_resolved(shop: Shop, log_in: Any) -> None:
    ours = log_in(shop, "a").subscribe(QUERY)
    theirs = log_in(shop, "b").subscribe(QUERY)
    shop.change_order(3, "paid")
    shop.change_order(150, "paid")
    assert ours.data() == {"orderUpdated": {"id": 3, "status": "paid", "customer": "Grace"}}
    assert theirs.data() == {"orderUpdated": {"id": 150, "status": "paid", "customer": "Ada"}}


def test_a_change_that_is_rolled_back_reaches_nobody(shop: Shop, log_in: Any) -> None:
    orders = log_in(shop).subscribe(QUERY)
    shop.change_order(1, "refused")
    shop.change_order(2, "paid")
    assert orders.data()["orderUpdated"]["id"] == 2


def test_an_argument_filters_before_the_function_is_called(shop: Shop, log_in: Any) -> None:
    paid = log_in(shop).subscribe('subscription { orderUpdated(status: "paid") { id } }')
    for id, status in (1, "sent"), (2, "paid"), (3, "sent"), (4, "paid"):
        shop.change_order(id, status)
    assert [paid.data()["orderUpdated"]["id"] for _ in range(2)] == [2, 4]
    assert shop.calls == 2


def test_the_function_is_called_once_for_all_who_ask_the_same(shop: Shop, log_in: Any) -> None:
    subscriptions = [log_in(shop).subscribe(QUERY) for _ in range(20)]
    shop.change_order(1, "paid")
    assert [one.data()["orderUpdated"]["customer"] for one in subscriptions] == ["Grace"] * 20
    assert shop.calls == 1


def test_a_token_that_is_none_is_refused(shop: Shop, connect: Any) -> None:
    client = connect(shop, init=False)
    client.send({"type": "connection_init", "payload": {"authToken": "none"}})
    assert client.wait_for_close()[0] == 4403


def test_gql_receives_events(shop: Shop) -> None:
    from gql import Client, gql
    from gql.transport.websockets import WebsocketsTransport

    async def run() -> Any:
        transport = WebsocketsTransport(
            url=shop.url,
            subprotocols=["graphql-transport-ws"],
            init_payload={"authToken": token("a")},
        )
        async with Client(transport=transport) as session:
            events = session.subscribe(gql(QUERY))
            first = asyncio.create_task(anext(events))
            while not await asyncio.to_thread(
                shop.cluster.value, "SELECT count(*) FROM fraiseql_subscriptions()"
            ):
                pass
            await asyncio.to_thread(shop.change_order, 5, "paid")
            try:
                return await first
            finally:
                await events.aclose()

    expected = {"orderUpdated": {"id": 5, "status": "paid", "customer": "Grace"}}
    assert asyncio.run(run()) == expected


# Interruptions --------------------------------------------------------------------------------


class Load:
    """Changes orders 1, 2 and so on in a thread of its own, whatever the database says."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.committed: list[int] = []
        self.unknown: set[int] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        for id in itertools.cycle(range(1, 100)):
            if self._ending.is_set():
                return
            number = len(self.committed) + len(self.unknown)
            try:
                self.shop.server.run(self.shop.change(id, f"s{number}"))
            except psycopg.Error:
                # Whether it has committed, nobody was told.
                self.unknown.add(number)
            else:
                self.committed.append(number)

    def wait_for(self, more: int) -> None:
        """Return when so many more have committed."""
        until = len(self.committed) + more
        wait_until(lambda: len(self.committed) >= until, "changes are committed", 60)


def interrupt(cluster: Any, kind: str) -> None:
    if kind == "restart of the database":
        cluster.restart()
    elif kind == "kill -9 of the worker":
        for pid in cluster.worker_pids():
            os.kill(pid, signal.SIGKILL)
    else:
        cluster.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query ILIKE '%session_exchange%' AND pid <> pg_backend_pid()"
        )
    cluster.wait_until_serving()


def told(subscription: Any, until: str) -> tuple[list[int], bool]:
    """The numbers that were shown up to a status, and whether a loss was told."""
    shown: list[int] = []
    lost = False
    while True:
        payload = subscription.next()
        for error in payload.get("errors", ()):
            assert error["extensions"]["code"] == "EVENTS_LOST", error
            lost = True
        order = payload["data"] and payload["data"]["orderUpdated"]
        if not order:
            continue
        if order["status"] == until:
            return shown, lost
        shown.append(int(order["status"].removeprefix("s")))


@pytest.mark.expects_crash
@pytest.mark.parametrize(
    "kind",
    ["restart of the database", "kill -9 of the worker", "end of the link's connection"],
)
def test_nothing_comes_twice_and_a_gap_is_told_across_an_interruption(
    shop: Shop, log_in: Any, kind: str
) -> None:
    clients = [log_in(shop) for _ in range(5)]
    subscriptions = [client.subscribe(QUERY) for client in clients]
    with Load(shop) as load:
        load.wait_for(30)
        interrupt(shop.cluster, kind)
        load.wait_for(30)
    for client in clients:
        # Answered by the worker, so the session is there again.
        client.settle()
    shop.change_order(1, "last")
    for subscription in subscriptions:
        shown, lost = told(subscription, "last")
        assert shown == sorted(set(shown)), "an event came twice, or out of order"
        missing = set(load.committed) - set(shown)
        assert not missing or lost, f"nobody told that {sorted(missing)} are missing"
        assert set(shown) <= set(load.committed) | load.unknown
