"""What one peer address may hold: connections, and among them those that have asked for nothing."""

import contextlib
import http.client
import json
import socket

import pytest

from cluster import wait_until

GET = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
LIVE = GET.replace(b"readyz", b"livez")
STREAM = (
    b"GET /graphql?query=subscription%7BorderUpdated%7Bid%7D%7D HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Accept: text/event-stream\r\n\r\n"
)
REFUSED = "fraiseql_subs_connections_refused_by_address_total"


def limited(cluster, key):
    return cluster.value(
        "SELECT sum(value) FROM fraiseql_metrics()"
        " WHERE name = 'fraiseql_subs_limited_total' AND labels->>'limit' = %s",
        (key,),
    )


@pytest.fixture
def make_unasked(make_cluster):
    """As make_cluster, but nobody has connected yet to find out whether the server serves."""

    def make(**settings):
        cluster = make_cluster(install=False, **settings)
        wait_until(lambda: "worker: listening on" in cluster.log(), "the worker listens")
        return cluster

    return make


@pytest.fixture
def dial():
    """A function that connects from an address of this machine, closed after the test."""
    with contextlib.ExitStack() as sockets:

        def connect(cluster, address="127.0.0.1"):
            peer = socket.create_connection(
                ("127.0.0.1", cluster.port), timeout=20, source_address=(address, 0)
            )
            return sockets.enter_context(peer)

        yield connect


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def reply(peer, request=GET):
    """The reply's head and body; nothing if the connection is found to be closed."""
    try:
        peer.sendall(request)
        reply = http.client.HTTPResponse(peer)
        reply.begin()
        return reply.status, reply.headers, reply.read()
    except (ConnectionError, http.client.BadStatusLine):
        return None, None, b""


def is_served(peer, request=GET):
    """Whether the peer's request is answered as it wants."""
    return reply(peer, request)[0] == 200


def refusal(peer, request=GET):
    """The code and the limit with which a request is refused, and for how long."""
    status, headers, body = reply(peer, request)
    assert status == 429
    assert headers["connection"] == "close"
    (error,) = json.loads(body)["errors"]
    extensions = error["extensions"]
    return extensions["code"], extensions["limit"], int(headers["retry-after"])


@pytest.mark.parametrize("threads", [1, 4])
def test_an_address_has_so_many_connections_over_all_threads(make_cluster, dial, threads):
    cluster = make_cluster(limit_connections_per_address=5, worker_threads=threads)
    kept = [dial(cluster, "127.0.0.2") for _ in range(5)]
    assert all(is_served(peer) for peer in kept)
    for request in (GET, HANDSHAKE, STREAM):
        peer = dial(cluster, "127.0.0.2")
        assert refusal(peer, request) == ("LIMIT_EXCEEDED", "connections_per_address", 10)
        assert peer.recv(1) == b""
    assert limited(cluster, "connections_per_address") == 3
    assert is_served(dial(cluster, "127.0.0.3"))
    kept.pop().close()
    wait_until(lambda: is_served(dial(cluster, "127.0.0.2")), "the address may connect again")
    assert all(is_served(peer) for peer in kept)


def test_no_address_is_limited_by_default(server, dial):
    assert all(is_served(dial(server, "127.0.0.2")) for _ in range(200))


def test_a_limit_holds_from_the_reload_on_and_closes_nobody(make_cluster, dial):
    cluster = make_cluster()
    kept = [dial(cluster, "127.0.0.2") for _ in range(3)]
    assert all(is_served(peer) for peer in kept)
    cluster.set(limit_connections_per_address=2)
    wait_until(lambda: not is_served(dial(cluster, "127.0.0.2")), "the limit is in force")
    assert all(is_served(peer) for peer in kept)
    cluster.set(limit_connections_per_address=None)
    wait_until(lambda: is_served(dial(cluster, "127.0.0.2")), "the limit is gone")


def test_a_limit_of_everybody_takes_the_place_of_the_setting(make_cluster, dial):
    cluster = make_cluster(limit_connections_per_address=2)
    kept = [dial(cluster, "127.0.0.2") for _ in range(2)]
    assert all(is_served(peer) for peer in kept)
    assert not is_served(dial(cluster, "127.0.0.2"))
    cluster.sql("SELECT fraiseql_set_limits(NULL, '{\"connections_per_address\": 3}')")
    wait_until(lambda: is_served(dial(cluster, "127.0.0.2")), "the larger limit is in force")
    cluster.sql("SELECT fraiseql_set_limits(NULL, NULL)")
    wait_until(lambda: not is_served(dial(cluster, "127.0.0.2")), "the setting is in force again")


