"""What others may do with the file's functions and tables, and what they cannot make of them."""

import psycopg
import pytest

from bus_reader import BusReader
from conftest import Database

# Rights that somebody other than the owner has, by what they are on.
RIGHTS_OF_OTHERS = """
    SELECT object, grantee::regrole::text FROM (
        SELECT p.oid::regprocedure::text AS object, a.grantee, p.proowner AS owner
        FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE p.oid >= 16384
        UNION ALL
        SELECT c.oid::regclass::text, a.grantee, c.relowner
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.relnamespace = 'fraiseql_subs'::regnamespace
        UNION ALL
        SELECT n.nspname, a.grantee, n.nspowner FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
        WHERE n.nspname = 'fraiseql_subs') AS right_of
    WHERE grantee <> owner ORDER BY 1, 2
"""

EVERYTHING_TO_ALL = """
    ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT ALL ON FUNCTIONS TO PUBLIC, {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT ALL ON TABLES TO PUBLIC, {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT ALL ON SEQUENCES TO PUBLIC, {role};
    ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT ALL ON SCHEMAS TO PUBLIC, {role};
"""


def role_of(database, name, options=""):
    """A role that no other test has."""
    role = f"{name}_{database.name}"
    database.sql(f"CREATE ROLE {role} LOGIN {options}", user="postgres")
    return role


def test_default_privileges_give_nobody_a_right(bare_database, sql_file):
    """Some providers let the whole world call what is made in schema public."""
    anon = role_of(bare_database, "anon")
    bare_database.sql(EVERYTHING_TO_ALL.format(role=anon))
    bare_database.install(sql_file)
    assert bare_database.sql(RIGHTS_OF_OTHERS) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        bare_database.sql("SELECT fraiseql_publish('t', 'c', '1')", user=anon)


def test_what_was_granted_stays_when_it_is_run_again(database, sql_file):
    app = role_of(database, "app")
    database.sql(f"GRANT EXECUTE ON FUNCTION fraiseql_publish(text, text, text) TO {app}, PUBLIC")
    rights = database.sql(RIGHTS_OF_OTHERS)
    assert len(rights) == 2
    database.sql(EVERYTHING_TO_ALL.format(role=app))
    database.install(sql_file)
    assert database.sql(RIGHTS_OF_OTHERS) == rights


def test_a_dump_without_privileges_is_closed_by_who_first_reads(database, cluster):
    copy = Database(cluster)
    dump = database.program("pg_dump", "--no-privileges", "--no-owner")
    copy.program("psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", input=dump)
    assert copy.sql(RIGHTS_OF_OTHERS) != []
    copy.reader()
    assert copy.sql(RIGHTS_OF_OTHERS) == []


def test_a_function_of_another_in_the_place_of_one_is_refused(bare_database, sql_file):
    """To replace it would leave it to its owner, who could change it later."""
    mallory = role_of(bare_database, "mallory")
    bare_database.sql(f"GRANT CREATE ON SCHEMA public TO {mallory}", user="postgres")
    bare_database.sql(
        "CREATE FUNCTION fraiseql_capture() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NULL; END'",
        user=mallory,
    )
    arguments = ("-q", "-X", "-v", "ON_ERROR_STOP=1", "-f", str(sql_file))
    with pytest.raises(RuntimeError, match=f'fraiseql_capture\\(\\) belongs to "{mallory}"'):
        bare_database.program("psql", *arguments, user="postgres")


TRAPS = """
    CREATE TABLE told (who text);
    GRANT ALL ON told TO PUBLIC;
    CREATE FUNCTION tell() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.told VALUES (current_user); END $$;
    CREATE FUNCTION cardinality(text[]) RETURNS int LANGUAGE sql
        AS 'SELECT tell(); SELECT pg_catalog.cardinality($1)';
    CREATE FUNCTION isfinite(timestamptz) RETURNS bool LANGUAGE sql
        AS 'SELECT tell(); SELECT true';
    CREATE FUNCTION format(text, regprocedure) RETURNS text LANGUAGE sql
        AS 'SELECT tell(); SELECT pg_catalog.format($1, $2)';
    CREATE FUNCTION format(text, name) RETURNS text LANGUAGE sql
        AS 'SELECT tell(); SELECT pg_catalog.format($1, $2)';
    CREATE FUNCTION format(text, text) RETURNS text LANGUAGE sql
        AS 'SELECT tell(); SELECT pg_catalog.format($1, $2)';
    CREATE FUNCTION nullif_channel(bytea, name) RETURNS text LANGUAGE sql
        AS 'SELECT tell(); SELECT pg_catalog.convert_from($1, $2)';
    CREATE FUNCTION differ(name, name) RETURNS bool LANGUAGE sql
        AS 'SELECT tell(); SELECT $1 OPERATOR(pg_catalog.<>) $2';
    CREATE OPERATOR <> (FUNCTION = differ, LEFTARG = name, RIGHTARG = name);
    CREATE FUNCTION same(name, name) RETURNS bool LANGUAGE sql
        AS 'SELECT tell(); SELECT $1 OPERATOR(pg_catalog.=) $2';
    CREATE OPERATOR = (FUNCTION = same, LEFTARG = name, RIGHTARG = name);
    CREATE FUNCTION above(smallint, integer) RETURNS bool LANGUAGE sql
        AS 'SELECT tell(); SELECT $1 OPERATOR(pg_catalog.>) $2';
    CREATE OPERATOR > (FUNCTION = above, LEFTARG = smallint, RIGHTARG = integer);
"""


