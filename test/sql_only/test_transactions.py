"""The file run in transactions of others, at once and upgraded; events of unusual transactions."""

import threading

import psycopg
import pytest

from bus_reader import EVENT
from cluster import give_to_server_user
from conftest import Database
from nodes import ServedDatabase


@pytest.fixture
def inner_file(sql_file):
    """The file without its own transaction."""
    text = sql_file.read_text()
    assert text.count("\nBEGIN;\n") == text.count("\nCOMMIT;\n") == 1
    return text.replace("\nBEGIN;\n", "\n").replace("\nCOMMIT;\n", "\n")


def test_within_a_transaction_it_takes_part_in_that(bare_database, inner_file):
    with bare_database.connect(autocommit=False) as connection:
        connection.execute("SET LOCAL search_path = public, pg_temp")
        connection.execute(inner_file)
        assert connection.execute("SHOW search_path").fetchone() == ("public, pg_temp",)
        assert connection.execute("SHOW client_min_messages").fetchone() == ("notice",)
        connection.execute("SELECT fraiseql_publish('t', 'c', '1')")
        connection.rollback()
        assert connection.execute("SELECT to_regnamespace('fraiseql_subs')").fetchone() == (None,)
        connection.execute(inner_file)
        connection.commit()
    reader = bare_database.reader()
    bare_database.sql("SELECT fraiseql_publish('t', 'c', '1')")
    assert len(reader.events()) == 1


def test_two_who_run_it_at_once_get_it_once(bare_database, sql_file):
    failures = []

    def install():
        try:
            bare_database.install(sql_file)
        except RuntimeError as failure:
            failures.append(failure)

    threads = [threading.Thread(target=install) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert bare_database.value("SELECT count(*) FROM fraiseql_subs.bus") == 1


def test_a_newer_file_upgrades_under_those_who_write_and_read(database, reader, sql_file, tmp_path):
    """As a second version would: what is there stays, and its own change is made once."""
    newer = sql_file.read_text().replace(
        "this CONSTANT integer := 1;", "this CONSTANT integer := 2;"
    )
    newer = newer.replace(
        "-- Rows that a dump",
        "DO $v$ BEGIN IF current_setting('fraiseql_subs_file.installed')::int < 2 THEN"
        " ALTER TABLE fraiseql_subs.catalog_setting ADD COLUMN further int; END IF; END $v$;\n-- ",
        1,
    )
    path = tmp_path / "newer.sql"
    path.write_text(newer)
    with database.connect(autocommit=False) as writer:
        writer.execute("SELECT fraiseql_publish('t', 'c', '1')")
        for _ in range(2):
            database.install(path)
        writer.execute("SELECT fraiseql_publish('t', 'c', '2')")
        writer.commit()
    assert [row.data for row in reader.events()] == ["1", "2"]
    assert database.value("SELECT version FROM fraiseql_subs.installation()") == 2
    assert database.value("SELECT further IS NULL FROM fraiseql_subs.catalog_setting")
    with pytest.raises(RuntimeError, match="version 2 is installed, which is newer"):
        database.install(sql_file)


@pytest.fixture
def pooled(database):
    served = ServedDatabase(database)
    served.sql("GRANT fraiseql_publisher TO node", user="postgres")
    return served


def test_who_publishes_may_do_so_through_a_pooler(pooled, pooler_of):
    """Which gives each transaction any session."""
    reader = pooled.reader()
    dsn = pooler_of(pooled)
    listener = pooled.connect()
    listener.execute("LISTEN fraiseql_subs")
    clients = [psycopg.connect(dsn, prepare_threshold=None) for _ in range(4)]
    count = 0
    for round in range(10):
        for client in clients:
            client.execute("SELECT fraiseql_publish('t', 'c', %s::text)", (str(count),))
            count += 1
        for client in clients:
            (client.rollback if round % 3 == 2 else client.commit)()
    for client in clients:
        client.close()
    assert next(listener.notifies()).payload == ""
    listener.close()
    published = [i for i in range(count) if i // 4 % 3 != 2]
    assert sorted(int(row.data) for row in reader.events()) == published


def events_of(reader):
    return [row.data for row in reader.drain() if row.kind == EVENT]


def test_prepared_transactions_tell_of_their_events_when_they_commit(make_cluster, sql_file):
    database = Database(make_cluster(postgresql__max_prepared_transactions="5"))
    database.install(sql_file)
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0'")
    reader = database.reader()
    with database.connect() as connection:
        for name in ("kept", "dropped"):
            connection.execute("BEGIN")
            connection.execute("SELECT fraiseql_publish('t', 'c', %s)", (f'"{name}"',))
            connection.execute(f"PREPARE TRANSACTION '{name}'")
        for number in range(5):
            connection.execute("SELECT fraiseql_publish('t', 'c', %s::text)", (str(number),))
            assert events_of(reader) == [str(number)]
            connection.execute("SELECT fraiseql_subs.bus_maintain()")
        connection.execute("ROLLBACK PREPARED 'dropped'")
        connection.execute("COMMIT PREPARED 'kept'")
    assert events_of(reader) == ['"kept"']


STEPS = (1_400_000_000, 2_800_000_000, (1 << 32) - 150)


@pytest.fixture
def near_wraparound(make_cluster):
    """A server whose transactions are soon to be counted from the start again."""
    cluster = make_cluster()
    cluster.sql("ALTER DATABASE template0 ALLOW_CONNECTIONS true")
    before = None
    for step in STEPS:
        cluster.program("vacuumdb", "--all", "--freeze", "--quiet")
        before = cluster.value("SELECT min(datfrozenxid::text::bigint) FROM pg_database")
        cluster.stop()
        options = ("-x", str(step), "-u", str(before))
        cluster.run_program("pg_resetwal", *options, "-D", cluster.data, as_server_user=True)
        # Where the server keeps which transactions have committed: a quarter byte for each.
        segment = cluster.data / "pg_xact" / f"{step // (1 << 20):04X}"
        segment.write_bytes(bytes(1 << 18))
        give_to_server_user(segment)
        cluster.start()
    return cluster


def test_when_numbers_of_transactions_wrap_around_nothing_is_lost(near_wraparound, sql_file):
    database = Database(near_wraparound)
    database.install(sql_file)
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0'")
    reader = database.reader()
    with database.connect() as connection, database.connect(autocommit=False) as slow:
        slow.execute("SELECT fraiseql_publish('t', 'c', '\"slow\"')")
        first = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()[0]
        assert first < 1 << 32
        number = 0
        while connection.execute(
            "SELECT pg_current_xact_id()::text::bigint < (1::bigint << 32) + 50"
        ).fetchone()[0]:
            connection.execute("SELECT fraiseql_publish('t', 'c', %s::text)", (str(number),))
            assert events_of(reader) == [str(number)]
            if number % 10 == 0:
                connection.execute("SELECT fraiseql_subs.bus_maintain()")
            number += 1
        slow.commit()
    assert events_of(reader) == ['"slow"']
    assert number > 50
    assert reader.cursor.split("/")[4] > "4294967296"
