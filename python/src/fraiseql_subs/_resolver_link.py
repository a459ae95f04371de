"""The connection over which the worker hands out calls of resolvers, and takes their results."""

import contextlib
import inspect
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from psycopg import AsyncConnection, AsyncCursor, OperationalError, pq
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool

from fraiseql_subs._cutting import cut_after
from fraiseql_subs._statement import Statement

__all__ = ["PostgresResolverLink", "ResolverLink", "connection_parameters"]

_EXCHANGE = (
    b"CALL fraiseql_subs.resolver_exchange("
    b"$1::text, $2::text, $3::text, $4::integer, $5::integer, NULL)"
)
_SEND = b"SELECT fraiseql_subs.resolver_send($1::text, $2::text, $3::integer)"

# A role's limits are meant for statements that do something.
_NO_LIMITS = (
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings"
    " WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_session_timeout')"
)

# How long a server may take, beyond what it was asked to wait, before a connection counts as dead.
_SILENCE_SECONDS = 30.0


class ResolverLink(Protocol):
    """A link to the worker. Any error is its end; the calls that it gave out end with it."""

    async def exchange(
        self, results: Sequence[str], credits: int, wait_ms: int
    ) -> list[dict[str, Any]]:
        """Hand in results, and wait for calls.

        :param results: JSON objects, one per call.
        :param credits: how many more calls are taken.
        :param wait_ms: return none if there are none for so long.
        """
        ...

    async def send(self, results: Sequence[str], credits: int) -> None:
        """Hand in results while an exchange waits."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


class PostgresResolverLink:
    """A link of two connections: one waits for calls, the other hands in results meanwhile."""

    def __init__(
        self,
        waiting: AsyncConnection[TupleRow],
        sending: AsyncConnection[TupleRow],
        fields: Sequence[str],
    ) -> None:
        """Make one; the first exchange opens it.

        :param waiting: in autocommit, like `sending`; both are closed with the link.
        :param fields: that this process resolves.
        """
        self._connections = (waiting, sending)
        text = pq.Format.TEXT
        self._exchange = Statement(waiting, _EXCHANGE, (text,) * 5, text)
        self._send = Statement(sending, _SEND, (text,) * 3, text)
        self._fields: bytes | None = json.dumps(list(fields)).encode()
        self._link: bytes | None = None

    @classmethod
    async def connect(
        cls, conninfo: str, parameters: Mapping[str, Any], fields: Sequence[str]
    ) -> "PostgresResolverLink":
        """Connect to a database.

        Raise psycopg.OperationalError also if the server is silent.

        :param parameters: of the connections beside `conninfo`.
        """
        options: dict[str, Any] = {
            "fallback_application_name": "fraiseql_subs resolvers",
            **parameters,
            "autocommit": True,
            "row_factory": tuple_row,
            "cursor_factory": AsyncCursor,
            # Whatever the database has, or a conninfo says: JSON goes both ways as UTF-8.
            "client_encoding": "UTF8",
        }
        async with contextlib.AsyncExitStack() as stack:
            made: list[AsyncConnection[TupleRow]] = []
            for _ in range(2):
                connection = await AsyncConnection[TupleRow].connect(conninfo, **options)
                stack.push_async_callback(connection.close)
                with cut_after(_SILENCE_SECONDS, connection):
                    await connection.execute(_NO_LIMITS)
                made.append(connection)
            stack.pop_all()
        waiting, sending = made
        return cls(waiting, sending, fields)

    async def exchange(
        self, results: Sequence[str], credits: int, wait_ms: int
    ) -> list[dict[str, Any]]:
        """Hand in results, and wait for calls; see `ResolverLink`.

        Raise psycopg.OperationalError also if the server is silent for far longer than `wait_ms`.
        """
        with cut_after(wait_ms / 1000 + _SILENCE_SECONDS, self._connections[0]):
            row = await self._exchange.run(
                self._link, self._fields, _array(results), b"%d" % credits, b"%d" % wait_ms
            )
        calls = row[1] if row else None
        if calls is None:
            raise OperationalError("resolver_exchange returned nothing")
        self._link = row[0]
        self._fields = None
        decoded: list[dict[str, Any]] = json.loads(calls, parse_float=Decimal)
        return decoded

    async def send(self, results: Sequence[str], credits: int) -> None:
        """Hand in results while an exchange waits; the first exchange must have returned.

        Raise psycopg.OperationalError also if the server is silent.
        """
        with cut_after(_SILENCE_SECONDS, self._connections[1]):
            await self._send.run(self._link, _array(results), b"%d" % credits)

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            await connection.close()


def _array(results: Sequence[str]) -> bytes | None:
    return ("[" + ",".join(results) + "]").encode() if results else None


async def connection_parameters(
    pool: AsyncConnectionPool[AsyncConnection[TupleRow]],
) -> tuple[str, dict[str, Any]]:
    """Return what a pool connects with, for connections beside it."""
    conninfo, parameters = await _resolved(pool.conninfo), await _resolved(pool.kwargs)
    return conninfo, dict(parameters or {})


async def _resolved(value: Any) -> Any:
    # Since psycopg-pool 3.3 both may be functions, also of coroutines: for tokens that expire.
    if callable(value):
        value = value()
    return await value if inspect.isawaitable(value) else value
