"""The subprotocol graphql-ws of subscriptions-transport-ws, for clients that offer only that."""

import pytest

from cluster import wait_until

START = {"id": "1", "type": "start", "payload": {"query": "subscription { orderUpdated { id } }"}}


@pytest.fixture
def legacy(connect):
    """A function that opens a legacy client, initialised unless told otherwise."""

    def open_client(cluster, init=True):
        client = connect(cluster, init=False, subprotocols=("graphql-ws",))
        assert client.socket.subprotocol == "graphql-ws"
        if init:
            client.init()
            client.wait_for("ka")
        return client

    return open_client


def test_a_subscription_runs_from_start_to_stop(server, legacy):
    client = legacy(server)
    client.send(START)
    wait_until(
        lambda: (
            ("graphql-ws", 1)
            in server.sql("SELECT protocol, subscriptions FROM fraiseql_connections()")
        ),
        "the subscription stands",
    )
    server.publish("orderUpdated", "orders", {"id": 7})
    message = client.wait_for("data")
    assert message["id"] == "1"
    assert message["payload"]["data"] == {"orderUpdated": {"id": "7"}}
    client.send({"id": "1", "type": "stop"})
    assert client.wait_for("complete") == {"id": "1", "type": "complete"}


def test_an_invalid_operation_is_an_error(server, legacy):
    client = legacy(server)
    client.send(START | {"payload": {"query": "subscription { nope }"}})
    message = client.wait_for("error")
    assert message["id"] == "1"
    assert message["payload"]["message"].startswith('Cannot query field "nope"')
    assert message["payload"]["errors"][0]["locations"] == [{"line": 1, "column": 16}]


def test_a_refused_client_is_told_and_closed(make_cluster, legacy):
    client = legacy(make_cluster(allow_anonymous="off"), init=False)
    client.send({"type": "connection_init", "payload": {}})
    message = "Forbidden: there is no token"
    assert client.wait_for("connection_error")["payload"] == {"message": message}
    assert client.wait_for_close() == (4403, message)


def test_connection_terminate_closes(server, legacy):
    client = legacy(server)
    client.send({"type": "connection_terminate"})
    assert client.wait_for_close()[0] == 1000


def test_no_connection_init_in_time_is_closed_with_4408(make_cluster, legacy):
    client = legacy(make_cluster(init_timeout="100ms"), init=False)
    assert client.wait_for_close() == (4408, "Connection initialisation timeout")


def test_keep_alive_messages_come_at_the_interval(make_cluster, legacy):
    client = legacy(make_cluster(keepalive_interval="1s"))
    client.wait_for("ka")
    client.wait_for("ka")


def test_a_client_that_offers_both_protocols_is_served(server, connect):
    client = connect(server, init=False, subprotocols=("graphql-transport-ws", "graphql-ws"))
    assert client.socket.subprotocol == "graphql-transport-ws"
