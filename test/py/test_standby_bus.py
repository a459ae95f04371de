"""A standby with a bus serves clients, but delivers no event before it has replayed its commit."""

import contextlib

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from cluster import wait_until
from redis_bus import RedisBus
from test_authenticate_function import FUNCTION as LOGIN
from test_redis_nodes import QUERY, Received, register
from test_redis_publisher import metric, wait_until_published
from test_standby import replica_of


@pytest.fixture
def primary(make_cluster, redis):
    cluster = make_cluster(bus="redis", bus_url=redis.url, node_name="primary")
    register(cluster)
    cluster.sql("CREATE TABLE number (n int)")
    wait_until_published(cluster)
    return cluster


@pytest.fixture
def make_standby(primary, make_cluster):
    def make(**settings):
        cluster = make_cluster(
            install=False, data=replica_of(primary), **{"node_name": "standby"} | settings
        )
        cluster.wait_until_serving()
        return cluster

    return make


@pytest.fixture
def standby(make_standby):
    return make_standby()


def insert(cluster, first, last=None):
    """One transaction each: a row, and the event of it."""
    with cluster.connect() as connection:
        for n in range(first, (last or first) + 1):
            with connection.transaction():
                connection.execute("INSERT INTO number VALUES (%s)", (n,))
                connection.execute(
                    "SELECT fraiseql_publish('x', 'numbers', jsonb_build_object('n', %s))", (n,)
                )


def pause_replay(standby):
    standby.sql("SELECT pg_wal_replay_pause()")
    wait_until(
        lambda: standby.value("SELECT pg_get_wal_replay_pause_state()") == "paused", "it is paused"
    )


def resume_replay(standby):
    standby.sql("SELECT pg_wal_replay_resume()")


def wait_until_held(standby, count):
    wait_until(lambda: metric(standby, "held_events") == count, f"{count} events are held")


def wait_until_replayed(primary, standby):
    position = primary.value("SELECT pg_current_wal_lsn()")
    wait_until(
        lambda: standby.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (position,)),
        "the standby has replayed everything",
    )


def promote(standby):
    """Have it serve its own events, by a worker of its own."""
    worker = standby.worker_pids()
    assert standby.value("SELECT pg_promote()")
    wait_until(
        lambda: (pids := standby.worker_pids()) and not set(pids) & set(worker),
        "another worker has started",
    )
    standby.wait_until_serving()
    wait_until_published(standby)


def test_clients_of_a_standby_get_the_events_of_the_primary_once_and_in_order(
    primary, standby, connect
):
    received = [Received(connect(server).subscribe(QUERY)) for server in (primary, standby)]
    insert(primary, 1, 500)
    # Such a transaction writes nothing that could be replayed.
    primary.publish("x", "numbers", {"n": 501})
    for one in received:
        one.until(501)
        assert one.numbers == list(range(1, 502))
        assert one.lost == 0
        assert one.positions == received[0].positions
    assert standby.get("/readyz") == (200, "ok\n")


def test_a_query_on_the_standby_sees_what_an_event_tells_of(primary, standby, connect):
    received = Received(connect(standby).subscribe(QUERY))
    with standby.connect() as connection:
        for n in range(1, 101):
            insert(primary, n)
            received.until(n)
            assert connection.execute("SELECT max(n) FROM number").fetchone() == (n,)


def test_events_wait_until_their_commits_are_replayed(primary, standby, connect):
    client = connect(standby)
    received = Received(client.subscribe(QUERY))
    insert(primary, 1)
    received.until(1)
    pause_replay(standby)
    insert(primary, 2, 301)
    wait_until_held(standby, 300)
    status, text = standby.get("/readyz")
    assert (status, text) == (
        200,
        "ok\nbus: events that wait until this server has replayed their commits: 300\n",
    )
    client.settle()
    assert not received.subscription.messages
    resume_replay(standby)
    received.until(301)
    assert received.numbers == list(range(1, 302))
    assert received.lost == 0
    assert standby.value("SELECT max(n) FROM number") == 301
    wait_until_held(standby, 0)
    assert standby.get("/readyz") == (200, "ok\n")