@pytest.mark.parametrize("threads", [1, 4])
def test_an_address_connects_at_a_rate_over_all_threads(make_unasked, dial, threads):
    cluster = make_unasked(limit_new_connections_per_address="1/h burst 3", worker_threads=threads)
    for _ in range(3):
        with dial(cluster, "127.0.0.2") as peer:
            assert is_served(peer, LIVE)
    code, limit, wait = refusal(dial(cluster, "127.0.0.2"), HANDSHAKE)
    assert (code, limit) == ("RATE_LIMITED", "new_connections_per_address")
    assert 3000 < wait <= 3600
    assert is_served(dial(cluster, "127.0.0.3"), LIVE)
    cluster.sql("CREATE EXTENSION fraiseql_subs")
    assert limited(cluster, "new_connections_per_address") == 1


def test_a_page_may_read_why_it_is_refused(make_unasked, dial):
    cluster = make_unasked(limit_connections_per_address=0)
    request = GET.replace(b"\r\n\r\n", b"\r\nOrigin: https://app.example\r\n\r\n")
    _, headers, _ = reply(dial(cluster, "127.0.0.2"), request)
    assert headers["access-control-allow-origin"] == "https://app.example"
    cluster.set(allowed_origins="https://other.example")
    wait_until(
        lambda: (
            reply(dial(cluster, "127.0.0.2"), request)[1]["access-control-allow-origin"] is None
        ),
        "the list is in force",
    )


def test_of_a_flood_only_a_few_at_a_time_are_answered(make_cluster, dial):
    cluster = make_cluster(limit_connections_per_address=2, worker_threads=2)
    kept = [dial(cluster, "127.0.0.2") for _ in range(2)]
    assert all(is_served(peer) for peer in kept)
    statuses = [reply(dial(cluster, "127.0.0.2"))[0] for _ in range(300)]
    assert set(statuses) == {429, None}
    assert statuses[:16] == [429] * 16
    assert statuses.count(429) == limited(cluster, "connections_per_address")
    assert statuses.count(None) == cluster.metric(REFUSED)
    assert all(is_served(peer) for peer in kept)


def test_connections_that_ask_for_nothing_are_limited_and_others_are_not(make_cluster, dial):
    cluster = make_cluster(max_unfinished_per_address=10, worker_threads=2)
    asking = [dial(cluster, "127.0.0.2") for _ in range(10)]
    assert all(is_served(peer) for peer in asking)
    silent = [dial(cluster, "127.0.0.2") for _ in range(10)]
    for peer in silent:
        peer.sendall(b"GET /graphql HTTP/1.1\r\nHost")
    # Each thread accepts in its own time.
    wait_until(lambda: not is_served(dial(cluster, "127.0.0.2")), "the limit is reached")
    assert all(is_served(peer) for peer in asking)
    assert is_served(dial(cluster, "127.0.0.3"))
    silent.pop().close()
    wait_until(lambda: is_served(dial(cluster, "127.0.0.2")), "the address may connect again")


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n", id="handshake"),
        pytest.param(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{", id="body"
        ),
        pytest.param(STREAM, id="stream"),
    ],
)
def test_who_takes_all_that_an_address_may_have_keeps_nobody_else_out(
    make_cluster, dial, connect, beginning
):
    cluster = make_cluster(limit_connections_per_address=200, max_unfinished_per_address=64)
    cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
    cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
    bystander = connect(cluster)
    subscription = bystander.subscribe("subscription { orderUpdated { id } }")
    hostile = []
    while cluster.metric(REFUSED) == 0:
        if len(hostile) > 300:
            wait_until(lambda: cluster.metric(REFUSED) > 0, "somebody is refused")
            break
        for _ in range(20):
            peer = dial(cluster, "127.0.0.2")
            hostile.append(peer)
            with contextlib.suppress(ConnectionError):
                peer.sendall(beginning)
    connect(cluster).settle()
    assert cluster.get("/readyz")[0] == 200
    cluster.publish("any", "orders", {"id": 7})
    assert subscription.data() == {"orderUpdated": {"id": "7"}}
