"""fraiseql_metrics(), fraiseql_connections(), fraiseql_subscriptions(): what operators see."""

import datetime

import psycopg
import pytest


def test_connections_show_their_state_and_load(make_cluster, connect):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_subscription('n: Int', 'numbers')")
    waiting = connect(cluster, init=False)
    waiting.settle()
    client = connect(cluster)
    subscription = client.subscribe("subscription { n }")
    with cluster.connect(row_factory=psycopg.rows.dict_row) as connection:
        rows = connection.execute("SELECT * FROM fraiseql_connections() ORDER BY id").fetchall()
    first, second = rows
    assert (first["state"], first["subscriptions"]) == ("connected", 0)
    assert (second["state"], second["subscriptions"]) == ("acknowledged", 1)
    assert first["memory_bytes"] == 0
    assert 500 < second["memory_bytes"] < 5000
    assert second["memory_bytes"] == cluster.metric("fraiseql_subs_memory_bytes")
    assert second["peer"] == client.peer
    assert second["protocol"] == "graphql-transport-ws"
    assert second["connected_at"] <= datetime.datetime.now(datetime.UTC)
    assert second["sent_messages"] == 2
    client.close()
    waiting.close()
    assert subscription.messages == []


def test_subscriptions_show_what_was_asked_and_delivered(make_cluster, connect):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_subscription('n: Int', 'numbers')")
    client = connect(cluster)
    subscription = client.subscribe("subscription Watch { other: n }", id="abc")
    cluster.sql("SELECT fraiseql_publish('n', 'numbers', '1')")
    subscription.next()
    assert cluster.sql(
        "SELECT subscription_id, field, channel, operation_name, delivered"
        " FROM fraiseql_subscriptions()"
    ) == [("abc", "n", "numbers", "Watch", 1)]
    assert (
        cluster.value(
            "SELECT count(*) FROM fraiseql_subscriptions() s"
            " JOIN fraiseql_connections() c ON c.id = s.connection_id"
        )
        == 1
    )


def test_counters_follow_events(make_cluster, connect):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types('type N { a: Int b: Int }')")
    cluster.sql("SELECT fraiseql_register_subscription('n: N', 'numbers')")
    subscriptions = [connect(cluster).subscribe("subscription { n { a } }") for _ in range(5)]
    other = connect(cluster).subscribe("subscription { n { b } }")
    names = ("events_read", "events_matched", "payloads_encoded")
    before = {name: cluster.metric(f"fraiseql_subs_{name}_total") for name in names}
    for i in range(10):
        cluster.publish("n", "nobody listens", {"a": i, "b": -i})
        cluster.publish("n", "numbers", {"a": i, "b": -i})
    for subscription in (*subscriptions, other):
        for _ in range(10):
            subscription.data()
    grown = {
        name: cluster.metric(f"fraiseql_subs_{name}_total") - value
        for name, value in before.items()
    }
    assert grown == {"events_read": 20, "events_matched": 10, "payloads_encoded": 20}
    assert cluster.metric("fraiseql_subs_plans") == 2


def test_functions_are_nobodys_until_granted(server):
    server.sql("DROP ROLE IF EXISTS nobody_special")
    server.sql("CREATE ROLE nobody_special")
    calls = (
        "fraiseql_publish('a', 'b', '1')",
        "fraiseql_watch('pg_class')",
        "fraiseql_register_types('type A { b: Int }')",
        "fraiseql_register_subscription('a: Int', 'b')",
        "fraiseql_metrics()",
        "fraiseql_connections()",
        "fraiseql_subscriptions()",
        "fraiseql_schema()",
        "fraiseql_watched_tables()",
    )
    with server.connect() as connection:
        connection.execute("SET ROLE nobody_special")
        for call in calls:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT {call}")
    server.sql("GRANT EXECUTE ON FUNCTION fraiseql_publish(text, text, text) TO nobody_special")
    with server.connect() as connection:
        connection.execute("SET ROLE nobody_special")
        connection.execute("SELECT fraiseql_publish('a', 'b', '1')")
    server.sql("DROP OWNED BY nobody_special")
    server.sql("DROP ROLE nobody_special")


def test_processes_are_named_in_pg_stat_activity(server):
    types = {row[0] for row in server.sql("SELECT backend_type FROM pg_stat_activity")}
    assert {"fraiseql_subs launcher", "fraiseql_subs executor"} <= types
