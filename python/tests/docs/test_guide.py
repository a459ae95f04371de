"""What the guide's examples do."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import jwt
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from .conftest import EXAMPLES, ROOT, Hosted

GUIDE = EXAMPLES / "guide"
QUERY = "subscription { orderUpdated { id status } }"

Database = Callable[..., Any]
Load = Callable[[str], ModuleType]
Serve = Callable[..., Any]
Connect = Callable[..., Any]


@pytest.mark.parametrize("name", ["fastapi_app", "starlette_app", "asgi_app"])
def test_a_quick_start_serves_the_field(
    database: Database, load: Load, serve: Serve, connect: Connect, name: str
) -> None:
    cluster = database(GUIDE / "orders.sql")
    client = connect(Hosted(serve(load(f"guide/{name}.py").app)))
    everything = client.subscribe(QUERY)
    second = client.subscribe("subscription { orderUpdated(id: 2) { id status } }")
    for id in 1, 2:
        cluster.publish("orderUpdated", "orders", {"id": id, "status": "paid"})
    assert [everything.data()["orderUpdated"]["id"] for _ in range(2)] == [1, 2]
    assert second.data() == {"orderUpdated": {"id": 2, "status": "paid"}}


@contextlib.contextmanager
def running(coroutine: Any) -> Iterator[None]:
    """Runs in an event loop of its own thread meanwhile."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(coroutine)

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


@contextlib.contextmanager
def custom_server(load: Load, connect: Connect) -> Iterator[Callable[..., Any]]:
    """Runs the guide's server without ASGI; gives a function that connects to it."""
    from fraiseql_subs.testing._ports import free_port

    module = load("guide/custom_server.py")
    port = free_port()

    class Server:
        tls = None
        url = f"ws://127.0.0.1:{port}"

    def client_of_server(**options: Any) -> Any:
        deadline = time.monotonic() + 20
        while True:
            try:
                return connect(Server, **options)
            except OSError:
                assert time.monotonic() < deadline, "the server does not listen"

    with running(module.main(port)):
        yield client_of_server


def test_a_server_of_another_kind_serves_the_field(
    database: Database, load: Load, connect: Connect
) -> None:
    cluster = database(GUIDE / "orders.sql")
    with custom_server(load, connect) as client_of_server:
        client = client_of_server()
        orders = client.subscribe(QUERY)
        cluster.publish("orderUpdated", "orders", {"id": 1, "status": "paid"})
        assert orders.data() == {"orderUpdated": {"id": 1, "status": "paid"}}
        client.close()


def test_a_server_of_another_kind_turns_away_pages_that_allowed_origins_does_not_name(
    database: Database, load: Load, connect: Connect
) -> None:
    database(GUIDE / "orders.sql", allowed_origins="https://app.example")
    with custom_server(load, connect) as client_of_server:
        client_of_server(origin="https://app.example").close()
        stranger = client_of_server(init=False, origin="https://other.example")
        with contextlib.suppress(ConnectionClosed):
            stranger.send({"type": "connection_init"})
        assert stranger.wait_for_close()[0] == 4403


def test_an_event_of_the_application_belongs_to_its_transaction(
    database: Database, load: Load, serve: Serve, connect: Connect
) -> None:
    cluster = database(GUIDE / "orders.sql")
    cluster.sql("INSERT INTO orders VALUES (1, NULL, 'open'), (2, NULL, 'open')")
    served = serve(load("guide/fastapi_app.py").app)
    pay = load("guide/orders.py").pay
    orders = connect(Hosted(served)).subscribe(QUERY)

    async def pay_both() -> None:
        connection = await psycopg.AsyncConnection.connect("", autocommit=True)
        async with connection:
            with contextlib.suppress(RuntimeError):
                async with connection.transaction():
                    await pay(connection, 1)
                    raise RuntimeError("rolled back")
            await pay(connection, 2)

    served.run(pay_both())
    assert orders.data() == {"orderUpdated": {"id": 2, "status": "paid"}}
    assert cluster.sql("SELECT id FROM orders WHERE status = 'paid'") == [(2,)]


def test_a_handler_says_who_a_client_is(
    database: Database, load: Load, serve: Serve, connect: Connect
) -> None:
    cluster = database(GUIDE / "orders.sql", allow_anonymous=False)
    module = load("guide/auth.py")
    served = Hosted(serve(module.app))
    token = jwt.encode({"sub": "7"}, module.SECRET, algorithm="HS256")
    connect(served, init=False).init({"authToken": token})
    assert cluster.sql("SELECT user_id FROM fraiseql_connections()") == [("7",)]
    for payload in {}, {"authToken": "none"}:
        client = connect(served, init=False)
        client.send({"type": "connection_init", "payload": payload})
        assert client.wait_for_close()[0] == 4403


