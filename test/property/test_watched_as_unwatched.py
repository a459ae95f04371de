"""Random writes end the same whether tables are watched or not, and events tell all of it."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import psycopg
import pytest

from random_schema import random_tables
from random_values import DEFINITIONS
from random_writes import Writer
from replay import Replay, frozen, parsed

TYPES = """
    scalar Row
    type Change { operation: String! table: String row: Row old: Row }
"""
QUERY = "subscription { changed { operation table row old } }"
STEPS_OF_A_SCHEMA = 200
STEPS_BETWEEN_LOOKS = 20
COPIES = ("watched", "plain")
SESSIONS_AT_ONCE = 4


@pytest.fixture
def cluster(make_cluster):
    # What vacuuming and statistics do to the order of rows must not differ between the copies.
    cluster = make_cluster(
        postgresql__autovacuum="off",
        postgresql__fsync="off",
        postgresql__log_min_messages="fatal",
    )
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    cluster.sql("SELECT fraiseql_register_subscription('changed: Change', 'all')")
    return cluster


class Sessions:
    """One session for each copy, whose search path leads there."""

    def __init__(self, cluster, copies=COPIES, settings=""):
        self.each = {
            copy: cluster.connect(options=f"-c search_path={copy} {settings}") for copy in copies
        }

    def run(self, statement):
        """What the statement does in each copy."""
        return [
            (outcome(connection, statement, copy), connection.info.transaction_status)
            for copy, connection in self.each.items()
        ]

    def are_aborted(self):
        status = self.each["watched"].info.transaction_status
        return status == psycopg.pq.TransactionStatus.INERROR

    def close(self):
        for connection in self.each.values():
            connection.close()


@dataclass
class Outcome:
    succeeded: bool
    told: tuple


def outcome(connection, statement, copy):
    """The rows and their number, or the error, without the name of the copy."""
    try:
        cursor = connection.cursor()
        if isinstance(statement, tuple):
            with cursor.copy(statement[0]) as copying:
                copying.write(statement[1])
            return Outcome(True, (cursor.rowcount,))
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        return Outcome(True, (cursor.rowcount, cursor.statusmessage, sorted(map(repr, rows))))
    except psycopg.Error as error:
        told = error.diag
        texts = (told.message_primary, told.message_detail, told.message_hint, told.context)
        names = (told.table_name, told.column_name, told.constraint_name, told.datatype_name)
        texts = [text and text.replace(f"{copy}.", "") for text in texts]
        return Outcome(False, (error.sqlstate, texts, names))


def content(connection, copy, table):
    rows = connection.execute(f"SELECT row_to_json(t)::text FROM {copy}.{table.name} AS t")
    return Counter(frozen(parsed(row)) for (row,) in rows)


def create(cluster, sessions, tables):
    for copy in COPIES:
        cluster.sql(f"DROP SCHEMA IF EXISTS {copy} CASCADE")
        cluster.sql(f"CREATE SCHEMA {copy}")
    for statement in DEFINITIONS + [each for table in tables for each in table.statements]:
        for result, _ in sessions.run(statement):
            assert result.succeeded, (statement, result)
    for table in tables:
        cluster.sql(f"SELECT fraiseql_watch('watched.{table.name}', 'all')")


class Looks:
    """Compares the copies, and what the events say."""

    def __init__(self, cluster, tables, replay, copies=COPIES):
        self.copies = copies
        self.connection = cluster.connect()
        self.cluster = cluster
        self.tables = tables
        self.replay = replay
        self.marks = 0

    def look(self):
        self.marks += 1
        self.cluster.publish(
            "mark", "all", {"operation": "MARK", "table": str(self.marks)}, self.connection
        )
        self.replay.read_until(self.marks)
        for table in self.tables:
            there = content(self.connection, "watched", table)
            if self.copies == COPIES:
                assert there == content(self.connection, "plain", table), table.name
            if table.name in self.replay.stale:
                self.replay.rows[table.name] = there
            assert there == self.replay.rows[table.name], table.name
        self.replay.stale.clear()


class Run:
    """One random schema, its copies, and a subscriber to the watched one."""

    def __init__(self, cluster, connect, seed, copies=COPIES):
        self.cluster = cluster
        self.seed = seed
        self.rng = random.Random(seed)
        self.tables = random_tables(self.rng)
        self.sessions = Sessions(cluster, copies)
        create(cluster, self.sessions, self.tables)
        # Keeps all versions of rows in their places: copies do not clean up at the same moments.
        self.keeper = cluster.connect(autocommit=False)
        self.keeper.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self.keeper.execute("SELECT 1")
        self.client = connect(cluster, ping_interval=None)
        keys = {
            table.name: table.key if table.is_unique_at_any_time else None for table in self.tables
        }
        self.replay = Replay(self.client, QUERY, keys)
        self.looks = Looks(cluster, self.tables, self.replay, copies)
        self.done = []
        self.counts = Counter()

    def close(self):
        self.counts["events"] = self.replay.count
        for each in (self.sessions, self.keeper, self.client, self.looks.connection):
            each.close()

    def step(self, statement):
        self.done.append(statement)
        watched, plain = self.sessions.run(statement)
        assert watched == plain
        self.counts["succeeded" if watched[0].succeeded else "failed"] += 1

    def steps(self, count):
        writer = Writer(self.rng, self.tables)
        for number in range(count):
            self.step(writer.next(self.sessions.are_aborted()))
            if number % STEPS_BETWEEN_LOOKS == 0 or number == count - 1:
                for statement in writer.quiesce():
                    self.step(statement)
                self.looks.look()

    def describe(self, error):
        """What it takes to see a failure again."""
        error.add_note(f"--seed {self.seed} --steps {STEPS_OF_A_SCHEMA}")
        error.add_note(";\n".join(each for table in self.tables for each in table.statements))
        error.add_note("Then, at last:")
        error.add_note(";\n".join(str(each)[:2000] for each in self.done[-STEPS_BETWEEN_LOOKS:]))


def run(cluster, connect, seed, act, copies=COPIES):
    """Act on one random schema; return what it counted."""
    schema = Run(cluster, connect, seed, copies)
    try:
        act(schema)
    except AssertionError as error:
        schema.describe(error)
        raise
    finally:
        schema.close()
    return schema.counts


def test_watching_changes_no_outcome_and_events_tell_every_change(cluster, connect, seed, steps):
    counts = Counter()
    for first in range(0, steps, STEPS_OF_A_SCHEMA):
        length = min(STEPS_OF_A_SCHEMA, steps - first)
        counts += run(
            cluster,
            connect,
            seed + first // STEPS_OF_A_SCHEMA,
            lambda schema, length=length: schema.steps(length),
        )
    print(dict(counts))
    assert counts["succeeded"] > steps / 4
    assert counts["failed"] > steps / 50
    assert counts["events"] > steps / 20


def write_on(cluster, rng, tables, count):
    """Random writes of one session, to its end."""
    settings = "-c deadlock_timeout=10ms -c lock_timeout=1s"
    with closing(Sessions(cluster, ("watched",), settings)) as sessions:
        writer = Writer(rng, tables)
        for _ in range(count):
            sessions.run(writer.next(sessions.are_aborted()))
        for statement in writer.quiesce():
            sessions.run(statement)


def write_at_once(schema, count):
    """Random writes of several sessions at a time."""
    with ThreadPoolExecutor(SESSIONS_AT_ONCE) as threads:
        sessions = [
            threads.submit(
                write_on,
                schema.cluster,
                random.Random(schema.rng.random()),
                schema.tables,
                count // SESSIONS_AT_ONCE,
            )
            for _ in range(SESSIONS_AT_ONCE)
        ]
    for session in sessions:
        session.result()
    schema.looks.look()


def test_events_of_sessions_that_write_at_once_tell_every_change(cluster, connect, seed, steps):
    """What each session does is as random as the seed says; how they meet is not repeatable."""
    counts = Counter()
    for first in range(0, steps // 2, STEPS_OF_A_SCHEMA):
        counts += run(
            cluster,
            connect,
            seed + first,
            lambda schema: write_at_once(schema, STEPS_OF_A_SCHEMA),
            ("watched",),
        )
    print(dict(counts))
    assert counts["events"] > steps / 40
