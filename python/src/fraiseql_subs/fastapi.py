"""Subscriptions in FastAPI."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, WebSocket
from fastapi.params import Depends
from fastapi.routing import APIWebSocketRoute

from fraiseql_subs.http.handler import (
    DEFAULT_PROTOCOLS,
    AuthHandler,
    SubscriptionProtocolHandler,
    serve_websocket,
)
from fraiseql_subs.starlette import Endpoint, StarletteWebSocketAdapter

if TYPE_CHECKING:
    from fraiseql_subs.manager import SubscriptionManager

__all__ = ["FastAPIWebSocketAdapter", "SubscriptionRouterFactory"]


class FastAPIWebSocketAdapter(StarletteWebSocketAdapter):
    """A `fastapi.WebSocket`, accepted or not yet."""

    __slots__ = ()


class SubscriptionRouterFactory:
    """Makes routers that serve subscriptions."""

    @staticmethod
    def create(
        manager: "SubscriptionManager[Any]",
        path: str = "/graphql/subscriptions",
        auth_handler: AuthHandler | None = None,
        dependencies: Sequence[Depends] | None = None,
        *,
        protocols: Sequence[SubscriptionProtocolHandler] = DEFAULT_PROTOCOLS,
    ) -> APIRouter:
        """Return a router for `app.include_router()`.

        The manager has to be started by the application, as with
        `FastAPI(lifespan=manager.lifespan)`.

        :param auth_handler: says who a client is; None leaves that to the worker's own rules. Its
            WebSocket is a `FastAPIWebSocketAdapter`.
        :param dependencies: `Depends(…)` that run before the handshake is answered, and refuse it
            by raising. Those that `yield` hold what they have until the socket ends: look up in
            `auth_handler` what needs a database connection.
        :param protocols: sub-protocols; clients that offer several get the first of these.
        """
        router = APIRouter()
        endpoint = Endpoint(FastAPIWebSocketAdapter, manager, auth_handler, protocols)

        async def subscriptions(websocket: WebSocket) -> None:
            _shorten(websocket.scope.get("route"), endpoint)
            adapter = FastAPIWebSocketAdapter(websocket)
            await serve_websocket(adapter, manager, auth_handler, protocols)

        router.add_api_websocket_route(
            path, subscriptions, name="subscriptions", dependencies=dependencies
        )
        return router


def _shorten(route: object, endpoint: Endpoint) -> None:
    """Let the next sockets of a route go past FastAPI's dependencies if there are none.

    FastAPI keeps some 5 kB per socket for them. Which dependencies a route has is not known before
    a socket is there: applications add to them when they include a router.
    """
    if isinstance(route, APIWebSocketRoute) and not route.dependant.dependencies:
        route.app = endpoint
