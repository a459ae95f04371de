"""Sockets that a real uvicorn accepts and the worker of a real server serves."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest
from client import Client
from cluster import wait_until
from hosting import Uvicorn
from raw_peer import RawPeer
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed

from fraiseql_subs.http import GraphQLTransportWSHandler, LegacyGraphQLWSHandler

Host = Callable[..., Uvicorn]
Connect = Callable[..., Client]

QUERY = "subscription { orderUpdated { id } }"


def sessions(cluster: Any) -> int:
    """How many clients the worker has."""
    found: int = cluster.value("SELECT count(*) FROM fraiseql_connections()")
    return found


def tasks(host: Uvicorn) -> int:
    """How many tasks run in the web server."""

    async def count() -> int:
        return len(asyncio.all_tasks())

    found: int = host.run(count())
    return found


def register(cluster: Any) -> None:
    cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
    cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")


def publish(cluster: Any, *ids: int) -> None:
    for id in ids:
        cluster.publish("orderUpdated", "orders", {"id": id})


def ids(subscription: Any, count: int) -> list[str]:
    return [subscription.data()["orderUpdated"]["id"] for _ in range(count)]


def test_events_reach_a_client(host: Host, server: Any, connect: Connect) -> None:
    client = connect(host())
    subscription = client.subscribe(QUERY)
    publish(server, 1, 2)
    assert ids(subscription, 2) == ["1", "2"]


def test_the_worker_knows_the_client_s_address_and_subprotocol(
    host: Host, server: Any, connect: Connect
) -> None:
    client = connect(host())
    rows = server.sql("SELECT peer, protocol FROM fraiseql_connections()")
    assert rows == [(client.peer, "graphql-transport-ws")]


@pytest.mark.parametrize("ws", ["websockets-sansio", "wsproto"])
@pytest.mark.parametrize("subprotocol", ["graphql-transport-ws", "graphql-ws"])
def test_every_implementation_of_websockets_in_uvicorn_will_do(
    host: Host, server: Any, connect: Connect, ws: str, subprotocol: str
) -> None:
    pytest.importorskip("wsproto" if ws == "wsproto" else "websockets")
    client = connect(host(uvicorn={"ws": ws}), subprotocols=[subprotocol])
    legacy = subprotocol == "graphql-ws"
    start = {"id": "1", "type": "start" if legacy else "subscribe", "payload": {"query": QUERY}}
    client.send(start)
    wait_until(
        lambda: server.value("SELECT count(*) FROM fraiseql_subscriptions()") == 1, "it stands"
    )
    publish(server, 7)
    message = client.wait_for("data" if legacy else "next")
    assert message["payload"]["data"] == {"orderUpdated": {"id": "7"}}
    client.send("{")
    if legacy:
        assert client.wait_for("error")["payload"]["message"] == "Message must be a JSON object."
    else:
        assert client.wait_for_close() == (4400, "Invalid message received")


def test_a_client_that_compresses_is_served(host: Host, server: Any, connect: Connect) -> None:
    client = connect(host(uvicorn={"ws_per_message_deflate": True}), compression="deflate")
    subscription = client.subscribe(QUERY)
    publish(server, 1)
    assert ids(subscription, 1) == ["1"]


def test_text_of_any_language_arrives_as_it_was_published(
    host: Host, server: Any, connect: Connect
) -> None:
    subscription = connect(host()).subscribe("subscription { orderUpdated { status } }")
    for text in ("€", "\U0001f600", '\\ " \x01', ""):
        server.publish("orderUpdated", "orders", {"id": 1, "status": text})
        assert subscription.data() == {"orderUpdated": {"status": text}}


def test_a_burst_of_one_transaction_reaches_every_client(
    host: Host, server: Any, connect: Connect
) -> None:
    url = host()
    subscriptions = [connect(url).subscribe(QUERY) for _ in range(3)]
    server.sql(
        "SELECT fraiseql_publish('orderUpdated', 'orders', jsonb_build_object('id', i))"
        " FROM generate_series(1, 5000) AS i"
    )
    for subscription in subscriptions:
        assert ids(subscription, 5000) == [str(i) for i in range(1, 5001)]


# Ends ---------------------------------------------------------------------------------------------


def test_a_client_that_closes_leaves_nothing_behind(
    host: Host, server: Any, connect: Connect
) -> None:
    served = host()
    idle = tasks(served)
    client = connect(served)
    client.subscribe(QUERY)
    assert tasks(served) > idle
    client.close()
    wait_until(lambda: sessions(server) == 0, "the worker has let go of it")
    wait_until(lambda: tasks(served) == idle, "the web server has let go of it")


def test_a_client_that_breaks_off_leaves_nothing_behind(host: Host, server: Any) -> None:
    served = host()
    idle = tasks(served)
    peer = RawPeer(served.url).init()
    peer.send_text(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": QUERY}}))
    wait_until(lambda: sessions(server) == 1, "the worker has it")
    reset = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    peer.socket.close()
    wait_until(lambda: sessions(server) == 0, "the worker has let go of it")
    wait_until(lambda: tasks(served) == idle, "the web server has let go of it")


def test_a_client_that_reads_nothing_is_let_go_and_holds_up_nobody(
    host: Host, server: Any, connect: Connect
) -> None:
    protocols = [GraphQLTransportWSHandler(slow_timeout=0.3)]
    served = host(protocols=protocols)
    idle = tasks(served)
    peer = RawPeer(served.url, receive_buffer=4096).init()
    peer.send_text(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": QUERY}}))
    wait_until(
        lambda: server.value("SELECT count(*) FROM fraiseql_subscriptions()") == 1, "it stands"
    )
    other = connect(served)
    subscription = other.subscribe(QUERY)
    published = 0

    def is_gone() -> bool:
        nonlocal published
        for _ in range(20):
            published += 1
            server.publish("orderUpdated", "orders", {"id": "x" * 60_000})
            assert len(subscription.data()["orderUpdated"]["id"]) == 60_000
        return sessions(server) == 1

    wait_until(is_gone, "the worker has let go of it")
    wait_until(lambda: tasks(served) - idle <= 3, "the web server has let go of it")
    peer.close()


def test_clients_of_a_web_server_that_stops_are_told_to_come_again(
    host: Host, server: Any, connect: Connect
) -> None:
    served = host()
    client = connect(served)
    client.subscribe(QUERY)
    served.ask_to_stop()
    assert client.wait_for_close()[0] in (1001, 1012)
    served.stop()
    wait_until(lambda: sessions(server) == 0, "the worker has let go of it")


def test_clients_of_a_manager_that_stops_are_told_to_come_again(
    host: Host, server: Any, connect: Connect
) -> None:
    served = host()
    client = connect(served)
    subscription = client.subscribe(QUERY)
    publish(server, 1)
    assert ids(subscription, 1) == ["1"]
    served.run(served.manager.stop())
    assert client.wait_for_close() == (1001, "Going away")
    late = connect(served, init=False)
    assert late.wait_for_close() == (1013, "Try again later")


# Interruptions ------------------------------------------------------------------------------------


def test_sockets_survive_a_restart_of_the_database(
    host: Host, make_cluster: Callable[..., Any], connect: Connect
) -> None:
    cluster = make_cluster()
    register(cluster)
    served = host(cluster)
    client = connect(served)
    subscription = client.subscribe(QUERY)
    publish(cluster, 1)
    assert ids(subscription, 1) == ["1"]
    cluster.restart()
    cluster.wait_until_serving()
    client.settle()
    publish(cluster, 2)
    # The ring is a new one: what it had before is lost, and that is told.
    payload = subscription.next()
    if payload.get("errors"):
        assert payload["errors"][0]["extensions"]["code"] == "EVENTS_LOST"
        payload = subscription.next()
    assert payload["data"] == {"orderUpdated": {"id": "2"}}


@pytest.mark.expects_crash
def test_sockets_survive_the_worker_and_lose_nothing(
    host: Host, make_cluster: Callable[..., Any], connect: Connect
) -> None:
    cluster = make_cluster()
    register(cluster)
    client = connect(host(cluster))
    subscription = client.subscribe(QUERY)
    for id in range(200):
        if id == 100:
            (pid,) = cluster.worker_pids()
            os.kill(pid, signal.SIGKILL)
        publish(cluster, id)
    assert ids(subscription, 200) == [str(id) for id in range(200)]
    assert subscription.messages == []


# Many ---------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_a_thousand_sockets_are_served(host: Host, make_cluster: Callable[..., Any]) -> None:
    # However late the clients, which share this machine, are with their first message.
    cluster = make_cluster(init_timeout="60s")
    register(cluster)
    served = host(cluster)
    idle = tasks(served)

    async def subscribe(few: asyncio.Semaphore) -> Any:
        async with few:
            socket = await connect_async(
                served.url, subprotocols=["graphql-transport-ws"], compression=None
            )
            await socket.send('{"type":"connection_init"}')
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            subscribe = {"id": "1", "type": "subscribe", "payload": {"query": QUERY}}
            await socket.send(json.dumps(subscribe))
            await socket.send('{"type":"ping"}')
            assert json.loads(await socket.recv()) == {"type": "pong"}
        return socket

    async def receive(socket: Any) -> list[str]:
        payloads = [json.loads(await socket.recv())["payload"] for _ in range(3)]
        await socket.close()
        return [payload["data"]["orderUpdated"]["id"] for payload in payloads]

    async def everybody() -> list[list[str]]:
        few = asyncio.Semaphore(50)
        sockets = await asyncio.gather(*(subscribe(few) for _ in range(1000)))
        await asyncio.to_thread(publish, cluster, 1, 2, 3)
        return await asyncio.gather(*map(receive, sockets))

    assert asyncio.run(everybody()) == [["1", "2", "3"]] * 1000
    wait_until(lambda: sessions(cluster) == 0, "the worker has let go of them")
    wait_until(lambda: tasks(served) == idle, "the web server has let go of them")


# Who a client is ----------------------------------------------------------------------------------


def test_auth_handler_s_claims_are_whom_the_worker_serves(
    host: Host, server: Any, connect: Connect, name: str
) -> None:
    server.sql(
        "SELECT fraiseql_register_subscription(%s, %s, tenant_field => 'tenant_id')",
        (f"{name}: Order", name),
    )
    served = host(auth_handler=lambda payload, websocket: {"sub": "7"} | payload)
    north, south = connect(served, init=False), connect(served, init=False)
    north.init({"tenant_id": "north"})
    south.init({"tenant_id": "south"})
    subscriptions = [
        client.subscribe(f"subscription {{ {name} {{ id }} }}") for client in (north, south)
    ]
    for id, tenant in ((1, "south"), (2, "north"), (3, "south")):
        server.publish("x", name, {"id": id, "tenant_id": tenant})
    assert subscriptions[0].data() == {name: {"id": "2"}}
    assert [subscriptions[1].data() for _ in range(2)] == [{name: {"id": "1"}}, {name: {"id": "3"}}]
    north.settle()
    assert subscriptions[0].messages == []


@pytest.mark.parametrize("legacy", [False, True])
def test_who_is_refused_is_closed_with_4403(host: Host, connect: Connect, legacy: bool) -> None:
    subprotocol = "graphql-ws" if legacy else "graphql-transport-ws"
    served = host(auth_handler=lambda payload, websocket: None)
    client = connect(served, init=False, subprotocols=[subprotocol])
    client.send({"type": "connection_init"})
    if legacy:
        assert client.wait_for("connection_error")["payload"] == {"message": "Forbidden"}
    assert client.wait_for_close() == (4403, "Forbidden")


def test_with_an_auth_handler_subscribing_first_is_closed_with_4401(
    host: Host, connect: Connect
) -> None:
    client = connect(host(auth_handler=lambda payload, websocket: {"sub": "7"}), init=False)
    client.send({"id": "1", "type": "subscribe", "payload": {"query": QUERY}})
    assert client.wait_for_close() == (4401, "Unauthorized")


def test_with_an_auth_handler_pings_before_connection_init_are_answered(
    host: Host, server: Any, connect: Connect
) -> None:
    client = connect(host(auth_handler=lambda payload, websocket: {"sub": "7"}), init=False)
    client.settle()
    client.send({"type": "complete", "id": "gone"})
    client.send({"type": "pong"})
    client.settle()
    client.init()
    assert server.sql("SELECT user_id FROM fraiseql_connections() WHERE state <> 'closing'") == [
        ("7",)
    ]
    client.send({"type": "connection_init"})
    assert client.wait_for_close() == (4429, "Too many initialisation requests")


def test_no_connection_init_in_time_is_closed_with_4408(host: Host, connect: Connect) -> None:
    protocols = [
        GraphQLTransportWSHandler(connection_init_timeout=0.1),
        LegacyGraphQLWSHandler(connection_init_timeout=0.1),
    ]
    served = host(auth_handler=lambda payload, websocket: {"sub": "7"}, protocols=protocols)
    for subprotocol in ("graphql-transport-ws", "graphql-ws"):
        client = connect(served, init=False, subprotocols=[subprotocol])
        assert client.wait_for_close() == (4408, "Connection initialisation timeout")


def test_without_an_auth_handler_the_worker_s_own_rules_judge(
    host: Host, make_cluster: Callable[..., Any], connect: Connect
) -> None:
    cluster = make_cluster(allow_anonymous="off")
    client = connect(host(cluster), init=False)
    client.send({"type": "connection_init"})
    assert client.wait_for_close() == (4403, "Forbidden: there is no token")


def test_pages_that_allowed_origins_does_not_name_are_turned_away(
    host: Host, make_cluster: Callable[..., Any], connect: Connect
) -> None:
    cluster = make_cluster(allowed_origins="https://app.example")
    served = host(cluster)
    connect(served, origin="https://app.example").settle()
    stranger = connect(served, init=False, origin="https://other.example")
    with contextlib.suppress(ConnectionClosed):
        stranger.send({"type": "connection_init"})
    assert stranger.wait_for_close()[0] == 4403
