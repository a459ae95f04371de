"""pg_dump, pg_restore, pg_dumpall: what of a served database they carry, and to where."""

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from watched import ROLES, TYPES, events_flow, registered, serve, wait_for_field, write

APP = {"dbname": "app"}


@pytest.fixture(scope="module")
def shared_source(make_shared_server):
    return serve(make_shared_server())


@pytest.fixture
def source(shared_source, log_watch):
    log_watch.add(shared_source)
    return shared_source


@pytest.fixture(scope="module")
def shared_target(make_shared_server):
    cluster = make_shared_server(database="app")
    cluster.sql(ROLES)
    return cluster


@pytest.fixture
def target(shared_target, log_watch):
    """A server that serves the database app, which is new and empty."""
    log_watch.add(shared_target)
    shared_target.database = "postgres"
    shared_target.sql("DROP DATABASE IF EXISTS app WITH (FORCE)")
    shared_target.sql("CREATE DATABASE app")
    shared_target.database = "app"
    return shared_target


@pytest.fixture(scope="module")
def archive(shared_source, tmp_path_factory):
    path = tmp_path_factory.mktemp("dump") / "archive"
    shared_source.program("pg_dump", "--format=custom", f"--file={path}", "postgres")
    return path


@pytest.fixture(scope="module")
def archived_rows(shared_source, archive):
    """Of the archive: tests that follow write to its source."""
    return rows(shared_source)


@pytest.fixture
def restore(archive, archived_rows):
    def run(cluster, *options, database="app", check=True):
        return cluster.run_program(
            "pg_restore", f"--dbname={database}", *options, archive, check=check
        )

    return run


def rows(cluster):
    return cluster.sql("SELECT * FROM item ORDER BY id"), cluster.sql("SELECT * FROM sale")


@pytest.mark.parametrize("options", [(), ("--single-transaction",)], ids=["", "in one transaction"])
def test_a_restored_database_serves_what_was_registered(
    source, target, restore, archived_rows, options
):
    assert restore(target, "--exit-on-error", *options).stderr == ""
    assert registered(target) == registered(source)
    assert rows(target) == archived_rows
    events_flow(target)


def test_a_dump_as_text_restores_with_psql(source, target):
    script = source.program("pg_dump", "postgres")
    target.program("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", "app", input=script)
    assert registered(target) == registered(source)
    events_flow(target)


def test_parallel_dump_and_restore(source, target, tmp_path):
    source.program("pg_dump", "-Fd", "-j2", f"--file={tmp_path}/directory", "postgres")
    options = ("--exit-on-error", "-j2", "--dbname=app")
    assert target.run_program("pg_restore", *options, tmp_path / "directory").stderr == ""
    assert registered(target) == registered(source)
    events_flow(target)


def test_a_restore_publishes_nothing(source, target, restore, listen):
    restore(target, "--exit-on-error", "--section=pre-data")
    target.sql(TYPES)
    wait_for_field(target)
    listener = listen(target)
    data = ("--section=data", "--table=item", "--table=item_id_seq")
    restore(target, "--exit-on-error", *data)
    restore(target, "--exit-on-error", "--section=post-data")
    listener.assert_hears_nothing()


def test_clean_replaces_a_database_that_is_served(source, target, restore, connect, listen):
    restore(target)
    wait_for_field(target)
    listener = listen(target)
    assert restore(target, "--clean", "--if-exists", "--exit-on-error").stderr == ""
    assert registered(target) == registered(source)
    # Either way of the client's going on is right: it was told, or noticed nothing.
    if target.value("SELECT count(*) FROM fraiseql_subscriptions()") == 0:
        listener.subscription.errors()
        wait_for_field(target)
        listener = listen(target)
    listener.assert_hears()


class TestSchemaAndDataApart:
    def test_schema_only_takes_triggers_and_privileges_but_not_what_is_registered(
        self, source, target, restore
    ):
        restore(target, "--schema-only", "--exit-on-error")
        there, here = registered(target), registered(source)
        assert there.pop("types") == there.pop("subscriptions") == []
        assert there == {what: here[what] for what in there}

    def test_data_only_into_watched_tables_publishes_the_rows(
        self, source, target, restore, listen
    ):
        restore(target, "--schema-only")
        target.sql(TYPES)
        wait_for_field(target)
        listener = listen(target)
        restore(target, "--data-only", "--exit-on-error", "--table=item")
        told = [listener.next()["row"]["id"] for _ in range(100)]
        assert sorted(map(int, told)) == list(range(1, 101))

    def test_data_only_registers(self, source, target, restore):
        restore(target, "--schema-only")
        restore(target, "--data-only", "--exit-on-error")
        assert registered(target) == registered(source)
        events_flow(target)

    def test_disabled_triggers_come_back_without_always(
        self, source, target, restore, archived_rows
    ):
        """pg_restore enables them as it would any others: replication is not told from then on."""
        restore(target, "--schema-only")
        restore(target, "--data-only", "--disable-triggers", "--exit-on-error")
        assert rows(target) == archived_rows
        enabled = "SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgrelid = 'item'::regclass"
        assert target.value(enabled) == "O"
        events_flow(target)
        target.sql("SELECT fraiseql_watch('item', 'changes'), fraiseql_watch('sale', 'changes')")
        assert registered(target)["triggers"] == registered(source)["triggers"]


