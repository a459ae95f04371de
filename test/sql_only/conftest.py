"""Databases that have the SQL file instead of the extension, and an owner who is no superuser."""

import contextlib
import itertools
import subprocess

import pytest

from bus_reader import BusReader
from cluster import ROOT, Cluster

pytest_plugins = ["nodes"]

# Such a server loads no library, and nobody needs it after the machine has crashed.
SETTINGS = {"postgresql__shared_preload_libraries": "", "postgresql__fsync": "off"}


class Database:
    """A database of its own on a server, and its owner, `owner`."""

    numbers = itertools.count(1)

    def __init__(self, cluster, name=None, template="template0"):
        self.cluster = cluster
        self.name = name or f"d{next(self.numbers)}"
        with cluster.connect() as connection:
            connection.execute(f"CREATE DATABASE {self.name} OWNER owner TEMPLATE {template}")

    def connect(self, user="owner", **parameters):
        return self.cluster.connect(dbname=self.name, user=user, **parameters)

    def sql(self, statement, parameters=None, user="owner"):
        with self.connect(user) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement, parameters=None, user="owner"):
        return self.sql(statement, parameters, user)[0][0]

    def program(self, name, *arguments, user="owner", **options):
        return self.cluster.program(name, "-U", user, "-d", self.name, *arguments, **options)

    def install(self, path):
        """Run the SQL file as a user does; return what psql printed."""
        return self.program("psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-f", str(path))

    def reader(self, **parameters):
        return BusReader(self.connect(**parameters))


@pytest.fixture(scope="session")
def sql_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sql_only") / "fraiseql_subs.sql"
    path.write_bytes(subprocess.check_output([ROOT / "scripts/sql-only"]))
    return path


def started(**options):
    """A server without the library; `owner` is a role there."""
    cluster = Cluster(**(SETTINGS | options))
    try:
        cluster.start()
        if "data" not in options:
            cluster.sql("CREATE ROLE owner LOGIN CREATEROLE")
    except BaseException:
        cluster.destroy()
        raise
    return cluster


@pytest.fixture
def make_cluster():
    """A function that starts a server of the test's own."""
    with contextlib.ExitStack() as made:

        def make(**options):
            cluster = started(**options)
            made.callback(cluster.destroy)
            return cluster

        yield make


@pytest.fixture(scope="session")
def cluster():
    cluster = started()
    yield cluster
    cluster.destroy()


@pytest.fixture(scope="session")
def installed(cluster, sql_file):
    """The name of a database with the file, to be copied."""
    database = Database(cluster, "installed")
    database.install(sql_file)
    return database.name


@pytest.fixture
def database(cluster, installed):
    """One that has the file."""
    database = Database(cluster, template=installed)
    database.sql("SELECT fraiseql_subs.settled_bus_id()")
    return database


@pytest.fixture
def bare_database(cluster):
    return Database(cluster)


@pytest.fixture
def reader(database):
    with database.connect() as connection:
        yield BusReader(connection)
