"""What a database administrator does to a served database and its server all day."""

import pytest
from websockets.exceptions import ConnectionClosed

from cluster import give_to_server_user, wait_until
from server_tools import pg_ctl, single_user
from watched import ROLES, SCHEMA, events_flow, registered, serve


@pytest.fixture(scope="module")
def shared_cluster(make_shared_server):
    return serve(make_shared_server())


@pytest.fixture
def cluster(shared_cluster, log_watch):
    log_watch.add(shared_cluster)
    return shared_cluster


@pytest.mark.parametrize(
    "statement",
    [
        "VACUUM FULL item",
        "VACUUM FULL fraiseql_subs.type",
        "VACUUM (FULL, ANALYZE)",
        "CLUSTER item USING item_pkey",
        "CLUSTER fraiseql_subs.subscription USING subscription_pkey",
        "REINDEX TABLE CONCURRENTLY item",
        "REINDEX TABLE CONCURRENTLY fraiseql_subs.type",
        "REINDEX SCHEMA CONCURRENTLY fraiseql_subs",
        "REINDEX SYSTEM postgres",
        "ALTER TABLE item ALTER id TYPE bigint",
        "ALTER TABLE item ADD COLUMN added text DEFAULT md5(random()::text)",
        "ALTER TABLE item SET UNLOGGED",
        "ALTER TABLE item SET LOGGED",
        "ALTER TABLE item SET SCHEMA public",
        "CREATE INDEX CONCURRENTLY ON item (name)",
        "ALTER TABLE fraiseql_subs.type SET (autovacuum_enabled = off)",
    ],
)
def test_maintenance_tells_subscribers_nothing_and_keeps_them(cluster, listen, statement):
    listener = listen(cluster)
    triggers = registered(cluster)["triggers"]
    cluster.sql(statement)
    listener.assert_hears_nothing()
    assert registered(cluster)["triggers"] == triggers


def test_a_partition_is_heard_as_long_as_it_is_attached(cluster, listen):
    listener = listen(cluster)
    insert = "INSERT INTO sale_2024 VALUES (77, '2024-07-07')"
    cluster.sql("ALTER TABLE sale DETACH PARTITION sale_2024")
    cluster.sql(insert)
    bounds = "FROM ('2024-01-01') TO ('2025-01-01')"
    cluster.sql(f"ALTER TABLE sale ATTACH PARTITION sale_2024 FOR VALUES {bounds}")
    listener.assert_hears_nothing()
    cluster.sql(insert)
    assert listener.next()["table"] == "public.sale"


@pytest.mark.parametrize("program", ["vacuumdb", "reindexdb", "clusterdb"])
def test_programs_that_maintain_all_databases(cluster, listen, program):
    listener = listen(cluster)
    options = {"vacuumdb": ["--full", "--analyze"], "reindexdb": [], "clusterdb": []}
    cluster.program(program, "--all", "--quiet", *options[program])
    listener.assert_hears_nothing()


def test_pg_amcheck_finds_nothing(cluster):
    done = cluster.run_program("pg_amcheck", "--all", "--install-missing", "--heapallindexed")
    assert done.stdout + done.stderr == ""


def test_pg_checksums_and_pg_resetwal_and_pg_controldata_read_a_stopped_server(make_server):
    cluster = serve(make_server())
    cluster.stop()
    cluster.run_program("pg_checksums", "--enable", "-D", cluster.data, as_server_user=True)
    cluster.run_program("pg_checksums", "--check", "-D", cluster.data, as_server_user=True)
    cluster.run_program("pg_resetwal", "-n", "-D", cluster.data, as_server_user=True)
    cluster.run_program("pg_controldata", "-D", cluster.data, as_server_user=True)
    cluster.run_program("pg_resetwal", "-D", cluster.data, as_server_user=True)
    cluster.start()
    events_flow(cluster)
    assert cluster.value("SHOW data_checksums") == "on"


def test_a_server_of_one_process_writes_to_watched_tables(make_server):
    cluster = serve(make_server())
    cluster.stop()
    said = single_user(
        cluster,
        "INSERT INTO item (name) VALUES ('alone')\n"
        "UPDATE item SET name = 'alone' WHERE id = 1\n"
        "SELECT fraiseql_publish('t', 'c', '1')\n"
        "SELECT 'item ' || count(*) AS counted FROM item WHERE name = 'alone'\n",
    )
    assert "ERROR" not in said
    assert 'counted = "item 2"' in said
    assert "worker started" not in said
    cluster.start()
    events_flow(cluster)


def test_a_server_of_one_process_creates_and_drops_the_extension(make_server):
    cluster = make_server()
    cluster.stop()
    statements = [*ROLES.split(";"), "CREATE EXTENSION fraiseql_subs"]
    statements += ["DROP EXTENSION fraiseql_subs", "CREATE EXTENSION fraiseql_subs"]
    assert "ERROR" not in single_user(cluster, "\n".join(statements) + "\n")
    cluster.start()
    cluster.wait_until_serving()


