"""Ports for servers that are about to start."""

import contextlib
import fcntl
import functools
import os
import random
import socket
import tempfile

__all__ = ["free_port"]

# Below the ports that Linux gives to outgoing connections, one of which could take a port between
# the look at it and the server's start.
_PORTS = range(10_000, 32_000)

_taken: set[int] = set()


def free_port(beside: int = 0) -> int:
    """Return one on which nobody listens, at whatever address, and which is asked for only once.

    No other process of this user gets it from here until this one ends: tests run in several at a
    time, and a server that stops for a while wants to find its port again.

    :param beside: the port that is so much higher is the caller's too.
    """
    while True:
        port = random.choice(_PORTS)
        if all(_take(one) for one in {port, port + beside}):
            return port


def _take(port: int) -> bool:
    if port not in _PORTS or port in _taken:
        return False
    # Locks of a process do not exclude each other, so it keeps its own list.
    with contextlib.suppress(BlockingIOError):
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        _taken.add(port)
        return _is_free(port)
    return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


@functools.cache
def _reservations() -> int:
    """Open, for as long as the process lives, the file of which each port is a byte to lock."""
    path = os.path.join(tempfile.gettempdir(), f"fraiseql-subs-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
