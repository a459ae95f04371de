"""Cursors and events when the database is dumped, copied, promoted or replicated."""

import pytest

from bus_reader import EVENT, GAP, BusReader
from cluster import wait_until
from conftest import Database

SCHEMA = """
    CREATE TABLE item (id int PRIMARY KEY);
    SELECT fraiseql_watch('item');
    SELECT fraiseql_register_types('type T { id: ID }');
    UPDATE fraiseql_subs.bus SET retention = '3 hours';
    INSERT INTO item VALUES (1), (2);
"""


@pytest.fixture
def filled(database):
    database.sql(SCHEMA)
    return database


def assert_works(database, cursor_of_before):
    """It tells of its own changes alone, and a cursor of before is told that there is a gap."""
    with database.connect() as connection:
        reader = BusReader(connection, cursor_of_before)
        (gap,) = reader.drain()
        assert (gap.kind, gap.data) == (GAP, None)
        connection.execute("INSERT INTO item SELECT max(id) + 1 FROM item")
        (row,) = reader.drain()
        assert row.json["operation"] == "INSERT"
    assert database.value("SELECT state FROM fraiseql_watched_tables()") == "watched"
    assert database.value("SELECT retention::text FROM fraiseql_subs.bus") == "03:00:00"
    assert database.value("SELECT name FROM fraiseql_subs.type") == "T"


def restore(source, target, *options):
    target.program(
        "psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", input=source.program("pg_dump", *options)
    )


def test_a_dump_is_restored_by_its_owner_in_another_database(filled, cluster, sql_file):
    cursor = filled.reader().cursor
    copy = Database(cluster)
    restore(filled, copy)
    assert_works(copy, cursor)
    copy.install(sql_file)


def test_a_dump_is_restored_on_another_server(filled, make_cluster):
    cursor = filled.reader().cursor
    server = make_cluster()
    copy = Database(server)
    restore(filled, copy)
    assert_works(copy, cursor)


def test_events_of_a_dump_are_told_by_nobody_when_their_transactions_come_again(
    filled, make_cluster
):
    """The other server gives the same numbers to other transactions."""
    filled.sql("SELECT pg_current_xact_id()" + ", pg_current_xact_id()" * 3)
    for _ in range(3):
        filled.sql("SELECT fraiseql_publish('t', 'c', '1')")
    copy = Database(make_cluster())
    restore(filled, copy)
    with copy.connect() as connection:
        reader = BusReader(connection)
        highest = filled.value("SELECT pg_current_xact_id()::text::bigint")
        while (
            connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()[0] < highest
        ):
            pass
        assert reader.drain() == []


def test_data_alone_is_restored_without_the_events(filled, cluster, sql_file):
    copy = Database(cluster)
    copy.install(sql_file)
    copy.sql("CREATE TABLE item (id int PRIMARY KEY)")
    restore(filled, copy, "--data-only", "--table", "fraiseql_subs.event*")
    assert copy.value("SELECT count(*) FROM fraiseql_subs.event") == 0


def test_a_database_that_another_was_the_template_of_is_one_of_its_own(filled, cluster):
    reader = filled.reader()
    cursor = reader.cursor
    reader.connection.close()
    wait_until(
        lambda: cluster.value(
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = %s", (filled.name,)
        ),
        "nobody is connected",
    )
    assert_works(Database(cluster, template=filled.name), cursor)


def test_after_a_failover_a_cursor_is_told_that_there_is_a_gap(make_cluster, sql_file):
    from copies import standby

    primary = make_cluster(postgresql__wal_level="replica")
    database = Database(primary)
    database.install(sql_file)
    database.sql(SCHEMA)
    cursor = database.reader().cursor
    replica = make_cluster(data=standby(primary))
    there = object.__new__(Database)
    there.cluster, there.name = replica, database.name
    with pytest.raises(Exception, match="recovery"):
        there.sql("SELECT fraiseql_subs.bus_cursor()")
    primary.stop("immediate")
    assert replica.value("SELECT pg_promote()")
    assert_works(there, cursor)


def test_a_restart_changes_nothing_for_cursors(make_cluster, sql_file):
    cluster = make_cluster()
    database = Database(cluster)
    database.install(sql_file)
    cursor = database.reader().cursor
    database.sql("SELECT fraiseql_publish('t', 'c', '1')")
    cluster.restart()
    with database.connect() as connection:
        assert [row.data for row in BusReader(connection, cursor).drain()] == ["1"]


def test_after_a_crash_events_are_kept_and_a_cursor_is_told_that_there_may_be_a_gap(
    make_cluster, sql_file
):
    cluster = make_cluster()
    database = Database(cluster)
    database.install(sql_file)
    database.sql(SCHEMA)
    cursor = database.reader().cursor
    events = database.value("SELECT count(*) FROM fraiseql_subs.event")
    cluster.stop("immediate")
    cluster.start()
    assert database.value("SELECT count(*) FROM fraiseql_subs.event") == events
    assert_works(database, cursor)


def test_what_logical_replication_brings_are_not_the_events_of_the_publisher(
    make_cluster, sql_file
):
    publisher, subscriber = (
        Database(make_cluster(postgresql__wal_level="logical"), name) for name in ("one", "two")
    )
    for database in (publisher, subscriber):
        database.install(sql_file)
        database.sql("CREATE TABLE item (id int PRIMARY KEY); SELECT fraiseql_watch('item')")
    publisher.sql("CREATE PUBLICATION p FOR ALL TABLES", user="postgres")
    where = f"host={publisher.cluster.directory} dbname=one user=postgres"
    reader = subscriber.reader()
    subscriber.sql(
        f"CREATE SUBSCRIPTION s CONNECTION '{where}' PUBLICATION p WITH (copy_data = false)",
        user="postgres",
    )
    publisher.sql("INSERT INTO item VALUES (1)")
    heard = []
    wait_until(lambda: heard.extend(reader.events()) or heard, "the change has been applied")
    publisher.sql("INSERT INTO item VALUES (2)")
    wait_until(
        lambda: heard.extend(reader.events()) or len(heard) > 1, "the change has been applied"
    )
    assert [row.json["row"]["id"] for row in heard if row.kind == EVENT] == [1, 2]
    subscriber.sql("DROP SUBSCRIPTION s", user="postgres")