def test_what_waits_for_the_replay_is_left_in_the_bus_where_the_ring_is_too_small(
    primary, make_standby, connect
):
    standby = make_standby(ring_size="1MB")
    received = Received(connect(standby).subscribe(QUERY))
    pause_replay(standby)
    with primary.connect() as connection, connection.transaction():
        connection.execute("INSERT INTO number VALUES (1)")
        connection.execute(
            "SELECT fraiseql_publish('x', 'numbers', jsonb_build_object('n', n, 'x', repeat('x',"
            " 500))) FROM generate_series(1, 6000) n"
        )
    insert(primary, 6001)
    wait_until(lambda: metric(standby, "held_events") > 500, "events are held")
    wait_until(lambda: metric(standby, "behind_events") > 3000, "it reads no more")
    resume_replay(standby)
    received.until(6001)
    assert received.numbers == list(range(1, 6002))
    assert received.lost == 0


def test_a_registration_waits_for_the_events_before_it(primary, standby, connect):
    received = Received(connect(standby).subscribe(QUERY))
    pause_replay(standby)
    insert(primary, 1)
    primary.sql("SELECT fraiseql_register_types('type Other { n: Int! }')")
    primary.sql("SELECT fraiseql_register_subscription('other: Other', 'others')")
    wait_until_held(standby, 1)
    resume_replay(standby)
    received.until(1)

    def subscribed():
        client = connect(standby)
        subscription = client.start("subscription { other { n } }")
        client.settle()
        return not subscription.messages and subscription

    subscription = wait_until(subscribed, "the field is there")
    primary.publish("x", "others", {"n": 5})
    assert subscription.data() == {"other": {"n": 5}}


def test_a_standby_that_does_not_wait_delivers_before_the_replay(primary, make_standby, connect):
    standby = make_standby(standby_waits_for_replay="off")
    received = Received(connect(standby).subscribe(QUERY))
    pause_replay(standby)
    insert(primary, 1, 10)
    assert received.until(10).numbers == list(range(1, 11))
    assert standby.value("SELECT count(*) FROM number") == 0
    resume_replay(standby)


def test_waiting_is_switched_off_and_on_by_a_reload(primary, standby, connect):
    received = Received(connect(standby).subscribe(QUERY))
    pause_replay(standby)
    insert(primary, 1, 3)
    wait_until_held(standby, 3)
    standby.set(standby_waits_for_replay="off")
    received.until(3)
    standby.set(standby_waits_for_replay="on")
    wait_until(
        lambda: standby.value("SHOW fraiseql_subs.standby_waits_for_replay") == "on", "it is on"
    )
    resume_replay(standby)
    insert(primary, 4)
    received.until(4)
    assert received.numbers == [1, 2, 3, 4]


def test_a_promoted_standby_serves_and_publishes_its_own_events(primary, standby, redis, connect):
    client = connect(standby)
    received = Received(client.subscribe(QUERY))
    insert(primary, 1, 5)
    received.until(5)
    wait_until_replayed(primary, standby)
    primary.stop()
    promote(standby)
    # Clients are sent away as by any restart, and come back.
    with pytest.raises(ConnectionClosed):
        while True:
            client.receive()
    again = Received(connect(standby).subscribe(QUERY))
    insert(standby, 6, 8)
    assert again.until(8).numbers == [6, 7, 8]
    bus = RedisBus(redis)
    bus.wait_for_number(8)
    assert bus.numbers() == [6, 7, 8]
    assert "standby" in {node for _, _, node in bus.sources().values()}


def test_a_standby_lists_itself_and_all_nodes_once_it_publishes(primary, standby):
    def nodes(cluster):
        return {row[0]: row[1] for row in cluster.sql("SELECT name, role FROM fraiseql_nodes()")}

    assert nodes(standby) == {"standby": "standby"}
    wait_until(
        lambda: nodes(primary) == {"primary": "publisher", "standby": "standby"},
        "the primary knows of it",
    )
    promote(standby)
    wait_until(
        lambda: nodes(standby) == {"standby": "publisher", "primary": "replaced"},
        "the one that publishes knows all",
    )


def test_a_second_standby_goes_on_with_the_events_of_the_one_that_is_promoted(
    primary, make_standby, connect
):
    first = make_standby(node_name="first")
    second = make_standby(node_name="second")
    received = Received(connect(second).subscribe(QUERY))
    insert(primary, 1, 5)
    received.until(5)
    for standby in (first, second):
        wait_until_replayed(primary, standby)
    primary.stop()
    wait_until(lambda: metric(second, "behind_events") == 0, "it has read everything")
    promote(first)
    with second.connect() as connection:
        conninfo = f"host={first.directory} user=postgres"
        connection.execute(f"ALTER SYSTEM SET primary_conninfo = '{conninfo}'")
        connection.execute("SELECT pg_reload_conf()")
    insert(first, 6, 8)
    received.until(8)
    assert received.numbers == list(range(1, 9))
    assert received.lost == 0
    assert second.value("SELECT max(n) FROM number") == 8


