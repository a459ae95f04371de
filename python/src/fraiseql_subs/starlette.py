"""Subscriptions in Starlette."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from fraiseql_subs.asgi import ASGIWebSocketAdapter, Receive, Scope, Send
from fraiseql_subs.errors import WebSocketClosed
from fraiseql_subs.http.handler import (
    DEFAULT_PROTOCOLS,
    AuthHandler,
    SubscriptionProtocolHandler,
    choose_protocol,
)

if TYPE_CHECKING:
    from typing_extensions import Self

    from fraiseql_subs.manager import SubscriptionManager

__all__ = ["StarletteWebSocketAdapter", "create_subscription_app"]


class StarletteWebSocketAdapter(ASGIWebSocketAdapter):
    """A `starlette.websockets.WebSocket`, accepted or not yet."""

    __slots__ = ("_websocket",)

    def __init__(self, websocket: WebSocket) -> None:
        """Make one; nothing else may receive from the WebSocket from here on."""
        super().__init__(websocket.scope, websocket.receive, websocket.send)
        self._websocket: WebSocket | None = websocket
        self._accepted = websocket.application_state is WebSocketState.CONNECTED

    @classmethod
    def of_scope(cls, scope: Scope, receive: Receive, send: Send) -> "Self":
        """Make one of what a route's ASGI application is called with, not accepted yet."""
        made = cls.__new__(cls)
        ASGIWebSocketAdapter.__init__(made, scope, receive, send)
        made._websocket = None
        return made

    @property
    def websocket(self) -> WebSocket:
        """The framework's own, for its `state`, `user`, `session` and so on."""
        if self._websocket is None:
            # Most sockets live without, and it would take more than all the rest here.
            websocket = WebSocket(self._scope, self._receive, self._send)
            if self._closed is not None:
                state = WebSocketState.DISCONNECTED
            elif self._accepted:
                state = WebSocketState.CONNECTED
            else:
                state = WebSocketState.CONNECTING
            websocket.client_state = websocket.application_state = state
            self._websocket = websocket
            self._receive, self._send = websocket.receive, websocket.send
        return self._websocket

    def _told_in_vain(self, error: Exception) -> WebSocketClosed:
        if isinstance(error, WebSocketDisconnect):
            error = ConnectionError(error.code)
        return super()._told_in_vain(error)


class Endpoint:
    """Serves sockets as the ASGI application of a route, with as little around them as can be."""

    def __init__(
        self,
        adapter: type[StarletteWebSocketAdapter],
        manager: "SubscriptionManager[Any]",
        auth_handler: AuthHandler | None,
        protocols: Sequence[SubscriptionProtocolHandler],
    ) -> None:
        """Make one; see `serve_websocket()`."""
        self._adapter = adapter
        self._manager = manager
        self._auth_handler = auth_handler
        self._protocols = protocols

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket."""
        websocket = self._adapter.of_scope(scope, receive, send)
        handler = choose_protocol(websocket, self._protocols)
        await handler.handle_connection(websocket, self._manager, self._auth_handler)


def create_subscription_app(
    app: Starlette,
    manager: "SubscriptionManager[Any]",
    path: str = "/graphql/subscriptions",
    auth_handler: AuthHandler | None = None,
    *,
    protocols: Sequence[SubscriptionProtocolHandler] = DEFAULT_PROTOCOLS,
) -> Starlette:
    """Serve subscriptions at a path of an application, in front of its other routes.

    The application's middleware is around it. The manager has to be started by the application, as
    with `Starlette(lifespan=manager.lifespan)`.

    :param path: as of a route; may have parameters.
    :param auth_handler: says who a client is; None leaves that to the worker's own rules. Its
        WebSocket is a `StarletteWebSocketAdapter`.
    :param protocols: sub-protocols; clients that offer several get the first of these.
    :return: the application that was passed.
    """
    endpoint = Endpoint(StarletteWebSocketAdapter, manager, auth_handler, protocols)
    app.router.routes.insert(0, WebSocketRoute(path, endpoint, name="subscriptions"))
    return app
