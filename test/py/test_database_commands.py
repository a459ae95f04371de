"""Commands that want the served database to themselves, and settings of it that sessions get."""

import shutil

import pytest

from cluster import wait_until

QUERY = "subscription { orderUpdated { id } }"
DATABASE = "served"


class Served:
    """A server whose served database is not the one from which it is commanded."""

    def __init__(self, cluster):
        self.cluster = cluster
        cluster.database = DATABASE

    def command(self, statement):
        """Run it from another database, for what PostgreSQL waits at most: 5 s."""
        with self.cluster.connect(dbname="postgres") as session:
            return session.execute(statement)

    def executor(self):
        rows = self.command(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'fraiseql_subs executor'"
            f" AND datname = '{DATABASE}'"
        ).fetchall()
        return rows[0][0] if rows else None

    def register(self, name):
        self.cluster.sql(f"SELECT fraiseql_register_subscription('{name}: Order', '{name}')")


@pytest.fixture
def served(make_cluster):
    cluster = make_cluster(install=False, database=DATABASE)
    served = Served(cluster)
    served.command(f"CREATE DATABASE {DATABASE}")
    cluster.install()
    cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
    cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
    wait_until(served.executor, "the executor is connected")
    return served


@pytest.fixture
def tablespace(served):
    folder = served.cluster.directory / "tablespace"
    folder.mkdir()
    owner = (served.cluster.directory / "data").stat()
    shutil.chown(folder, owner.st_uid, owner.st_gid)
    served.command(f"CREATE TABLESPACE elsewhere LOCATION '{folder}'")
    return "elsewhere"


# Nobody sees a moment in which there is no database of the name.
COMMANDS = {
    "copied": f"CREATE DATABASE copy TEMPLATE {DATABASE}",
    "renamed and back": f"ALTER DATABASE {DATABASE} RENAME TO other;"
    f" ALTER DATABASE other RENAME TO {DATABASE}",
    "moved": f"ALTER DATABASE {DATABASE} SET TABLESPACE elsewhere",
}


@pytest.mark.parametrize("done", COMMANDS)
def test_clients_stay_while_the_served_database_is(served, tablespace, connect, done):
    subscription = connect(served.cluster).subscribe(QUERY)
    start = served.cluster.log_size()
    served.command(COMMANDS[done])
    wait_until(served.executor, "an executor is back")
    served.cluster.publish("any", "orders", {"id": 7})
    assert subscription.data() == {"orderUpdated": {"id": "7"}}

    served.register("late")
    late = connect(served.cluster).subscribe("subscription { late { id } }")
    served.cluster.publish("any", "late", {"id": 7})
    assert late.data() == {"late": {"id": "7"}}
    log = served.cluster.log(start)
    assert "FATAL" not in log
    # One line each way; none for an executor that finds the command done.
    assert log.count("executor leaves") >= log.count("executor returns")


GONE_AND_BACK = {
    "dropped": (f"DROP DATABASE {DATABASE}", f"CREATE DATABASE {DATABASE} TEMPLATE copy"),
    "dropped by force": (
        f"DROP DATABASE {DATABASE} WITH (FORCE)",
        f"CREATE DATABASE {DATABASE} TEMPLATE copy",
    ),
    "renamed": (
        f"ALTER DATABASE {DATABASE} RENAME TO other",
        f"ALTER DATABASE other RENAME TO {DATABASE}",
    ),
}


def assert_ended(subscription):
    (error,) = subscription.errors()
    assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert "database does not exist" in error["message"]


@pytest.mark.parametrize("done", GONE_AND_BACK)
def test_clients_are_told_that_the_database_is_gone_and_served_by_one_of_its_name(
    served, connect, done
):
    served.command(f"CREATE DATABASE copy TEMPLATE {DATABASE}")
    wait_until(served.executor, "the executor is back")
    client = connect(served.cluster)
    subscription = client.subscribe(QUERY)
    gone, back = GONE_AND_BACK[done]
    served.command(gone)
    assert_ended(subscription)
    assert_ended(client.start(QUERY))
    assert served.cluster.get("/readyz") == (
        503,
        f'no catalog: database "{DATABASE}" does not exist\n',
    )

    served.command(back)
    served.cluster.wait_until_serving()
    again = client.subscribe(QUERY)
    served.cluster.publish("any", "orders", {"id": 7})
    assert again.data() == {"orderUpdated": {"id": "7"}}
    assert "FATAL" not in served.cluster.log() or done == "dropped by force"


def test_a_database_whose_drop_was_interrupted_is_gone(served, connect):
    subscription = connect(served.cluster).subscribe(QUERY)
    served.command(f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{DATABASE}'")
    served.command(f"SELECT pg_terminate_backend({served.executor()})")
    assert_ended(subscription)
    told = f'DROP DATABASE of database "{DATABASE}" was interrupted'
    assert served.cluster.log().count(told) == 1
    served.command(f"DROP DATABASE {DATABASE}")


def test_a_database_that_takes_no_connections_is_named(make_cluster):
    cluster = make_cluster(install=False, database="template0")
    wait_until(
        lambda: (
            cluster.get("/readyz")
            == (503, 'no catalog: database "template0" takes no connections\n')
        ),
        "it is told",
    )
    assert "FATAL" not in cluster.log()


# What could break, starve or endanger the executor. Others were tried and do not matter to it.
SETTINGS = {
    "role": "nobody",
    "session_authorization": "nobody",
    "search_path": "public",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "default_transaction_read_only": "on",
    "statement_timeout": "1",
    "lock_timeout": "1",
    "idle_in_transaction_session_timeout": "1",
    "idle_session_timeout": "1",
    "exit_on_error": "on",
    "row_security": "off",
    "session_replication_role": "replica",
    "session_preload_libraries": "missing",
    "client_encoding": "SJIS",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "work_mem": "64",
    "max_stack_depth": "100",
    "jit_above_cost": "0",
    "force_parallel_mode": "on",
    "debug_print_plan": "on",
    "log_planner_stats": "on",
    "trace_sort": "on",
    "log_statement": "all",
    "log_min_duration_statement": "0",
}


def test_no_setting_of_the_served_database_stops_or_floods_the_executor(served, connect):
    cluster = served.cluster
    served.command("CREATE ROLE nobody")
    version = cluster.connect(dbname="postgres").info.server_version
    settings = SETTINGS | ({"transaction_timeout": "1"} if version >= 170000 else {})
    if version >= 160000:
        settings["debug_parallel_query"] = settings.pop("force_parallel_mode")
    for name, value in settings.items():
        served.command(f"ALTER DATABASE {DATABASE} SET {name} = '{value}'")
    old = served.executor()
    start = cluster.log_size()
    served.command(f"SELECT pg_terminate_backend({old})")
    new = wait_until(
        lambda: (pid := served.executor()) and pid != old and pid, "another executor runs"
    )
    for name in settings:
        served.command(f"ALTER DATABASE {DATABASE} RESET {name}")
    served.register("late")
    late = connect(cluster).subscribe("subscription { late { id } }")
    cluster.publish("any", "late", {"id": 7})
    assert late.data() == {"late": {"id": "7"}}
    assert served.executor() == new
    told = [line for line in cluster.log(start).splitlines() if f"[{new}]" in line]
    # What it cannot set is told by PostgreSQL at the start of any session.
    assert told == []
