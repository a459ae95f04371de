"""fraiseql_nodes() and /readyz: what operators see of the nodes that a server's events reach."""

import contextlib
import datetime
import json

import psycopg
import pytest

from bus_node import Node
from cluster import wait_until
from redis_bus import RedisBus
from test_redis_publisher import publish, wait_until_published

QUERY = "subscription { numberUpdated { n } }"


@pytest.fixture
def publisher(make_cluster, redis):
    cluster = make_cluster(bus="redis", bus_url=redis.url, node_name="primary")
    cluster.sql("SELECT fraiseql_register_types('type Number { n: Int! }')")
    cluster.sql("SELECT fraiseql_register_subscription('numberUpdated(n: Int): Number', 'numbers')")
    wait_until_published(cluster)
    return cluster


@contextlib.contextmanager
def running_node(redis, name):
    node = Node(bus="redis", bus_url=redis.url, database="postgres", node_name=name).start()
    try:
        node.wait_until_serving()
        yield node
    finally:
        node.destroy()


def look(cluster):
    """The rows of fraiseql_nodes(), and the warnings that came with them."""
    warnings = []
    with cluster.connect(row_factory=psycopg.rows.dict_row) as connection:
        connection.add_notice_handler(lambda notice: warnings.append(notice.message_primary))
        return connection.execute("SELECT * FROM fraiseql_nodes()").fetchall(), warnings


def row_of(cluster, name):
    return next((row for row in look(cluster)[0] if row["name"] == name), None)


def test_a_server_without_a_bus_is_the_only_node(make_cluster, connect):
    cluster = make_cluster(node_name="alone")
    cluster.sql("SELECT fraiseql_register_subscription('n: Int', 'numbers')")
    client = connect(cluster)
    client.subscribe("subscription { n }")
    (row,), warnings = look(cluster)
    assert (row["name"], row["is_self"], row["bus"], row["role"]) == (
        "alone",
        True,
        "memory",
        "single",
    )
    assert (row["connections"], row["subscriptions"]) == (1, 1)
    assert row["version"]
    assert row["since"] <= datetime.datetime.now(datetime.UTC)
    assert (row["lag"], row["delay"], row["trouble"], warnings) == (0, None, None, [])


def test_nodes_are_listed_with_their_clients_until_they_are_gone(publisher, redis, connect):
    with running_node(redis, "far") as node:
        subscription = connect(node).subscribe(QUERY)
        publish(publisher, 1)
        assert subscription.data() == {"numberUpdated": {"n": 1}}

        def told():
            row = row_of(publisher, "far")
            return row and row["subscriptions"] == 1 and row["delay"] is not None and row

        far = wait_until(told, "the node tells of its client and of the event")
        rows, warnings = look(publisher)
        assert [(row["name"], row["is_self"], row["role"]) for row in rows] == [
            ("primary", True, "publisher"),
            ("far", False, "subscriber"),
        ]
        assert (far["bus"], far["connections"], far["trouble"]) == ("redis", 1, None)
        assert far["version"] == rows[0]["version"]
        assert datetime.timedelta(0) <= far["delay"] < datetime.timedelta(minutes=1)
        assert warnings == []
    wait_until(lambda: row_of(publisher, "far") is None, "the node is forgotten", timeout=30)


def test_without_redis_the_own_row_is_there_and_a_warning_says_why_no_other_is(publisher, redis):
    redis.kill()

    def warned():
        rows, warnings = look(publisher)
        return warnings and rows[0]["trouble"] and (rows, warnings)

    rows, warnings = wait_until(warned, "the loss is seen")
    assert [row["name"] for row in rows] == ["primary"]
    assert "Redis" in rows[0]["trouble"]
    assert warnings[0].startswith("other nodes are not known: Redis")


def test_a_user_of_redis_that_may_not_list_nodes_publishes_all_the_same(make_cluster, redis):
    redis.call("ACL", "SETUSER", "narrow", "on", ">pw", "~*", "+@all", "-mget")
    url = redis.url.replace("redis://", "redis://narrow:pw@")
    publisher = make_cluster(bus="redis", bus_url=url, node_name="primary")
    wait_until_published(publisher)
    rows, warnings = look(publisher)
    assert [row["name"] for row in rows] == ["primary"]
    assert "NOPERM" in warnings[0]
    publish(publisher, 1)
    RedisBus(redis).wait_for_number(1)


