"""Changes of watched tables become events, and nothing about that fails or changes a write."""

import psycopg
import pytest

from bus_reader import EVENT, EVENTS_LOST

NULLS = '{"id": 1, "note": null}'


def changes(reader):
    return [row.json for row in reader.events() if row.kind == EVENT]


@pytest.fixture
def item(database):
    database.sql("CREATE TABLE item (id int PRIMARY KEY, note text); SELECT fraiseql_watch('item')")
    return database


def test_each_changed_row_is_an_event(item, reader):
    item.sql("INSERT INTO item VALUES (1, 'a'), (2, 'b')")
    item.sql("UPDATE item SET note = 'c' WHERE id = 1")
    item.sql("DELETE FROM item WHERE id = 2")
    item.sql("TRUNCATE item")
    rows = reader.events()
    assert [(row.event_type, row.channel) for row in rows] == [
        (operation, "item") for operation in ("INSERT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    ]
    table = {"table": "public.item"}
    assert [row.json for row in rows] == [
        table | {"operation": "INSERT", "row": {"id": 1, "note": "a"}, "old": None},
        table | {"operation": "INSERT", "row": {"id": 2, "note": "b"}, "old": None},
        table
        | {"operation": "UPDATE", "row": {"id": 1, "note": "c"}, "old": {"id": 1, "note": "a"}},
        table | {"operation": "DELETE", "row": {"id": 2, "note": "b"}, "old": None},
        table | {"operation": "TRUNCATE", "row": None, "old": None},
    ]


def test_an_update_that_changes_nothing_is_no_event(item, reader):
    item.sql("INSERT INTO item VALUES (1, 'a')")
    reader.drain()
    item.sql("UPDATE item SET note = 'a'")
    assert reader.drain() == []


def test_a_column_without_an_equality_of_its_type_is_no_obstacle(database, reader):
    database.sql("CREATE TABLE t (id int PRIMARY KEY, j json); SELECT fraiseql_watch('t', 'c')")
    database.sql("INSERT INTO t VALUES (1, '{}'); UPDATE t SET j = '{}'; UPDATE t SET j = '[]'")
    assert [change["operation"] for change in changes(reader)] == ["INSERT", "UPDATE"]


def test_writers_need_no_rights_on_events(item, reader):
    item.sql("DROP ROLE IF EXISTS clerk; CREATE ROLE clerk LOGIN", user="postgres")
    item.sql("GRANT INSERT ON item TO clerk")
    item.sql("INSERT INTO item VALUES (1)", user="clerk")
    assert len(changes(reader)) == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        item.sql("SELECT fraiseql_publish('t', 'c', '{}')", user="clerk")


def test_values_are_written_alike_whatever_the_session_has_set(database, reader):
    database.sql("""
        CREATE TABLE t (id int PRIMARY KEY, at timestamptz, took interval, raw bytea,
            f float8, m money);
        SELECT fraiseql_watch('t', 'c')""")
    write = "INSERT INTO t VALUES (%s, '2024-05-06 07:08:09+00', '1 day 2 h', '\\x00ff', 0.1, 1.5)"
    database.sql(write, (1,))
    with database.connect() as connection:
        connection.execute("""
            SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET bytea_output = 'escape';
            SET IntervalStyle = 'iso_8601'; SET extra_float_digits = -5; SET lc_monetary = 'C';
            SET quote_all_identifiers = on""")
        connection.execute(write, (2,))
        assert connection.execute("SHOW TimeZone").fetchone() == ("Asia/Tokyo",)
    first, second = changes(reader)
    assert first["table"] == second["table"] == "public.t"
    one, two = first["row"], second["row"]
    assert one | {"id": 2} == two
    assert one["at"] == "2024-05-06T07:08:09+00:00"
    assert one["raw"] == "\\x00ff"


def test_a_partitioned_table_covers_partitions_that_come_later(database, reader):
    database.sql("""
        CREATE TABLE sale (id int, day date) PARTITION BY RANGE (day);
        CREATE TABLE sale_a PARTITION OF sale FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        SELECT fraiseql_watch('sale');
        CREATE TABLE sale_b PARTITION OF sale FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')""")
    database.sql("INSERT INTO sale VALUES (1, '2024-02-03'), (2, '2025-02-03')")
    database.sql("INSERT INTO sale_b VALUES (3, '2025-02-03')")
    database.sql("UPDATE sale SET day = '2025-03-04' WHERE id = 1")
    assert [
        (change["operation"], change["table"], change["row"]["id"]) for change in changes(reader)
    ] == [
        ("INSERT", "public.sale", 1),
        ("INSERT", "public.sale", 2),
        ("INSERT", "public.sale", 3),
        ("DELETE", "public.sale", 1),
        ("INSERT", "public.sale", 1),
    ]
    assert database.sql("SELECT * FROM fraiseql_watched_tables()") == [
        ("sale", "sale", "watched", [])
    ]
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="through the table"):
        database.sql("SELECT fraiseql_watch('sale_a')")


def test_watching_again_changes_and_waits_for_nothing(item):
    with item.connect(autocommit=False) as writer:
        writer.execute("INSERT INTO item VALUES (1)")
        item.sql("SET lock_timeout = '1s'; SELECT fraiseql_watch('item')")


def test_an_unwatched_table_makes_no_events(item, reader):
    item.sql("SELECT fraiseql_unwatch('item')")
    item.sql("INSERT INTO item VALUES (1)")
    assert changes(reader) == []
    assert item.sql("SELECT * FROM fraiseql_watched_tables()") == []


def test_only_its_owner_may_watch_a_table(database):
    database.sql("CREATE TABLE theirs (id int)", user="postgres")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner of table theirs"):
        database.sql("SELECT fraiseql_watch('theirs')")
    for name in ("pg_class", "fraiseql_subs.capture_trigger"):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.WrongObjectType)):
            database.sql("SELECT fraiseql_watch(%s)", (name,))


