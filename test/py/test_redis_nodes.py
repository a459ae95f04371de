"""Nodes without a database serve what a server publishes by Redis: everything once and in its
order, and every loss told with its count.
"""

import concurrent.futures
import contextlib
import os
import signal

import psycopg
import pytest

from bus_node import Node
from cluster import wait_until
from redis_bus import RedisBus
from redis_server import Redis, version
from test_redis_publisher import crash_a_backend, publish, publish_together, wait_until_published

QUERY = "subscription { numberUpdated { n } }"


@pytest.fixture
def publisher(make_cluster, redis):
    cluster = make_cluster(bus="redis", bus_url=redis.url, node_name="primary")
    register(cluster)
    wait_until_published(cluster)
    return cluster


@pytest.fixture
def make_node(redis):
    nodes = []

    def make(serving=True, **options):
        defaults = {"bus": "redis", "bus_url": redis.url, "database": "postgres"}
        node = Node(**defaults | {"node_name": f"node{len(nodes)}"} | options)
        nodes.append(node)
        node.start()
        if serving:
            node.wait_until_serving()
        return node

    yield make
    for node in nodes:
        node.destroy()


def register(cluster):
    cluster.sql("SELECT fraiseql_register_types('type Number { n: Int! }')")
    cluster.sql("SELECT fraiseql_register_subscription('numberUpdated(n: Int): Number', 'numbers')")


def subscribe(client, query):
    """Subscribe when the client's node knows the field."""

    def subscribed():
        subscription = client.start(query)
        client.settle()
        return not subscription.messages and subscription

    return wait_until(subscribed, "the field is there")


class Received:
    """What a subscription has had: numbers of events, how many it was told are lost, and how often
    that some may be.
    """

    def __init__(self, subscription):
        self.subscription = subscription
        self.numbers = []
        self.positions = []
        self.lost = 0
        self.uncounted = 0

    def take(self):
        payload = self.subscription.next()
        extensions = payload.get("extensions", {})
        for error in payload.get("errors", []):
            assert error["extensions"]["code"] == "EVENTS_LOST"
            if "count" in error["extensions"]:
                self.lost += error["extensions"]["count"]
            else:
                self.uncounted += 1
        data = payload.get("data") or {}
        if data.get("numberUpdated"):
            self.numbers.append(data["numberUpdated"]["n"])
            self.positions.append(extensions.get("position"))
        return self

    def until(self, number):
        while not self.numbers or self.numbers[-1] != number:
            self.take()
        return self


def test_clients_of_every_node_get_every_event_once_in_order_and_by_the_same_position(
    publisher, make_node, connect
):
    nodes = [publisher, make_node(), make_node()]
    received = [Received(subscribe(connect(node), QUERY)) for node in nodes]
    publish(publisher, 1)
    publish_together(publisher, 2, 3000)
    publish(publisher, 3001)
    for one in received:
        one.until(3001)
        assert one.numbers == list(range(1, 3002))
        assert one.lost == 0
        assert one.positions == received[0].positions


def test_a_registration_is_known_to_nodes_before_the_events_behind_it(
    publisher, make_node, connect
):
    node = make_node()
    publisher.sql("SELECT fraiseql_register_types('type Other { n: Int! }')")
    publisher.sql("SELECT fraiseql_register_subscription('other: Other', 'others')")
    subscription = subscribe(connect(node), "subscription { other { n } }")
    publisher.sql("SELECT fraiseql_publish('x', 'others', '{\"n\": 5}')")
    assert subscription.data() == {"other": {"n": 5}}


def test_a_node_that_starts_before_redis_serves_when_it_is_there(make_cluster, make_node, connect):
    redis = Redis()
    try:
        node = make_node(serving=False, bus_url=redis.url)

        def tells_trouble():
            status, text = node.get("/readyz")
            return status == 503 and "Connection refused" in text

        wait_until(tells_trouble, "the trouble is told")
        redis.start()
        publisher = make_cluster(bus="redis", bus_url=redis.url)
        register(publisher)
        node.wait_until_serving()
        received = Received(subscribe(connect(node), QUERY))
        publish(publisher, 1)
        assert received.until(1).numbers == [1]
    finally:
        redis.destroy()


