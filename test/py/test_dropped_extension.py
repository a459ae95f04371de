"""What clients get while the extension is not there (any more)."""

import pytest
from websockets.exceptions import InvalidStatus

from cluster import wait_until
from http_client import EventStream, post

QUERY = "subscription { n }"
UNAVAILABLE = "SERVICE_UNAVAILABLE"


@pytest.fixture
def cluster(make_cluster):
    cluster = make_cluster()
    register(cluster)
    return cluster


def register(cluster):
    cluster.sql("SELECT fraiseql_register_subscription('n: Int', 'numbers')")


def drop(cluster):
    cluster.sql("DROP EXTENSION fraiseql_subs")


def assert_unavailable(errors):
    (error,) = errors
    assert error["extensions"]["code"] == UNAVAILABLE
    assert "the extension fraiseql_subs is not created" in error["message"]


def test_subscriptions_of_graphql_transport_ws_end_with_an_error(cluster, connect):
    client = connect(cluster)
    subscription = client.subscribe(QUERY)
    drop(cluster)
    assert_unavailable(subscription.errors())
    assert_unavailable(client.start(QUERY).errors())
    assert_unavailable(client.start("{ serverVersion }").errors())


def test_subscriptions_of_the_older_protocol_end_with_an_error(cluster, connect):
    client = connect(cluster, init=False, subprotocols=("graphql-ws",))
    client.init()
    start = {"id": "1", "type": "start", "payload": {"query": QUERY}}
    client.send(start)
    wait_until(
        lambda: cluster.sql("SELECT 1 FROM fraiseql_subscriptions()"), "the subscription stands"
    )
    drop(cluster)
    assert_unavailable(client.wait_for("error")["payload"]["errors"])
    client.send(start)
    assert_unavailable(client.wait_for("error")["payload"]["errors"])


def test_event_streams_end_with_an_error(cluster):
    stream = EventStream(cluster, QUERY)
    wait_until(
        lambda: cluster.sql("SELECT 1 FROM fraiseql_subscriptions()"), "the subscription stands"
    )
    drop(cluster)
    assert_unavailable(stream.next()["errors"])
    assert stream.event() == ("complete", None)
    assert stream.event() is None
    stream.close()


def test_new_clients_are_refused_until_the_extension_is_back(cluster, connect):
    old = connect(cluster)
    drop(cluster)
    wait_until(lambda: cluster.get("/readyz")[0] == 503, "the worker notices")
    assert cluster.get("/readyz")[1].startswith("no catalog")
    assert cluster.get("/livez")[0] == 200
    with pytest.raises(InvalidStatus, match="503"):
        connect(cluster)
    assert post(cluster, "{ serverVersion }")[0] == 503

    cluster.install()
    register(cluster)
    subscriptions = [client.subscribe(QUERY) for client in (old, connect(cluster))]
    cluster.publish("any", "numbers", 7)
    assert [subscription.data() for subscription in subscriptions] == [{"n": 7}] * 2
