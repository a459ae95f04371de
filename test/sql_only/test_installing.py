"""The SQL file: who may run it, what it makes, and running it again."""

import psycopg
import pytest

from bus_reader import BusReader
from cluster import Cluster
from conftest import SETTINGS, Database

PUBLIC_FUNCTIONS = """
    SELECT p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prokind
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = 'public' OR p.proname IN
        ('resolver_exchange', 'resolver_send', 'session_exchange', 'session_send')
"""

CATALOG_COLUMNS = """
    SELECT table_name, column_name, data_type, column_default, is_nullable
    FROM information_schema.columns
    WHERE table_schema = 'fraiseql_subs' AND table_name IN
        ('type', 'subscription', 'resolver', 'application_object', 'issuer', 'role_limit')
"""

CALLABLE_BY_ALL = """
    SELECT p.oid::regprocedure::text
    FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
    WHERE a.grantee = 0 AND p.oid >= 16384
"""


@pytest.fixture(scope="module")
def extended():
    """A database with the extension."""
    cluster = Cluster(**(SETTINGS | {"postgresql__shared_preload_libraries": "fraiseql_subs"}))
    try:
        yield cluster.start().install()
    finally:
        cluster.destroy()


def test_functions_are_those_of_the_extension(database, extended):
    assert set(database.sql(PUBLIC_FUNCTIONS)) == set(extended.sql(PUBLIC_FUNCTIONS))


def test_tables_of_the_catalog_are_those_of_the_extension(database, extended):
    assert set(database.sql(CATALOG_COLUMNS)) == set(extended.sql(CATALOG_COLUMNS))


def test_a_snapshot_of_the_catalog_has_what_the_extension_gives_its_worker(database):
    members = {
        "extension_version", "server_version", "types", "subscriptions", "resolvers",
        "tenant_field", "anonymous_claims", "limits", "issuers", "columns",
    }  # fmt: skip
    assert set(database.value("SELECT fraiseql_subs.catalog_snapshot()")) == members


def test_an_owner_who_is_no_superuser_installs_it(database):
    assert database.value("SELECT NOT rolsuper FROM pg_roles WHERE rolname = current_user")
    assert database.value(
        "SELECT count(*) FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner"
        " WHERE relnamespace = 'fraiseql_subs'::regnamespace AND rolname <> 'owner'"
    ) == 0  # fmt: skip


def test_nothing_of_it_may_be_called_by_everybody(database):
    assert database.sql(CALLABLE_BY_ALL) == []


def schema_of(database):
    """As pg_dump writes it, without the random words that it has against injected commands."""
    dump = database.program("pg_dump", "--schema-only")
    return [line for line in dump.splitlines() if "restrict" not in line]


def test_running_it_again_changes_nothing(database, reader, sql_file):
    database.sql("""
        CREATE TABLE item (id int PRIMARY KEY);
        SELECT fraiseql_watch('item');
        SELECT fraiseql_register_types('type T { id: ID }');
        UPDATE fraiseql_subs.bus SET retention = '3 hours'""")
    before = schema_of(database)
    cursor = reader.cursor
    assert database.install(sql_file) == ""
    assert schema_of(database) == before
    database.sql("INSERT INTO item VALUES (1)")
    assert [row.event_type for row in reader.events()] == ["INSERT"]
    assert cursor.split("/")[1] == reader.cursor.split("/")[1]
    assert database.value("SELECT retention::text FROM fraiseql_subs.bus") == "03:00:00"


def test_it_goes_on_while_it_is_run_again(database, reader, sql_file):
    with database.connect(autocommit=False) as writer:
        writer.execute("SELECT fraiseql_publish('t', 'c', '1')")
        database.install(sql_file)
        writer.execute("SELECT fraiseql_publish('t', 'c', '2')")
        writer.commit()
    assert [row.data for row in reader.events()] == ["1", "2"]


def test_a_newer_version_is_left_alone(database, sql_file):
    database.sql(
        "CREATE OR REPLACE FUNCTION fraiseql_subs.installation("
        "OUT version integer, OUT functions_in name) LANGUAGE sql AS $$ SELECT 1000, 'public' $$"
    )
    with pytest.raises(RuntimeError, match="version 1000 is installed, which is newer"):
        database.install(sql_file)


