"""The limits of users and tenants. All clients without credentials are one user here."""

import contextlib
import json

import pytest
from psycopg.types.json import Jsonb
from websockets.exceptions import ConnectionClosed

import http_client
from cluster import wait_until

ORDERS = "subscription { orderUpdated { id } }"


@pytest.fixture
def users(make_cluster):
    """A function that starts a server whose clients have these claims, and limits."""

    def make(limits, claims=None, role=None, **settings):
        claims = {"sub": "anna"} if claims is None else claims
        cluster = make_cluster(anonymous_claims=json.dumps(claims), worker_threads=2, **settings)
        cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
        cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
        cluster.sql("SELECT fraiseql_set_limits(%s, %s)", (role, Jsonb(limits)))
        return cluster

    return make


@pytest.mark.parametrize(
    ("key", "claims"),
    [
        ("connections_per_user", {"sub": "anna"}),
        ("connections_per_tenant", {"tenant_id": "acme"}),
    ],
)
def test_a_connection_too_many_is_closed_with_the_key(users, connect, key, claims):
    cluster = users({key: 2}, claims)
    kept = [connect(cluster) for _ in range(2)]
    third = connect(cluster, init=False)
    third.send({"type": "connection_init"})
    assert third.wait_for_close() == (1013, key)
    status, headers, reply = http_client.post(cluster, ORDERS, accept="text/event-stream")
    assert status == 429
    assert int(headers["retry-after"]) > 0
    assert reply["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED", "limit": key}
    assert http_client.post(cluster, "{ __typename }")[0] == 200
    kept.pop().close()

    def is_let_in():
        with contextlib.suppress(ConnectionClosed):
            connect(cluster).settle()
            return True

    wait_until(is_let_in, "there is room again")
    kept[0].settle()


def test_who_is_nobody_has_no_limits_of_users(users, connect):
    cluster = users({"connections_per_user": 0, "subscriptions_per_user": 0}, claims={})
    connect(cluster).subscribe(ORDERS)
    assert cluster.metric("fraiseql_subs_subscriptions") == 1


def test_a_role_has_limits_of_its_own(users, connect):
    cluster = users({"connections_per_user": 1}, {"sub": "anna", "roles": ["clerk"]}, "clerk")
    cluster.sql("SELECT fraiseql_set_limits(NULL, %s)", (Jsonb({"connections_per_user": 0}),))
    connect(cluster)
    second = connect(cluster, init=False)
    second.send({"type": "connection_init"})
    assert second.wait_for_close() == (1013, "connections_per_user")


def test_subscriptions_of_a_user_count_over_all_connections(users, connect):
    cluster = users({"subscriptions_per_user": 3, "subscriptions_created_per_user": "1/h burst 4"})
    clients = [connect(cluster) for _ in range(3)]
    first, *_ = [client.subscribe(ORDERS) for client in clients]
    (error,) = clients[0].start(ORDERS).errors()
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "limit": "subscriptions_per_user"}
    first.complete()
    last = clients[1].subscribe(ORDERS)
    last.complete()
    (error,) = clients[1].start(ORDERS).errors()
    assert error["extensions"] == {
        "code": "RATE_LIMITED",
        "limit": "subscriptions_created_per_user",
    }


def test_events_of_a_user_are_cut_over_all_connections(users, connect):
    cluster = users({"events_per_user": "1/h burst 10"})
    clients = [connect(cluster) for _ in range(4)]
    subscriptions = [client.subscribe(ORDERS) for client in clients]
    for number in range(5):
        cluster.publish("any", "orders", {"id": number})
    delivered = cut = 0
    for subscription in subscriptions:
        heard = 0
        while heard < 5:
            payload = subscription.next()
            count = payload["errors"][0]["extensions"]["count"] if "errors" in payload else 1
            heard += count
            cut += count if "errors" in payload else 0
            delivered += "errors" not in payload
    assert (delivered, cut) == (10, 10)
