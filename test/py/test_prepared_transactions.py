"""PREPARE TRANSACTION: subscribers are told what they miss, once it is committed."""

import contextlib
import os
import signal

import pytest
from psycopg import errors

from cluster import wait_until

pytestmark = pytest.mark.extension_only

QUERY = "subscription { numbers }"


@pytest.fixture
def cluster(make_cluster):
    cluster = make_cluster(postgresql__max_prepared_transactions=2)
    cluster.sql("SELECT fraiseql_register_subscription('numbers: Int', 'numbers')")
    return cluster


def prepare(cluster, name, channel="numbers"):
    with cluster.connect() as connection:
        connection.execute("BEGIN")
        for number in (1, 2):
            connection.execute(
                "SELECT fraiseql_publish('any', %s, to_jsonb(%s::int))",
                (channel, number),
            )
        connection.execute(f"PREPARE TRANSACTION '{name}'")


def publish(cluster, number):
    cluster.publish("any", "numbers", number)


def test_a_subscriber_is_told_once_it_is_committed(cluster, connect):
    prepare(cluster, "committed")
    prepare(cluster, "rolled back")
    cluster.restart()
    cluster.wait_until_serving()
    numbers = connect(cluster).subscribe(QUERY)
    cluster.sql("ROLLBACK PREPARED 'rolled back'")
    publish(cluster, 3)
    assert numbers.data() == {"numbers": 3}
    cluster.sql("COMMIT PREPARED 'committed'")
    payload = numbers.next()
    assert payload["data"] == {"numbers": None}
    (error,) = payload["errors"]
    assert error["message"] == "2 events could not be delivered"
    assert error["extensions"] == {"code": "EVENTS_LOST", "count": 2}
    publish(cluster, 4)
    assert numbers.data() == {"numbers": 4}
    assert cluster.metric("fraiseql_subs_events_lost_total") == 2
    assert cluster.sql("SELECT * FROM fraiseql_subs.prepared_loss") == []


def test_subscribers_of_other_channels_are_not_told(cluster, connect):
    numbers = connect(cluster).subscribe(QUERY)
    prepare(cluster, "p", channel="others")
    prepare(cluster, "q")
    with contextlib.closing(cluster.connect()) as connection:
        connection.execute("COMMIT PREPARED 'p'")
        connection.execute("COMMIT PREPARED 'q'")
    (error,) = numbers.next()["errors"]
    assert error["extensions"]["count"] == 2


@contextlib.contextmanager
def ring_full_of_unread_events(cluster):
    """Within, the worker reads nothing."""
    (worker,) = cluster.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    try:
        with cluster.connect() as session:
            session.execute("SET fraiseql_subs.overflow = error")
            with pytest.raises(errors.InsufficientResources, match="event ring is full"):
                while True:
                    cluster.publish("any", "others", "x" * 200_000, session)
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def test_the_executor_does_not_wait_for_room_in_the_ring(make_cluster):
    cluster = make_cluster(
        postgresql__max_prepared_transactions=1,
        ring_size="1MB",
        overflow="wait",
        overflow_timeout="1h",
        stuck_timeout=0,
    )
    prepare(cluster, "committed")
    with ring_full_of_unread_events(cluster):
        cluster.sql("COMMIT PREPARED 'committed'")
        wait_until(
            lambda: not cluster.sql("SELECT FROM fraiseql_subs.prepared_loss"),
            "the loss is in the ring",
        )
