"""A private PostgreSQL with the extension and its worker, or the worker alone, for tests."""

import json
import os
import select
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import psycopg

from fraiseql_subs._schema.values import encode_default
from fraiseql_subs.testing._memory import PrivateWorker
from fraiseql_subs.testing._postgres import PrivatePostgres, ServerUnavailable
from fraiseql_subs.testing._threads import in_thread

if TYPE_CHECKING:
    from fraiseql_subs.testing.client import SubscriptionClient

__all__ = ["ServerUnavailable", "WorkerServer"]

_SERVING_SECONDS = 30.0
_ATTEMPTS = 3

# The field by which a client learns that all events before its own have been delivered.
_FENCE_CHANNEL = "fraiseql_test_fence"
_FENCE_TYPE = "type FraiseqlTestFence { number: Int! }"
_FENCE_NAME = "fraiseqlTestFence"
_FENCE_FIELD = f"{_FENCE_NAME}(number: Int): FraiseqlTestFence"
_FENCE = f"""
SELECT fraiseql_register_types('{_FENCE_TYPE}');
SELECT fraiseql_register_subscription('{_FENCE_FIELD}', '{_FENCE_CHANNEL}');
"""

_HELD = """
SELECT coalesce(sum(value), 0) FROM fraiseql_metrics() WHERE name = 'fraiseql_subs_held_events'
"""


def _is_file(schema: str | os.PathLike[str]) -> bool:
    # No statement of SQL is one word.
    return not isinstance(schema, str) or (schema.endswith(".sql") and len(schema.split()) == 1)


# SQL, or a catalog.
Schema = str | os.PathLike[str] | Mapping[str, object]


def _is_catalog(schema: Schema) -> bool:
    if isinstance(schema, Mapping):
        return True
    return os.fspath(schema).endswith(".json") and len(os.fspath(schema).splitlines()) == 1


def _read_catalog(schema: Schema) -> tuple[Mapping[str, object], str]:
    """Return a catalog and the directory in which the files that it names begin."""
    if isinstance(schema, Mapping):
        return schema, os.getcwd()
    path = Path(schema)
    catalog: object = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(catalog, dict):
        raise ValueError(f"{path}: it is no JSON object")
    return cast("dict[str, object]", catalog), str(path.absolute().parent)


def _with_fence(catalog: Mapping[str, object]) -> Mapping[str, object]:
    """Return a catalog with the field of the fences, written as its others are.

    What is not as it should be stays so, for the worker to say.
    """
    field = {"field": _FENCE_FIELD, "channel": _FENCE_CHANNEL}
    if "extension_version" in catalog:
        field["name"] = _FENCE_NAME
    made = dict(catalog)
    types = made.get("types")
    if isinstance(types, list):
        made["types"] = [*cast("list[object]", types), _FENCE_TYPE]
    elif isinstance(types, str):
        made["types"] = f"{types}\n\n{_FENCE_TYPE}"
    fields = made.get("subscriptions", [])
    if isinstance(fields, list):
        made["subscriptions"] = [*cast("list[object]", fields), field]
    return made


