"""fraiseql_watch: what subscribers are told of a table's changes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import errors

from cluster import wait_until

pytestmark = pytest.mark.extension_only

TYPES = """
    type Item { id: ID! name: String price: Float }
    type ItemChange { operation: String! table: String! row: Item old: Item }
"""
QUERY = (
    "subscription { itemChanged { operation table row { id name price } old { id name price } } }"
)


class Watched:
    def __init__(self, cluster, subscription):
        self.cluster = cluster
        self.subscription = subscription
        self.sql = cluster.sql

    def change(self):
        return self.subscription.data()["itemChanged"]

    def assert_no_more(self):
        self.sql("INSERT INTO item VALUES (999, 'last', 0)")
        assert self.change()["row"]["id"] == "999"


@pytest.fixture(scope="module")
def register(shared_cluster):
    shared_cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    shared_cluster.sql(
        "SELECT fraiseql_register_subscription('itemChanged(id: ID): ItemChange', 'item')"
    )


@pytest.fixture
def item(server, register, connect):
    server.sql("DROP TABLE IF EXISTS item")
    server.sql("CREATE TABLE item (id int PRIMARY KEY, name text, price numeric)")
    server.sql("SELECT fraiseql_watch('item')")
    return Watched(server, connect(server).subscribe(QUERY))


def row(id, name, price):
    return {"id": str(id), "name": name, "price": price}


def change(operation, row=None, old=None, table="public.item"):
    return {"operation": operation, "table": table, "row": row, "old": old}


def test_insert_tells_the_row(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', 1.50)")
    assert item.change() == change("INSERT", row(1, "pen", 1.5))


def test_update_tells_the_row_and_what_it_was(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', 1)")
    item.change()
    item.sql("UPDATE item SET price = 2")
    assert item.change() == change("UPDATE", row(1, "pen", 2), old=row(1, "pen", 1))


def test_update_that_changes_nothing_is_not_told(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', NULL)")
    item.change()
    item.sql("UPDATE item SET name = 'pen', price = NULL")
    item.assert_no_more()


def test_delete_tells_the_row_that_is_gone(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', 1)")
    item.change()
    item.sql("DELETE FROM item")
    assert item.change() == change("DELETE", row(1, "pen", 1))


def test_truncate_is_told_once(item):
    item.sql("INSERT INTO item VALUES (1, 'pen', 1), (2, 'ink', 2)")
    item.change()
    item.change()
    item.sql("TRUNCATE item")
    assert item.change() == change("TRUNCATE")
    item.assert_no_more()


def test_rows_of_one_statement_are_told_in_its_order(item):
    item.sql("INSERT INTO item SELECT i, NULL, NULL FROM generate_series(1, 50) AS i")
    assert [item.change()["row"]["id"] for _ in range(50)] == [str(i) for i in range(1, 51)]


def test_a_rolled_back_change_is_not_told(item):
    with item.cluster.connect(autocommit=False) as connection:
        connection.execute("INSERT INTO item VALUES (1, 'pen', 1)")
        connection.rollback()
    item.assert_no_more()


def test_an_argument_filters_by_the_column_of_its_name(item, connect):
    second = connect(item.cluster).subscribe("subscription { itemChanged(id: 2) { row { id } } }")
    item.sql("INSERT INTO item VALUES (1, 'pen', 1), (2, 'ink', 2), (3, 'cap', 3)")
    item.sql("DELETE FROM item")
    assert second.data() == {"itemChanged": {"row": {"id": "2"}}}
    assert second.data() == {"itemChanged": {"row": {"id": "2"}}}
    second.client.settle()
    assert second.messages == []


def test_unwatch_ends_it(item):
    item.sql("SELECT fraiseql_unwatch('item')")
    item.sql("INSERT INTO item VALUES (1, 'pen', 1)")
    item.sql("SELECT fraiseql_watch('item')")
    item.assert_no_more()


def test_dropped_columns_are_left_out_and_added_ones_told(item, name):
    item.sql("ALTER TABLE item DROP COLUMN name")
    item.sql("ALTER TABLE item ADD COLUMN name text DEFAULT 'new'")
    item.sql("INSERT INTO item (id, price) VALUES (1, 1)")
    assert item.change() == change("INSERT", row(1, "new", 1))


def test_generated_columns_are_told(item):
    item.sql("ALTER TABLE item DROP COLUMN price")
    item.sql("ALTER TABLE item ADD COLUMN price numeric GENERATED ALWAYS AS (id * 2) STORED")
    item.sql("INSERT INTO item (id) VALUES (4)")
    assert item.change() == change("INSERT", row(4, None, 8))


def test_a_watched_partitioned_table_tells_changes_in_its_partitions(server, register, connect):
    server.sql("DROP TABLE IF EXISTS item")
    server.sql("CREATE TABLE item (id int, name text, price numeric) PARTITION BY RANGE (id)")
    server.sql("CREATE TABLE IF NOT EXISTS item_low PARTITION OF item FOR VALUES FROM (0) TO (10)")
    server.sql("SELECT fraiseql_watch('item')")
    server.sql(
        "CREATE TABLE IF NOT EXISTS item_high PARTITION OF item FOR VALUES FROM (10) TO (99)"
    )
    item = Watched(server, connect(server).subscribe(QUERY))
    server.sql("INSERT INTO item VALUES (1, 'pen', 1), (11, 'ink', 1)")
    assert [item.change()["row"]["id"] for _ in range(2)] == ["1", "11"]
    server.sql("INSERT INTO item_high VALUES (12, 'cap', 1)")
    assert item.change()["row"]["id"] == "12"
    server.sql("UPDATE item SET price = 2 WHERE id = 1")
    told = item.change()
    assert (told["operation"], told["old"]["price"]) == ("UPDATE", 1)
    server.sql("DROP TABLE item")


def test_a_channel_of_choice_can_be_given(server, register, connect):
    server.sql("DROP TABLE IF EXISTS thing")
    server.sql("CREATE TABLE thing (id int, name text, price numeric)")
    server.sql("SELECT fraiseql_watch('thing', 'item')")
    item = Watched(server, connect(server).subscribe(QUERY))
    server.sql("INSERT INTO thing VALUES (1, 'x', 1)")
    assert item.change() == change("INSERT", row(1, "x", 1), table="public.thing")
    server.sql("DROP TABLE thing")


def test_what_replication_applies_is_told(item):
    with item.cluster.connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("INSERT INTO item VALUES (1, 'pen', 1)")
    assert item.change() == change("INSERT", row(1, "pen", 1))


def test_a_change_is_told_before_what_a_trigger_does_about_it(item):
    item.sql("""
        CREATE OR REPLACE FUNCTION reprice() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE item SET price = 2 WHERE id = new.id;
            RETURN NULL;
        END $$;
        CREATE TRIGGER "!first" AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION reprice()""")
    item.sql("INSERT INTO item VALUES (1, 'pen', 1)")
    assert [item.change()["operation"] for _ in range(2)] == ["INSERT", "UPDATE"]


class Sessions:
    """Sessions that are in transactions at the same time."""

    def __init__(self, cluster, pool):
        self.cluster = cluster
        self.pool = pool
        self.opened = []

    def open(self, *statements):
        session = self.cluster.connect(autocommit=False)
        self.opened.append(session)
        for statement in statements:
            session.execute(statement)
        return session

    def start_waiting(self, session, statement):
        """Run a statement that has to wait for a lock, and return its future once it does."""
        future = self.pool.submit(session.execute, statement)
        waits = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
        wait_until(
            lambda: future.done() or self.cluster.value(waits, (session.info.backend_pid,)),
            "the session waits for a lock",
        )
        return future


@pytest.fixture(params=["", "PARTITION BY RANGE (id)"], ids=["plain", "partitioned"])
def table(request, server):
    server.sql("DROP TABLE IF EXISTS locked")
    server.sql(f"CREATE TABLE locked (id int) {request.param}")
    if request.param:
        server.sql("CREATE TABLE locked_low PARTITION OF locked FOR VALUES FROM (0) TO (10)")
        server.sql("CREATE TABLE locked_high PARTITION OF locked FOR VALUES FROM (10) TO (20)")
    yield "locked"
    server.sql("DROP TABLE IF EXISTS locked")


@pytest.fixture
def sessions(server, table):
    with ThreadPoolExecutor() as pool:
        sessions = Sessions(server, pool)
        yield sessions
        for session in sessions.opened:
            session.close()


def states(cluster, table):
    return cluster.sql(
        'SELECT channel, state FROM fraiseql_watched_tables() WHERE "table" = to_regclass(%s)',
        (table,),
    )


def test_two_who_watch_a_table_that_both_have_read_do_not_deadlock(server, sessions, table):
    for first, second in [("a", "b"), ("c", "d")]:
        one = sessions.open("SELECT * FROM locked")
        other = sessions.open("SELECT * FROM locked")
        one.execute(f"SELECT fraiseql_watch('locked', '{first}')")
        waiting = sessions.start_waiting(other, f"SELECT fraiseql_watch('locked', '{second}')")
        one.commit()
        waiting.result()
        other.commit()
        assert states(server, table) == [(second, "watched")]


def test_watching_does_not_wait_for_readers(server, sessions, table):
    sessions.open("SELECT * FROM locked")
    for channel in ["first", "second"]:
        session = sessions.open("SET LOCAL lock_timeout = '10s'")
        session.execute(f"SELECT fraiseql_watch('locked', '{channel}')")
        session.commit()
    assert states(server, table) == [("second", "watched")]


def test_watching_again_as_before_waits_for_nobody_who_writes(server, sessions, table):
    server.sql("SELECT fraiseql_watch('locked')")
    written = "SELECT array_agg(xmin::text ORDER BY oid) FROM pg_trigger"
    before = server.value(written)
    sessions.open("INSERT INTO locked VALUES (1)")
    session = sessions.open("SET LOCAL lock_timeout = '10s'", "SELECT fraiseql_watch('locked')")
    session.commit()
    assert server.value(written) == before


def test_watching_gives_up_after_lock_timeout(sessions, table):
    sessions.open("INSERT INTO locked VALUES (1)")
    session = sessions.open("SET LOCAL lock_timeout = '50ms'")
    with pytest.raises(errors.LockNotAvailable):
        session.execute("SELECT fraiseql_watch('locked')")


@pytest.mark.parametrize("call", ["fraiseql_watch('locked')", "fraiseql_unwatch('locked')"])
def test_who_may_not_watch_a_table_takes_no_lock_on_it(server, sessions, table, call):
    server.sql("CREATE ROLE stranger")
    server.sql("GRANT EXECUTE ON FUNCTION fraiseql_watch, fraiseql_unwatch TO stranger")
    server.sql("GRANT ALL ON locked TO stranger")
    try:
        sessions.open("LOCK TABLE locked")
        session = sessions.open("SET LOCAL ROLE stranger", "SET LOCAL lock_timeout = '10s'")
        with pytest.raises(errors.InsufficientPrivilege, match="must be owner"):
            session.execute(f"SELECT {call}")
        session.rollback()
    finally:
        for session in sessions.opened:
            session.close()
        server.sql("DROP OWNED BY stranger")
        server.sql("DROP ROLE stranger")


@pytest.mark.parametrize(
    ("function", "rest"), [("fraiseql_watch", ", 'other'"), ("fraiseql_unwatch", "")]
)
def test_a_table_that_is_dropped_meanwhile_is_an_error(server, sessions, table, function, rest):
    server.sql("SELECT fraiseql_watch('locked')")
    dropping = sessions.open("DROP TABLE locked")
    oid = server.value("SELECT 'locked'::regclass::oid")
    waiting = sessions.start_waiting(sessions.open(), f"SELECT {function}({oid}::regclass{rest})")
    dropping.commit()
    with pytest.raises(errors.UndefinedTable):
        waiting.result()


def test_a_dump_restores_what_is_watched_and_how(server, table):
    server.sql("SELECT fraiseql_watch('locked', 'a \"quoted\" channel')")
    dump = server.program("pg_dump", "--table=locked*", "--clean")
    start = server.log_size()
    server.program("psql", "-X", "-v", "ON_ERROR_STOP=1", input=dump)
    assert states(server, table) == [('a "quoted" channel', "watched")]
    assert "watched" not in server.log(start)


@pytest.fixture
def subscription(server):
    """One of logical replication, which applies nothing."""
    server.sql("CREATE SUBSCRIPTION idle CONNECTION '' PUBLICATION others WITH (connect = false)")
    yield
    server.sql("ALTER SUBSCRIPTION idle SET (slot_name = NONE)")
    server.sql("DROP SUBSCRIPTION idle")


def restore_with_triggers_disabled(server):
    server.sql("DROP TABLE IF EXISTS locked")
    server.sql("CREATE TABLE locked (id int)")
    server.sql("SELECT fraiseql_watch('locked')")
    dump = server.program("pg_dump", "--table=locked", "--data-only", "--disable-triggers")
    start = server.log_size()
    server.program("psql", "-X", "-v", "ON_ERROR_STOP=1", input=dump)
    return server.log(start)


def test_a_restore_that_disabled_triggers_warns_that_they_are_not_as_they_were(
    server, subscription
):
    log = restore_with_triggers_disabled(server)
    assert log.count('table "public.locked" is not watched as it should be') == 1
    assert "is not enabled ALWAYS" in log and "is disabled" not in log
    assert states(server, "locked") == [("locked", "incomplete")]
    server.sql("SELECT fraiseql_watch('locked')")
    assert states(server, "locked") == [("locked", "watched")]
    server.sql("DROP TABLE locked")


def test_it_does_not_where_nothing_is_replicated(server):
    assert "watched" not in restore_with_triggers_disabled(server)
    assert states(server, "locked") == [("locked", "watched")]
    server.sql("DROP TABLE locked")
