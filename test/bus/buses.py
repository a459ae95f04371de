"""The three ways in which events come from a database to who serves clients, in one form.

A bus has a server, in which SQL runs, and places, to which clients connect.
"""

import contextlib
import json
import os
import signal
import subprocess

import psycopg
from psycopg.types.json import Jsonb

from bus_node import Node
from cluster import ROOT, Cluster, wait_until
from redis_bus import RedisBus, decode
from redis_server import Redis


class Bus:
    """One that runs. Its settings are those of whoever serves clients."""

    name = None
    # Whether events of two transactions that share no row come in the order of the commits:
    # docs/sql-only.md.
    orders_all_commits = True
    # Whether connections outlive a time without the source of events.
    clients_stay = True
    # How many events, and of what size each, are more than are kept for who does not read them.
    more_than_is_kept = None

    def __init__(self, settings):
        # Clients wait for their turn to be read.
        self.settings = {"keepalive_interval": 0} | settings
        self.session = None
        self.at_the_end = contextlib.ExitStack()
        self.places = []
        try:
            self._start()
            for place in self.places:
                place.wait_until_serving()
        except BaseException:
            self.close()
            raise

    def _start(self):
        """Start the server and whom clients connect to."""
        raise NotImplementedError

    def _start_nodes(self, **options):
        for number in (1, 2):
            options |= {"node_name": f"node{number}", "worker_threads": 2}
            node = Node(**options | self.settings)
            self.at_the_end.callback(node.destroy)
            self.places.append(node.start())

    def stop_server(self, mode="fast"):
        self.end_session()
        self.server.stop(mode)

    def start_server(self):
        self.server.start()
        # A test's thread may have had one meanwhile.
        self.end_session()
        for place in self.places:
            place.wait_until_serving()

    def end_session(self):
        if self.session is not None:
            self.session.close()
            self.session = None

    def close(self):
        self.end_session()
        self.at_the_end.close()

    @property
    def place(self):
        """Where a client connects that connects once."""
        return self.places[0]

    def connect(self, **parameters):
        return self.server.connect(**parameters)

    def sql(self, statement, parameters=None):
        """Run a statement and return its rows. All of them have one session."""
        session = self.session  # a thread of the test's may end it
        if session is None or session.closed:
            session = self.session = self.connect()
        cursor = session.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement, parameters=None):
        return self.sql(statement, parameters)[0][0]

    def register_types(self, types):
        self.sql("SELECT fraiseql_register_types(%s)", (types,))

    def register(self, field, channel, connection=None, **rules):
        """:param rules: parameters of fraiseql_register_subscription() by their names."""
        names = "".join(f", {name} => %s" for name in rules)
        values = [Jsonb(value) if isinstance(value, dict) else value for value in rules.values()]
        run = self.sql if connection is None else connection.execute
        run(
            f"SELECT fraiseql_register_subscription(%s, %s{names})",
            (field, channel, *values),
        )

    def publish(self, channel, data, connection=None):
        """:param data: what becomes JSON, or its text."""
        statement = "SELECT fraiseql_publish('event', %s, %s::json)"
        text = data if isinstance(data, str) else psycopg.types.json.Json(data)
        (self.sql if connection is None else connection.execute)(statement, (channel, text))

    def metric(self, name, place=None):
        """The sum of a metric over all threads."""
        status, text = (place or self.place).get("/metrics")
        assert status == 200, text
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith((name + " ", name + "{"))
        )

    def pid(self):
        """Of the process that serves at the place."""
        return self.place.process.pid

    def kill(self):
        """End that process as a crash does, and return when clients are served again."""
        self.place.kill()
        self.place.start()
        self.place.wait_until_serving()

    @contextlib.contextmanager
    def standing_still(self):
        """Within, that process does nothing."""
        pid = self.pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def source_away(self):
        """Within, where the events come from is not there, as in a planned restart."""
        self.stop_source()
        try:
            yield
        finally:
            self.start_source()

    def stop_source(self):
        self.stop_server()

    def start_source(self):
        self.start_server()

    def forget(self, number):
        """Return when some events before the one with this number are kept nowhere any more."""
        raise NotImplementedError

    def logs(self):
        return [self.server.log(), *(place.log() for place in self.places)]


