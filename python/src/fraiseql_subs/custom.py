"""Subscriptions in a server of whatever kind: a template for its adapter."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fraiseql_subs.errors import WebSocketClosed
from fraiseql_subs.http.adapter import BinaryMessage, WebSocketAdapter

__all__ = ["CustomServerAdapter"]


class CustomServerAdapter(WebSocketAdapter):
    """A WebSocket of a server that has neither ASGI nor an adapter here, made of its functions.

    With the server of the library `websockets`, whose functions raise `ConnectionClosed`:

        def ending(error: Exception) -> tuple[int, str] | None:
            if not isinstance(error, ConnectionClosed):
                return None
            return (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")

        async def serve(connection: ServerConnection) -> None:
            host, port = connection.remote_address[:2]
            websocket = CustomServerAdapter(
                receive=connection.recv,
                send=lambda frame: connection.send(frame, text=True),
                close=connection.close,
                ending=ending,
                headers=dict(connection.request.headers.raw_items()),
                peer=f"{host}:{port}",
                path=connection.request.path,
                subprotocols=[connection.subprotocol] if connection.subprotocol else [],
            )
            await serve_websocket(websocket, manager)

    The worker judges a client by what it is told of the handshake: without `headers` no
    `allowed_origins` holds and no cookie is seen, without `peer` no limit per address.

    For more than that, derive from it or from `WebSocketAdapter`.
    """

    def __init__(
        self,
        *,
        receive: Callable[[], Awaitable[str | bytes]],
        send: Callable[[bytes], Awaitable[object]],
        close: Callable[[int, str], Awaitable[object]],
        ending: Callable[[Exception], tuple[int, str] | None],
        accept: Callable[[str | None], Awaitable[object]] | None = None,
        headers: Mapping[str, str] | None = None,
        peer: str = "",
        path: str = "/",
        subprotocols: Sequence[str] | None = None,
    ) -> None:
        """Make one.

        :param receive: returns the client's next message, bytes if it is binary.
        :param send: sends a text frame, whose UTF-8 it is given, and returns when there is room for
            more.
        :param close: closes by a code and a reason; what waits in `receive` then raises.
        :param ending: code and reason of the socket's end if that is what an exception of the
            functions above means, or else None; 1006 if there was no close frame.
        :param accept: answers the handshake; None if the server has done so.
        :param headers: of the handshake, in any case.
        :param peer: the client's address, as `127.0.0.1:5678`.
        :param path: what the handshake asks for, with its query string.
        :param subprotocols: that the client offers; of a handshake that was answered, those that
            were agreed on, one or none. None if that is not known.
        """
        self._receive = receive
        self._send = send
        self._close = close
        self._ending = ending
        self._accept = accept
        self._accepted = accept is None
        self._closed: WebSocketClosed | None = None
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in (headers or {}).items()
        }
        self.peer = peer
        self.path = path
        self.subprotocols = subprotocols

    @property
    def is_connected(self) -> bool:
        """Whether the handshake was accepted and the socket has not ended."""
        return self._accepted and self._closed is None

    async def accept(self, subprotocol: str | None) -> None:
        """Answer the handshake, unless the server has."""
        if self._accept is None or self._accepted:
            return
        await self._run(self._accept(subprotocol))
        self._accepted = True

    async def receive_text(self) -> str:
        """Return the next message of the client as it came."""
        message = await self._run(self._receive())
        if not isinstance(message, str):
            raise BinaryMessage
        return message

    async def receive_json(self) -> Any:
        """Return the next message of the client, decoded."""
        return json.loads(await self.receive_text())

    async def send_json(self, data: Any) -> None:
        """Send an object as JSON in a text frame."""
        await self.send_bytes(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode())

    async def send_bytes(self, data: bytes) -> None:
        """Send a text frame that is ready: `data` is its UTF-8."""
        await self._run(self._send(data))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket, unless it has ended."""
        if self._closed is not None:
            return
        self._closed = WebSocketClosed(code, reason)
        try:
            await self._close(code, reason)
        except Exception as error:
            if self._ending(error) is None:
                raise

    async def _run(self, awaitable: Awaitable[Any]) -> Any:
        try:
            return await awaitable
        except Exception as error:
            end = self._ending(error)
            if end is None:
                raise
            self._closed = self._closed or WebSocketClosed(*end)
            raise self._closed from error
