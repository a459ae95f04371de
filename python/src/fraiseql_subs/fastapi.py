"""Subscriptions in FastAPI."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, WebSocket
from fastapi.params import Depends

from fraiseql_subs.http.handler import (
    DEFAULT_PROTOCOLS,
    AuthHandler,
    SubscriptionProtocolHandler,
    serve_websocket,
)
from fraiseql_subs.starlette import StarletteWebSocketAdapter

if TYPE_CHECKING:
    from fraiseql_subs.manager import SubscriptionManager

__all__ = ["FastAPIWebSocketAdapter", "SubscriptionRouterFactory"]


class FastAPIWebSocketAdapter(StarletteWebSocketAdapter):
    """A `fastapi.WebSocket`, accepted or not yet."""


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

        async def subscriptions(websocket: WebSocket) -> None:
            adapter = FastAPIWebSocketAdapter(websocket)
            await serve_websocket(adapter, manager, auth_handler, protocols)

        router.add_api_websocket_route(
            path, subscriptions, name="subscriptions", dependencies=dependencies
        )
        return router