def test_reload_keeps_clients(cluster, listen):
    listener = listen(cluster)
    pg_ctl(cluster, "reload")
    listener.assert_hears()


@pytest.mark.parametrize("mode", ["smart", "fast"])
def test_a_restart_says_goodbye_to_clients_and_serves_again(make_server, listen, mode):
    cluster = serve(make_server(drain_timeout="10s"))
    listener = listen(cluster)
    pg_ctl(cluster, "restart", "--mode", mode, "--log", cluster.log_path)
    with pytest.raises(ConnectionClosed) as closed:
        listener.next()
    assert closed.value.rcvd.code == 1001
    events_flow(cluster)


def test_promoting_a_primary_changes_nothing(cluster, listen):
    listener = listen(cluster)
    done = cluster.run_program(
        "pg_ctl", "promote", "-D", cluster.data, as_server_user=True, check=False
    )
    assert done.returncode == 1
    listener.assert_hears()


class TestServedDatabase:
    """What is done to the served database as a whole, with clients connected."""

    @pytest.fixture
    def cluster(self, make_server):
        cluster = make_server(database="app")
        cluster.sql("CREATE DATABASE app")
        cluster.database = "app"
        return serve(cluster)

    def administer(self, cluster, statement):
        with cluster.connect(dbname="postgres") as connection:
            connection.execute(statement)

    def test_its_clients_are_told_when_it_is_dropped_and_served_when_it_is_made_anew(
        self, cluster, listen
    ):
        listener = listen(cluster)
        self.administer(cluster, "DROP DATABASE app")
        listener.assert_ends()
        self.administer(cluster, "CREATE DATABASE app")
        cluster.sql(SCHEMA)
        events_flow(cluster)

    def test_dropdb_and_createdb(self, cluster):
        cluster.program("dropdb", "app")
        cluster.program("createdb", "app")
        wait_until(lambda: cluster.get("/readyz")[0] == 503, "the worker has no catalog")
        cluster.sql(SCHEMA)
        events_flow(cluster)

    def test_its_clients_are_told_when_it_is_renamed_and_served_when_it_is_back(
        self, cluster, listen
    ):
        listener = listen(cluster)
        self.administer(cluster, "ALTER DATABASE app RENAME TO app_old")
        listener.assert_ends()
        with cluster.connect(dbname="app_old") as renamed:
            renamed.execute("INSERT INTO item (name) VALUES ('unheard')")
        self.administer(cluster, "ALTER DATABASE app_old RENAME TO app")
        events_flow(cluster)

    def test_another_can_take_its_name(self, cluster):
        """As a restore beside the live database does it: swap the names."""
        self.administer(cluster, "CREATE DATABASE restored TEMPLATE app")
        self.administer(cluster, "ALTER DATABASE app RENAME TO app_old")
        self.administer(cluster, "ALTER DATABASE restored RENAME TO app")
        cluster.sql("SELECT fraiseql_register_subscription('restored: Change', 'changes')")
        events_flow(cluster)

    def test_it_can_move_to_another_tablespace(self, cluster, listen):
        listener = listen(cluster)
        directory = cluster.directory / "tablespace"
        directory.mkdir()
        give_to_server_user(directory)
        self.administer(cluster, f"CREATE TABLESPACE other LOCATION '{directory}'")
        self.administer(cluster, "ALTER DATABASE app SET TABLESPACE other")
        listener.assert_hears()
        events_flow(cluster)

    def test_it_can_be_closed_to_connections(self, cluster, listen):
        listener = listen(cluster)
        self.administer(cluster, "ALTER DATABASE app CONNECTION LIMIT 1")
        listener.assert_hears()
        self.administer(cluster, "ALTER DATABASE app ALLOW_CONNECTIONS false")
        self.administer(cluster, "ALTER DATABASE app ALLOW_CONNECTIONS true")
        listener.assert_hears()

    def test_a_backup_of_it_with_create_and_clean_takes_its_place(self, cluster, tmp_path):
        path = tmp_path / "archive"
        cluster.program("pg_dump", "-Fc", f"--file={path}", "app")
        before = registered(cluster)
        cluster.program(
            "pg_restore", "--create", "--clean", "--exit-on-error", "--dbname=postgres", path
        )
        assert registered(cluster) == before
        events_flow(cluster)


@pytest.mark.parametrize("type", ["fraiseql_subs launcher", "fraiseql_subs executor"])
def test_a_terminated_background_worker_comes_back(make_server, type):
    cluster = serve(make_server())
    find = "SELECT pid FROM pg_stat_activity WHERE backend_type = %s"
    [(pid,)] = wait_until(lambda: cluster.sql(find, (type,)), f"{type} is there")
    assert cluster.value("SELECT pg_terminate_backend(%s, 20000)", (pid,))
    events_flow(cluster)
