"""GraphQL over server-sent events (distinct connections mode) at the same path and port."""

import contextlib
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from websockets.frames import Opcode

from cluster import wait_until
from http_client import EventStream, post, request
from raw_peer import RawPeer

SUBSCRIPTION = "subscription ($id: ID) { orderUpdated(id: $id) { id status } }"


@pytest.fixture
def stream():
    """A function that opens an event stream, closed after the test."""
    streams = []

    def open_stream(*arguments, **options):
        streams.append(EventStream(*arguments, **options))
        return streams[-1]

    yield open_stream
    for opened in streams:
        opened.close()


def streams_of(cluster):
    return cluster.sql(
        "SELECT subscriptions FROM fraiseql_connections() WHERE protocol = 'graphql-sse'"
    )


def wait_until_subscribed(cluster):
    wait_until(lambda: (1,) in streams_of(cluster), "the stream is subscribed")


def test_events_arrive_as_next(server, stream):
    opened = stream(server, SUBSCRIPTION, {"id": "1"})
    assert opened.reply.status == 200
    assert opened.reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    wait_until_subscribed(server)
    server.publish("orderUpdated", "orders", {"id": 2, "status": "no"})
    server.publish("orderUpdated", "orders", {"id": 1, "status": "a\nb"})
    assert opened.next()["data"] == {"orderUpdated": {"id": "1", "status": "a\nb"}}


def test_data_with_line_breaks_arrives_as_one_event(server, stream, name):
    types = f"scalar {name}Json type {name} {{ a: {name}Json }}"
    server.sql("SELECT fraiseql_register_types(%s)", (types,))
    server.sql(f"SELECT fraiseql_register_subscription('{name}: {name}', '{name}')")
    opened = stream(server, f"subscription {{ {name} {{ a }} }}")
    wait_until_subscribed(server)
    data = '{\n  "a": {\r\n    "b": [1,\n2]\n  }\n}'
    server.sql("SELECT fraiseql_publish('t', %s, %s)", (name, data))
    assert opened.next()["data"] == {name: {"a": {"b": [1, 2]}}}


def test_an_operation_may_stand_in_the_url(server, stream):
    opened = stream(server, quote("subscription { orderUpdated { id } }"), method="GET")
    wait_until_subscribed(server)
    server.publish("orderUpdated", "orders", {"id": 7})
    assert opened.next()["data"] == {"orderUpdated": {"id": "7"}}


def test_an_invalid_operation_is_told_in_the_stream(server, stream):
    opened = stream(server, "subscription { orderUpdated { nope } }")
    assert opened.reply.status == 200
    assert opened.next()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert opened.event() == ("complete", None)
    assert opened.event() is None


def test_closing_the_stream_ends_the_subscription(server, stream):
    opened = stream(server, SUBSCRIPTION)
    wait_until_subscribed(server)
    opened.close()
    wait_until(lambda: streams_of(server) == [], "the stream is gone")


def test_a_silent_stream_is_kept_alive_by_comments(make_cluster, stream):
    cluster = make_cluster(keepalive_interval="100ms")
    cluster.sql("SELECT fraiseql_register_types('type O { id: ID }')")
    cluster.sql("SELECT fraiseql_register_subscription('o: O', 'c')")
    opened = stream(cluster, "subscription { o { id } }")
    for _ in range(3):
        assert opened.reply.readline() == b":\n"
        assert opened.reply.readline() == b"\n"


def test_a_stream_that_is_not_read_is_cut_off(make_cluster, stream):
    cluster = make_cluster(outbox_size="16kB", slow_timeout="200ms")
    cluster.sql("SELECT fraiseql_register_types('type O { id: ID }')")
    cluster.sql("SELECT fraiseql_register_subscription('o: O', 'c')")
    stream(cluster, "subscription { o { id } }")
    wait_until_subscribed(cluster)
    publish = "SELECT fraiseql_publish('x', 'c', jsonb_build_object('id', repeat('x', 100000)))"
    with cluster.connect() as connection:
        wait_until(
            lambda: connection.execute(publish) and streams_of(cluster) == [],
            "the slow stream is cut off",
        )
    assert cluster.metric("fraiseql_subs_slow_consumers_total") == 1


def test_a_drain_ends_the_stream_and_completes_nothing(make_cluster, stream):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types('type O { id: ID }')")
    cluster.sql("SELECT fraiseql_register_subscription('o: O', 'c')")
    opened = stream(cluster, "subscription { o { id } }")
    wait_until_subscribed(cluster)
    cluster.stop()
    assert opened.event() is None


def test_a_stream_that_comes_during_a_drain_ends_at_once(make_cluster, stream):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types('type O { id: ID }')")
    cluster.sql("SELECT fraiseql_register_subscription('o: O', 'c')")
    (worker,) = cluster.worker_pids()
    with being_heard(RawPeer(cluster.url).init()):
        os.kill(worker, signal.SIGTERM)
        wait_until(lambda: cluster.get("/readyz")[0] == 503, "the worker drains")
        # Not with 503, after which a browser's EventSource does not come back.
        late = stream(cluster, "subscription { o { id } }")
        assert late.reply.status == 200
        assert late.event() is None
        assert post(cluster, "{ serverVersion }")[0] == 503
        assert cluster.worker_pids() == [worker]


@contextlib.contextmanager
def being_heard(peer):
    """A peer that does not fall silent: a worker that drains waits for it until the time is up."""
    ended = threading.Event()

    def go_on():
        while not ended.wait(0.02):
            peer.send(Opcode.PONG)

    with ThreadPoolExecutor() as pool:
        going = pool.submit(go_on)
        try:
            yield
        finally:
            ended.set()
        going.result()
    peer.close()


def test_a_subscription_that_becomes_invalid_is_told_and_ends(make_cluster, stream):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types('type O { id: ID }')")
    cluster.sql("SELECT fraiseql_register_subscription('o: O', 'c')")
    opened = stream(cluster, "subscription { o { id } }")
    wait_until_subscribed(cluster)
    cluster.sql("SELECT fraiseql_unregister_subscription('o')")
    assert opened.next()["errors"]
    assert opened.event() == ("complete", None)


def test_without_anonymous_clients_it_is_401(make_cluster):
    cluster = make_cluster(allow_anonymous="off")
    status, _, text = request(cluster, "GET", "/graphql?query=%7Ba%7D", accept="text/event-stream")
    assert status == 401
    assert "UNAUTHENTICATED" in text


def test_max_connections_counts_streams(make_cluster, stream):
    cluster = make_cluster(max_connections=1)
    cluster.sql("SELECT fraiseql_register_types('type O { id: ID }')")
    cluster.sql("SELECT fraiseql_register_subscription('o: O', 'c')")
    stream(cluster, "subscription { o { id } }")
    wait_until_subscribed(cluster)
    assert stream(cluster, "subscription { o { id } }").reply.status == 503
