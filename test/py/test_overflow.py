"""fraiseql_subs.overflow: what a commit does when the ring is full of unread events."""

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import errors

from cluster import wait_until

EVENT = 200_000  # bytes; the ring has 1 MB


@pytest.fixture
def cluster(make_cluster):
    return make_cluster(ring_size="1MB", overflow_timeout="1min")


@pytest.fixture
def session_with(cluster):
    """A function that opens a session with an overflow policy, closed after the test."""
    with contextlib.ExitStack() as sessions:

        def open_session(overflow):
            session = sessions.enter_context(cluster.connect())
            session.execute(f"SET fraiseql_subs.overflow = {overflow}")
            return session

        yield open_session


@pytest.fixture
def pool(session_with):
    """Threads for sessions that wait."""
    with ThreadPoolExecutor() as pool:
        yield pool


@contextlib.contextmanager
def stopped_worker(cluster):
    """Within, the worker reads nothing."""
    (worker,) = cluster.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)


def publish(session, bytes_each=EVENT, times=1):
    session.execute(
        "SELECT fraiseql_publish('any', 'any', to_jsonb(repeat('x', %s)))"
        " FROM generate_series(1, %s)",
        (bytes_each, times),
    )


def fill(session):
    with pytest.raises(errors.InsufficientResources, match="event ring is full"):
        for _ in range(20):
            publish(session)


def wait_until_waiting(cluster, session):
    wait_until(
        lambda: cluster.sql(
            # Before PostgreSQL 17 extensions have one name for all that they wait for.
            "SELECT 1 FROM pg_stat_activity"
            " WHERE pid = %s AND wait_event IN ('Extension', 'FraiseqlSubsRingRoom')",
            (session.info.backend_pid,),
        ),
        "the session waits for room",
    )


def ring_stat(cluster, name):
    """Without the worker, which may be stopped."""
    return cluster.value(
        "SELECT sum(value) FROM fraiseql_subs.ring_stats() WHERE name = %s",
        (f"fraiseql_subs_ring_{name}",),
    )


def unread(cluster):
    return ring_stat(cluster, "unread_bytes")


def test_error_refuses_what_would_overwrite_unread_events(cluster, session_with):
    session = session_with("error")
    with stopped_worker(cluster):
        fill(session)
    wait_until(lambda: unread(cluster) == 0, "the worker has read all of it")
    publish(session)


def test_error_protects_what_is_left_when_another_session_has_lapped_the_worker(
    cluster, session_with
):
    session = session_with("error")
    with stopped_worker(cluster):
        publish(session_with("overwrite"), times=20)
        with pytest.raises(errors.InsufficientResources):
            publish(session)
    wait_until(lambda: unread(cluster) == 0, "the worker has read all of it")
    publish(session)


def test_wait_goes_on_when_the_worker_has_read_enough(cluster, session_with, pool):
    session = session_with("wait")
    with stopped_worker(cluster):
        fill(session_with("error"))
        waiting = pool.submit(publish, session)
        wait_until_waiting(cluster, session)
    waiting.result(timeout=20)


def test_wait_fails_after_its_timeout(cluster, session_with):
    session = session_with("wait")
    session.execute("SET fraiseql_subs.overflow_timeout = '10ms'")
    with stopped_worker(cluster):
        fill(session_with("error"))
        with pytest.raises(errors.InsufficientResources) as refused:
            publish(session)
    assert "did not read enough of it within 10 ms" in refused.value.diag.message_detail


@pytest.fixture
def one_waits_for_much_and_one_for_little(cluster, session_with, pool):
    """Two sessions and what becomes of their commits, in a ring with room for the second alone."""
    much, little = session_with("wait"), session_with("wait")
    with stopped_worker(cluster):
        publish(session_with("error"), times=3)
        large = pool.submit(publish, much, times=4)
        wait_until_waiting(cluster, much)
        small = pool.submit(publish, little, bytes_each=10)
        wait_until_waiting(cluster, little)
        yield much, large, small


def test_who_waits_for_much_is_not_overtaken_by_who_needs_little(
    one_waits_for_much_and_one_for_little, session_with
):
    _, large, small = one_waits_for_much_and_one_for_little
    with pytest.raises(errors.InsufficientResources) as refused:
        publish(session_with("error"), bytes_each=10)
    assert "asked for room before" in refused.value.diag.message_detail
    assert not large.done() and not small.done()


@pytest.mark.parametrize(
    "function, error",
    [("pg_cancel_backend", errors.QueryCanceled), ("pg_terminate_backend", errors.AdminShutdown)],
)
def test_who_stops_waiting_makes_way_for_the_next(
    cluster, one_waits_for_much_and_one_for_little, function, error
):
    much, large, small = one_waits_for_much_and_one_for_little
    cluster.sql(f"SELECT {function}(%s)", (much.info.backend_pid,))
    with pytest.raises(error):
        large.result(timeout=20)
    small.result(timeout=20)
    assert ring_stat(cluster, "reserved_bytes") == 0


def test_all_who_wait_get_their_room_in_the_end(cluster, one_waits_for_much_and_one_for_little):
    _, large, small = one_waits_for_much_and_one_for_little
    (worker,) = cluster.worker_pids()
    os.kill(worker, signal.SIGCONT)
    large.result(timeout=20)
    small.result(timeout=20)


def test_who_has_waited_in_vain_makes_way_for_the_next(cluster, session_with, pool):
    much, little = session_with("wait"), session_with("wait")
    # Long enough for the other to wait behind it first.
    much.execute("SET fraiseql_subs.overflow_timeout = '5s'")
    with stopped_worker(cluster):
        publish(session_with("error"), times=3)
        large = pool.submit(publish, much, times=4)
        wait_until_waiting(cluster, much)
        small = pool.submit(publish, little, bytes_each=10)
        wait_until_waiting(cluster, little)
        with pytest.raises(errors.InsufficientResources):
            large.result(timeout=20)
        small.result(timeout=20)
