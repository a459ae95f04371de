"""A server with `bus = redis` puts every event into a stream, whatever becomes of Redis."""

import contextlib
import json
import os
import signal

import psycopg
import pytest
from fraiseql_subs.testing._ports import free_port

from certificates import Authority
from cluster import wait_until
from redis_bus import RedisBus
from redis_server import Redis, Sentinel


def publish(cluster, *numbers):
    for number in numbers:
        cluster.sql(
            "SELECT fraiseql_publish('numberUpdated', 'numbers', jsonb_build_object('n', %s))",
            (number,),
        )


def publish_together(cluster, first, last):
    cluster.sql(
        "SELECT fraiseql_publish('numberUpdated', 'numbers', jsonb_build_object('n', n))"
        f" FROM generate_series({first}, {last}) n"
    )


def crash_a_backend(cluster):
    """Have the server restart by a crash, and wait until it serves again."""
    before = cluster.worker_pids()
    with cluster.connect() as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
    wait_until(
        lambda: (pids := cluster.worker_pids()) and pids != before, "another worker has started"
    )

    def answers():
        with contextlib.suppress(psycopg.OperationalError):
            return cluster.value("SELECT true")

    wait_until(answers, "the server is back")
    cluster.wait_until_serving()


def metric(cluster, name):
    _, text = cluster.get("/metrics")
    for line in text.splitlines():
        if line.startswith(f"fraiseql_subs_bus_{name} "):
            return float(line.split()[1])
    raise AssertionError(f"no metric {name}")


def bus_trouble(cluster):
    """What /readyz says of the bus; empty: nothing."""
    _, text = cluster.get("/readyz")
    return next((line for line in text.splitlines() if line.startswith("bus: ")), "")


def wait_until_published(cluster):
    wait_until(lambda: metric(cluster, "connected") == 1, "the bus works")


@pytest.fixture
def publisher(make_cluster, redis):
    cluster = make_cluster(bus="redis", bus_url=redis.url, node_name="primary")
    wait_until_published(cluster)
    return cluster


def test_what_was_committed_is_in_the_stream_in_its_order_and_once(publisher, redis):
    bus = RedisBus(redis)
    publish(publisher, 1, 2)
    with publisher.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("SELECT fraiseql_publish('x', 'numbers', '{\"n\": -1}')")
    publish_together(publisher, 3, 5000)
    bus.wait_for_number(5000)
    assert bus.numbers() == list(range(1, 5001))


def test_the_ids_of_the_stream_are_the_sequence_numbers_of_the_ring(publisher, redis):
    bus = RedisBus(redis)
    publish(publisher, 1, 2, 3)
    bus.wait_for_number(3)
    for entry in bus.entries():
        assert entry.id == f"{entry.sequence}-0"
    last = publisher.metric("fraiseql_subs_ring_records_total")
    assert bus.entries()[-1].sequence == last


def test_a_client_of_the_server_hears_of_an_event_by_the_same_position(publisher, redis, connect):
    publisher.sql("SELECT fraiseql_register_types('type Number { n: Int! }')")
    publisher.sql("SELECT fraiseql_register_subscription('numberUpdated: Number', 'numbers')")
    subscription = connect(publisher).subscribe("subscription { numberUpdated { n } }")
    publish(publisher, 1)
    bus = RedisBus(redis)
    bus.wait_for_number(1)
    position = subscription.next()["extensions"]["position"]
    assert position == f"{bus.epoch()}-{bus.events()[-1].position:x}"


def test_the_catalog_is_there_and_covers_each_change_of_it(publisher, redis):
    bus = RedisBus(redis)
    publisher.sql("SELECT fraiseql_register_types('type Number { n: Int! }')")
    publisher.sql("SELECT fraiseql_register_subscription('numberUpdated: Number', 'numbers')")
    publish(publisher, 1)
    # All changes are before it.
    bus.wait_for_number(1)
    last = [entry for entry in bus.entries() if entry.kind == "catalog"][-1]

    def covered():
        catalog = bus.hash("catalog")
        return int(catalog.get("covers", "0"), 16) > last.position and catalog

    catalog = wait_until(covered, "the catalog has the change")
    assert catalog["epoch"] == bus.epoch()
    assert catalog["changed"] == f"{bus.epoch()} {last.position:x}"
    snapshot = json.loads(catalog["snapshot"])
    assert [one["name"] for one in snapshot["subscriptions"]] == ["numberUpdated"]