def test_no_code_of_others_runs_when_it_is_installed_and_used(bare_database, sql_file):
    """Whoever may make functions in the schema makes some that the file's names could mean."""
    database = bare_database
    mallory = role_of(database, "mallory")
    database.sql(f"GRANT CREATE ON SCHEMA public TO {mallory}", user="postgres")
    database.sql(TRAPS, user=mallory)
    database.sql(f"ALTER DATABASE {database.name} SET search_path = public, pg_catalog")
    database.install(sql_file)
    database.sql("CREATE TABLE item (id int PRIMARY KEY)")
    database.sql("SELECT fraiseql_watch('item')")
    database.sql("INSERT INTO item VALUES (1)")
    database.sql("SELECT * FROM fraiseql_watched_tables()")
    database.sql("SELECT fraiseql_register_types('type T { id: ID }')")
    database.sql("SELECT fraiseql_register_subscription('a: T', 'c', ARRAY['t'])")
    database.sql("SELECT fraiseql_register_issuer('i', secret => repeat('x', 32))")
    database.sql("SELECT fraiseql_publish('t', 'c', '1')")
    with database.connect() as connection:
        BusReader(connection).drain()
        connection.execute("SELECT fraiseql_subs.bus_maintain()")
        connection.execute("SELECT fraiseql_subs.catalog_snapshot()")
    database.install(sql_file)
    assert database.sql("SELECT who FROM told") == []


def test_the_right_to_make_triggers_is_not_one_to_publish(database):
    mallory = role_of(database, "mallory")
    database.sql(f"CREATE TABLE item (id int); GRANT TRIGGER, INSERT ON item TO {mallory}")
    database.sql(f"GRANT CREATE ON SCHEMA public TO {mallory}", user="postgres")
    for statement in (
        "SELECT fraiseql_watch('item')",
        "CREATE TRIGGER a AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION fraiseql_capture('c')",
        "CREATE TABLE mine (id int); CREATE TRIGGER a AFTER INSERT ON mine"
        " FOR EACH ROW EXECUTE FUNCTION fraiseql_capture('c')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.sql(statement, user=mallory)


def test_a_watcher_cannot_watch_what_others_own(database):
    database.sql("SELECT fraiseql_create_roles()")
    dev = role_of(database, "dev")
    database.sql(f"GRANT fraiseql_watcher TO {dev}", user="postgres")
    database.sql(f"CREATE TABLE item (id int); GRANT ALL ON item TO {dev}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"):
        database.sql("SELECT fraiseql_watch('item')", user=dev)
    database.sql("SELECT fraiseql_watch('item')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"):
        database.sql("SELECT fraiseql_unwatch('item')", user=dev)


@pytest.mark.parametrize(
    "setting",
    [
        "standard_conforming_strings = off",
        "transform_null_equals = on",
        "plpgsql.extra_errors = 'all'",
        "search_path = pg_temp, public",
        "row_security = off",
    ],
)
def test_what_a_session_sets_keeps_no_change_from_being_told(database, reader, setting):
    database.sql("CREATE TABLE item (id int PRIMARY KEY); SELECT fraiseql_watch('item')")
    with database.connect() as connection:
        connection.execute("CREATE TEMPORARY TABLE event (LIKE fraiseql_subs.event)")
        connection.execute(f"SET {setting}")
        connection.execute("INSERT INTO public.item VALUES (1)")
        connection.execute("SELECT public.fraiseql_publish('t', 'c', '1')")
    assert [(row.event_type, row.flags) for row in reader.events()] == [("INSERT", 0), ("t", 0)]
