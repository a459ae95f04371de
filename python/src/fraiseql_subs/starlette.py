"""Subscriptions in Starlette."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from fraiseql_subs.asgi import ASGIWebSocketAdapter
from fraiseql_subs.errors import WebSocketClosed
from fraiseql_subs.http.handler import (
    DEFAULT_PROTOCOLS,
    AuthHandler,
    SubscriptionProtocolHandler,
    serve_websocket,
)

if TYPE_CHECKING:
    from fraiseql_subs.manager import SubscriptionManager

__all__ = ["StarletteWebSocketAdapter", "create_subscription_app"]


class StarletteWebSocketAdapter(ASGIWebSocketAdapter):
    """A `starlette.websockets.WebSocket`, accepted or not yet."""

    def __init__(self, websocket: WebSocket) -> None:
        """Make one; nothing else may receive from the WebSocket from here on."""
        super().__init__(websocket.scope, websocket.receive, websocket.send)
        self._websocket = websocket
        self._accepted = websocket.application_state is WebSocketState.CONNECTED

    @property
    def websocket(self) -> WebSocket:
        """The framework's own, for its `state`, `user`, `session` and so on."""
        return self._websocket

    def _told_in_vain(self, error: Exception) -> WebSocketClosed:
        if isinstance(error, WebSocketDisconnect):
            error = ConnectionError(error.code)
        return super()._told_in_vain(error)


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

    async def serve(websocket: WebSocket) -> None:
        adapter = StarletteWebSocketAdapter(websocket)
        await serve_websocket(adapter, manager, auth_handler, protocols)

    app.router.routes.insert(0, WebSocketRoute(path, serve, name="subscriptions"))
    return app