def test_while_redis_is_away_commits_go_on_and_later_it_catches_up(publisher, redis):
    bus = RedisBus(redis)
    publish(publisher, 1)
    bus.wait_for_number(1)
    redis.kill()
    publish_together(publisher, 2, 3000)
    wait_until(lambda: "Connection refused" in bus_trouble(publisher), "the trouble is told")
    status, text = publisher.get("/readyz")
    assert (status, text.splitlines()[0]) == (200, "ok")
    assert metric(publisher, "connected") == 0
    redis.start()
    # Nothing was kept: what the ring still has is appended again, from its first.
    bus.wait_for_number(3000)
    assert bus.numbers() == list(range(1, 3001))
    wait_until(lambda: bus_trouble(publisher) == "", "no trouble is told any more")
    assert metric(publisher, "lost_total") == 0


def test_a_redis_that_keeps_its_data_gets_what_it_lacks_and_nothing_twice(make_cluster):
    with Redis(appendonly="yes", appendfsync="always") as redis:
        publisher = make_cluster(bus="redis", bus_url=redis.url)
        bus = RedisBus(redis)
        publish_together(publisher, 1, 2000)
        bus.wait_for_number(2000)
        redis.kill()
        publish_together(publisher, 2001, 4000)
        redis.start()
        bus.wait_for_number(4000)
        assert bus.numbers() == list(range(1, 4001))


def test_what_the_ring_could_not_keep_for_redis_is_a_jump_of_the_ids(make_cluster):
    with Redis(appendonly="yes", appendfsync="always") as redis:
        publisher = make_cluster(bus="redis", bus_url=redis.url, ring_size="1MB")
        bus = RedisBus(redis)
        publish(publisher, 1)
        bus.wait_for_number(1)
        redis.kill()
        for first in range(2, 20_002, 2000):
            publish_together(publisher, first, first + 1999)
        redis.start()
        bus.wait_for_number(20_001)
        entries = bus.entries()
        jumps = [
            after.sequence - before.sequence - 1
            for before, after in zip(entries, entries[1:], strict=False)
            if after.sequence > before.sequence + 1
        ]
        assert len(jumps) == 1
        assert jumps[0] == 20_001 - len(bus.events())
        assert metric(publisher, "lost_total") == jumps[0]
        wait_until(
            lambda: "events were overwritten in the ring before Redis took them" in publisher.log(),
            "the log tells",
        )


def test_no_transaction_waits_for_redis_where_commits_wait_for_room(make_cluster, redis):
    publisher = make_cluster(
        bus="redis", bus_url=redis.url, ring_size="1MB", overflow="wait", overflow_timeout="60s"
    )
    wait_until_published(publisher)
    redis.kill()
    # Several times what the ring holds.
    for first in range(1, 40_000, 1000):
        publish_together(publisher, first, first + 999)


def test_everything_that_redis_had_may_be_thrown_away(publisher, redis):
    bus = RedisBus(redis)
    publish(publisher, 1)
    bus.wait_for_number(1)
    redis.call("FLUSHALL")
    wait_until(bus.sources, "the publisher says again that it publishes")
    publish(publisher, 2)
    bus.wait_for_number(2)
    wait_until(lambda: bus.hash("catalog"), "the catalog is there again")


@pytest.mark.expects_crash
def test_a_worker_that_is_restarted_goes_on_where_the_stream_ends(publisher, redis):
    bus = RedisBus(redis)
    publish(publisher, 1, 2)
    bus.wait_for_number(2)
    (before,) = publisher.worker_pids()
    os.kill(before, signal.SIGKILL)
    publish(publisher, 3)
    bus.wait_for_number(3)
    assert publisher.worker_pids() != [before]
    assert bus.numbers() == [1, 2, 3]
    assert len(bus.sources()) == 1


