"""Nodes that read the events of a database with the SQL file, and a pooler in front of it."""

import contextlib
import os
import subprocess

import psycopg
import pytest
from fraiseql_subs.testing._ports import free_port

from cluster import give_to_server_user, wait_until
from node import Node

ANY = "subscription { orderUpdated { id status } }"


class ServedDatabase:
    """A database that nodes read as the role `node`; others are its owner's business."""

    def __init__(self, database):
        self.database = database
        database.sql("SELECT fraiseql_create_roles()")
        database.sql(
            "DO $$ BEGIN CREATE ROLE node LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;"
            "GRANT fraiseql_node TO node",
            user="postgres",
        )
        database.sql("SELECT fraiseql_register_types('type Order { id: ID! status: String }')")
        database.sql(
            "SELECT fraiseql_register_subscription("
            "'orderUpdated(id: ID): Order', 'orders', ARRAY['orderUpdated'])"
        )

    def __getattr__(self, name):
        return getattr(self.database, name)

    def dsn(self, user="node"):
        return f"host={self.cluster.directory} dbname={self.name} user={user}"

    def publish(self, id, status="a", connection=None):
        """One event, or those of `id` if that is a range."""
        ids = id if isinstance(id, range) else range(id, id + 1)
        statement = (
            "SELECT fraiseql_publish('orderUpdated', 'orders',"
            " json_build_object('id', i, 'status', %s::text))"
            " FROM generate_series(%s::bigint, %s::bigint) AS i"
        )
        parameters = (status, ids.start, ids.stop - 1)
        if connection is None:
            self.sql(statement, parameters)
        else:
            connection.execute(statement, parameters)

    def readers(self):
        """Processes of the sessions in which nodes read."""
        return [
            pid
            for (pid,) in self.sql(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND usename = 'node'",
                (self.name,),
                user="postgres",
            )
        ]

    def send_readers_away(self):
        self.sql("ALTER ROLE node NOLOGIN", user="postgres")

        def all_have_gone():
            self.terminate_readers()
            return not self.readers()

        wait_until(all_have_gone, "no node reads")

    def terminate_readers(self):
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND usename = 'node'",
            (self.name,),
            user="postgres",
        )

    def let_readers_in(self):
        self.sql("ALTER ROLE node LOGIN", user="postgres")


@pytest.fixture
def served(database):
    served = ServedDatabase(database)
    yield served
    served.let_readers_in()


@pytest.fixture
def make_node(served, tmp_path):
    """Describe a node of that database, which is stopped at the end."""
    nodes = []

    def make(**options):
        directory = tmp_path / f"node{len(nodes)}"
        directory.mkdir()
        options = {"bus": "postgresql", "bus_url": served.dsn(), "events": None} | options
        nodes.append(Node(directory, catalog=None, **options))
        return nodes[-1]

    yield make
    for node in nodes:
        node.stop()
        assert "AddressSanitizer" not in node.log(), node.log()


@pytest.fixture
def node(make_node):
    return make_node().start()


@pytest.fixture
def pooler_of(tmp_path):
    """A function that puts pgbouncer in front of a database, in transaction mode.

    It returns a connection string for the role `node`.
    """
    with contextlib.ExitStack() as made:
        yield lambda served: made.enter_context(pgbouncer(served, tmp_path))


@pytest.fixture
def pooler(served, pooler_of):
    return pooler_of(served)


@contextlib.contextmanager
def pgbouncer(served, tmp_path):
    directory = tmp_path / "pooler"
    directory.mkdir()
    port = free_port()
    (directory / "users").write_text('"node" ""\n')
    (directory / "ini").write_text(
        f"[databases]\n* = host={served.cluster.directory}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {directory}/users\npool_mode = transaction\n"
        f"logfile = {directory}/log\n"
    )
    give_to_server_user(directory)
    for parent in directory.relative_to("/tmp").parents:
        os.chmod("/tmp" / parent, 0o755) if str(parent) != "." else None
    command = ["pgbouncer", str(directory / "ini")]
    if os.getuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    dsn = f"host=localhost port={port} dbname={served.name} user=node"

    def answers():
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            return False
        return True

    wait_until(answers, "pgbouncer answers")
    try:
        yield dsn
    finally:
        process.terminate()
        process.wait(30)


def ids(subscription, count):
    """Those of the next events."""
    return [int(subscription.data()["orderUpdated"]["id"]) for _ in range(count)]


def lost(subscription):
    """How many events the next payload says are lost; None: nobody knows."""
    (error,) = subscription.next()["errors"]
    assert error["extensions"]["code"] == "EVENTS_LOST", error
    return error["extensions"].get("count")


def metric(node, name):
    """The sum of a metric over all shards."""
    status, text = node.get("/metrics")
    assert status == 200
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith((name + " ", name + "{"))
    )
