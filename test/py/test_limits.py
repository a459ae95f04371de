"""The limits that fraiseql_set_limits(), the settings and registrations set.

Rates are those of an hour, so that no token comes back while a test runs.
"""

import contextlib
import json

import psycopg
import pytest
from psycopg.types.json import Jsonb
from websockets.exceptions import ConnectionClosed

import http_client
from cluster import wait_until

ORDERS = "subscription { orderUpdated { id } }"


def set_limits(cluster, limits, role=None):
    given = None if limits is None else Jsonb(limits)
    cluster.sql("SELECT fraiseql_set_limits(%s, %s)", (role, given))


def limited(cluster, key):
    return cluster.value(
        "SELECT sum(value) FROM fraiseql_metrics()"
        " WHERE name = 'fraiseql_subs_limited_total' AND labels->>'limit' = %s",
        (key,),
    )


def outcome(subscription, events):
    """What a subscription gets: ids, and how many it is told that it did not get, of all events."""
    ids, cut = [], 0
    while len(ids) + cut < events:
        payload = subscription.next()
        if "errors" in payload:
            (error,) = payload["errors"]
            assert error["extensions"].pop("code") == "RATE_LIMITED"
            cut += error["extensions"].pop("count")
            assert error["extensions"] == {}
            assert payload["data"] == {error["path"][0]: None}
        else:
            ids.append(int(payload["data"]["orderUpdated"]["id"]))
    return ids, cut


@pytest.fixture
def orders(make_cluster):
    """A server without limits, with the field orderUpdated on the channel orders."""
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! text: String }')")
    cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
    return cluster


BAD_LIMITS = [
    ('{"unknown": 1}', 'there is no limit "unknown"', "events_per_user", None),
    ('{"rate_limit": "1/s"}', 'there is no limit "rate_limit"', "events_per_user", None),
    ('{"connections_per_user": -1}', 'invalid value "-1"', "from 0 to", "0 is none"),
    ('{"connections_per_user": 1.5}', 'invalid value "1.5"', "from 0 to", "0 is none"),
    ('{"connections_per_user": true}', 'invalid value "true"', "from 0 to", "0 is none"),
    ('{"connections_per_user": "5/s"}', 'invalid value "5/s"', "from 0 to", "0 is none"),
    ('{"events_per_user": 5}', 'invalid value "5"', '"/min"', "5000/h burst 200"),
    ('{"events_per_user": "5/day"}', 'invalid value "5/day"', '"/min"', "5000/h burst 200"),
    ('{"events_per_user": {"s": 5}}', "invalid value", '"/min"', "5000/h burst 200"),
    ("[]", "limits must be a JSON object", None, "connections_per_user"),
    ("5", "limits must be a JSON object", None, "connections_per_user"),
]


@pytest.mark.extension_only
@pytest.mark.parametrize(("limits", "message", "detail", "hint"), BAD_LIMITS)
def test_what_is_no_limit_is_refused(server, limits, message, detail, hint):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=message) as refused:
        server.sql("SELECT fraiseql_set_limits('clerk', %s::jsonb)", (limits,))
    if detail:
        assert detail in refused.value.diag.message_detail
    if hint:
        assert hint in refused.value.diag.message_hint
    assert server.sql("SELECT FROM fraiseql_subs.role_limit") == []


@pytest.mark.extension_only
@pytest.mark.parametrize("key", ["connections_per_address", "new_connections_per_address"])
def test_what_counts_per_address_is_no_roles(server, key):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="cannot be the limit of a role"):
        server.sql("SELECT fraiseql_set_limits('clerk', %s)", (Jsonb({key: None}),))


@pytest.mark.extension_only
def test_a_role_has_a_name(server):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="role cannot be empty"):
        server.sql("SELECT fraiseql_set_limits('', '{}')")


@pytest.mark.extension_only
@pytest.mark.parametrize("rate", ["5", "5/day", "fast", "5/s burst 0"])
def test_what_is_no_rate_is_refused_when_a_field_is_registered(server, name, rate):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="of rate_limit") as refused:
        server.sql(
            "SELECT fraiseql_register_subscription(%s, 'c', rate_limit => %s)",
            (f"{name}: Order", rate),
        )
    assert "5000/h burst 200" in refused.value.diag.message_hint