class TestWhereItIsNotServed:
    """Restored where events cannot be sent, a database is complete and can be written to."""

    def assert_complete(self, source, cluster, done, **parameters):
        assert done.returncode == 0, done.stderr
        assert registered(cluster, **parameters) == registered(source)
        with cluster.connect(**parameters) as connection:
            connection.execute("INSERT INTO item (name) VALUES ('unheard')")
            connection.execute("UPDATE item SET name = 'x' WHERE id = 1")
            connection.execute("DELETE FROM item")
            connection.execute("TRUNCATE item, sale")

    def test_another_database_of_the_served_server(self, source, restore, listen):
        listener = listen(source)
        source.sql("CREATE DATABASE other")
        try:
            done = restore(source, "--exit-on-error", "--verbose", database="other")
            self.assert_complete(source, source, done, dbname="other")
            assert "WARNING" in done.stderr
            listener.assert_hears_nothing()
        finally:
            source.sql("DROP DATABASE other")

    def test_a_server_that_does_not_preload_the_library(self, source, restore, make_server):
        cluster = make_server(postgresql__shared_preload_libraries="")
        cluster.sql(ROLES)
        done = restore(cluster, "--exit-on-error", "--verbose", database="postgres")
        self.assert_complete(source, cluster, done)
        assert "WARNING" in done.stderr

    def test_such_a_database_is_served_once_the_library_is_preloaded(
        self, source, restore, make_server
    ):
        cluster = make_server(postgresql__shared_preload_libraries="")
        cluster.sql(ROLES)
        restore(cluster, "--exit-on-error", database="postgres")
        cluster.sql("ALTER SYSTEM SET shared_preload_libraries = 'fraiseql_subs'")
        cluster.restart()
        assert registered(cluster) == registered(source)
        events_flow(cluster)


def installed(what):
    command = [os.environ.get("PG_CONFIG", "pg_config"), what]
    return Path(subprocess.check_output(command, text=True).strip())


@pytest.fixture(scope="module")
def bare_pg_config():
    """A copy of PostgreSQL's installation without the files of the product.

    PostgreSQL finds its directories from where its programs are.
    """
    here, shared = (installed(what) for what in ("--bindir", "--sharedir"))
    root = Path(tempfile.mkdtemp(prefix="fsubs-", dir="/tmp"))
    for directory in (here.parent, shared):
        shutil.copytree(
            directory,
            root / directory.relative_to("/usr"),
            symlinks=True,
            ignore=shutil.ignore_patterns("*fraiseql*", "bitcode", "pgxs"),
        )
    root.chmod(0o755)
    yield root / here.relative_to("/usr") / "pg_config"
    shutil.rmtree(root)


class TestWithoutTheFiles:
    """A PostgreSQL in which the product was never installed."""

    @pytest.fixture
    def bare(self, make_server, bare_pg_config):
        cluster = make_server(pg_config=bare_pg_config, postgresql__shared_preload_libraries="")
        cluster.sql(ROLES)
        return cluster

    def test_a_restore_says_what_is_missing_and_restores_the_tables(
        self, restore, archived_rows, bare
    ):
        done = restore(bare, database="postgres", check=False)
        assert done.returncode == 1
        assert 'extension "fraiseql_subs" is not available' in done.stderr
        assert rows(bare) == archived_rows
        assert bare.sql("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
        write(bare)

    def test_a_restore_without_the_extension_succeeds(
        self, restore, archive, archived_rows, bare, tmp_path
    ):
        """Leave out of the list what names it, as docs/operations.md shows."""
        listing = bare.program("pg_restore", "--list", archive).splitlines()
        kept = [line for line in listing if "fraiseql" not in line]
        (tmp_path / "list").write_text("\n".join(kept) + "\n")
        done = restore(bare, "--exit-on-error", f"--use-list={tmp_path}/list", database="postgres")
        assert done.stderr == ""
        assert rows(bare) == archived_rows
        write(bare)


class TestWhileEventsFlow:
    def test_a_dump_neither_waits_for_open_transactions_nor_loses_events(
        self, source, target, listen
    ):
        listener = listen(source)
        stop = threading.Event()
        written = []

        def write_on():
            while not stop.is_set():
                written.append(str(write(source)))

        writer = threading.Thread(target=write_on)
        with source.connect(autocommit=False) as open_transaction:
            open_transaction.execute("UPDATE item SET name = 'open' WHERE id = 1")
            writer.start()
            try:
                script = source.program("pg_dump", "postgres")
                target.program("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", "app", input=script)
            finally:
                stop.set()
                writer.join()
            open_transaction.rollback()
        assert [listener.next()["row"]["id"] for _ in written] == written
        listener.assert_hears_nothing()
        events_flow(target)

    def test_a_commit_goes_on_while_a_dump_holds_its_locks(self, source, listen):
        listener = listen(source)
        with source.connect(autocommit=False) as dump:
            dump.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            dump.execute("LOCK TABLE item, fraiseql_subs.type IN ACCESS SHARE MODE")
            dump.execute("SELECT count(*) FROM item")
            listener.assert_hears()
            source.sql("SELECT fraiseql_register_types('type Later { id: ID }')")
            source.sql("SELECT fraiseql_unregister_type('Later')")


def test_pg_dumpall_carries_roles_their_settings_and_all_databases(source, make_server):
    source.sql("ALTER ROLE app SET fraiseql_subs.overflow = 'error'")
    script = source.program("pg_dumpall")
    cluster = make_server()
    # The role that runs it is there already; everything else is new.
    done = cluster.run_program("psql", "-q", "-d", "postgres", input=script)
    errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
    assert [error.split("ERROR:  ")[1] for error in errors] == ['role "postgres" already exists']
    settings = cluster.value("SELECT setconfig FROM pg_db_role_setting")
    assert settings == ["fraiseql_subs.overflow=error"]
    assert registered(cluster) == registered(source)
    events_flow(cluster)
