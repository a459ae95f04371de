import contextlib
import json
import os
import re
import signal
import socket
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from websockets.exceptions import ConnectionClosed

from cluster import wait_until
from raw_peer import RawPeer

QUERY = "subscription { orderUpdated { id } }"
SUBSCRIBE = json.dumps({"id": "1", "type": "subscribe", "payload": {"query": QUERY}})
TYPE = "type Order { id: ID! }"
FIELD = "orderUpdated: Order"


@pytest.fixture
def cluster(make_cluster):
    cluster = make_cluster()
    register(cluster)
    return cluster


def register(cluster):
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPE,))
    cluster.sql("SELECT fraiseql_register_subscription(%s, 'orders')", (FIELD,))


def worker_pid(cluster):
    (pid,) = wait_until(cluster.worker_pids, "a worker runs")
    return pid


def wait_for_new_worker(cluster, old):
    wait_until(lambda: cluster.worker_pids() not in ([], [old]), f"worker {old} is replaced")
    cluster.wait_until_serving()
    return worker_pid(cluster)


def processes_of(cluster):
    """Command lines of all processes that run in the cluster's data directory."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").startswith(str(cluster.directory)):
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found


def activity(cluster, kind):
    """pid and text that pg_stat_activity shows for the launcher or the executor."""
    rows = cluster.sql(
        "SELECT pid, query FROM pg_stat_activity WHERE backend_type = %s",
        (f"fraiseql_subs {kind}",),
    )
    return rows[0] if rows else None


def assert_events_flow(cluster, connect):
    client = connect(cluster)
    subscription = client.subscribe(QUERY)
    cluster.publish("any", "orders", {"id": 7})
    assert subscription.data() == {"orderUpdated": {"id": "7"}}


def assert_registration_arrives(cluster, connect, name):
    cluster.sql("SELECT fraiseql_register_subscription(%s, %s)", (f"{name}: Order", name))
    subscription = connect(cluster).subscribe(f"subscription {{ {name} {{ id }} }}")
    cluster.publish("any", name, {"id": 7})
    assert subscription.data() == {name: {"id": "7"}}


# A sanitizer catches SIGSEGV and takes it for a finding.
SEGV = pytest.param(signal.SIGSEGV, marks=pytest.mark.release_worker)


@pytest.mark.parametrize("number", [SEGV, signal.SIGABRT, signal.SIGKILL])
def test_the_end_of_the_worker_touches_no_session_and_service_comes_back(server, connect, number):
    pid = worker_pid(server)
    start = server.log_size()
    with server.connect() as session:
        begun = session.execute("SELECT pg_postmaster_start_time()").fetchone()
        session.execute("BEGIN")
        server.publish("any", "orders", {"id": 1}, session)
        os.kill(pid, number)
        wait_for_new_worker(server, pid)
        session.execute("COMMIT")
        assert session.execute("SELECT pg_postmaster_start_time()").fetchone() == begun
    assert_events_flow(server, connect)
    log = server.log(start)
    assert f"worker (pid {pid}) was ended by signal {int(number)}" in log
    assert "terminating connection because of crash" not in log
    assert pid not in processes_of(server)


def test_a_worker_that_has_ended_keeps_no_room_in_the_ring(make_cluster):
    cluster = make_cluster(ring_size="1MB", overflow="error")
    pid = worker_pid(cluster)
    large = {"text": "x" * 200_000}
    os.kill(pid, signal.SIGSTOP)
    with cluster.connect() as session:
        with pytest.raises(errors.InsufficientResources):
            for _ in range(10):
                cluster.publish("any", "nobody", large, session)
        os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: f"worker (pid {pid}) was ended" in cluster.log(), "the launcher has noticed"
        )
        cluster.publish("any", "nobody", large, session)


def test_a_worker_that_keeps_ending_is_started_ever_more_slowly(make_cluster):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cluster = make_cluster(install=False, port=taken.getsockname()[1])
        cluster.port = taken.getsockname()[1]
        wait_until(
            lambda: "restarting in 800 ms" in cluster.log(), "the worker has failed a few times"
        )
    delays = [int(delay) for delay in re.findall(r"restarting in (\d+) ms", cluster.log())]
    assert delays[:4] == [100, 200, 400, 800]
    cluster.install()


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_a_stopped_server_leaves_no_process(cluster, mode):
    assert worker_pid(cluster) in processes_of(cluster)
    cluster.stop(mode)
    # The kernel ends the worker when the launcher is gone, which the server does not wait for.
    wait_until(lambda: not processes_of(cluster), "no process is left")


def test_a_shutdown_closes_with_1001_and_completes_nothing(cluster, connect):
    client = connect(cluster)
    subscription = client.subscribe(QUERY)
    cluster.stop("fast")
    code, _ = client.wait_for_close()
    assert code == 1001
    # Clients take `complete` for the end, and do not subscribe again once they are back.
    assert subscription.messages == []


def test_silent_clients_do_not_hold_up_a_shutdown(cluster, connect):
    """Their drain_timeout is longer than the test may take."""
    cluster.set(drain_timeout="10min", init_timeout="1min")
    silent = RawPeer(cluster.url)
    # So much that it waits in the worker, which would lose it.
    full = RawPeer(cluster.url, receive_buffer=4096)
    full.init()
    full.send_text(SUBSCRIBE)
    wait_until(
        lambda: cluster.metric("fraiseql_subs_subscriptions") == 1, "the subscription stands"
    )
    for _ in range(8):
        cluster.publish("any", "orders", {"id": "x" * 900_000})
    wait_until(
        lambda: cluster.value("SELECT max(queued_bytes) FROM fraiseql_connections()"),
        "one falls behind",
    )
    client = connect(cluster)
    cluster.stop("fast")
    assert "some clients did not leave" not in cluster.log()
    assert client.wait_for_close()[0] == 1001
    # It was sent before the connection was cut off.
    assert silent.receive_close()[0] == 1001


def test_a_worker_that_does_not_drain_is_killed(cluster):
    cluster.set(drain_timeout="100ms")
    pid = worker_pid(cluster)
    os.kill(pid, signal.SIGSTOP)
    cluster.stop("fast")
    assert f"worker (pid {pid}) did not end within its drain timeout; killing it" in cluster.log()
    wait_until(lambda: processes_of(cluster) == {}, "none of its processes is left")


@pytest.mark.expects_crash
@pytest.mark.parametrize("victim", ["launcher", "backend"])
def test_a_crash_restart_of_the_server_replaces_the_worker(cluster, connect, victim):
    old = worker_pid(cluster)
    session = cluster.connect()
    backend = session.info.backend_pid
    os.kill(activity(cluster, "launcher")[0] if victim == "launcher" else backend, signal.SIGKILL)
    wait_for_new_worker(cluster, old)
    assert old not in processes_of(cluster)
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    assert_events_flow(cluster, connect)


def test_a_terminated_launcher_comes_back_with_a_new_worker(server, connect):
    old = worker_pid(server)
    launcher, _ = activity(server, "launcher")
    server.sql("SELECT pg_terminate_backend(%s)", (launcher,))
    new = wait_for_new_worker(server, old)
    assert new != old
    wait_until(
        lambda: (row := activity(server, "launcher")) and row[0] != launcher,
        "another launcher runs",
    )
    assert_events_flow(server, connect)


def test_a_terminated_executor_comes_back(server, connect, name):
    executor, _ = activity(server, "executor")
    server.sql("SELECT pg_terminate_backend(%s)", (executor,))
    wait_until(
        lambda: (row := activity(server, "executor")) and row[0] != executor,
        "another executor runs",
    )
    assert_registration_arrives(server, connect, name)


def test_a_cancelled_launcher_or_executor_goes_on_and_so_does_the_worker(server, connect, name):
    def pids():
        return [activity(server, kind)[0] for kind in ("launcher", "executor")]

    before, worker = pids(), worker_pid(server)
    for pid in before:
        server.sql("SELECT pg_cancel_backend(%s)", (pid,))
    assert_registration_arrives(server, connect, name)
    assert (pids(), worker_pid(server)) == (before, worker)


def test_pg_stat_activity_shows_launcher_and_executor(server):
    pid = worker_pid(server)
    assert activity(server, "launcher")[1] == f"worker {pid} is running"
    wait_until(
        lambda: activity(server, "executor")[1] == "waiting for requests", "the executor is idle"
    )
    looked = (
        "SELECT DISTINCT state, backend_xmin FROM pg_stat_activity"
        " WHERE backend_type LIKE 'fraiseql_subs%'"
    )
    # The executor looks at the catalog now and then.
    wait_until(lambda: server.sql(looked) == [("idle", None)], "none has a snapshot")


def test_a_reload_reaches_the_worker(cluster, connect):
    pid = worker_pid(cluster)
    cluster.set(allow_anonymous="off")

    def refusal():
        client = connect(cluster, init=False)
        try:
            client.send({"type": "connection_init"})
            client.wait_for("connection_ack")
        except ConnectionClosed as closed:
            return closed.rcvd.code

    assert wait_until(refusal, "a client without credentials is refused") == 4403
    assert worker_pid(cluster) == pid


def test_turning_anonymous_clients_off_closes_those_that_are_there(cluster, connect):
    client = connect(cluster)
    client.subscribe(QUERY)
    cluster.set(allow_anonymous="off")
    code, _ = client.wait_for_close()
    assert code == 4403


def open_files(pid):
    return [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]


def test_the_worker_gets_the_event_ring_and_no_other_file_of_the_server(server):
    postmaster = int((server.directory / "data/postmaster.pid").read_text().split()[0])
    files = open_files(worker_pid(server))
    assert not [file for file in files if file.startswith(str(server.directory))]
    servers_own = {file for file in open_files(postmaster) if file.startswith("socket:")}
    assert servers_own and servers_own.isdisjoint(files)
    assert sorted(file for file in files if file.startswith("/memfd:")) == [
        "/memfd:fraiseql_subs reader page (deleted)",
        "/memfd:fraiseql_subs ring (deleted)",
        "/memfd:fraiseql_subs settings (deleted)",
    ]


def test_the_kernel_ends_the_worker_before_any_process_of_the_server(server):
    def score(pid):
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    launcher, _ = activity(server, "launcher")
    assert score(worker_pid(server)) >= max(500, score(launcher))


def test_settings_that_outgrow_their_file_go_to_a_new_worker(cluster):
    pid = worker_pid(cluster)
    origins = ",".join(f"https://app{n}.example.com" for n in range(500))
    cluster.set(allowed_origins=origins)
    wait_for_new_worker(cluster, pid)


def test_a_worker_that_does_not_answer_cannot_hold_up_a_session(server):
    pid = worker_pid(server)
    os.kill(pid, signal.SIGSTOP)
    try:
        with server.connect() as session:
            session.execute("SET statement_timeout = '200ms'")
            with pytest.raises(errors.QueryCanceled):
                session.execute("SELECT * FROM fraiseql_connections()")
            session.execute("RESET statement_timeout")
            with pytest.raises(errors.ConnectionFailure, match="did not answer within 5 s"):
                session.execute("SELECT * FROM fraiseql_connections()")
    finally:
        os.kill(pid, signal.SIGCONT)


def test_views_of_a_worker_that_does_not_run_say_so(make_cluster):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cluster = make_cluster(install=False, port=taken.getsockname()[1])
        cluster.sql("CREATE EXTENSION fraiseql_subs")
        wait_until(
            lambda: "restarting in 800 ms" in cluster.log(), "the worker does not run for long"
        )
        with pytest.raises(
            errors.SqlclientUnableToEstablishSqlconnection, match="is not running"
        ) as told:
            cluster.sql("SELECT * FROM fraiseql_connections()")
        assert "server log" in told.value.diag.message_hint
        assert cluster.metric("fraiseql_subs_worker_up") == 0
        assert cluster.metric("fraiseql_subs_ring_attached") == 0
        assert cluster.metric("fraiseql_subs_shard_heartbeat_age_seconds") is None


def test_a_database_made_later_is_served_from_then_on(make_cluster, connect):
    cluster = make_cluster(install=False, database="later")
    told = 'database "later" does not exist'
    wait_until(lambda: told in cluster.log(), "the missing database is reported")
    cluster.sql("CREATE DATABASE later")
    cluster.database = "later"
    cluster.install()
    register(cluster)
    assert_events_flow(cluster, connect)
    assert cluster.log().count(told) == 1


def test_the_served_database_can_be_dropped_by_force(make_cluster):
    cluster = make_cluster(install=False, database="served")
    cluster.sql("CREATE DATABASE served")
    told = "no catalog: the extension is not created"
    wait_until(lambda: told in cluster.get("/readyz")[1], "the executor has looked")
    cluster.sql("DROP DATABASE served WITH (FORCE)")
    wait_until(lambda: 'database "served" does not exist' in cluster.log(), "the loss is reported")
    assert "FATAL" not in cluster.log()


def test_a_dropped_extension_is_noticed_and_may_come_back(cluster, connect):
    start = cluster.log_size()
    cluster.sql("DROP EXTENSION fraiseql_subs")
    wait_until(
        lambda: "the extension is not created" in cluster.log(start),
        "the worker is told of the loss",
    )
    cluster.install()
    register(cluster)
    assert_events_flow(cluster, connect)


def test_the_executor_gives_way_to_a_transaction_that_locks_the_catalog(server, connect, name):
    with server.connect(autocommit=False) as session:
        session.execute("LOCK TABLE fraiseql_subs.type")
        start = server.log_size()
        wait_until(lambda: "lock timeout" in server.log(start), "the executor gives way")
    assert_registration_arrives(server, connect, name)


STATE_OF_EXECUTOR = (
    "SELECT pid, state_change FROM pg_stat_get_activity(NULL)"
    " WHERE application_name = 'fraiseql_subs executor'"
)


@contextlib.contextmanager
def full_lock_table(cluster):
    """Sessions of a role and of a superuser; the former holds all locks that there is room for."""
    cluster.sql("CREATE ROLE anybody")
    cluster.sql("GRANT EXECUTE ON FUNCTION fraiseql_publish(text, text, jsonb) TO anybody")
    with cluster.connect() as superuser, cluster.connect() as anybody:
        anybody.execute("SET SESSION AUTHORIZATION anybody")
        # What a session looks up for the first time needs a lock.
        superuser.execute(STATE_OF_EXECUTOR)
        cluster.publish("any", "nobody", {}, anybody)
        with pytest.raises(errors.OutOfMemory, match="out of shared memory"):
            anybody.execute("SELECT count(pg_advisory_lock(i)) FROM generate_series(1, 1000000) i")
        yield anybody, superuser
        anybody.execute("SELECT pg_advisory_unlock_all()")


def test_a_role_that_fills_the_lock_table_keeps_no_client_from_its_events(cluster, connect):
    worker, executor = worker_pid(cluster), activity(cluster, "executor")[0]
    client = connect(cluster)
    subscription = client.subscribe(QUERY)
    start = cluster.log_size()
    with full_lock_table(cluster) as (anybody, superuser):

        def looked_at():
            return superuser.execute(STATE_OF_EXECUTOR).fetchone()

        before = looked_at()
        # It looks at the catalog every few seconds and at the lock of the database more often.
        wait_until(lambda: looked_at() != before, "the executor works", timeout=20)
        assert looked_at()[0] == executor
        os.kill(executor, signal.SIGTERM)
        told = "could not look for database"
        wait_until(lambda: told in cluster.log(start), "the launcher cannot start another")
        cluster.publish("any", "orders", {"id": 7}, anybody)
        assert subscription.data() == {"orderUpdated": {"id": "7"}}
    wait_until(
        lambda: (row := activity(cluster, "executor")) and row[0] != executor,
        "another executor runs",
    )
    assert_registration_arrives(cluster, connect, "late")
    cluster.publish("any", "orders", {"id": 8})
    assert subscription.data() == {"orderUpdated": {"id": "8"}}
    assert worker_pid(cluster) == worker
    assert cluster.log(start).count(told) == 1


def test_a_worker_is_replaced_while_the_list_of_databases_is_locked(cluster):
    executor = activity(cluster, "executor")[0]
    old = worker_pid(cluster)
    start = cluster.log_size()
    with cluster.connect(autocommit=False) as session:
        # As VACUUM FULL does it.
        session.execute("LOCK TABLE pg_database")
        os.kill(executor, signal.SIGTERM)
        wait_until(lambda: executor not in processes_of(cluster), "the executor has ended")
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: "worker started" in cluster.log(start), "another worker runs")
    cluster.wait_until_serving()
