"""Subscriptions as an ASGI application, for every server and framework that takes one."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import quote

from fraiseql_subs.errors import WebSocketClosed
from fraiseql_subs.http.adapter import BinaryMessage, WebSocketAdapter
from fraiseql_subs.http.handler import (
    DEFAULT_PROTOCOLS,
    AuthHandler,
    SubscriptionProtocolHandler,
    choose_protocol,
)

if TYPE_CHECKING:
    from fraiseql_subs.manager import SubscriptionManager

__all__ = ["ASGIWebSocketAdapter", "SubscriptionASGI"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_HELP = """\
GraphQL subscriptions are served here by WebSocket, by the sub-protocols {protocols}.
Connect with a client such as the npm package graphql-ws, not with a browser's address bar.
"""


class _OfScope:
    """An attribute that is made of the scope when it is read, unless another value was set."""

    def __init__(self, make: Callable[[Scope], object]) -> None:
        self._make = make

    def __get__(self, adapter: "ASGIWebSocketAdapter | None", owner: type) -> object:
        return self if adapter is None else self._make(adapter.scope)


class ASGIWebSocketAdapter(WebSocketAdapter):
    """A WebSocket of an ASGI server.

    ASGI has neither pings nor pongs for applications: the server sends them, by its own settings.
    """

    # With a dictionary, but only for what somebody else keeps here.
    __slots__ = ("__dict__", "__weakref__", "_accepted", "_closed", "_receive", "_scope", "_send")

    # What the server keeps anyway is not kept a second time.
    headers: Mapping[str, str] = cast(
        "Any", _OfScope(lambda scope: _headers(scope.get("headers", ())))
    )
    peer: str = cast("Any", _OfScope(lambda scope: _peer(scope.get("client"))))
    path: str = cast("Any", _OfScope(lambda scope: _path(scope)))
    subprotocols: Sequence[str] | None = cast(
        "Any", _OfScope(lambda scope: tuple(scope.get("subprotocols", ())))
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make one of what a server calls an application with; `scope["type"]` is `websocket`."""
        self._receive = receive
        self._send = send
        self._scope = scope
        self._accepted = False
        self._closed: WebSocketClosed | None = None

    @property
    def scope(self) -> Scope:
        """The connection as the server describes it, with what middleware added."""
        return self._scope

    @property
    def is_connected(self) -> bool:
        """Whether the handshake was accepted and the socket has not ended."""
        return self._accepted and self._closed is None

    async def accept(self, subprotocol: str | None) -> None:
        """Answer the handshake. Raises `WebSocketClosed` if the client has gone."""
        if self._accepted:
            return
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise self._end(message)
        await self._tell({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
        self._accepted = True

    async def receive_text(self) -> str:
        """Return the next message of the client as it came."""
        if self._closed is not None:
            raise self._closed
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise self._end(message)
        text: str | None = message.get("text")
        if text is None:
            raise BinaryMessage
        return text

    async def receive_json(self) -> Any:
        """Return the next message of the client, decoded."""
        return json.loads(await self.receive_text())

    async def send_json(self, data: Any) -> None:
        """Send an object as JSON in a text frame."""
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        await self._tell({"type": "websocket.send", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Send a text frame that is ready: `data` is its UTF-8."""
        await self._tell({"type": "websocket.send", "text": data.decode()})

    async def send_many(self, frames: Sequence[bytes]) -> None:
        """Send text frames that are ready, in order."""
        if self._closed is not None:
            raise self._closed
        send = self._send
        try:
            for frame in frames:
                await send({"type": "websocket.send", "text": frame.decode()})
        except Exception as error:
            raise self._told_in_vain(error) from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket; a handshake that is not answered yet is refused with HTTP 403."""
        if self._closed is not None:
            return
        # Set before, so that it holds for those who look while the server sends it.
        self._closed = WebSocketClosed(code, reason)
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except Exception as error:
            self._told_in_vain(error)

    async def _tell(self, message: Message) -> None:
        if self._closed is not None:
            raise self._closed
        try:
            await self._send(message)
        except Exception as error:
            raise self._told_in_vain(error) from error

    def _end(self, message: Message) -> WebSocketClosed:
        closed = WebSocketClosed(message.get("code") or 1005, message.get("reason") or "")
        self._closed = self._closed or closed
        return self._closed

    def _told_in_vain(self, error: Exception) -> WebSocketClosed:
        """What an exception of the server's means; re-raised if it does not say that it has ended.

        ASGI 2.4 wants an OSError; older servers have a RuntimeError for what follows a close.
        """
        if not isinstance(error, (OSError, RuntimeError)):
            raise error
        self._closed = self._closed or WebSocketClosed(1006)
        return self._closed


class SubscriptionASGI:
    """An ASGI application that serves subscriptions.

    By itself, `uvicorn module:app`, it starts and stops the manager as the server starts and stops.
    Mounted in another application it does not: servers tell only the outermost one, which has to.
    HTTP requests are answered with 426.
    """

    def __init__(
        self,
        manager: "SubscriptionManager[Any]",
        *,
        path: str | None = None,
        auth_handler: AuthHandler | None = None,
        protocols: Sequence[SubscriptionProtocolHandler] = DEFAULT_PROTOCOLS,
    ) -> None:
        """Make one.

        :param path: the only one that is served, all others are not found; None serves all.
        :param auth_handler: says who a client is; None leaves that to the worker's own rules.
        :param protocols: sub-protocols; clients that offer several get the first of these.
        """
        self._manager = manager
        self._path = path
        self._auth_handler = auth_handler
        self._protocols = protocols

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            websocket = ASGIWebSocketAdapter(scope, receive, send)
            if self._serves(scope):
                handler = choose_protocol(websocket, self._protocols)
                await handler.handle_connection(websocket, self._manager, self._auth_handler)
            else:
                await receive()
                await websocket.close()
        elif scope["type"] == "http":
            await self._answer(scope, send)
        else:
            raise ValueError(f"ASGI scopes of type {scope['type']!r} are not served")

    def _serves(self, scope: Scope) -> bool:
        return self._path is None or _local_path(scope) == self._path

    async def _answer(self, scope: Scope, send: Send) -> None:
        status, text = 404, "Not found\n"
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        if self._serves(scope):
            names = " and ".join(handler.subprotocol for handler in self._protocols)
            status, text = 426, _HELP.format(protocols=names)
            headers += [(b"upgrade", b"websocket"), (b"connection", b"upgrade")]
        body = text.encode()
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._manager.start()
        except BaseException as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await self._manager.stop()
        except BaseException as error:
            await send({"type": "lifespan.shutdown.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in headers:
            # RFC 6265 wants cookies apart by a semicolon, RFC 9110 all else by a comma.
            value = headers[name] + ("; " if name == "cookie" else ", ") + value
        headers[name] = value
    return headers


def _peer(client: Sequence[Any] | None) -> str:
    if not client:
        return ""
    host, port = client
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _path(scope: Scope) -> str:
    query = cast("bytes", scope.get("query_string", b"")).decode("latin-1")
    path = quote(scope.get("path") or "/", safe="/:@!$&'()*+,;=")
    return f"{path}?{query}" if query else path


def _local_path(scope: Scope) -> str:
    """The path below where the application is mounted."""
    path: str = scope.get("path") or "/"
    root: str = scope.get("root_path") or ""
    return path.removeprefix(root) if root and path.startswith(root) else path
