"""What a worker in an attacker's hands can do to the server with what it inherited: nothing.

test/hostile_worker/hostile_worker.cpp plays it. docs/security.md says what is.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from cluster import ROOT, wait_until

SOURCE = ROOT / "test/hostile_worker/hostile_worker.cpp"

# What keeps on happening while sessions work.
STORMS = ["reader page", "holes", "wake", "log", "side door"]

# Of the memory that only backends write: everything is refused.
READ_ONLY = {
    "shrink": "EPERM",
    "grow": "EPERM",
    "write": "EPERM",
    "punch": "EPERM",
    "map for writing": "EPERM",
    "make a mapping writable": "EACCES",
    "reopen and write": "EPERM",
    "reopen and shrink": "EPERM",
    "truncate by opening": "EPERM",
    "seal against writing": "EPERM",
    "seal against later writing": "EPERM",
}

# Of the memory that the worker writes: its bytes may change, and nothing else.
WRITABLE = READ_ONLY | {
    "write": "done",
    "punch": "done",
    "map for writing": "done",
    "make a mapping writable": "done",
    "reopen and write": "done",
}

WAKE = {
    "write": "EBADF",
    "shut down": "ENOTSOCK",
    "filter": "ENOTSOCK",
    "connect elsewhere": "ENOTSOCK",
}

ABOUT_THE_WORKER = (
    errors.ConnectionFailure,
    errors.ProtocolViolation,
    errors.SqlclientUnableToEstablishSqlconnection,
    psycopg.DataError,
)


def pg_config(name):
    program = os.environ.get("PG_CONFIG", "pg_config")
    return Path(subprocess.check_output([program, f"--{name}"], text=True).strip())


class Installation:
    """PostgreSQL's programs once more, so that the worker beside them can be another.

    The server looks for its other files where they lie relative to its program.
    """

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="fsubs-install-", dir="/tmp"))
        self.root.chmod(0o755)
        original = pg_config("bindir")
        self.programs = self._inside(original)
        self.programs.mkdir(parents=True)
        for name in ("initdb", "pg_ctl", "postgres"):
            shutil.copy2(original / name, self.programs)
        for name in ("sharedir", "pkglibdir"):
            directory = pg_config(name)
            self._inside(directory).parent.mkdir(parents=True, exist_ok=True)
            self._inside(directory).symlink_to(directory)
        self.pg_config = self.root / "pg_config"
        self.pg_config.write_text(f"#!/bin/sh\necho {self.programs}\n")
        self.pg_config.chmod(0o755)
        compiler = os.environ.get("CXX", "g++")
        self.stand_in = self.root / "hostile_worker"
        subprocess.run(
            [compiler, "-std=c++20", "-O1", f"-I{ROOT}", "-o", self.stand_in, SOURCE, "-pthread"],
            check=True,
        )
        self.original_worker = original / "fraiseql-worker"

    def _inside(self, path):
        return self.root / path.relative_to("/")

    def use(self, program):
        """Make `program` the worker that starts from now on."""
        replacement = self.programs / "new"
        shutil.copy2(program, replacement)
        replacement.rename(self.programs / "fraiseql-worker")

    def remove(self):
        shutil.rmtree(self.root)


@pytest.fixture(scope="module")
def installation():
    installation = Installation()
    yield installation
    installation.remove()


@pytest.fixture
def start(installation, make_cluster, monkeypatch):
    """A function that starts a server whose worker plays a role."""
    monkeypatch.setenv("PG_CONFIG", str(installation.pg_config))

    def start_with(role, prepare=None, **settings):
        installation.use(installation.original_worker)
        cluster = make_cluster(ring_size="1MB", drain_timeout="100ms", **settings)
        if prepare is not None:
            prepare(cluster)
        installation.use(installation.stand_in)
        play(cluster, role)
        return cluster

    return start_with


def report_of(cluster):
    return cluster.directory / "data/hostile.report"


def play(cluster, role):
    """Replace the worker by one that plays the role, and wait until it does."""
    report_of(cluster).unlink(missing_ok=True)
    (cluster.directory / "data/hostile").write_text(role)
    kill_worker(cluster)
    wait_until(lambda: report_of(cluster).exists(), f"{role} is played")


def kill_worker(cluster):
    for pid in cluster.worker_pids():
        os.kill(pid, signal.SIGKILL)


def test_nothing_inherited_can_be_changed_but_the_words_of_the_reader_page(start):
    cluster = start("changes", worker_threads=2)
    found = dict(line.split(": ") for line in report_of(cluster).read_text().splitlines())
    expected = {
        f"{what} {action}": outcome
        for what, outcomes in [
            ("ring", READ_ONLY),
            ("settings", READ_ONLY),
            ("reader page", WRITABLE),
            ("wake", WAKE),
        ]
        for action, outcome in outcomes.items()
    }
    assert found == expected
    assert_sessions_work(cluster)


def test_the_worker_after_a_hostile_one_serves_and_is_woken(start, installation, connect):
    cluster = start("changes", worker_threads=2)
    (cluster.directory / "data/hostile").write_text("honest")
    report_of(cluster).unlink()
    kill_worker(cluster)

    def publish_until_woken():
        cluster.publish("any", "any", {})
        return report_of(cluster).exists()

    wait_until(publish_until_woken, "a commit wakes each of its shards")
    installation.use(installation.original_worker)
    kill_worker(cluster)
    cluster.wait_until_serving()


@pytest.mark.parametrize("storm", STORMS)
def test_sessions_do_not_notice_a_hostile_worker(start, storm):
    cluster = start(storm, worker_threads=2)
    assert_sessions_work(cluster)
    assert_sessions_can_be_ended(cluster)
    in_background(lambda: assert_views_answer(cluster))
    assert cluster.worker_pids(), "the worker was hostile all the time"
    cluster.stop("fast")


def in_background(work):
    """Run work() where a session that hangs does not hang the test."""
    outcome = []

    def run():
        try:
            work()
            outcome.append(None)
        except BaseException as error:
            outcome.append(error)

    threading.Thread(target=run, daemon=True).start()
    wait_until(lambda: outcome, "the sessions get their answers", timeout=60)
    if outcome[0] is not None:
        raise outcome[0]


def assert_sessions_work(cluster):
    full = errors.InsufficientResources
    in_background(lambda: publish_many(cluster, "overwrite", refusals=()))
    in_background(lambda: publish_many(cluster, "error", refusals=full))
    in_background(lambda: publish_many(cluster, "wait", refusals=full, times=20))


def publish_many(cluster, policy, refusals, times=300):
    """Each commit returns within its time-out, and fails only as the policy allows."""
    with cluster.connect() as session:
        session.execute("SET statement_timeout = '10s'")
        session.execute(f"SET fraiseql_subs.overflow = {policy}")
        session.execute("SET fraiseql_subs.overflow_timeout = '20ms'")
        for n in range(times):
            try:
                cluster.publish("any", "any", {"text": "x" * (n % 7 * 1000)}, session)
            except refusals:
                continue


def assert_sessions_can_be_ended(cluster):
    in_background(lambda: publish_until(cluster, "pg_cancel_backend", errors.QueryCanceled))
    in_background(lambda: publish_until(cluster, "pg_terminate_backend", errors.AdminShutdown))


def publish_until(cluster, function, error):
    """Let a session commit over and over until another calls the function on it."""
    with cluster.connect() as session:
        before = records(cluster)

        def end_once_it_publishes():
            wait_until(lambda: records(cluster) > before, "the session publishes")
            cluster.sql(f"SELECT {function}(%s)", (session.info.backend_pid,))

        other = threading.Thread(target=end_once_it_publishes, daemon=True)
        other.start()
        with pytest.raises(error):
            session.execute(
                "DO $$ BEGIN LOOP"
                " PERFORM fraiseql_publish('any', 'any', '{}'); COMMIT;"
                " END LOOP; END $$"
            )
        other.join()


def records(cluster):
    return cluster.value(
        "SELECT value FROM fraiseql_subs.ring_stats()"
        " WHERE name = 'fraiseql_subs_ring_records_total'"
    )


def assert_views_answer(cluster):
    """With rows or with an error about the worker, whatever it sends."""
    for view in ("connections", "subscriptions") * 8:
        with cluster.connect() as session:
            session.execute("SET statement_timeout = '10s'")
            with contextlib.suppress(*ABOUT_THE_WORKER):
                session.execute(f"SELECT * FROM fraiseql_{view}()").fetchall()
            assert session.execute("SELECT 1").fetchone() == (1,)
    assert cluster.metric("fraiseql_subs_ring_records_total") > 0


RESOLVED = """
    CREATE TABLE done (field text);
    CREATE TABLE untouched (id int);
    CREATE FUNCTION resolve_order(event jsonb, variables jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.done VALUES ('orders');
        RETURN event->'data';
    END $$;
    CREATE FUNCTION other(event jsonb, variables jsonb) RETURNS jsonb LANGUAGE sql
        AS 'INSERT INTO public.untouched VALUES (1) RETURNING NULL::jsonb';
    SELECT fraiseql_register_types('type Order { id: ID! }');
    SELECT fraiseql_register_subscription(name || ': Order', name)
        FROM unnest('{orders,outside}'::text[]) AS name;
    SELECT fraiseql_register_resolver('orders', 'public.resolve_order');
    SELECT fraiseql_register_resolver('outside');
"""


def processes(cluster):
    return {
        pid
        for (pid,) in cluster.sql(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'fraiseql_subs resolver'"
        )
    }


def test_those_who_resolve_do_not_notice_calls_that_make_no_sense(start, installation, connect):
    def prepare(cluster):
        cluster.sql(RESOLVED)
        wait_until(lambda: len(processes(cluster)) == 8, "functions can be called")

    cluster = start("calls", prepare, resolver_processes=8, postgresql__max_worker_processes=16)
    before = processes(cluster)
    times = int(report_of(cluster).read_text())
    in_background(lambda: exchange_calls(cluster, times))
    through = cluster.directory / "data/hostile.through"
    wait_until(through.exists, "a process that calls functions has got all of them", timeout=60)
    assert processes(cluster) == before, "none has ended"
    assert cluster.value("SELECT count(*) FROM done") > 0, "what is registered may be called"
    assert cluster.value("SELECT count(*) FROM untouched") == 0
    assert cluster.log_size() < 4 << 20
    installation.use(installation.original_worker)
    kill_worker(cluster)
    cluster.wait_until_serving()
    subscription = connect(cluster).subscribe("subscription { orders { id } }")
    cluster.publish("any", "orders", {"id": 1})
    assert subscription.data() == {"orders": {"id": "1"}}


def exchange_calls(cluster, times):
    """What comes is text, or an error about the worker; the session goes on."""
    with cluster.connect() as session:
        session.execute("SET statement_timeout = '10s'")
        for _ in range(times):
            link = None
            with contextlib.suppress(*ABOUT_THE_WORKER):
                for _ in range(3):
                    link, calls = session.execute(
                        "CALL fraiseql_subs.resolver_exchange(%s, %s, NULL, 9, 10, NULL)",
                        (link, '["outside"]'),
                    ).fetchone()
                    assert isinstance(calls, str)
            with contextlib.suppress(*ABOUT_THE_WORKER):
                session.execute("SELECT fraiseql_subs.resolver_send(%s, '[]', 9)", (link,))
            assert session.execute("SELECT 1").fetchone() == (1,)


def test_a_worker_that_floods_the_log_does_not_fill_it(start):
    cluster = start("log")
    left_out = re.compile(r"(\d+) log lines of the worker were left out")
    wait_until(
        lambda: sum(int(count) for count in left_out.findall(cluster.log())) > 10000,
        "the flood is told of",
        timeout=30,
    )
    assert cluster.log_size() < 4 << 20


def test_a_worker_that_stands_still_and_ignores_sigabrt_is_killed(start):
    cluster = start("stuck", worker_threads=2, stuck_timeout="5s")
    (pid,) = cluster.worker_pids()
    ended = f"worker (pid {pid}) was ended by signal {int(signal.SIGKILL)}"
    wait_until(lambda: ended in cluster.log(), "it is killed", timeout=60)
    assert f"worker (pid {pid}) did not end when it was aborted; killing it" in cluster.log()


def test_a_killed_worker_that_cannot_be_reaped_holds_up_neither_the_next_nor_the_shutdown(start):
    cluster = start("traced")
    outcome, tracer = report_of(cluster).read_text().split()
    assert outcome == "done"
    try:
        cluster.stop("fast")
        assert "is not gone though it was killed" in cluster.log()
    finally:
        os.kill(int(tracer), signal.SIGKILL)
