"""A statement that a connection of its own runs over and over."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import errors, pq

__all__ = ["Statement"]

_NAME = b"fraiseql_subs"
_CANCEL_S = 2.0


class Statement:
    """The only statement of a connection in autocommit mode, after those that have set it up.

    psycopg's cursors convert, look up and make anew what is the same each time, which takes longer
    than what is waited for: the way of every event goes through here.
    """

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        text: bytes,
        formats: Sequence[pq.Format],
        result: pq.Format,
    ) -> None:
        """Make one that is prepared when it runs first.

        :param text: with `$1` and so on, whose types must follow from it.
        :param formats: of the parameters.
        :param result: format of the result.
        """
        self._connection = connection
        self._pgconn = connection.pgconn
        self._text = text
        self._formats = list(formats)
        self._result = result
        self._prepared = False

    async def run(self, *parameters: bytes | None) -> tuple[bytes | None, ...]:
        """Run it, and return its first row, or nothing if it has none. One at a time.

        Raise what psycopg would. If it is cancelled, so is the statement, and the connection is
        good for nothing but to be closed.
        """
        pgconn = self._pgconn
        try:
            if not self._prepared:
                pgconn.send_prepare(_NAME, self._text)
                await self._finish()
                self._prepared = True
            # The oldest versions of psycopg's binary take nothing but lists.
            pgconn.send_query_prepared(_NAME, list(parameters), self._formats, self._result)
            result = await self._finish()
        except asyncio.CancelledError:
            # Servers of before 15 do not notice that a connection is closed while they wait.
            with contextlib.suppress(psycopg.Error, OSError):
                await self._connection.cancel_safe(timeout=_CANCEL_S)
            raise
        if not result.ntuples:
            return ()
        return tuple(result.get_value(0, column) for column in range(result.nfields))

    async def _finish(self) -> pq.abc.PGresult:
        """Send what was begun, and return its result."""
        pgconn = self._pgconn
        while pgconn.flush():
            await self._ready(writing=True)
            pgconn.consume_input()
        last: pq.abc.PGresult | None = None
        while True:
            while pgconn.is_busy():
                await self._ready()
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:
                break
            last = result
        if last is None or pgconn.status == pq.ConnStatus.BAD:
            message = pgconn.get_error_message() or "the connection is lost"
            raise psycopg.OperationalError(message)
        if last.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            raise errors.error_from_result(last, encoding=self._connection.info.encoding)
        return last

    async def _ready(self, writing: bool = False) -> None:
        """Return when the server has said something, or, if so wanted, can be told more."""
        loop = asyncio.get_running_loop()
        descriptor = self._pgconn.socket
        ready = loop.create_future()

        def note() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(descriptor, note)
        if writing:
            loop.add_writer(descriptor, note)
        try:
            await ready
        finally:
            loop.remove_reader(descriptor)
            if writing:
                loop.remove_writer(descriptor)
