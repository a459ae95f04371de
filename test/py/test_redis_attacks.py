"""Whatever a Redis says, or becomes of what it has: servers and nodes live, keep their clients, say
what is wrong, and go on when it is over.
"""

import pytest

from bus_node import Node
from cluster import wait_until
from redis_bus import RedisBus
from redis_server import Redis
from spoiled_redis import SpoiledRedis
from test_redis_nodes import QUERY, Received, register, subscribe
from test_redis_publisher import bus_trouble, publish, publish_together, wait_until_published

MEGABYTE = 1024 * 1024


@pytest.fixture
def spoiled(redis):
    with SpoiledRedis(redis) as proxy:
        yield proxy


@pytest.fixture
def publisher(make_cluster, spoiled):
    cluster = make_cluster(bus="redis", bus_url=spoiled.url, node_name="primary")
    register(cluster)
    wait_until_published(cluster)
    return cluster


@pytest.fixture
def node(spoiled, publisher):
    made = Node(bus="redis", bus_url=spoiled.url, database="postgres", node_name="far")
    try:
        made.start().wait_until_serving()
        yield made
    finally:
        made.destroy()


def resident(process):
    """Bytes of memory that a process has."""
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * 4096


def endless(head, piece):
    """Say something that never ends, until the other side has had enough."""

    def send(client):
        client.sendall(head)
        while True:
            client.sendall(piece)

    return send


ANSWERS = {
    "a text of any size": endless(b"$9000000000000000000\r\n", b"x" * MEGABYTE),
    "a text within what fits an integer": endless(b"$536870912\r\n", b"x" * MEGABYTE),
    "a line that does not end": endless(b"+", b"x" * MEGABYTE),
    "an array of any size": endless(b"*2147483647\r\n", b"+\r\n" * 4096),
    "arrays in arrays": endless(b"", b"*1\r\n" * 4096),
    "half an answer": b"*2\r\n$5\r\nab",
    "nothing": None,
    "a number": b":7\r\n",
    "nil": b"$-1\r\n",
    "an array of nothing": b"*0\r\n",
    "RESP3": b"%1\r\n+a\r\n#t\r\n",
    "no Redis": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "LOADING": b"-LOADING Redis is loading the dataset in memory\r\n",
    "READONLY": b"-READONLY You can't write against a read only replica.\r\n",
    "MASTERDOWN": b"-MASTERDOWN Link with MASTER is down\r\n",
    "OOM": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    "NOPERM": b"-NOPERM this user has no permissions to run it\r\n",
    "WRONGTYPE": b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    "MOVED": b"-MOVED 1 127.0.0.1:1\r\n",
    "ASK": b"-ASK 1 127.0.0.1:1\r\n",
    "two answers": b"+OK\r\n+OK\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_whatever_redis_answers_nothing_is_lost_once_it_answers_as_it_should(
    publisher, node, spoiled, connect, answer
):
    received = Received(subscribe(connect(node), QUERY))
    own = Received(connect(publisher).subscribe(QUERY))
    publish(publisher, 1)
    received.until(1)
    (worker,) = publisher.worker_pids()
    before = {pid: resident(pid) for pid in (worker, node.process.pid)}
    spoiled.answers = {"*": answer}
    enough = spoiled.spoiled + 6
    publish_together(publisher, 2, 500)
    own.until(500)
    wait_until(lambda: spoiled.spoiled >= enough, "it was tried often", timeout=60)
    for pid, size in before.items():
        assert resident(pid) < size + 400 * MEGABYTE
    spoiled.answers = {}
    publish(publisher, 501)
    received.until(501)
    assert received.numbers == list(range(1, 502))
    assert received.lost == 0
    assert publisher.worker_pids() == [worker]
    wait_until(lambda: not bus_trouble(publisher), "nothing is wrong any more", timeout=40)
    wait_until(lambda: node.get("/readyz")[0] == 200, "the node is well", timeout=40)


@pytest.mark.parametrize("command", ["EXEC", "XADD", "HGETALL", "XINFO", "SET", "XREAD", "HMGET"])
def test_one_command_that_is_refused_for_some_time_costs_no_event(
    publisher, node, spoiled, connect, command
):
    received = Received(subscribe(connect(node), QUERY))
    spoiled.answers = {command: b"-ERR not now\r\n"}
    enough = spoiled.spoiled + 3
    publish(publisher, 1)
    publish_together(publisher, 2, 500)
    # Those of the start alone are not asked again.
    publisher.sql("SELECT fraiseql_register_types('type Another { n: Int! }')")
    spoiled.redis.call("DEL", RedisBus(spoiled).key("sources"))
    wait_until(lambda: spoiled.spoiled >= enough, "it was tried often", timeout=60)
    spoiled.answers = {}
    publish(publisher, 501)
    received.until(501)
    assert received.numbers == list(range(1, 502))
    assert received.lost == 0


