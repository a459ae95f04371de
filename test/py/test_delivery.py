"""No event is lost, doubled or reordered; what a ring too small loses is told exactly."""

import os
import signal
import textwrap

import pytest

QUERY = "subscription { tick { client n } }"
CLIENTS = 4
TRANSACTIONS = 1500

# Every transaction that commits publishes the next number of its client; one that would be seen if
# rollback were not respected goes before it.
SCRIPT = textwrap.dedent("""
    \\set n :n + 1
    BEGIN;
    SELECT fraiseql_publish('tick', 'stress', '{"client": -1, "n": 0}');
    ROLLBACK;
    BEGIN;
    SELECT fraiseql_publish('tick', 'stress', jsonb_build_object('client', :client_id, 'n', :n));
    COMMIT;
""")


def register_tick(cluster):
    cluster.sql("SELECT fraiseql_register_types('type Tick { client: Int! n: Int! text: String }')")
    cluster.sql("SELECT fraiseql_register_subscription('tick: Tick', 'stress')")


def run_pgbench(cluster, tmp_path, transactions=TRANSACTIONS):
    script = tmp_path / "tick.sql"
    script.write_text(SCRIPT)
    cluster.program(
        "pgbench",
        "--no-vacuum",
        f"--client={CLIENTS}",
        "--jobs=2",
        f"--transactions={transactions}",
        "--define=n=0",
        f"--file={script}",
        "postgres",
    )


def numbers_by_client(events):
    numbers = {client: [] for client in range(CLIENTS)}
    for event in events:
        numbers[event["client"]].append(event["n"])
    return numbers


def test_every_event_of_many_publishers_reaches_every_subscriber_once_and_in_one_order(
    make_cluster, connect, tmp_path
):
    cluster = make_cluster(outbox_size="256MB")
    register_tick(cluster)
    subscriptions = [connect(cluster).subscribe(QUERY) for _ in range(3)]
    run_pgbench(cluster, tmp_path)
    received = [
        [subscription.data()["tick"] for _ in range(CLIENTS * TRANSACTIONS)]
        for subscription in subscriptions
    ]
    expected = list(range(1, TRANSACTIONS + 1))
    assert numbers_by_client(received[0]) == dict.fromkeys(range(CLIENTS), expected)
    assert received[1] == received[0]
    assert received[2] == received[0]
    assert cluster.metric("fraiseql_subs_events_lost_total") == 0
    for subscription in subscriptions:
        subscription.client.settle()
        assert subscription.messages == []


def test_a_transaction_of_many_events_reaches_a_client_that_reads(make_cluster, connect):
    cluster = make_cluster()
    cluster.sql("CREATE TABLE bulk (id int, body text)")
    cluster.sql("SELECT fraiseql_watch('bulk')")
    cluster.sql(
        "SELECT fraiseql_register_types('type B { id: ID body: String } type C { row: B }')"
    )
    cluster.sql("SELECT fraiseql_register_subscription('bulk: C', 'bulk')")
    subscription = connect(cluster).subscribe("subscription { bulk { row { id body } } }")
    rows = 20_000
    cluster.sql(f"INSERT INTO bulk SELECT i, repeat('x', 200) FROM generate_series(1, {rows}) i")
    received = [int(subscription.data()["bulk"]["row"]["id"]) for _ in range(rows)]
    assert received == list(range(1, rows + 1))


def test_an_event_for_many_subscriptions_of_a_client_passes_its_outbox(make_cluster, connect):
    cluster = make_cluster(outbox_size="16kB", max_subscriptions_per_connection=100)
    cluster.sql("SELECT fraiseql_register_types('type O { id: ID }')")
    cluster.sql("SELECT fraiseql_register_subscription('o: O', 'c')")
    client = connect(cluster)
    subscriptions = [client.start("subscription { o { id } }") for _ in range(100)]
    client.settle()
    cluster.publish("x", "c", {"id": "x" * 11_000})
    cluster.publish("x", "c", {"id": "y" * 40_000})
    for subscription in subscriptions:
        assert subscription.data()["o"]["id"] == "x" * 11_000
        assert subscription.data()["o"]["id"] == "y" * 40_000


@pytest.mark.own_sockets
def test_all_shards_deliver_every_event(make_cluster, connect, tmp_path):
    cluster = make_cluster(worker_threads=3, outbox_size="256MB")
    register_tick(cluster)
    subscriptions = [connect(cluster).subscribe(QUERY) for _ in range(24)]
    shards = cluster.value("SELECT count(DISTINCT shard) FROM fraiseql_connections()")
    assert shards > 1, "the kernel put 24 connections on one shard"
    run_pgbench(cluster, tmp_path, transactions=50)
    received = [
        [subscription.data()["tick"] for _ in range(CLIENTS * 50)] for subscription in subscriptions
    ]
    assert all(events == received[0] for events in received)
    assert numbers_by_client(received[0]) == dict.fromkeys(range(CLIENTS), list(range(1, 51)))


