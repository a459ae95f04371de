"""What subscribers see of transactions: events of committed ones, in the order of commits."""

import psycopg
import pytest

QUERY = "subscription { orderUpdated { id } }"


@pytest.fixture
def received(server, connect):
    """A function that returns the ids received until the event `end`, which it publishes."""
    orders = connect(server).subscribe(QUERY)

    def read():
        server.publish("orderUpdated", "orders", {"id": "end", "status": "x"})
        ids = []
        while not ids or ids[-1] != "end":
            ids.append(orders.data()["orderUpdated"]["id"])
        return ids[:-1]

    return read


def publish(connection, number):
    connection.execute(
        "SELECT fraiseql_publish('orderUpdated', 'orders', jsonb_build_object('id', %s::text))",
        (number,),
    )


def test_nothing_is_seen_before_the_commit(server, received):
    with server.connect(autocommit=False) as connection:
        publish(connection, 1)
        assert received() == []
        connection.commit()
        assert received() == ["1"]


def test_a_rollback_discards_everything(server, received):
    with server.connect(autocommit=False) as connection:
        publish(connection, 1)
        connection.rollback()
        publish(connection, 2)
        connection.commit()
    assert received() == ["2"]


def test_a_failed_transaction_is_discarded(server, received):
    with (
        pytest.raises(psycopg.errors.DivisionByZero),
        server.connect(autocommit=False) as connection,
    ):
        publish(connection, 1)
        connection.execute("SELECT 1 / 0")
    assert received() == []


def test_a_lost_session_is_discarded(server, received):
    connection = server.connect(autocommit=False)
    publish(connection, 1)
    pid = connection.info.backend_pid
    server.sql("SELECT pg_terminate_backend(%s, 10000)", (pid,))
    connection.close()
    assert received() == []


def test_rollback_to_a_savepoint_discards_what_came_after_it(server, received):
    with server.connect(autocommit=False) as connection:
        publish(connection, 1)
        connection.execute("SAVEPOINT a")
        publish(connection, 2)
        connection.execute("SAVEPOINT b")
        publish(connection, 3)
        connection.execute("RELEASE b")
        connection.execute("ROLLBACK TO a")
        publish(connection, 4)
        connection.execute("SAVEPOINT c")
        publish(connection, 5)
        connection.execute("RELEASE c")
        connection.commit()
    assert received() == ["1", "4", "5"]


def test_an_exception_caught_in_a_function_discards_its_block(server, received):
    server.sql("""
        DO $$ BEGIN
            PERFORM fraiseql_publish('orderUpdated', 'orders', '{"id": "before"}');
            BEGIN
                PERFORM fraiseql_publish('orderUpdated', 'orders', '{"id": "inside"}');
                PERFORM 1 / 0;
            EXCEPTION WHEN division_by_zero THEN
                PERFORM fraiseql_publish('orderUpdated', 'orders', '{"id": "handler"}');
            END;
        END $$
    """)
    assert received() == ["before", "handler"]


def test_a_procedure_that_commits_publishes_at_each_commit(server, received):
    server.sql("""
        DO $$ BEGIN
            FOR i IN 1..4 LOOP
                PERFORM fraiseql_publish('orderUpdated', 'orders', jsonb_build_object('id', i));
                IF i % 2 = 0 THEN COMMIT; ELSE ROLLBACK; END IF;
            END LOOP;
        END $$
    """)
    assert received() == ["2", "4"]


def test_events_are_seen_in_the_order_of_commits(server, received):
    with (
        server.connect(autocommit=False) as first,
        server.connect(autocommit=False) as second,
    ):
        publish(first, 1)
        publish(second, 2)
        publish(first, 3)
        second.commit()
        first.commit()
    assert received() == ["2", "1", "3"]


def test_equal_events_are_not_merged(server, received):
    with server.connect(autocommit=False) as connection:
        for _ in range(3):
            publish(connection, 7)
    assert received() == ["7", "7", "7"]


def test_an_event_is_seen_when_the_row_it_tells_of_can_be_read(server, connect):
    server.sql("CREATE TABLE IF NOT EXISTS seen_rows (id int)")
    orders = connect(server).subscribe(QUERY)
    for i in range(100):
        with server.connect(autocommit=False) as connection:
            connection.execute("INSERT INTO seen_rows VALUES (%s)", (i,))
            publish(connection, i)
        assert orders.data() == {"orderUpdated": {"id": str(i)}}
        assert server.value("SELECT count(*) FROM seen_rows WHERE id = %s", (i,)) == 1