def test_a_failure_leaves_nothing(bare_database, sql_file):
    bare_database.sql("CREATE FUNCTION fraiseql_schema() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    with pytest.raises(RuntimeError, match="cannot change return type"):
        bare_database.install(sql_file)
    assert bare_database.value("SELECT to_regnamespace('fraiseql_subs')") is None


def test_a_schema_of_that_name_that_is_another_ones_is_refused(bare_database, sql_file):
    bare_database.sql("CREATE SCHEMA fraiseql_subs", user="postgres")
    with pytest.raises(RuntimeError, match='schema fraiseql_subs belongs to "postgres"'):
        bare_database.install(sql_file)


def test_a_database_with_the_extension_is_refused(extended, sql_file):
    done = extended.run_program("psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", sql_file, check=False)
    assert "this database has the extension" in done.stderr


def test_functions_are_in_the_first_schema_of_the_path(bare_database, sql_file):
    bare_database.sql(
        f"CREATE SCHEMA app; ALTER DATABASE {bare_database.name} SET search_path = app"
    )
    bare_database.install(sql_file)
    bare_database.install(sql_file)
    assert bare_database.sql(
        "SELECT DISTINCT pronamespace::regnamespace::text FROM pg_proc"
        " WHERE proname LIKE 'fraiseql\\_%'"
    ) == [("app",)]  # fmt: skip
    bare_database.sql("CREATE TABLE item (id int); SELECT fraiseql_watch('item')")
    assert bare_database.value("SELECT state FROM fraiseql_watched_tables()") == "watched"


def test_roles_may_do_what_they_are_for_and_no_more(database):
    database.sql("SELECT fraiseql_create_roles()")
    roles = "publisher, fraiseql_watcher, fraiseql_registrar, fraiseql_node"
    database.sql(f"GRANT fraiseql_{roles} TO owner WITH ADMIN OPTION", user="postgres")
    for user, role in (("app", "publisher"), ("dev", "watcher"), ("node", "node")):
        database.sql(
            f"DROP ROLE IF EXISTS {user}; CREATE ROLE {user} LOGIN;"
            f" GRANT fraiseql_{role} TO {user}",
            user="postgres",
        )
    database.sql("GRANT CREATE ON SCHEMA public TO dev")
    database.sql("SELECT fraiseql_publish('t', 'c', '{}')", user="app")
    database.sql("CREATE TABLE mine (id int); SELECT fraiseql_watch('mine')", user="dev")
    database.sql("INSERT INTO mine VALUES (1)", user="dev")
    database.sql("SELECT fraiseql_unwatch('mine')", user="dev")
    with database.connect("node") as connection:
        cursor = connection.execute("SELECT fraiseql_subs.bus_cursor()").fetchone()[0]
        connection.execute("SELECT * FROM fraiseql_subs.bus_read(%s)", (cursor,))
        connection.execute("SELECT fraiseql_subs.bus_maintain(), fraiseql_subs.bus_probe('x')")
        connection.execute("SELECT fraiseql_subs.catalog_snapshot()")
    for user in ("app", "dev", "node"):
        for statement in (
            "INSERT INTO fraiseql_subs.event DEFAULT VALUES",
            "SELECT * FROM fraiseql_subs.event",
            "SELECT * FROM fraiseql_subs.issuer",
            "SELECT fraiseql_subs.append(1::smallint, 0::smallint, 't', 'c', '{}')",
            "SELECT fraiseql_register_types('type T { id: ID }')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                database.sql(statement, user=user)


def test_what_needs_a_worker_says_so(database):
    for call in ("fraiseql_connections()", "fraiseql_subscriptions()"):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="needs the extension"):
            database.sql(f"SELECT * FROM {call}")


def test_two_databases_of_a_server_do_not_hear_of_each_other(cluster, database, sql_file):
    other = Database(cluster)
    other.install(sql_file)
    with other.connect() as connection, database.connect() as mine:
        reader = BusReader(connection)
        mine.execute("SELECT fraiseql_publish('t', 'c', '1')")
        assert reader.events() == []


def test_it_is_installed_and_used_where_strings_have_escapes(bare_database, sql_file):
    bare_database.sql(
        f"ALTER DATABASE {bare_database.name} SET standard_conforming_strings = off;"
        f"ALTER DATABASE {bare_database.name} SET escape_string_warning = off"
    )
    bare_database.install(sql_file)
    reader = bare_database.reader()
    bare_database.sql("CREATE TABLE t (id int); SELECT fraiseql_watch('t', 'c')")
    assert bare_database.sql("SELECT * FROM fraiseql_watched_tables()") == [
        ("t", "c", "watched", [])
    ]
    bare_database.sql("SELECT fraiseql_set_limits('user', '{\"connections_per_user\": 5}')")
    bare_database.sql("INSERT INTO t VALUES (1)")
    assert [row.channel for row in reader.events()] == ["c"]