def test_a_server_that_is_stopped_leaves_nothing_behind_and_says_how_much_there_was(
    publisher, redis
):
    bus = RedisBus(redis)
    publish_together(publisher, 1, 3000)
    publisher.restart()
    wait_until(lambda: len(bus.sources()) == 2, "the new epoch has begun")
    (old, (claim, last, node)), (new, (next_claim, none, _)) = sorted(
        bus.sources().items(), key=lambda item: item[1][0]
    )
    assert (claim, next_claim, none, node) == (1, 2, None, "primary")
    assert last == bus.entries(old)[-1].sequence
    assert bus.numbers(old) == list(range(1, 3001))
    publish(publisher, 3001)
    wait_until(lambda: bus.numbers(new) == [3001], "the new stream has the event")


def test_a_worker_that_ends_while_its_server_goes_on_does_not_say_how_much_there_was(
    publisher, redis
):
    bus = RedisBus(redis)
    publish_together(publisher, 1, 3000)
    (before,) = publisher.worker_pids()
    os.kill(before, signal.SIGTERM)
    wait_until(lambda: publisher.worker_pids() not in ([], [before]), "another worker runs")
    assert [last for _, last, _ in bus.sources().values()] == [None]
    publish(publisher, 3001)
    bus.wait_for_number(3001)
    assert [last for _, last, _ in bus.sources().values()] == [None]
    assert bus.numbers() == list(range(1, 3002))


@pytest.mark.expects_crash
def test_after_a_crash_of_a_backend_it_is_known_how_many_events_there_were(make_cluster):
    with Redis(appendonly="yes", appendfsync="always") as redis:
        publisher = make_cluster(bus="redis", bus_url=redis.url)
        bus = RedisBus(redis)
        publish(publisher, 1)
        bus.wait_for_number(1)
        old = bus.epoch()
        redis.kill()
        publish_together(publisher, 2, 11)
        written = publisher.metric("fraiseql_subs_ring_records_total")
        crash_a_backend(publisher)
        redis.start()
        wait_until(lambda: len(bus.sources()) == 2, "the new epoch has begun")
        assert bus.sources()[old][1] == written
        assert bus.numbers(old) == [1]


def test_a_wrong_password_is_told_once_and_never_written_down(make_cluster):
    with Redis(requirepass="correct") as redis:
        url = redis.url.replace("correct", "hunter2")
        publisher = make_cluster(bus="redis", bus_url=url)
        wait_until(lambda: "refuses the user or the password" in bus_trouble(publisher), "told")
        wait_until(lambda: metric(publisher, "errors_total") > 3, "it was tried again")
        told = "refuses the user or the password"
        log = wait_until(lambda: told in publisher.log() and publisher.log(), "it is in the log")
        assert log.count(told) == 1
        assert "hunter2" not in log


