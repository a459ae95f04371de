"""A server that accepts connections and then says nothing."""

import asyncio
import contextlib
import socket
from typing import Any

import psycopg


class SilentPgconn:
    """libpq's side of such a connection: it takes everything, and waits."""

    def __init__(self, ours: socket.socket) -> None:
        self._ours = ours

    @property
    def socket(self) -> int:
        return self._ours.fileno()

    def send_prepare(self, *statement: Any) -> None:
        pass

    def flush(self) -> int:
        return 0

    def is_busy(self) -> bool:
        return True

    def consume_input(self) -> None:
        assert self._ours.recv(1) == b""
        raise psycopg.OperationalError("the connection is lost")


class SilentConnection:
    """A connection to it, which waits as psycopg does: a cancellation does not end that."""

    def __init__(self) -> None:
        self._ours, self._servers = socket.socketpair()
        self._ours.setblocking(False)
        self.pgconn = SilentPgconn(self._ours)

    def fileno(self) -> int:
        return self._ours.fileno()

    def cursor(self, **options: Any) -> "SilentConnection":
        return self

    async def execute(self, *statement: Any, **options: Any) -> Any:
        receiving = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(self._ours, 1))
        while not receiving.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([receiving])
        raise psycopg.OperationalError("the connection is lost")

    async def fetchone(self) -> None:
        raise AssertionError("nothing was answered")

    async def close(self) -> None:
        self._ours.close()
        self._servers.close()