class WorkerServer:
    """A PostgreSQL server of the tests' own, with fraiseql_subs and its worker.

    It is made by `initdb` in a temporary directory, listens on free ports of the loopback address,
    and is gone when the context ends, or when the process does:

        with WorkerServer("schema.sql") as server:
            server.publish("orderUpdated", "orders", {"id": 1})

    `async with` does the same without blocking the event loop. root, as whom PostgreSQL does not
    run, starts it as the user `postgres`, or `nobody` if there is none.

    With a catalog for a schema it is the worker alone, which serves what `publish` hands it: there
    is no PostgreSQL, no SQL, and no resolver, and it starts in a fraction of a second:

        with WorkerServer("catalog.json") as server:
            server.publish("orderUpdated", "orders", {"id": 1})

    A schema of SQL runs in a database that has the extension already. Clients without a token are
    let in, unless `fraiseql_subs.allow_anonymous` is set to False.
    """

    def __init__(
        self,
        *schema: Schema,
        settings: Mapping[str, object] | None = None,
        database: str = "postgres",
        pg_config: str | os.PathLike[str] | None = None,
    ) -> None:
        """Describe a server; `start()` or a context starts it.

        :param schema: SQL to run once, one after the other: a path, a text that ends in `.sql` and
            has no white space (a path, too), or statements. Each is one transaction unless it has
            its own; commands of psql are not understood. Or one catalog, as docs/nodes.md has it: a
            path that ends in `.json`, or a dictionary.
        :param settings: as in postgresql.conf, such as `{"fraiseql_subs.worker_threads": 2}`;
            booleans and numbers are written as PostgreSQL has them.
        :param database: the one that is served. It is made if it is not `postgres`.
        :param pg_config: of the PostgreSQL to use, if PG_CONFIG and PATH do not say so.
        :raises ValueError: if there is a catalog beside another schema.
        """
        self._catalog = next((each for each in schema if _is_catalog(each)), None)
        if self._catalog is not None and len(schema) > 1:
            raise ValueError("a catalog is all of a schema: there is no database for another part")
        self._schema = schema
        self._settings = dict(settings or {})
        self._database = database
        self._pg_config = pg_config
        self._postgres: PrivatePostgres | None = None
        self._worker: PrivateWorker | None = None
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._lock = threading.RLock()
        self._fences = 0

    # Its life ------------------------------------------------------------------------------------

    def start(self) -> "WorkerServer":
        """Start it and return it once clients can subscribe; takes some seconds.

        :raises ServerUnavailable: if something is missing, or it does not start: the message says
            what, and has the server's log.
        :raises psycopg.Error: if the schema is wrong; a note names the file.
        :raises ValueError: if a catalog is no JSON object.
        :raises OSError: if a file that it names cannot be read.
        :raises RuntimeError: if it is running.
        """
        if self._postgres is not None or self._worker is not None:
            raise RuntimeError("the server is running")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._start()
                break
            except ServerUnavailable as error:
                self.stop()
                # Somebody took a port after it was seen to be free.
                if attempt == _ATTEMPTS or "ddress already in use" not in str(error):
                    raise
            except BaseException:
                self.stop()
                raise
        return self

    def _start(self) -> None:
        if self._catalog is not None:
            catalog, directory = _read_catalog(self._catalog)
            self._worker = PrivateWorker(
                _with_fence(catalog), self._settings, directory, self._pg_config
            )
            self._wait_until_serving(self._worker)
            return
        self._postgres = PrivatePostgres(self._settings, self._database, self._pg_config)
        self.execute("CREATE EXTENSION fraiseql_subs")
        for schema in self._schema:
            if not isinstance(schema, Mapping):
                self._apply(schema)
        self._wait_until_serving(self._postgres)

    def _apply(self, schema: str | os.PathLike[str]) -> None:
        if not _is_file(schema):
            self.execute(os.fspath(schema))
            return
        text = Path(schema).read_text(encoding="utf-8")
        try:
            self.execute(text)
        except psycopg.Error as error:
            place = error.diag.statement_position
            line = "" if place is None else f", line {text.count(chr(10), 0, int(place) - 1) + 1}"
            hint = ""
            if isinstance(error, psycopg.errors.DuplicateObject):
                hint = "; the extension is there already: CREATE EXTENSION IF NOT EXISTS"
            raise type(error)(f"{os.fspath(schema)}{line}: {error}{hint}") from error

    def _wait_until_serving(self, server: PrivatePostgres | PrivateWorker) -> None:
        deadline = time.monotonic() + _SERVING_SECONDS
        url = f"http://127.0.0.1:{server.worker_port}/readyz"
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return
            except urllib.error.HTTPError as error:
                answer = f"HTTP {error.code}: {error.read().decode(errors='replace')}"
            except OSError as error:
                answer = str(error)
            if not server.is_running or time.monotonic() > deadline:
                raise ServerUnavailable(
                    f"the worker serves nobody at {url} ({answer})\n"
                    f"The server's log:\n{server.log()}"
                )
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it and remove its directory; nothing if it does not run."""
        with self._lock:
            connection, self._connection = self._connection, None
            postgres, self._postgres = self._postgres, None
            worker, self._worker = self._worker, None
            self._fences = 0
        if connection is not None:
            connection.close()
        for server in (postgres, worker):
            if server is not None:
                server.stop()

    def __enter__(self) -> "WorkerServer":
        """Start it."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    async def __aenter__(self) -> "WorkerServer":
        """Start it in a thread."""
        return await in_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it in a thread."""
        await in_thread(self.stop)

    def _running(self) -> PrivatePostgres | PrivateWorker:
        server = self._postgres or self._worker
        if server is None:
            raise RuntimeError("the server is not running: use it as a context, or start() it")
        return server

    def _database_server(self) -> PrivatePostgres:
        server = self._running()
        if isinstance(server, PrivateWorker):
            raise RuntimeError("this server has a catalog for its schema, and no database")
        return server

    # Where it is ---------------------------------------------------------------------------------

    @property
    def has_database(self) -> bool:
        """Whether there is one: not if the schema is a catalog."""
        return self._catalog is None

    @property
    def dsn(self) -> str:
        """URL of the served database for psycopg and other drivers, as a superuser.

        :raises RuntimeError: if it has none.
        """
        return self._database_server().dsn

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which libpq, and so `SubscriptionManager()`, finds the database.

        :raises RuntimeError: if it has none.
        """
        postgres = self._database_server()
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(postgres.port),
            "PGDATABASE": postgres.database,
            "PGUSER": "postgres",
            "PGPASSWORD": postgres.password,
        }

    @property
    def url(self) -> str:
        """Where the worker serves WebSocket clients: `ws://127.0.0.1:…`."""
        return f"ws://127.0.0.1:{self._running().worker_port}"

    def log(self, start: int = 0) -> str:
        """Return the server's log, which is the worker's as well.

        :param start: from which byte on.
        """
        return self._running().log(start)

    @property
    def log_size(self) -> int:
        """How long the server's log is, in bytes."""
        return self._running().log_size

    def client(
        self,
        url: str | None = None,
        *,
        connection_params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "SubscriptionClient":
        """Return a client that can prove silence, as this server publishes its fences.

        :param url: of an application that hosts sockets for this server; None is the worker's own.
        :param connection_params: the payload of `connection_init`.
        :param headers: of the handshake.
        """
        from fraiseql_subs.testing.client import SubscriptionClient

        return SubscriptionClient(
            self.url if url is None else url,
            connection_params=connection_params,
            headers=headers,
            server=self,
        )

    # What it does --------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> list[Any]:
        """Run SQL as a superuser, committed at once, and return its rows as tuples.

        It blocks until the server has done it. Several statements may be given if there are no
        parameters; they are one transaction, and the rows are those of the last.

        :param parameters: for `%s` in the text.
        :raises RuntimeError: if it has no database.
        """
        with self._lock:
            cursor = self._connected().execute(sql.encode(), parameters)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def publish(
        self,
        type: str,
        channel: str,
        data: object,
        *,
        correlation_id: str | None = None,
        subgraph: str | None = None,
    ) -> None:
        """Publish an event and commit; blocks for about a millisecond.

        :param data: as of the manager's `publish_event`.
        """
        if self._worker is not None:
            event = {"type": type, "channel": channel, "data": data}
            event |= {"correlation_id": correlation_id, "subgraph": subgraph}
            self._worker.publish(event)
            return
        self.execute(
            "SELECT fraiseql_publish(%s, %s, %s::jsonb, %s, %s)",
            (type, channel, json.dumps(data, default=encode_default), correlation_id, subgraph),
        )

    def prepare_fence(self) -> int:
        """Return the number of a new fence, and see that its field is registered.

        A client that receives the event of `publish_fence` for the field `fraiseqlTestFence` has
        received all that was committed before.
        """
        with self._lock:
            if self._fences == 0 and self._catalog is None:
                self.execute(_FENCE)
            self._fences += 1
            return self._fences

    def publish_fence(self, number: int) -> None:
        """Publish the event of a fence; see `prepare_fence`."""
        self.publish("fence", _FENCE_CHANNEL, {"number": number})

    def wait_for_resolvers(self, timeout: float = 30.0) -> None:
        """Return when no event waits for a resolver.

        :param timeout: seconds.
        :raises TimeoutError: if there still are some then.
        """
        if self._catalog is not None:
            return
        deadline = time.monotonic() + timeout
        while (waiting := self.execute(_HELD)[0][0]) > 0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{waiting:g} events still wait for resolvers")
            time.sleep(0.005)

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = self._connection
        if connection is not None and not connection.closed:
            # Nothing is asked of the server now, so what it says is most likely a farewell: a test
            # may restart it or end its backends.
            if select.select([connection.fileno()], [], [], 0)[0]:
                connection.close()
            else:
                return connection
        self._connection = psycopg.connect(self._database_server().dsn, autocommit=True)
        return self._connection