def test_the_url_is_for_superusers_to_see(publisher):
    publisher.sql("CREATE ROLE someone LOGIN")
    with (
        publisher.connect(user="someone") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SHOW fraiseql_subs.bus_url")


ACL = (
    "reset on >secret ~fraiseql_subs:{postgres}:* +auth +client|setname +info +role"
    " +hgetall +hset +hdel +hget +hmget +watch +unwatch +multi +exec +xadd +xread +xtrim"
    " +xinfo|stream +xgroup +pexpire +unlink +set +mget +zadd +zrange +zremrangebyscore"
)


def test_the_rights_of_the_manual_are_enough(make_cluster, redis):
    assert redis.call("ACL", "SETUSER", "app", *ACL.split()) == "OK"
    url = redis.url.replace("redis://", "redis://app:secret@")
    publisher = make_cluster(bus="redis", bus_url=url, bus_max_age="1s")
    publish(publisher, 1)
    RedisBus(redis).wait_for_number(1)
    wait_until_published(publisher)


def test_a_database_number_takes_one_right_more(make_cluster, redis):
    redis.call("ACL", "SETUSER", "app", *ACL.split(), "+select")
    url = redis.url.replace("redis://", "redis://app:secret@") + "/5"
    wait_until_published(make_cluster(bus="redis", bus_url=url))


def test_a_right_that_is_missing_is_told_by_its_name(make_cluster, redis):
    redis.call("ACL", "SETUSER", "app", *ACL.replace("+xadd", "-xadd").split())
    publisher = make_cluster(
        bus="redis", bus_url=redis.url.replace("redis://", "redis://app:secret@")
    )
    publish(publisher, 1)
    wait_until(lambda: "'xadd'" in bus_trouble(publisher), "the missing right is told")
    wait_until(lambda: publisher.log().count("NOPERM") == 1, "the log tells once")


def test_a_database_number_is_used(make_cluster, redis):
    publisher = make_cluster(bus="redis", bus_url=redis.url + "/5")
    wait_until_published(publisher)
    wait_until(lambda: "db5:" in redis.call("INFO", "keyspace"), "database 5 has keys")
    assert "db0:" not in redis.call("INFO", "keyspace")


def test_the_stream_keeps_about_as_many_events_as_it_is_told(make_cluster, redis):
    publisher = make_cluster(bus="redis", bus_url=redis.url, bus_max_length=1000)
    bus = RedisBus(redis)
    publish_together(publisher, 1, 5000)
    bus.wait_for_number(5000)
    assert 1000 <= len(bus.entries()) < 1500


def test_the_stream_forgets_what_is_too_old(make_cluster, redis):
    publisher = make_cluster(bus="redis", bus_url=redis.url, bus_max_age="1s")
    bus = RedisBus(redis)
    publish_together(publisher, 1, 1000)
    bus.wait_for_number(1000)
    wait_until(lambda: len(bus.events()) < 200, "old events are gone")


def test_of_two_servers_with_one_bus_the_later_publishes_and_the_other_says_so(
    publisher, make_cluster, redis
):
    bus = RedisBus(redis)
    other = make_cluster(bus="redis", bus_url=redis.url, node_name="other")
    publish(other, 7)
    bus.wait_for_number(7)
    wait_until(lambda: 'node "other" publishes' in bus_trouble(publisher), "it is told")
    told = 'node "other" publishes to Redis'
    wait_until(lambda: publisher.log().count(told) == 1, "the log tells once")
    publish(publisher, 8)
    assert bus.numbers() == [7]
    other.stop()
    publisher.restart()
    publish(publisher, 9)
    wait_until(lambda: bus.numbers() == [9], "a server that starts publishes again")


def test_after_a_failover_by_sentinel_every_event_is_there(make_cluster):
    with Redis() as first, Redis(replicaof=f"127.0.0.1 {first.port}") as second:
        sentinels = [Sentinel(first) for _ in range(3)]
        try:
            for sentinel in sentinels:
                sentinel.start()
            hosts = ",".join(f"127.0.0.1:{one.port}" for one in sentinels)
            publisher = make_cluster(bus="redis", bus_url=f"redis+sentinel://{hosts}/events")
            publish_together(publisher, 1, 100)
            RedisBus(first).wait_for_number(100)
            wait_until(
                lambda: all(
                    "num-slaves" in (state := sentinel.call("SENTINEL", "MASTER", "events"))
                    and state[state.index("num-slaves") + 1] == "1"
                    and state[state.index("num-other-sentinels") + 1] == "2"
                    for sentinel in sentinels
                ),
                "the Sentinels know the replica and each other",
                timeout=40,
            )
            first.kill()
            publish_together(publisher, 101, 200)
            bus = RedisBus(second)
            wait_until(
                lambda: second.call("ROLE")[0] == "master", "the replica is promoted", timeout=60
            )
            bus.wait_for_number(200)
            assert bus.numbers() == list(range(1, 201))
        finally:
            for sentinel in sentinels:
                sentinel.destroy()


def test_a_primary_that_is_demoted_is_left_for_the_new_one(make_cluster):
    with (
        Redis() as first,
        Redis(replicaof=f"127.0.0.1 {first.port}") as second,
        Sentinel(first, quorum=1) as sentinel,
    ):
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/events"
        publisher = make_cluster(bus="redis", bus_url=url)
        publish(publisher, 1)
        RedisBus(first).wait_for_number(1)

        def failover():
            state = sentinel.call("SENTINEL", "FAILOVER", "events")
            return state == "OK"

        wait_until(failover, "the Sentinel knows the replica", timeout=40)
        wait_until(lambda: second.call("ROLE")[0] == "master", "it is promoted", timeout=60)
        publish(publisher, 2, 3)
        bus = RedisBus(second)
        bus.wait_for_number(3)
        assert bus.numbers() == [1, 2, 3]


def test_a_node_of_a_cluster_is_refused_unless_the_url_says_cluster(make_cluster):
    with Redis(cluster_enabled="yes") as redis:
        redis.own_slots(0, 16383)
        publisher = make_cluster(bus="redis", bus_url=redis.url)
        wait_until(lambda: "redis+cluster://" in bus_trouble(publisher), "the trouble is told")


def test_in_a_cluster_the_node_that_has_the_keys_is_found(make_cluster):
    with Redis(cluster_enabled="yes") as one, Redis(cluster_enabled="yes") as two:
        one.own_slots(0, 8191)
        two.own_slots(8192, 16383)
        one.call("CLUSTER", "MEET", "127.0.0.1", two.port)
        for node in (one, two):
            wait_until(
                lambda node=node: "cluster_state:ok" in node.call("CLUSTER", "INFO"),
                "the cluster stands",
                timeout=40,
            )
        slot = one.call("CLUSTER", "KEYSLOT", RedisBus(one).key("sources"))
        owner, other = (one, two) if slot <= 8191 else (two, one)
        url = f"redis+cluster://127.0.0.1:{other.port}"
        publisher = make_cluster(bus="redis", bus_url=url)
        publish(publisher, 1, 2)
        bus = RedisBus(owner)
        bus.wait_for_number(2)
        assert bus.numbers() == [1, 2]


@pytest.fixture
def authority():
    made = Authority()
    yield made
    made.remove()


@pytest.fixture
def tls_redis(authority):
    certificate, key = authority.issue("redis")
    port = free_port()
    with Redis(
        tls_port=port,
        tls_cert_file=certificate,
        tls_key_file=key,
        tls_ca_cert_file=authority.certificate,
        tls_auth_clients="no",
    ) as redis:
        redis.tls_port = port
        yield redis


def test_by_tls_everything_goes_as_without(make_cluster, authority, tls_redis):
    publisher = make_cluster(
        bus="redis",
        bus_url=f"rediss://localhost:{tls_redis.tls_port}",
        bus_ca_file=authority.certificate,
    )
    bus = RedisBus(tls_redis)
    publish_together(publisher, 1, 5000)
    bus.wait_for_number(5000)
    assert bus.numbers() == list(range(1, 5001))


def test_a_certificate_of_nobody_s_or_for_another_host_is_refused(
    make_cluster, authority, tls_redis
):
    other = Authority("other")
    try:
        for ca, host in ((other, "127.0.0.1"), (authority, "127.0.0.2")):
            publisher = make_cluster(
                bus="redis",
                bus_url=f"rediss://{host}:{tls_redis.tls_port}",
                bus_ca_file=ca.certificate,
            )
            wait_until(
                lambda publisher=publisher: "certificate is not accepted" in bus_trouble(publisher),
                "the certificate is refused",
            )
    finally:
        other.remove()


@pytest.mark.parametrize("url", ["", "redis://user:hunter2@h:x"])
def test_a_url_that_is_none_leaves_the_server_s_own_clients_served(make_cluster, connect, url):
    publisher = make_cluster(install=False, bus="redis", bus_url=url)
    publisher.install()
    connect(publisher)
    assert "bus_url" in bus_trouble(publisher)
    assert "hunter2" not in publisher.log()
