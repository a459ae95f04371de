"""Random writes end the same whether tables are watched or not, and events tell all of it."""

import random
from collections import Counter
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

    def __init__(self, cluster):
        self.each = {copy: cluster.connect(options=f"-c search_path={copy}") for copy in COPIES}

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
    """Compares both copies, and what the events say."""

    def __init__(self, cluster, tables, replay):
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
            assert there == content(self.connection, "plain", table), table.name
            assert there == self.replay.rows[table.name], table.name


def run_schema(cluster, connect, seed, steps):
    """:return: how many statements succeeded and failed, and how many events there were."""
    rng = random.Random(seed)
    tables = random_tables(rng)
    sessions = Sessions(cluster)
    create(cluster, sessions, tables)
    # Keeps all versions of rows in their places: the copies do not clean up at the same moments.
    keeper = cluster.connect(autocommit=False)
    keeper.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    keeper.execute("SELECT 1")
    client = connect(cluster, ping_interval=None)
    replay = Replay(client, QUERY, [table.name for table in tables])
    looks = Looks(cluster, tables, replay)
    writer = Writer(rng, tables)
    done = []
    counts = Counter()

    def step(statement):
        done.append(statement)
        watched, plain = sessions.run(statement)
        assert watched == plain
        counts["succeeded" if watched[0].succeeded else "failed"] += 1

    try:
        for number in range(steps):
            step(writer.next(sessions.are_aborted()))
            if number % STEPS_BETWEEN_LOOKS == 0 or number == steps - 1:
                for statement in writer.quiesce():
                    step(statement)
                looks.look()
    except AssertionError as error:
        created = [each for table in tables for each in table.statements]
        error.add_note(f"--seed {seed} --steps {steps}")
        error.add_note(";\n".join(map(str, created)))
        error.add_note("Then, at last:")
        error.add_note(";\n".join(str(each)[:2000] for each in done[-STEPS_BETWEEN_LOOKS:]))
        raise
    finally:
        sessions.close()
        keeper.close()
        client.close()
        looks.connection.close()
    counts["events"] = replay.count
    return counts


def test_watching_changes_no_outcome_and_events_tell_every_change(cluster, connect, seed, steps):
    counts = Counter()
    for first in range(0, steps, STEPS_OF_A_SCHEMA):
        length = min(STEPS_OF_A_SCHEMA, steps - first)
        counts += run_schema(cluster, connect, seed + first // STEPS_OF_A_SCHEMA, length)
    print(dict(counts))
    assert counts["succeeded"] > steps / 4
    assert counts["failed"] > steps / 20
    assert counts["events"] > steps / 4