@pytest.fixture
def resolved(database: Database, load: Load, serve: Serve) -> tuple[Any, Any]:
    """A server, and an application with the guide's resolvers."""
    from fraiseql_subs.asgi import SubscriptionASGI

    cluster = database(GUIDE / "orders.sql")
    cluster.sql("INSERT INTO customers VALUES (1, 'Ada')")
    cluster.sql("INSERT INTO orders VALUES (1, NULL, 'open'), (2, NULL, 'open')")
    cluster.sql("INSERT INTO lines VALUES (1, 2.5), (1, 1), (2, 4)")
    return cluster, Hosted(serve(SubscriptionASGI(load("guide/resolvers.py").manager)), "/")


def publish(cluster: Any, id: int, status: str = "open", customer_id: int = 1) -> None:
    data = {"id": id, "status": status, "customer_id": customer_id}
    cluster.publish("orderUpdated", "orders", data)


def test_a_resolver_drops_events_and_looks_up_names(
    resolved: tuple[Any, Any], connect: Connect
) -> None:
    cluster, served = resolved
    shipments = connect(served).subscribe("subscription { shipment { order customer } }")
    publish(cluster, 1)
    publish(cluster, 2, "sent")
    assert shipments.data() == {"shipment": {"order": 2, "customer": "Ada"}}


def test_an_error_for_clients_reaches_them_with_its_code(
    resolved: tuple[Any, Any], connect: Connect
) -> None:
    cluster, served = resolved
    shipments = connect(served).subscribe("subscription { shipment { order } }")
    publish(cluster, 1, "sent", customer_id=9)
    payload = shipments.next()
    assert payload["data"] == {"shipment": None}
    assert payload["errors"][0]["message"] == "The customer has left."
    assert payload["errors"][0]["extensions"]["code"] == "NO_CUSTOMER"


def test_a_batch_resolves_several_events(resolved: tuple[Any, Any], connect: Connect) -> None:
    cluster, served = resolved
    invoices = connect(served).subscribe("subscription { invoice { order total } }")
    publish(cluster, 1)
    publish(cluster, 2)
    assert [invoices.data()["invoice"] for _ in range(2)] == [
        {"order": 1, "total": 3.5},
        {"order": 2, "total": 4.0},
    ]


def test_a_plain_function_resolves(resolved: tuple[Any, Any], connect: Connect) -> None:
    cluster, served = resolved
    statuses = connect(served).subscribe("subscription { orderStatus }")
    publish(cluster, 1, "paid")
    assert statuses.data() == {"orderStatus": "paid"}


def test_one_s_own_result_knows_who_asks(
    database: Database, load: Load, serve: Serve, connect: Connect
) -> None:
    from fraiseql_subs.asgi import SubscriptionASGI

    cluster = database(GUIDE / "orders.sql")
    manager = load("guide/resolvers.py").manager
    app = SubscriptionASGI(manager, auth_handler=lambda payload, websocket: payload)
    served = Hosted(serve(app), "/")
    notes = []
    for user in "ada", "bob":
        client = connect(served, init=False)
        client.init({"sub": user})
        notes.append(client.subscribe("subscription { note { text } }"))
    publish(cluster, 1, "paid")
    assert [one.data()["note"]["text"] for one in notes] == [
        "ada: order 1 is paid",
        "bob: order 1 is paid",
    ]


def test_an_executor_follows_without_a_socket(database: Database, load: Load, serve: Serve) -> None:
    database(GUIDE / "orders.sql")
    serve(load("guide/fastapi_app.py").app)
    assert load("guide/engine.py").follow("", 1) == ["paid"]


def test_a_manager_follows_without_a_socket(database: Database, load: Load) -> None:
    cluster = database(GUIDE / "orders.sql")
    manager = load("guide/orders.py").manager
    follow = load("guide/engine.py").follow_async

    async def run() -> list[bytes]:
        async with manager:
            following = asyncio.create_task(follow(manager, 2))
            while not await asyncio.to_thread(
                cluster.value, "SELECT count(*) FROM fraiseql_subscriptions()"
            ):
                pass
            for id in 1, 2:
                await manager.publish_event("orderUpdated", "orders", {"id": id, "status": "paid"})
            return await following

    received = [json.loads(message)["payload"]["data"] for message in asyncio.run(run())]
    assert [one["orderUpdated"]["id"] for one in received] == [1, 2]


def test_the_guide_s_test_passes() -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-o", "asyncio_mode=auto", GUIDE / "test_orders.py"),
        ],
        check=True,
        cwd=GUIDE,
        env={"PATH": "", "PYTHONPATH": f"{ROOT / 'python/src'}:{GUIDE}"},
    )


def test_strawberry_s_field_is_served_without_it(
    database: Database, load: Load, serve: Serve, connect: Connect
) -> None:
    cluster = database(GUIDE / "orders.sql")
    client = connect(Hosted(serve(load("migrate/strawberry/app.py").app), "/"))
    query = "subscription ($id: ID) { tick(id: $id) { seq text } }"
    ticks = client.subscribe(query, {"id": "2"})
    for id in "1", "2":
        cluster.publish("tick", "tick", {"id": id, "seq": 5, "text": "so"})
    assert ticks.data() == {"tick": {"seq": 5, "text": "so"}}