@pytest.mark.parametrize("what", ["stream", "sources", "catalog", "nodes", None])
def test_keys_that_are_thrown_away_under_load_cost_no_more_than_what_was_not_read(
    publisher, node, redis, connect, what
):
    """As FLUSHALL does, and a memory that is full with another policy than noeviction."""
    received = Received(subscribe(connect(node), QUERY))
    bus = RedisBus(redis)
    epoch = bus.epoch()
    for first in range(1, 5001, 100):
        publish_together(publisher, first, first + 99)
        if what is None:
            redis.call("FLUSHALL")
        else:
            redis.call("UNLINK", bus.key(f"stream:{epoch}" if what == "stream" else what))
    publish(publisher, 5001)
    received.until(5001)
    assert received.numbers == sorted(set(received.numbers))
    assert received.lost == 5001 - len(received.numbers)
    assert received.uncounted == 0
    wait_until(lambda: bus.hash("catalog").get("snapshot"), "the catalog is there again")
    assert set(wait_until(bus.sources, "the source is there again")) == {epoch}


def test_a_redis_that_is_full_leaves_events_in_the_ring(publisher, node, redis, connect):
    received = Received(subscribe(connect(node), QUERY))
    publish(publisher, 1)
    received.until(1)
    redis.call("CONFIG", "SET", "maxmemory", 1)
    publish_together(publisher, 2, 1000)
    wait_until(lambda: "OOM" in bus_trouble(publisher), "it is told")
    assert node.get("/readyz")[0] == 200
    redis.call("CONFIG", "SET", "maxmemory", 0)
    received.until(1000)
    assert received.numbers == list(range(1, 1001))
    assert received.lost == 0


@pytest.mark.parametrize("what", ["stream", "sources", "catalog", "nodes", "node:primary"])
def test_a_key_of_another_type_is_told_and_costs_nothing_once_it_is_gone(
    publisher, node, redis, connect, what
):
    received = Received(subscribe(connect(node), QUERY))
    bus = RedisBus(redis)
    key = bus.key(f"stream:{bus.epoch()}" if what == "stream" else what)
    if what == "node:primary":
        # Whatever was there, it is written over.
        redis.call("UNLINK", key)
        redis.call("RPUSH", key, "x")
    else:
        redis.call("SET", key, "x")
        publish(publisher, 1)
        wait_until(lambda: "WRONGTYPE" in bus_trouble(publisher), "it is told")
    publish_together(publisher, 2, 100)
    redis.call("UNLINK", key)
    received.until(100)
    assert received.numbers[-99:] == list(range(2, 101))
    assert received.lost == 0


def test_entries_that_others_put_into_the_stream_are_told(publisher, redis):
    bus = RedisBus(redis)
    publish(publisher, 1)
    bus.wait_for_number(1)
    stream = bus.key(f"stream:{bus.epoch()}")
    redis.call("XADD", stream, "1000000-0", "r", "x")
    publish_together(publisher, 2, 10)
    wait_until(lambda: "has not published" in bus_trouble(publisher), "it is told")
    redis.call("UNLINK", stream)
    bus.wait_for_number(10)
    assert bus.numbers() == list(range(1, 11))


def test_nodes_of_a_cluster_that_send_us_to_each_other_for_ever_are_told(make_cluster, redis):
    with SpoiledRedis(redis) as spoiled:
        moved = f"-MOVED 1 127.0.0.1:{spoiled.port}\r\n".encode()
        spoiled.answers = {"WATCH": moved, "HGETALL": moved}
        publisher = make_cluster(bus="redis", bus_url=f"redis+cluster://127.0.0.1:{spoiled.port}")
        wait_until(lambda: "MOVED" in bus_trouble(publisher), "it is told", timeout=40)


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among others"])
def test_an_event_that_redis_takes_not_is_told_as_lost_and_keeps_none_back(
    make_cluster, connect, alone
):
    with Redis(proto_max_bulk_len="1mb") as redis:
        publisher = make_cluster(bus="redis", bus_url=redis.url, max_event_size="8MB")
        register(publisher)
        node = Node(bus="redis", bus_url=redis.url, database="postgres")
        try:
            node.start().wait_until_serving()
            received = Received(subscribe(connect(node), QUERY))
            if not alone:
                publish_together(publisher, 1, 100)
            publisher.sql(
                "SELECT fraiseql_publish('numberUpdated', 'numbers', jsonb_build_object("
                f"'n', n, 'x', CASE WHEN n % {1 if alone else 10} = 0"
                f" THEN repeat('x', {MEGABYTE} + n) END)) FROM generate_series(101, 120) n"
            )
            if alone:
                # The loss is told though nothing comes behind it.
                while received.lost < 20:
                    received.take()
            publish(publisher, 121)
            received.until(121)
            expected = [*range(1, 122)] if not alone else [121]
            assert received.numbers == [n for n in expected if n not in (110, 120)]
            assert received.lost == (20 if alone else 2)
            wait_until(lambda: "proto-max-bulk-len" in publisher.log(), "the log says why")
        finally:
            node.destroy()


def test_a_server_that_says_why_it_closes_the_connection_is_quoted(make_cluster):
    with Redis() as redis:
        with redis.connection():
            assert redis.call("CONFIG", "SET", "maxclients", 1) == "OK"
            publisher = make_cluster(bus="redis", bus_url=redis.url)
            wait_until(lambda: "max number of clients" in bus_trouble(publisher), "it is told")
        wait_until(lambda: not bus_trouble(publisher), "it works")
