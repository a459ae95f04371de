"""Events whose numbers are committed with them, so that a table says what subscribers have to get.

A key's events have the numbers 1, 2, 3, … . Each has an *attempt* too, which is used once whether
its transaction commits or not: a number that arrives with another attempt is of a transaction that
never committed.
"""

import contextlib
import itertools
import random
import threading

import psycopg
from psycopg.types.json import Jsonb

from cluster import wait_until

CHANNEL = "numbers"
QUERY = "subscription { numbered { key number attempt } }"

SCHEMA = """
CREATE TABLE truth (key text, number int, attempt bigint UNIQUE, PRIMARY KEY (key, number))
"""


class Truth:
    """What was committed on a server."""

    def __init__(self, server):
        """:param server: with the product's functions; a Cluster."""
        self.server = server
        self.attempts = itertools.count(1)
        self.begun = {}  # by key: the highest number that may have been committed
        self.publishers = []
        server.sql(SCHEMA)
        server.sql(
            "SELECT fraiseql_register_types('type Number { key: ID! number: Int! attempt: Int! }')"
        )
        server.sql(f"SELECT fraiseql_register_subscription('numbered: Number', '{CHANNEL}')")

    def publish(self, key, count, per_transaction=1, padding=0, connection=None):
        """Commit so many events, each with so many bytes that nobody selects."""
        with contextlib.ExitStack() as stack:
            if connection is None:
                connection = stack.enter_context(self.server.connect())
            number = self.begun.get(key, 0)
            while count > 0:
                size = min(count, per_transaction)
                self._transaction(connection, key, number, size, padding)
                number += size
                count -= size

    def _transaction(self, connection, key, number, size, padding=0, commit=True):
        """Events behind `number`, in one transaction."""
        if commit:
            self.begun[key] = number + size
        rows = [(key, number + i, next(self.attempts)) for i in range(1, size + 1)]
        events = [
            (CHANNEL, Jsonb({"key": key, "number": n, "attempt": a, "padding": "x" * padding}))
            for key, n, a in rows
        ]
        with connection.transaction(force_rollback=not commit), connection.cursor() as cursor:
            cursor.executemany("INSERT INTO truth VALUES (%s, %s, %s)", rows)
            cursor.executemany("SELECT fraiseql_publish('numbered', %s, %s)", events)

    @contextlib.contextmanager
    def growing(self, keys="abc", pause=0.004, padding=0):
        """Publish all the time, by a session for each key, until this ends.

        What ends a session, such as a crash of the server, is waited for.
        """
        stop = threading.Event()
        failures = []

        def publish(key):
            try:
                self._grow(key, stop, pause, padding)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=publish, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]

    def _grow(self, key, stop, pause, padding):
        choose = random.Random(key)
        while not stop.is_set():
            try:
                with self.server.connect() as connection:
                    number = self.last(key, connection)
                    # A load, not a wait: without a pause one test would take all cores.
                    while not stop.wait(pause):
                        size = choose.choice((1, 1, 2, 5))
                        commit = choose.random() < 0.9
                        self._transaction(connection, key, number, size, padding, commit)
                        number += size if commit else 0
            except psycopg.OperationalError:
                wait_until(self.is_up, "the server takes connections again")

    def is_up(self):
        with contextlib.suppress(psycopg.OperationalError):
            return self.server.sql("SELECT true")
        return False

    def last(self, key, connection):
        statement = "SELECT coalesce(max(number), 0) FROM truth WHERE key = %s"
        return connection.execute(statement, (key,)).fetchone()[0]

    def floor(self):
        """By key, the highest number that may have been committed by now."""
        return dict(self.begun)

    def total(self):
        return self.server.value("SELECT count(*) FROM truth")

    def committed(self):
        """By key, the attempts that were committed, in the order of their numbers from 1 on."""
        found = {}
        rows = self.server.sql("SELECT key, number, attempt FROM truth ORDER BY key, number")
        for key, number, attempt in rows:
            attempts = found.setdefault(key, [])
            attempts.append(attempt)
            assert number == len(attempts), f"{key} has no number {len(attempts)}"
        return found
