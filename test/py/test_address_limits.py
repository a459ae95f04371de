"""What one peer address may hold: connections, and among them those that have asked for nothing."""

import contextlib
import socket

import pytest

from cluster import wait_until

GET = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
STREAM = (
    b"GET /graphql?query=subscription%7BorderUpdated%7Bid%7D%7D HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Accept: text/event-stream\r\n\r\n"
)
REFUSED = "fraiseql_subs_connections_refused_by_address_total"


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


def is_served(peer, request=GET):
    """Whether the peer's request is answered; otherwise the connection is found to be closed."""
    try:
        peer.sendall(request)
        return peer.recv(65536).startswith(b"HTTP/1.1 200 ")
    except ConnectionError:
        return False


@pytest.mark.parametrize("threads", [1, 4])
def test_an_address_has_so_many_connections_over_all_threads(make_cluster, dial, threads):
    cluster = make_cluster(max_connections_per_address=5, worker_threads=threads)
    kept = [dial(cluster, "127.0.0.2") for _ in range(5)]
    assert all(is_served(peer) for peer in kept)
    for _ in range(3):
        assert not is_served(dial(cluster, "127.0.0.2"))
    assert cluster.metric(REFUSED) == 3
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
    cluster.set(max_connections_per_address=2)
    wait_until(lambda: not is_served(dial(cluster, "127.0.0.2")), "the limit is in force")
    assert all(is_served(peer) for peer in kept)
    cluster.set(max_connections_per_address=0)
    wait_until(lambda: is_served(dial(cluster, "127.0.0.2")), "the limit is gone")


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
    cluster = make_cluster(max_connections_per_address=200, max_unfinished_per_address=64)
    cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
    cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
    bystander = connect(cluster)
    subscription = bystander.subscribe("subscription { orderUpdated { id } }")
    hostile = []
    while cluster.metric(REFUSED) == 0:
        assert len(hostile) <= 300, "nobody is refused"
        for _ in range(20):
            peer = dial(cluster, "127.0.0.2")
            hostile.append(peer)
            with contextlib.suppress(ConnectionError):
                peer.sendall(beginning)
    connect(cluster).settle()
    assert cluster.get("/readyz")[0] == 200
    cluster.publish("any", "orders", {"id": 7})
    assert subscription.data() == {"orderUpdated": {"id": "7"}}