def test_rows_that_make_no_sense_are_left_out(publisher, redis):
    bus = RedisBus(redis)
    good = {"name": "other", "role": "subscriber", "since_us": 1_700_000_000_000_000}
    bad = {
        "cut": '{"name":',
        "list": "[]",
        "control": json.dumps({"name": "control", "version": "\x00"}),
        "number": json.dumps({"name": "number", "lag": -1}),
        "huge": json.dumps({"name": "huge", "since_us": 10**18}),
        "long": json.dumps({"name": "long", "trouble": "x" * 5000}),
        "mine": json.dumps({"name": "another"}),
    }
    for name, row in [("other", json.dumps(good)), *bad.items()]:
        redis.call("SET", bus.key(f"node:{name}"), row)
        redis.call("ZADD", bus.key("nodes"), "9999999999", name)
    redis.call("ZADD", bus.key("nodes"), "9999999999", "gone")
    wait_until(lambda: row_of(publisher, "other"), "the row is there")
    assert [row["name"] for row in look(publisher)[0]] == ["primary", "other"]


def test_the_own_name_twice_tells_that_two_nodes_have_it(publisher, redis):
    def both():
        rows = look(publisher)[0]
        return [row["role"] for row in rows] == ["publisher", "subscriber"]

    # They replace each other's row once a second, and one that does so just after the other hides
    # it: until it is started at another moment of the second.
    for _ in range(20):
        with running_node(redis, "primary"), contextlib.suppress(AssertionError):
            wait_until(both, "the other one is seen", timeout=2)
            return
    raise AssertionError("the other one is never seen")


def test_monitors_may_ask_and_others_may_not(make_cluster):
    cluster = make_cluster()
    cluster.sql(
        "SELECT fraiseql_create_roles(); CREATE ROLE watcher LOGIN; CREATE ROLE other LOGIN;"
    )
    cluster.sql("GRANT fraiseql_monitor TO watcher")
    with cluster.connect(user="watcher") as connection:
        assert len(connection.execute("SELECT * FROM fraiseql_nodes()").fetchall()) == 1
    with (
        cluster.connect(user="other") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT * FROM fraiseql_nodes()")


def test_every_hop_of_an_event_is_timed(publisher, redis, connect):
    with running_node(redis, "far") as node:
        subscription = connect(node).subscribe(QUERY)
        publish(publisher, 1)
        subscription.next()
        sums = {
            "commit_to_append": publisher.metric("fraiseql_subs_bus_commit_to_append_seconds_sum"),
            "append_to_read": node.bus_metric("append_to_read_seconds_sum"),
        }
        text = node.get("/metrics")[1]
        for name in ("commit_to_read", "read_to_socket"):
            assert f'fraiseql_subs_{name}_seconds_bucket{{le="+Inf"}}' in text
            line = next(
                line
                for line in text.splitlines()
                if line.startswith(f"fraiseql_subs_{name}_seconds_sum")
            )
            sums[name] = float(line.split()[1])
        assert node.bus_metric("read_bytes_total") > 0
        assert publisher.metric("fraiseql_subs_bus_appended_bytes_total") > 0
    # Less than a second each, and so nothing if fractions were cut off.
    assert all(value > 0 for value in sums.values()), sums


def test_without_its_bus_a_node_is_not_ready_and_a_publishing_server_is(publisher, redis):
    with running_node(redis, "far") as node:
        redis.kill()

        def trouble():
            status, text = node.get("/readyz")
            return status == 503 and text.startswith("Redis: ")

        wait_until(trouble, "the node is not ready")
        assert node.get("/livez")[0] == 200

        def told():
            status, text = publisher.get("/readyz")
            return status == 200 and text.startswith("ok\nbus: Redis: ")

        wait_until(told, "the server is ready, and says what its bus lacks")
        assert publisher.value(
            "SELECT value FROM fraiseql_metrics() WHERE name = 'fraiseql_subs_ready'"
        )
        redis.start()
        node.wait_until_serving()