def test_a_redis_that_loses_everything_costs_no_event(publisher, redis, make_node, connect):
    node = make_node()
    received = Received(subscribe(connect(node), QUERY))
    publish_together(publisher, 1, 500)
    received.until(500)
    redis.kill()
    publish_together(publisher, 501, 1000)
    redis.start()
    publish(publisher, 1001)
    assert received.until(1001).numbers == list(range(1, 1002))
    assert received.lost == 0


def test_a_redis_that_is_restarted_with_its_data_costs_no_event(make_cluster, make_node, connect):
    with Redis(appendonly="yes", appendfsync="always") as redis:
        publisher = make_cluster(bus="redis", bus_url=redis.url)
        register(publisher)
        node = make_node(bus_url=redis.url)
        received = Received(subscribe(connect(node), QUERY))
        for round in range(3):
            publish_together(publisher, round * 100 + 1, round * 100 + 50)
            redis.kill()
            publish_together(publisher, round * 100 + 51, round * 100 + 100)
            redis.start()
            received.until(round * 100 + 100)
        assert received.numbers == list(range(1, 301))
        assert received.lost == 0


def test_what_the_ring_could_not_keep_is_told_with_its_count(make_cluster, make_node, connect):
    with Redis(appendonly="yes", appendfsync="always") as redis:
        publisher = make_cluster(bus="redis", bus_url=redis.url, ring_size="1MB")
        register(publisher)
        node = make_node(bus_url=redis.url)
        received = Received(subscribe(connect(node), QUERY))
        publish(publisher, 1)
        received.until(1)
        redis.kill()
        for first in range(2, 20_002, 2000):
            publish_together(publisher, first, first + 1999)
        redis.start()
        received.until(20_001)
        assert received.numbers == sorted(set(received.numbers))
        assert received.lost == 20_001 - len(received.numbers) > 0


def test_flushall_is_told_as_no_more_than_what_was_not_read(publisher, redis, make_node, connect):
    node = make_node()
    received = Received(subscribe(connect(node), QUERY))
    publish(publisher, 1)
    received.until(1)
    redis.call("FLUSHALL")
    bus = RedisBus(redis)
    wait_until(bus.sources, "the publisher says again that it publishes")
    publish(publisher, 2)
    assert received.until(2).numbers == [1, 2]


@pytest.mark.parametrize("changes", [False, True])
def test_a_node_that_comes_after_the_servers_worker_came_back_serves(
    publisher, redis, make_node, connect, changes
):
    bus = RedisBus(redis)
    wait_until(lambda: "numberUpdated" in bus.hash("catalog")["snapshot"], "the catalog is there")
    id = bus.hash("catalog")["id"]
    (worker,) = publisher.worker_pids()
    with publisher.connect() as session:
        # In the time before another one is started.
        os.kill(worker, signal.SIGKILL)
        if changes:
            session.execute("SELECT fraiseql_register_types('type Other { n: Int! }')")
    wait_until(lambda: bus.hash("catalog")["id"] != id, "another worker has put the catalog there")
    received = Received(subscribe(connect(make_node()), QUERY))
    publish(publisher, 1)
    assert received.until(1).numbers == [1]


@pytest.mark.expects_crash
def test_after_a_crash_of_a_backend_nodes_go_on_with_the_new_epoch(publisher, make_node, connect):
    node = make_node()
    received = Received(subscribe(connect(node), QUERY))
    publish_together(publisher, 1, 100)
    received.until(100)
    crash_a_backend(publisher)
    publish_together(publisher, 101, 200)
    received.until(200)
    assert received.numbers == list(range(1, 201))
    # A commit may have been under way.
    assert (received.lost, received.uncounted) == (0, 1)
    assert received.positions[0].split("-")[0] != received.positions[-1].split("-")[0]


@pytest.mark.expects_crash
def test_what_a_crash_kept_from_redis_is_told_with_its_count(make_cluster, make_node, connect):
    with Redis(appendonly="yes", appendfsync="always") as redis:
        publisher = make_cluster(bus="redis", bus_url=redis.url)
        register(publisher)
        node = make_node(bus_url=redis.url)
        received = Received(subscribe(connect(node), QUERY))
        publish(publisher, 1)
        received.until(1)
        redis.kill()
        publish_together(publisher, 2, 11)
        crash_a_backend(publisher)
        redis.start()
        publish(publisher, 12)
        received.until(12)
        assert received.numbers == [1, 12]
        assert (received.lost, received.uncounted) == (10, 1)


