"""A worker that stands still, in whole or in part, is noticed and replaced."""

import http.client
import os
import re
import signal

import pytest
from psycopg import errors
from websockets.exceptions import ConnectionClosed

from cluster import wait_until
from stopped_thread import stopped, thread_named

QUERY = "subscription { n }"


@pytest.fixture
def make_serving(make_cluster):
    def make(**settings):
        cluster = make_cluster(**settings)
        cluster.sql("SELECT fraiseql_register_subscription('n: Int', 'numbers')")
        return cluster

    return make


def worker_pid(cluster):
    (pid,) = wait_until(cluster.worker_pids, "a worker runs")
    return pid


def wait_for_new_worker(cluster, old):
    wait_until(
        lambda: cluster.worker_pids() not in ([], [old]), f"worker {old} is replaced", timeout=60
    )
    cluster.wait_until_serving()


def assert_events_flow(cluster, connect):
    subscription = connect(cluster).subscribe(QUERY)
    cluster.publish("any", "numbers", 7)
    assert subscription.data() == {"n": 7}


def get_from_any(cluster, path):
    """GET from whichever shard takes the connection; None if that one does not answer soon."""
    connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=1)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    except TimeoutError:
        return None
    finally:
        connection.close()


def wait_for_answer(cluster, path, status, text):
    """Ask until a shard that can answers so."""

    def answers():
        answer = get_from_any(cluster, path)
        return answer if answer and answer[0] == status and re.fullmatch(text, answer[1]) else None

    wait_until(answers, f"{path} says {status} {text}", timeout=60)


def test_a_worker_that_stands_still_is_replaced_and_clients_can_come_back(make_serving, connect):
    cluster = make_serving(stuck_timeout="5s")
    client = connect(cluster)
    client.subscribe(QUERY)
    pid = worker_pid(cluster)
    os.kill(pid, signal.SIGSTOP)
    wait_for_new_worker(cluster, pid)
    with pytest.raises(ConnectionClosed):
        client.receive()
    assert_events_flow(cluster, connect)
    log = cluster.log()
    told = rf"WARNING:.* of worker \(pid {pid}\) has stood still for (\d+) ms; aborting the worker"
    assert int(re.search(told, log)[1]) >= 5000
    assert "Set fraiseql_subs.stuck_timeout to 0 while a debugger stops the worker." in log
    assert f"worker (pid {pid}) was ended by signal {int(signal.SIGABRT)}" in log


def test_a_worker_of_which_one_shard_stands_still_is_replaced(make_serving, connect):
    cluster = make_serving(worker_threads=2, stuck_timeout="5s")
    pid = worker_pid(cluster)
    with stopped(thread_named(pid, "shard 1")):
        told = f"shard 1 of worker (pid {pid}) has stood still"
        wait_until(lambda: told in cluster.log(), "the launcher notices", timeout=60)
    wait_for_new_worker(cluster, pid)
    assert_events_flow(cluster, connect)


def test_a_worker_whose_control_thread_stands_still_is_replaced(make_serving, connect):
    cluster = make_serving(stuck_timeout="5s")
    pid = worker_pid(cluster)
    with stopped(pid):
        told = f"control thread of worker (pid {pid}) has stood still"
        wait_until(lambda: told in cluster.log(), "the launcher notices", timeout=60)
        # A main thread that is held takes SIGABRT no more than one that is blocked.
        wait_until(lambda: f"worker (pid {pid}) did" in cluster.log(), "it is killed", timeout=60)
    wait_for_new_worker(cluster, pid)
    assert_events_flow(cluster, connect)


def test_ready_says_which_shard_stands_still_and_alive_says_ok(make_serving, connect):
    cluster = make_serving(worker_threads=2, stuck_timeout="0")
    pid = worker_pid(cluster)
    for path in ("/readyz", "/healthz"):
        wait_for_answer(cluster, path, 200, "ok\n")
    with stopped(thread_named(pid, "shard 1")):
        for path in ("/readyz", "/healthz"):
            wait_for_answer(cluster, path, 503, r"shard 1 has stood still for \d+ s\n")
        wait_for_answer(cluster, "/livez", 200, "ok\n")
        assert cluster.metric("fraiseql_subs_ready") == 0
    cluster.wait_until_serving()
    assert cluster.metric("fraiseql_subs_ready") == 1
    assert cluster.worker_pids() == [pid]
    assert_events_flow(cluster, connect)


def test_views_name_the_shard_that_keeps_them_waiting(make_serving):
    cluster = make_serving(worker_threads=2, stuck_timeout="0")
    with stopped(thread_named(worker_pid(cluster), "shard 1")):
        for view in ("connections", "subscriptions"):
            with pytest.raises(errors.ConnectionFailure, match="shard 1 did not answer within"):
                cluster.sql(f"SELECT * FROM fraiseql_{view}()")
        wait_until(lambda: heartbeat_age(cluster, 1) >= 5, "its heartbeat is old")
        with pytest.raises(errors.ConnectionFailure, match="shard 1") as told:
            cluster.sql("SELECT * FROM fraiseql_connections()")
        assert re.search("shard 1 has stood still for [0-9]+ s", told.value.diag.message_detail)
        assert "fraiseql_subs.stuck_timeout" in told.value.diag.message_hint
    wait_until(lambda: heartbeat_age(cluster, 1) < 5, "it beats again")
    assert cluster.sql("SELECT * FROM fraiseql_connections()") == []


HEARTBEATS = ("shard_heartbeat_age_seconds", "control_heartbeat_age_seconds")


def heartbeat_age(cluster, shard=None, name=HEARTBEATS[0], source="fraiseql_subs.ring_stats()"):
    """Of a shard, or of whatever has no shard."""
    return cluster.value(
        f"SELECT value FROM {source} WHERE name = %s AND labels->>'shard' IS NOT DISTINCT FROM %s",
        (f"fraiseql_subs_{name}", None if shard is None else str(shard)),
    )


def test_heartbeats_are_shown_while_the_worker_does_not_answer(make_serving):
    cluster = make_serving(stuck_timeout="0")
    pid = worker_pid(cluster)
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: heartbeat_age(cluster, 0) >= 5, "the shard's heartbeat is old")
        wait_until(
            lambda: heartbeat_age(cluster, name=HEARTBEATS[1]) >= 5,
            "the control thread's heartbeat is old",
        )
        assert heartbeat_age(cluster, 0, source="fraiseql_metrics()") >= 5
        assert cluster.metric("fraiseql_subs_worker_up") == 0
        with pytest.raises(errors.ConnectionFailure, match="did not answer within 5 s") as told:
            cluster.sql("SELECT * FROM fraiseql_connections()")
        detail = told.value.diag.message_detail
        assert re.search("shard 0 has stood .*, the control thread has stood still", detail)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert cluster.worker_pids() == [pid]