def test_a_table_that_is_not_watched_as_it_should_be_is_told_of(item):
    item.sql('ALTER TABLE item DISABLE TRIGGER " fraiseql_capture_row"')
    ((state, problems),) = item.sql("SELECT state, problems FROM fraiseql_watched_tables()")
    assert state == "off"
    assert "is disabled" in problems[0]
    item.sql("SELECT fraiseql_watch('item')")
    assert item.value("SELECT state FROM fraiseql_watched_tables()") == "watched"


def test_columns_come_and_go(item, reader):
    item.sql("ALTER TABLE item ADD COLUMN extra int DEFAULT 5; INSERT INTO item VALUES (1)")
    item.sql("ALTER TABLE item DROP COLUMN note; INSERT INTO item VALUES (2)")
    assert [change["row"] for change in changes(reader)] == [
        {"id": 1, "note": None, "extra": 5},
        {"id": 2, "extra": 5},
    ]


def test_what_does_not_fit_leaves_out_columns_and_says_which(item, reader):
    item.sql("UPDATE fraiseql_subs.bus SET max_event_size = 1024")
    item.sql("ALTER TABLE item ADD COLUMN body text")
    item.sql("INSERT INTO item VALUES (1, 'short', repeat('x', 600))")
    item.sql("UPDATE item SET note = 'other'")
    item.sql("UPDATE item SET body = repeat('y', 2000)")
    item.sql("DELETE FROM item")
    whole, other, large, gone = reader.events()
    assert whole.flags == 0
    assert other.flags == 1
    assert other.json["row"] == {"id": 1, "note": "other", "body": "x" * 600}
    assert other.json["old"] == {"id": 1, "note": "short"}
    assert other.json["omitted"] == ["old.body"]
    for row, omitted in ((large, ["old.body", "row.body"]), (gone, ["row.body"])):
        assert row.flags == 1
        assert row.json["row"] == {"id": 1, "note": "other"}
        assert row.json["omitted"] == omitted


def test_a_row_of_which_not_even_the_key_fits_is_counted_as_lost(database, reader):
    database.sql("UPDATE fraiseql_subs.bus SET max_event_size = 1024")
    database.sql("CREATE TABLE t (id text PRIMARY KEY); SELECT fraiseql_watch('t', 'c')")
    database.sql("INSERT INTO t VALUES (repeat('x', 2000))")
    (row,) = reader.events()
    assert (row.kind, row.channel, row.data) == (EVENTS_LOST, "c", "1")
    assert database.value("SELECT count(*) FROM t") == 1


BROKEN = """
    CREATE TYPE shape AS ENUM ('round');
    CREATE FUNCTION shape_json(shape) RETURNS json LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no'; END $$;
    CREATE CAST (shape AS json) WITH FUNCTION shape_json(shape);
    CREATE TABLE t (id int PRIMARY KEY, s shape);
    SELECT fraiseql_watch('t', 'c')
"""


def test_a_cast_that_fails_leaves_out_its_column(database, reader):
    database.sql(BROKEN)
    database.sql("INSERT INTO t VALUES (1, 'round')")
    (row,) = reader.events()
    assert row.flags == 1
    assert row.json["row"] == {"id": 1}
    assert row.json["omitted"] == ["row.s"]


