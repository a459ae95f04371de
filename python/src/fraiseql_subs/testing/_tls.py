"""TLS for clients that receive in one thread and send in others."""

import functools
import os
import select
import ssl
import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["SerialSocket", "client_context"]

T = TypeVar("T")

# How late a receiver may see that another thread has closed the socket.
_LOOK_SECONDS = 0.1


class SerialSocket(ssl.SSLSocket):
    """A socket whose threads enter OpenSSL one at a time.

    OpenSSL allows no other, and Python does not see to it: what one thread sends while another
    receives is now and then never sent, or garbled. Waiting happens outside of OpenSSL.
    """

    _turn: "threading.Lock | None" = None
    _time: float | None = None

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        if self._turn is None:
            self._time = self.gettimeout()
            super().settimeout(0)
            self._turn = threading.Lock()

    def settimeout(self, value: float | None) -> None:
        if self._turn is None:
            super().settimeout(value)
        else:
            self._time = value

    # All ways to receive and to send lead to these two.

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        return self._enter(functools.partial(super().read, len, buffer))

    def send(self, data: Any, flags: int = 0) -> int:
        return self._enter(functools.partial(super().send, data, flags))

    def _enter(self, function: Callable[[], T]) -> T:
        if self._turn is None:
            return function()
        while True:
            try:
                with self._turn:
                    return function()
            except ssl.SSLWantReadError:
                self._wait(reading=True)
            except ssl.SSLWantWriteError:
                self._wait(reading=False)

    def _wait(self, *, reading: bool) -> None:
        waited = 0.0
        while self.fileno() >= 0:
            readers = [self] if reading else []
            writers = [] if reading else [self]
            if any(select.select(readers, writers, [], _LOOK_SECONDS)):
                return
            waited += _LOOK_SECONDS
            if self._time is not None and waited > self._time:
                raise TimeoutError("timed out")
        raise OSError("the socket is closed")


def client_context(cafile: str | os.PathLike[str] | None = None) -> ssl.SSLContext:
    """Return a context of clients whose sockets are `SerialSocket`s."""
    context = ssl.create_default_context(cafile=cafile)
    context.sslsocket_class = SerialSocket
    return context