def test_commits_that_a_failover_loses_are_told_as_losses(primary, make_standby, connect):
    first = make_standby(node_name="first")
    second = make_standby(node_name="second")
    received = Received(connect(second).subscribe(QUERY))
    insert(primary, 1)
    received.until(1)
    for standby in (first, second):
        wait_until_replayed(primary, standby)
        # As if the WAL of what follows did not get there any more.
        standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
        standby.sql("SELECT pg_reload_conf()")
        wait_until(
            lambda standby=standby: not standby.sql("SELECT 1 FROM pg_stat_wal_receiver"),
            "nothing is received",
        )
    with primary.connect() as connection:
        # So much WAL that what comes instead is replayed before its end.
        connection.execute("INSERT INTO number SELECT 0 FROM generate_series(1, 100000)")
    insert(primary, 2, 4)
    wait_until_held(second, 3)
    primary.stop()
    promote(first)
    second.sql(f"ALTER SYSTEM SET primary_conninfo = 'host={first.directory} user=postgres'")
    second.sql("SELECT pg_reload_conf()")
    insert(first, 5)
    received.until(5)
    assert received.numbers == [1, 5]
    assert received.lost == 3


def test_a_standby_whose_redis_is_away_keeps_its_clients_and_misses_nothing(
    primary, standby, redis, connect
):
    received = Received(connect(standby).subscribe(QUERY))
    insert(primary, 1)
    received.until(1)
    redis.kill()
    wait_until(lambda: standby.get("/readyz")[0] == 503, "the trouble is told")
    insert(primary, 2, 50)
    redis.start()
    received.until(50)
    assert received.numbers == list(range(1, 51))
    assert received.lost == 0
    standby.wait_until_serving()


def test_a_standby_without_a_bus_sends_clients_away(primary, make_cluster, connect):
    standby = make_cluster(install=False, data=replica_of(primary), bus="memory")
    wait_until(lambda: standby.get("/livez")[0] == 200, "its worker answers")
    status, text = standby.get("/readyz")
    assert (status, text.startswith("standby: ")) == (503, True)
    with pytest.raises(InvalidStatus) as refused:
        connect(standby)
    assert refused.value.response.status_code == 503


def test_the_worker_of_a_standby_comes_back_when_it_is_killed(primary, standby, connect):
    log = standby.log_size()
    standby.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE backend_type = 'fraiseql_subs launcher'"
    )
    wait_until(lambda: "worker started" in standby.log(log), "another worker has started")
    standby.wait_until_serving()
    received = Received(connect(standby).subscribe(QUERY))
    insert(primary, 1)
    assert received.until(1).numbers == [1]
    assert standby.sql("SELECT count(*) FROM fraiseql_connections()") == [(1,)]


def test_functions_of_the_standby_decide_on_its_clients(primary, make_standby, connect):
    primary.sql(LOGIN)
    standby = make_standby(authenticate="auth.login", authenticate_timeout="5s")
    client = connect(standby, init=False)
    client.init({"user": "ann"})
    received = Received(client.subscribe(QUERY))
    insert(primary, 1)
    received.until(1)
    assert standby.sql("SELECT user_id FROM fraiseql_connections()") == [("ann",)]
    refused = connect(standby, init=False)
    refused.send({"type": "connection_init", "payload": {"do": "refuse"}})
    with pytest.raises(ConnectionClosed), contextlib.closing(refused):
        refused.receive()


def test_functions_of_the_standby_resolve_its_events(primary, standby, connect):
    primary.sql(
        "CREATE FUNCTION resolve_number(event jsonb, variables jsonb) RETURNS jsonb LANGUAGE sql AS"
        " $$ SELECT jsonb_build_object('n', (SELECT count(*) FROM public.number)) $$"
    )
    primary.sql("SELECT fraiseql_register_resolver('numberUpdated', 'public.resolve_number')")
    received = Received(connect(standby).subscribe(QUERY))
    insert(primary, 7, 10)
    for place in range(1, 5):
        # Its own row is there; those behind it may be.
        assert place <= received.take().numbers[-1] <= 4
    assert len(received.numbers) == 4