@pytest.mark.extension_only
def test_limits_are_told(make_cluster):
    cluster = make_cluster(limit_events_per_user="9/s", limit_messages_per_connection="8/s")
    set_limits(cluster, {"events_per_user": "7/s", "connections_per_user": 3})
    set_limits(cluster, {"connections_per_user": None, "events_per_user": "0"}, role="clerk")
    told = cluster.sql('SELECT role, "limit", value FROM fraiseql_limits()')
    assert (None, "events_per_user", "7/s") in told
    assert (None, "connections_per_user", "3") in told
    assert (None, "messages_per_connection", "8/s") in told
    assert (None, "connections_per_tenant", None) in told
    assert told[9:] == [("clerk", "connections_per_user", None), ("clerk", "events_per_user", "0")]
    set_limits(cluster, None)
    set_limits(cluster, None, role="clerk")
    told = cluster.sql('SELECT role, "limit", value FROM fraiseql_limits()')
    assert len(told) == 9
    assert (None, "events_per_user", "9/s") in told


def test_a_rate_cuts_the_events_of_a_subscription_and_says_so(orders, connect):
    set_limits(orders, {"events_per_subscription": "1/h burst 3"})
    client = connect(orders)
    first, second = client.subscribe(ORDERS), client.subscribe(ORDERS)
    for number in range(10):
        orders.publish("any", "orders", {"id": number})
    assert outcome(first, 10) == ([0, 1, 2], 7)
    assert outcome(second, 10) == ([0, 1, 2], 7)
    assert limited(orders, "events_per_subscription") == 14


def test_a_fields_rate_holds_beside_that_of_subscriptions(orders, connect):
    orders.sql(
        "SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders',"
        " rate_limit => '1/h burst 2')"
    )
    set_limits(orders, {"events_per_subscription": "1/h burst 5"})
    subscription = connect(orders).subscribe(ORDERS)
    for number in range(8):
        orders.publish("any", "orders", {"id": number})
    assert outcome(subscription, 8) == ([0, 1], 6)
    assert limited(orders, "rate_limit") == 6


def test_events_of_one_commit_are_cut_in_their_order(orders, connect):
    set_limits(orders, {"events_per_subscription": "1/h burst 100"})
    subscription = connect(orders).subscribe(ORDERS)
    orders.sql(
        "SELECT fraiseql_publish('any', 'orders', jsonb_build_object('id', i))"
        " FROM generate_series(0, 999) AS i"
    )
    assert outcome(subscription, 1000) == (list(range(100)), 900)


def test_one_that_catches_up_gets_no_more_than_its_rate_allows(orders, connect):
    orders.set(outbox_size="64kB")
    set_limits(orders, {"events_per_subscription": "1/h burst 400"})
    client = connect(orders)
    subscription = client.subscribe("subscription { orderUpdated { id text } }")
    # More than the outbox and the sockets hold, while nothing is read.
    orders.sql(
        "SELECT fraiseql_publish('any', 'orders',"
        " jsonb_build_object('id', i, 'text', repeat('x', 30000)))"
        " FROM generate_series(0, 499) AS i"
    )
    wait_until(
        lambda: orders.metric("fraiseql_subs_fallen_behind_total") > 0, "the client falls behind"
    )
    assert outcome(subscription, 500) == (list(range(400)), 100)


def test_limits_hold_at_once_for_those_who_are_connected(orders, connect):
    client = connect(orders)
    subscription = client.subscribe(ORDERS)
    set_limits(orders, {"events_per_subscription": "0/s"})
    client.settle()
    orders.publish("any", "orders", {"id": 1})
    assert outcome(subscription, 1) == ([], 1)
    set_limits(orders, None)
    client.settle()
    orders.publish("any", "orders", {"id": 2})
    assert outcome(subscription, 1) == ([2], 0)