@pytest.mark.expects_crash
def test_of_a_server_that_dies_as_a_whole_nobody_is_told_a_number_that_nobody_knows(
    publisher, make_node, connect
):
    node = make_node()
    received = Received(subscribe(connect(node), QUERY))
    publish_together(publisher, 1, 100)
    received.until(100)
    publisher.stop("immediate")
    publisher.start()
    publisher.wait_until_serving()
    publish(publisher, 101)
    received.until(101)
    assert received.numbers == list(range(1, 102))
    assert (received.lost, received.uncounted) == (0, 1)


def test_a_source_that_comes_again_is_read_on_from_where_it_was(
    publisher, make_cluster, redis, make_node, connect
):
    received = Received(subscribe(connect(make_node()), QUERY))
    publish_together(publisher, 1, 100)
    received.until(100)
    other = make_cluster()
    register(other)
    other.sql("ALTER SYSTEM SET fraiseql_subs.bus = 'redis'")
    other.sql(f"ALTER SYSTEM SET fraiseql_subs.bus_url = '{redis.url}'")
    other.restart()
    publish(other, 1000)
    received.until(1000)
    other.stop()
    bus = RedisBus(redis)
    assert redis.call("HDEL", bus.key("sources"), bus.epoch()) == 1
    publish(publisher, 101)
    received.until(101)
    assert received.numbers == [*range(1, 101), 1000, 101]
    assert received.lost == 0


def test_a_server_that_is_restarted_as_it_should_be_costs_nodes_no_event(
    publisher, make_node, connect
):
    node = make_node()
    received = Received(subscribe(connect(node), QUERY))
    publish_together(publisher, 1, 2000)
    publisher.restart()
    publisher.wait_until_serving()
    publish(publisher, 2001)
    received.until(2001)
    assert received.numbers == list(range(1, 2002))
    assert (received.lost, received.uncounted) == (0, 0)


def test_what_is_committed_while_the_server_is_being_stopped_reaches_nodes(
    make_cluster, redis, make_node, connect
):
    # A commit takes a tenth of a second.
    slow = {"fsync": "on", "commit_delay": 100_000, "commit_siblings": 0}
    publisher = make_cluster(
        bus="redis",
        bus_url=redis.url,
        **{f"postgresql__{name}": value for name, value in slow.items()},
    )
    register(publisher)
    publisher.sql("CREATE TABLE number (n int)")
    publisher.sql("CREATE SEQUENCE next_number")
    received = Received(subscribe(connect(make_node()), QUERY))

    def insert_until_the_end():
        with contextlib.suppress(psycopg.OperationalError), publisher.connect() as connection:
            while True:
                connection.execute(
                    "WITH one AS (INSERT INTO number SELECT nextval('next_number') RETURNING n)"
                    " SELECT fraiseql_publish('x', 'numbers', to_json(one)) FROM one"
                )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        inserting = [pool.submit(insert_until_the_end) for _ in range(8)]
        while len(received.numbers) < 100:
            received.take()
        publisher.restart()
        for session in inserting:
            session.result()
    publisher.wait_until_serving()
    publish(publisher, 0)
    received.until(0)
    committed = [n for (n,) in publisher.sql("SELECT n FROM number ORDER BY n")]
    assert sorted(received.numbers[:-1]) == committed
    assert (received.lost, received.uncounted) == (0, 0)


def test_a_commit_that_waits_for_a_standby_when_the_server_is_stopped_reaches_nodes(
    publisher, make_node, connect
):
    publisher.sql("CREATE TABLE number (n int)")
    received = Received(subscribe(connect(make_node()), QUERY))
    publisher.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    publisher.sql("SELECT pg_reload_conf()")

    def insert():
        with contextlib.suppress(psycopg.OperationalError), publisher.connect() as connection:
            connection.execute(
                "WITH one AS (INSERT INTO number VALUES (1) RETURNING n)"
                " SELECT fraiseql_publish('x', 'numbers', to_json(one)) FROM one"
            )

    def waits():
        return publisher.sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")

    wait_until(
        lambda: publisher.value("SHOW synchronous_standby_names") == "nobody", "it is awaited"
    )
    with concurrent.futures.ThreadPoolExecutor() as pool:
        inserting = pool.submit(insert)
        try:
            wait_until(waits, "the commit waits")
        finally:
            publisher.stop()
        inserting.result()
    with (publisher.data / "postgresql.auto.conf").open("a") as settings:
        settings.write("synchronous_standby_names = ''\n")
    publisher.start()
    publisher.wait_until_serving()
    publish(publisher, 2)
    assert received.until(2).numbers == [1, 2]
    assert (received.lost, received.uncounted) == (0, 0)


