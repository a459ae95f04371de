"""How a connection is ended under whatever waits for a server that says nothing."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Generator
from typing import Any

import psycopg

__all__ = ["cut", "cut_after"]


def cut(*connections: psycopg.AsyncConnection[Any]) -> None:
    """End connections; what waits for them fails with psycopg.OperationalError."""
    for connection in connections:
        # Closing the descriptor itself would take it from under the event loop.
        with (
            contextlib.suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(connection.fileno())) as duplicate,
        ):
            duplicate.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cut_after(
    seconds: float, *connections: psycopg.AsyncConnection[Any]
) -> Generator[None, None, None]:
    """End connections unless the block is left within a time.

    A cancellation would not do: psycopg answers it by waiting for the server.
    """
    timer = asyncio.get_running_loop().call_later(seconds, cut, *connections)
    try:
        yield
    finally:
        timer.cancel()
