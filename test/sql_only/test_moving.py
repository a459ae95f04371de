"""Cursors and events when the database is dumped, copied, promoted or replicated."""

import psycopg
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


def test_a_dump_of_the_schema_alone_works_once_the_file_has_run(filled, cluster, sql_file):
    copy = Database(cluster)
    restore(filled, copy, "--schema-only")
    for statement in (
        "SELECT fraiseql_publish('t', 'c', '1')",
        "SELECT fraiseql_subs.bus_cursor()",
    ):
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="bus is empty"):
            copy.sql(statement)
    copy.install(sql_file)
    reader = copy.reader()
    copy.sql("INSERT INTO item VALUES (1)")
    assert [row.event_type for row in reader.drain()] == ["INSERT"]


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


@pytest.fixture
def replicated(make_cluster, sql_file):
    """Two databases with the file, of which one gets every table of the other."""
    # Not five seconds between two copies of a table.
    settings = {
        "postgresql__wal_level": "logical",
        "postgresql__wal_retrieve_retry_interval": "100ms",
        "postgresql__max_sync_workers_per_subscription": "3",
    }
    publisher, subscriber = (Database(make_cluster(**settings), name) for name in ("one", "two"))
    for database in (publisher, subscriber):
        database.install(sql_file)
        database.sql("CREATE TABLE item (id int PRIMARY KEY); SELECT fraiseql_watch('item')")
    publisher.sql("SELECT fraiseql_register_types('type T { id: ID }')")
    publisher.sql("UPDATE fraiseql_subs.catalog_setting SET tenant_field = 'org'")
    publisher.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0'")
    publisher.sql("CREATE PUBLICATION p FOR ALL TABLES", user="postgres")
    where = f"host={publisher.cluster.directory} dbname=one user=postgres"
    subscriber.sql(f"CREATE SUBSCRIPTION s CONNECTION '{where}' PUBLICATION p", user="postgres")
    wait_until(
        lambda: subscriber.value(
            "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel", user="postgres"
        ),
        "all tables are copied",
        timeout=60,
    )
    yield publisher, subscriber
    subscriber.sql("DROP SUBSCRIPTION s", user="postgres")


def apply(publisher, subscriber, heard, reader, id):
    """Change a row in one, and wait until the other has told of it."""
    publisher.sql("INSERT INTO item VALUES (%s)", (id,))

    def has_come():
        heard.extend(reader.drain())
        return any(row.kind == EVENT and row.json["row"] == {"id": id} for row in heard)

    wait_until(has_come, "the change has been applied")


def test_what_logical_replication_brings_are_not_the_events_of_the_publisher(replicated):
    publisher, subscriber = replicated
    assert subscriber.value("SELECT name FROM fraiseql_subs.type") == "T"
    assert subscriber.value("SELECT tenant_field FROM fraiseql_subs.catalog_setting") == "org"
    reader, heard = subscriber.reader(), []
    apply(publisher, subscriber, heard, reader, 1)
    apply(publisher, subscriber, heard, reader, 2)
    assert [row.kind for row in heard] == [EVENT, EVENT]


def test_where_all_tables_are_published_nothing_fails(replicated):
    publisher, subscriber = replicated
    reader, heard = subscriber.reader(), []
    publisher.sql('SELECT fraiseql_set_limits(NULL, \'{"events_per_user": "1/s"}\')')
    publisher.sql('SELECT fraiseql_set_limits(NULL, \'{"events_per_user": "2/s"}\')')
    publisher.sql("UPDATE fraiseql_subs.bus SET maintained_at = '-infinity'")
    publisher.sql("SELECT fraiseql_publish('t', 'c', '1') FROM generate_series(1, 1000)")
    assert publisher.value("SELECT maintained_at > now() - interval '1 h' FROM fraiseql_subs.bus")
    # As a restored dump does it.
    publisher.sql("UPDATE fraiseql_subs.bus SET identity_xmin = '3'")
    publisher.reader()
    apply(publisher, subscriber, heard, reader, 1)
    assert subscriber.value("SELECT limits FROM fraiseql_subs.role_limit") == {
        "events_per_user": "2/s"
    }


def test_how_the_publisher_keeps_its_events_is_no_business_of_the_subscriber(replicated):
    publisher, subscriber = replicated
    reader, heard = subscriber.reader(), []
    for id in range(1, 3):
        apply(publisher, subscriber, heard, reader, id)
        publisher.sql("SELECT fraiseql_subs.bus_maintain()")
    apply(publisher, subscriber, heard, reader, 3)
    assert [row.kind for row in heard] == [EVENT] * 3
    assert subscriber.value("SELECT slot_bytes FROM fraiseql_subs.bus") == 64 << 20


def test_a_slot_that_the_publisher_truncates_is_a_gap_to_the_subscriber(replicated):
    publisher, subscriber = replicated
    subscriber.sql("UPDATE fraiseql_subs.bus SET notify = false")
    behind = subscriber.reader()
    reader, heard = subscriber.reader(), []
    apply(publisher, subscriber, heard, reader, 1)
    for _ in range(4):
        publisher.sql("SELECT fraiseql_subs.bus_maintain()")
    assert publisher.value("SELECT count(*) FROM fraiseql_subs.event") == 0
    apply(publisher, subscriber, heard, reader, 2)
    first, *rows = behind.drain()
    assert first.kind == GAP
    assert [row.json["row"]["id"] for row in rows] == [2]