class Memory(Bus):
    """Clients are served by the worker that PostgreSQL runs."""

    name = "memory"
    clients_stay = False
    more_than_is_kept = (300, 10_000)

    def _start(self):
        settings = {
            name: f"{value}B" if name.endswith("_size") else value
            for name, value in self.settings.items()
        }
        # Who stands still for a test is not to be ended.
        self.server = Cluster(worker_threads=2, stuck_timeout=0, **settings)
        self.at_the_end.callback(self.server.destroy)
        self.server.start().install()
        # The same program: its connections are spread over the threads.
        self.places = [self.server, self.server]

    def pid(self):
        (pid,) = self.server.worker_pids()
        return pid

    def kill(self):
        before = self.pid()
        os.kill(before, signal.SIGKILL)
        wait_until(
            lambda: (pids := self.server.worker_pids()) and pids != [before], "another worker runs"
        )
        self.place.wait_until_serving()

    def forget(self, number):
        """The ring has come round."""


class OfRedis(Bus):
    """Clients are served by two nodes, which read from Redis."""

    name = "redis"
    more_than_is_kept = (12_000, 1)

    def _start(self):
        self.redis = Redis()
        self.at_the_end.callback(self.redis.destroy)
        self.redis.start()
        self.server = Cluster(bus="redis", bus_url=self.redis.url, bus_max_length=10_000)
        self.at_the_end.callback(self.server.destroy)
        self.server.start().install()
        self._start_nodes(bus="redis", bus_url=self.redis.url, database="postgres")

    def stop_source(self):
        self.redis.kill()

    def start_source(self):
        self.redis.start()
        for place in self.places:
            place.wait_until_serving()

    def forget(self, number):
        bus = RedisBus(self.redis)

        def has_come():
            stream = bus.key(f"stream:{bus.epoch()}")
            newest = self.redis.call("XREVRANGE", stream, "+", "-", "COUNT", 1)
            return newest and json.loads(decode(newest[0][0], newest[0][1][1]).data)["n"] == number

        wait_until(has_come, "the stream has all of it")


class OfPostgreSQL(Bus):
    """Clients are served by two nodes, which read from a database without the extension."""

    name = "postgresql"
    orders_all_commits = False
    more_than_is_kept = (50, 1)

    def _start(self):
        self.server = Cluster(postgresql__shared_preload_libraries="")
        self.at_the_end.callback(self.server.destroy)
        self.server.start()
        self.server.sql("CREATE ROLE owner LOGIN CREATEROLE")
        self.server.sql("CREATE DATABASE app OWNER owner")
        self.server.database = "app"
        script = subprocess.check_output([ROOT / "scripts/sql-only"], text=True)
        self.server.program(
            "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-U", "owner", "-d", "app", input=script
        )
        self.sql("SELECT fraiseql_create_roles()")
        self.server.sql("CREATE ROLE node LOGIN; GRANT fraiseql_node TO node")
        self._start_nodes(
            bus="postgresql", bus_url=f"host={self.server.directory} dbname=app user=node"
        )

    def connect(self, **parameters):
        return self.server.connect(**{"user": "owner"} | parameters)

    @contextlib.contextmanager
    def standing_still(self):
        with super().standing_still():
            # What it has asked for just before would still be answered.
            self.server.sql(
                "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
                " WHERE usename = 'node'"
            )
            yield

    def forget(self, number):
        self.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0'")

        def is_gone():
            self.sql("SELECT fraiseql_subs.bus_maintain()")
            return self.value("SELECT count(*) FROM fraiseql_subs.event") == 0

        wait_until(is_gone, "the events are gone")
        self.sql("UPDATE fraiseql_subs.bus SET slot_bytes = DEFAULT, retention = DEFAULT")


BUSES = {kind.name: kind for kind in (Memory, OfRedis, OfPostgreSQL)}
