"""Databases that are not served, for tests and staging: all works there, and events go nowhere."""

import psycopg
import pytest

pytestmark = pytest.mark.extension_only

WARNING = "Events that are published here reach nobody."


@pytest.fixture
def served(server):
    server.sql("DROP TABLE IF EXISTS stock")
    server.sql("CREATE TABLE stock (id int)")
    server.sql("SELECT fraiseql_watch('stock')")
    yield server
    server.sql("DROP TABLE stock")


@pytest.fixture
def elsewhere(request, served, make_cluster):
    """A database beside the one that is served, and one of a server without the preload line."""
    if request.param == "beside":
        served.sql("CREATE DATABASE elsewhere")
        yield served, "elsewhere"
        served.sql("DROP DATABASE elsewhere WITH (FORCE)")
    else:
        bare = make_cluster(install=False, postgresql__shared_preload_libraries="")
        bare.sql("CREATE DATABASE elsewhere")
        yield bare, "elsewhere"


both = pytest.mark.parametrize("elsewhere", ["beside", "not preloaded"], indirect=True)


def messages_of(connection):
    messages = []
    connection.add_notice_handler(
        lambda notice: messages.append((notice.severity, notice.message_detail or ""))
    )
    return messages


@both
def test_the_extension_works_with_a_warning(elsewhere):
    cluster, database = elsewhere
    with cluster.connect(dbname=database) as connection:
        messages = messages_of(connection)
        connection.execute("CREATE EXTENSION fraiseql_subs")
        assert [severity for severity, _ in messages] == ["WARNING"]
        assert messages.pop()[1].startswith(WARNING)
        connection.execute("SELECT fraiseql_register_types('type Thing { id: ID }')")
        connection.execute("SELECT fraiseql_register_subscription('thing: Thing', 'thing')")
        connection.execute("SELECT fraiseql_unregister_subscription('thing')")
        connection.execute("CREATE TABLE thing (id int)")
        assert messages == []
        connection.execute("SELECT fraiseql_watch('thing')")
        assert [severity for severity, _ in messages] == ["WARNING"]
        messages.clear()
        connection.execute("INSERT INTO thing VALUES (1)")
        connection.execute("UPDATE thing SET id = 2")
        assert messages == []
        for _ in range(3):
            connection.execute("SELECT fraiseql_publish('a', 'b', '1')")
        assert [severity for severity, _ in messages] == ["NOTICE"]
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT fraiseql_publish('a', 'b', 'no JSON')")
        messages.clear()
        connection.execute("SELECT fraiseql_unwatch('thing')")
        connection.execute("DROP EXTENSION fraiseql_subs")
        assert messages == []


@both
def test_a_dump_of_the_served_database_is_restored(served, elsewhere, tmp_path):
    cluster, database = elsewhere
    dump = tmp_path / "dump"
    served.program("pg_dump", "--format=custom", f"--file={dump}", "postgres")
    start = cluster.log_size()
    cluster.program("pg_restore", "--exit-on-error", f"--dbname={database}", dump)
    log = cluster.log(start)
    assert log.count(WARNING) == 1
    assert "not watched" not in log
    with cluster.connect(dbname=database) as connection:
        connection.execute("INSERT INTO stock VALUES (1)")
        assert (
            connection.execute("SELECT fraiseql_schema()").fetchone()[0].count("orderUpdated") == 1
        )
        watched = """
            SELECT channel, state FROM fraiseql_watched_tables()
            WHERE "table" = 'stock'::regclass"""
        assert connection.execute(watched).fetchall() == [("stock", "elsewhere")]
        connection.execute("SELECT fraiseql_unwatch('stock')")
        assert connection.execute(watched).fetchall() == []


@both
def test_a_database_with_it_can_be_a_template(elsewhere):
    cluster, database = elsewhere
    with cluster.connect(dbname=database) as connection:
        connection.execute("CREATE EXTENSION fraiseql_subs")
        connection.execute("CREATE TABLE thing (id int)")
        connection.execute("SELECT fraiseql_watch('thing')")
    cluster.sql(f"CREATE DATABASE copy TEMPLATE {database}")
    with cluster.connect(dbname="copy") as connection:
        connection.execute("INSERT INTO thing VALUES (1)")
        connection.execute("SELECT fraiseql_publish('a', 'b', '1')")
        connection.execute("DROP EXTENSION fraiseql_subs CASCADE")
    cluster.sql("DROP DATABASE copy")


def test_nothing_that_happens_elsewhere_reaches_subscribers(served, connect):
    orders = connect(served).subscribe("subscription { orderUpdated { id } }")
    served.sql("CREATE DATABASE elsewhere")
    try:
        with served.connect(dbname="elsewhere") as connection:
            connection.execute("CREATE EXTENSION fraiseql_subs")
            connection.execute("CREATE TABLE orders (id int)")
            connection.execute("SELECT fraiseql_watch('orders')")
            connection.execute("INSERT INTO orders VALUES (1)")
            served.publish("orderUpdated", "orders", {"id": 1}, connection)
    finally:
        served.sql("DROP DATABASE elsewhere WITH (FORCE)")
    served.publish("orderUpdated", "orders", {"id": 2})
    assert orders.data() == {"orderUpdated": {"id": "2"}}