def test_a_setting_holds_from_the_reload_on(orders, connect):
    client = connect(orders)
    subscription = client.subscribe(ORDERS)
    orders.set(limit_events_per_subscription="0/s")
    published = 0

    def is_cut():
        nonlocal published
        published += 1
        orders.publish("any", "orders", {"id": published})
        return limited(orders, "events_per_subscription") > 0

    wait_until(is_cut, "the setting is in force")
    ids, cut = outcome(subscription, published)
    assert ids == list(range(1, published - cut + 1))


def test_a_connection_that_sends_too_much_is_closed_and_others_go_on(orders, connect):
    set_limits(orders, {"messages_per_connection": "1/h burst 20"})
    bystander = connect(orders)
    client = connect(orders)
    for _ in range(20):
        client.send({"type": "ping"})
    assert client.wait_for_close() == (1013, "messages_per_connection")
    assert [message["type"] for message in client.messages] == ["pong"] * 19
    bystander.settle()
    assert limited(orders, "messages_per_connection") == 1


def test_the_first_message_is_counted_too(make_cluster, connect):
    client = connect(make_cluster(limit_messages_per_connection="0"), init=False)
    client.send({"type": "connection_init"})
    assert client.wait_for_close() == (1013, "messages_per_connection")


@pytest.mark.own_sockets
def test_a_flood_of_messages_is_answered_no_longer_than_the_rate_allows(orders, connect):
    set_limits(orders, {"messages_per_connection": "1/h burst 50"})
    bystander = connect(orders)
    before = orders.metric("fraiseql_subs_messages_received_total")
    for _ in range(5):
        client = connect(orders)
        with pytest.raises(ConnectionClosed):
            while True:
                client.send({"type": "ping"})
    assert orders.metric("fraiseql_subs_messages_received_total") == before + 5 * 51
    assert limited(orders, "messages_per_connection") == 5
    bystander.settle()


def ask(connection, path="/graphql?query={__typename}", method="GET"):
    """One request of a connection that is kept: (status, headers, body)."""
    connection.request(method, path, headers={"accept": "application/json"})
    reply = connection.getresponse()
    return reply.status, reply.headers, reply.read().decode()


def test_requests_of_a_connection_are_counted_as_messages_are(orders):
    set_limits(orders, {"messages_per_connection": "1/h burst 3"})
    # A request is counted when it comes, and answered when the limits are in force.
    with contextlib.closing(http_client.connection_to(orders)) as connection:
        assert ask(connection)[0] == 200
    with contextlib.closing(http_client.connection_to(orders)) as connection:
        assert ask(connection, method="OPTIONS")[0] == 200
        assert [ask(connection)[0] for _ in range(4)] == [200, 200, 200, 429]
        status, headers, body = ask(connection)
        assert status == 429
        assert 0 < int(headers["retry-after"]) <= 3600
        assert json.loads(body)["errors"][0]["extensions"] == {
            "code": "RATE_LIMITED",
            "limit": "messages_per_connection",
        }
        for path in ("/readyz", "/livez", "/metrics"):
            assert ask(connection, path)[0] == 200
    assert limited(orders, "messages_per_connection") == 2
    with contextlib.closing(http_client.connection_to(orders)) as connection:
        assert ask(connection)[0] == 200


def test_queries_by_http_are_no_connections(orders):
    set_limits(orders, {"connections_per_user": 0, "connections_per_tenant": 0})
    assert http_client.post(orders, "{ __typename }")[0] == 200


def test_an_event_stream_is_cut_as_well(orders):
    set_limits(orders, {"events_per_subscription": "1/h burst 1"})
    stream = http_client.EventStream(orders, ORDERS)
    wait_until(lambda: orders.metric("fraiseql_subs_subscriptions") == 1, "the stream stands")
    for number in range(3):
        orders.publish("any", "orders", {"id": number})
    assert stream.next()["data"] == {"orderUpdated": {"id": "0"}}
    cut = 0
    while cut < 2:
        payload = stream.next()
        assert payload["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        cut += payload["errors"][0]["extensions"]["count"]
    stream.close()


def test_limits_survive_a_dump(orders):
    set_limits(orders, {"events_per_user": "5/s"}, role="clerk")
    dumped = orders.program("pg_dump", "--data-only", "--table=fraiseql_subs.role_limit")
    assert json.dumps({"events_per_user": "5/s"}) in dumped