def test_events_overwritten_while_the_worker_stood_still_are_counted_to_the_client(
    make_cluster, connect
):
    cluster = make_cluster(ring_size="1MB", outbox_size="64MB")
    register_tick(cluster)
    subscription = connect(cluster).subscribe(QUERY)
    (worker,) = cluster.worker_pids()
    published = 5000
    os.kill(worker, signal.SIGSTOP)
    try:
        cluster.sql(
            f"""
            DO $$ BEGIN
                FOR i IN 1..{published} LOOP
                    PERFORM fraiseql_publish('tick', 'stress', jsonb_build_object(
                        'client', 0, 'n', i, 'text', repeat('x', 1000)));
                    COMMIT;
                END LOOP;
            END $$
            """
        )
    finally:
        os.kill(worker, signal.SIGCONT)
    numbers, lost = [], 0
    while not numbers or numbers[-1] != published:
        payload = subscription.next()
        if "errors" in payload:
            (error,) = payload["errors"]
            assert payload["data"] == {"tick": None}
            assert error["path"] == ["tick"]
            assert error["extensions"]["code"] == "EVENTS_LOST"
            lost += error["extensions"]["count"]
        else:
            numbers.append(payload["data"]["tick"]["n"])
    assert lost > 0
    assert len(numbers) + lost == published
    assert numbers == list(range(lost + 1, published + 1))
    assert cluster.metric("fraiseql_subs_events_lost_total") == lost


def test_a_transaction_larger_than_the_ring_accounts_for_every_event(make_cluster, connect):
    cluster = make_cluster(ring_size="1MB", outbox_size="64MB")
    register_tick(cluster)
    subscription = connect(cluster).subscribe(QUERY)
    published = 5000
    cluster.sql(
        "SELECT fraiseql_publish('tick', 'stress',"
        " jsonb_build_object('client', 0, 'n', i, 'text', repeat('x', 1000)))"
        " FROM generate_series(1, %s) AS i",
        (published,),
    )
    accounted, last = 0, 0
    while last != published:
        payload = subscription.next()
        if "errors" in payload:
            accounted += payload["errors"][0]["extensions"]["count"]
        else:
            number = payload["data"]["tick"]["n"]
            assert number == accounted + 1
            accounted, last = accounted + 1, number
    assert accounted == published


def test_events_of_any_size_up_to_the_limit_arrive_whole(make_cluster, connect):
    cluster = make_cluster(outbox_size="16MB", max_event_size="4MB")
    register_tick(cluster)
    subscription = connect(cluster).subscribe("subscription { tick { n text } }")
    for size in (0, 1, 7999, 8000, 8001, 65535, 65536, 1_000_000, 3_000_000):
        text = ("0123456789\u00e4\u20ac" * (size // 12 + 1))[:size]
        cluster.publish("tick", "stress", {"client": 0, "n": size, "text": text})
        assert subscription.data() == {"tick": {"n": size, "text": text}}


def test_positions_name_every_event_and_grow(server, connect):
    orders = connect(server).subscribe("subscription { orderUpdated { id } }")
    positions = []
    for i in range(5):
        server.publish("orderUpdated", "orders", {"id": i, "status": "x"})
        positions.append(orders.next()["extensions"]["position"])
    epochs = {position.split("-")[0] for position in positions}
    offsets = [int(position.split("-")[1], 16) for position in positions]
    assert len(epochs) == 1
    assert offsets == sorted(set(offsets))


def test_error_policy_refuses_the_commit_that_would_overwrite(make_cluster, connect):
    import psycopg
    import pytest

    cluster = make_cluster(ring_size="1MB", overflow="error")
    register_tick(cluster)
    subscription = connect(cluster).subscribe(QUERY)
    (worker,) = cluster.worker_pids()
    statement = (
        "SELECT fraiseql_publish('tick', 'stress',"
        " jsonb_build_object('client', 0, 'n', %s, 'text', repeat('x', 200000)))"
    )
    committed = 0
    os.kill(worker, signal.SIGSTOP)
    try:
        with pytest.raises(psycopg.Error) as refused:
            for number in range(1, 100):
                cluster.sql(statement, (number,))
                committed = number
        assert refused.value.diag.message_hint
    finally:
        os.kill(worker, signal.SIGCONT)
    assert 0 < committed < 99
    numbers = [subscription.data()["tick"]["n"] for _ in range(committed)]
    assert numbers == list(range(1, committed + 1))