THEIRS = """
    CREATE TABLE told (who text);
    GRANT ALL ON told TO PUBLIC;
    CREATE TYPE {type};
    CREATE FUNCTION tell(t) RETURNS {target} LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO told VALUES (current_user); RETURN '"told"'; END $$;
    CREATE CAST (t AS {target}) WITH FUNCTION tell(t);
    CREATE TABLE holder (id int PRIMARY KEY, one t, many t[]);
    SELECT fraiseql_watch('holder', 'c');
    INSERT INTO holder VALUES (1, {value}, ARRAY[{value}]);
"""


@pytest.mark.parametrize("target", ["json", "text"])
@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [("t AS ENUM ('a')", "'a'::t", "a"), ("t AS (x int)", "ROW(1)::t", "(1)")],
)
def test_code_of_others_never_runs_with_the_rights_of_the_owner(
    database, reader, target, kind, value, written
):
    mallory = f"mallory_{database.name}"
    database.sql("SELECT fraiseql_create_roles()")
    database.sql(
        f"CREATE ROLE {mallory} LOGIN; GRANT fraiseql_watcher TO {mallory};"
        f" GRANT CREATE ON SCHEMA public TO {mallory}",
        user="postgres",
    )
    database.sql(THEIRS.format(type=kind, target=target, value=value), user=mallory)
    assert database.sql("SELECT who FROM told", user=mallory) == []
    (change,) = changes(reader)
    assert change["row"]["one"] == written


def test_types_of_the_owner_are_written_as_to_json_does(database, reader):
    database.sql("""
        CREATE TYPE mood AS ENUM ('glad');
        CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE TYPE pair AS (a int, b mood);
        CREATE TABLE t (id positive PRIMARY KEY, m mood, ms mood[], p pair);
        SELECT fraiseql_watch('t', 'c');
        INSERT INTO t VALUES (1, 'glad', '{glad,glad}', ROW(1, 'glad'))""")
    (row,) = reader.events()
    assert row.flags == 0
    assert row.json["row"] == {
        "id": 1, "m": "glad", "ms": ["glad", "glad"], "p": {"a": 1, "b": "glad"},
    }  # fmt: skip


def test_what_cannot_be_read_as_json_is_left_out(database, reader):
    database.sql(
        "CREATE TABLE t (id int PRIMARY KEY, j json, k json); SELECT fraiseql_watch('t', 'c')"
    )
    deep = "[" * 600 + "]" * 600
    database.sql("INSERT INTO t VALUES (1, %s, '1'), (2, %s, '2')", ('"\\ud800"', deep))
    half, nested = reader.events()
    assert half.json["row"] == {"id": 1, "k": 1}
    assert nested.json["row"] == {"id": 2, "k": 2}
    assert half.json["omitted"] == nested.json["omitted"] == ["row.j"]


def test_triggers_of_the_table_are_told_of_behind_the_change_that_fires_them(item, reader):
    item.sql("""
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN UPDATE item SET note = 'touched' WHERE id = new.id; RETURN NULL; END $$;
        CREATE TRIGGER a AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION touch();
        INSERT INTO item VALUES (1)""")
    assert [change["operation"] for change in changes(reader)] == ["INSERT", "UPDATE"]


def test_capturing_takes_no_subtransaction_with_a_number(item):
    """Many of these would make every session's snapshots slow."""
    with item.connect(autocommit=False) as writer:
        writer.execute("INSERT INTO item SELECT i FROM generate_series(1, 50) AS i")
        assert writer.execute(
            "SELECT count(DISTINCT xmin::text) FROM fraiseql_subs.event"
            " WHERE xid = pg_current_xact_id()"
        ).fetchone() == (1,)
        assert writer.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE locktype = 'transactionid' AND pid = pg_backend_pid()"
        ).fetchone() == (1,)


def test_a_transaction_that_wrote_to_a_watched_table_can_be_prepared(make_cluster, sql_file):
    from conftest import Database

    database = Database(make_cluster(postgresql__max_prepared_transactions="5"))
    database.install(sql_file)
    database.sql("CREATE TABLE item (id int PRIMARY KEY); SELECT fraiseql_watch('item')")
    with database.connect() as connection:
        reader = database.reader()
        connection.execute("BEGIN; INSERT INTO item VALUES (1); PREPARE TRANSACTION 'p'")
        assert reader.drain() == []
        connection.execute("COMMIT PREPARED 'p'")
        assert len(changes(reader)) == 1