def test_of_a_session_that_outlives_the_worker_nobody_is_told_a_number(
    publisher, make_node, connect
):
    received = Received(subscribe(connect(make_node()), QUERY))
    with publisher.connect() as connection, concurrent.futures.ThreadPoolExecutor() as pool:
        os.kill(connection.info.backend_pid, signal.SIGSTOP)
        restarting = pool.submit(publisher.restart)
        try:
            wait_until(lambda: not publisher.worker_pids(), "the worker has ended")
        finally:
            os.kill(connection.info.backend_pid, signal.SIGCONT)
        restarting.result()
    publisher.wait_until_serving()
    publish(publisher, 1)
    assert received.until(1).numbers == [1]
    assert (received.lost, received.uncounted) == (0, 1)


def test_a_node_that_was_cut_off_catches_up(publisher, redis, make_node, connect):
    node = make_node()
    received = Received(subscribe(connect(node), QUERY))
    publish(publisher, 1)
    received.until(1)
    os.kill(node.process.pid, signal.SIGSTOP)
    publish_together(publisher, 2, 3000)
    RedisBus(redis).wait_for_number(3000)
    os.kill(node.process.pid, signal.SIGCONT)
    received.until(3000)
    assert received.numbers == list(range(1, 3001))
    assert received.lost == 0


def test_what_the_stream_has_forgotten_is_told_with_its_count(
    make_cluster, make_node, connect, redis
):
    publisher = make_cluster(bus="redis", bus_url=redis.url, bus_max_length=1000)
    register(publisher)
    node = make_node()
    received = Received(subscribe(connect(node), QUERY))
    publish(publisher, 1)
    received.until(1)
    os.kill(node.process.pid, signal.SIGSTOP)
    publish_together(publisher, 2, 10_000)
    RedisBus(redis).wait_for_number(10_000)
    os.kill(node.process.pid, signal.SIGCONT)
    received.until(10_000)
    assert received.numbers == sorted(set(received.numbers))
    assert received.lost == 10_000 - len(received.numbers) > 0


def test_redis_shows_where_each_node_is(publisher, redis, make_node, connect):
    node = make_node(node_name="far")
    received = Received(subscribe(connect(node), QUERY))
    publish_together(publisher, 1, 50)
    received.until(50)
    bus = RedisBus(redis)
    stream = bus.key(f"stream:{bus.epoch()}")

    def group():
        groups = redis.call("XINFO", "GROUPS", stream)
        if not isinstance(groups, list) or not groups:
            return None
        found = dict(zip(groups[0][::2], groups[0][1::2], strict=True))
        return found["last-delivered-id"] == bus.entries()[-1].id and found

    found = wait_until(group, "the group is at the end")
    assert (found["name"], found["pending"]) == ("far", 0)
    if version() >= (7,):
        assert found["lag"] == 0


def test_nodes_tell_of_themselves(publisher, redis, make_node, connect):
    make_node(node_name="far")
    bus = RedisBus(redis)
    wait_until(
        lambda: set(redis.call("ZRANGE", bus.key("nodes"), 0, -1)) == {"primary", "far"},
        "both nodes are listed",
    )
    for name, role in (("primary", "publisher"), ("far", "subscriber")):
        row = redis.call("GET", bus.key(f"node:{name}"))
        assert f'"role":"{role}"' in row.replace(" ", "")


def test_metrics_of_a_node_tell_of_its_bus(publisher, make_node, connect):
    node = make_node()
    received = Received(subscribe(connect(node), QUERY))
    publish_together(publisher, 1, 10)
    received.until(10)
    assert node.bus_metric("connected") == 1
    assert node.bus_metric("read_total") >= 10
    assert node.bus_metric("lost_total") == 0
    assert node.bus_metric("append_to_read_seconds_count") > 0
    wait_until(lambda: node.bus_metric("behind_events") == 0, "nothing is left to read")


def test_while_redis_is_away_a_node_says_so_and_keeps_its_clients(
    publisher, redis, make_node, connect
):
    node = make_node()
    received = Received(subscribe(connect(node), QUERY))
    redis.kill()
    wait_until(lambda: "Redis" in node.get("/readyz")[1], "the trouble is told")
    redis.start()
    publish(publisher, 1)
    assert received.until(1).numbers == [1]
    node.wait_until_serving()
