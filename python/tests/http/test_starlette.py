"""Subscriptions of a Starlette application in a real uvicorn."""

import contextlib
import urllib.request
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from client import Client
from hosting import Uvicorn
from raw_peer import HandshakeRefused, RawPeer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fraiseql_subs import SubscriptionManager, WebSocketAdapter
from fraiseql_subs.asgi import SubscriptionASGI
from fraiseql_subs.starlette import StarletteWebSocketAdapter, create_subscription_app

MakeManager = Callable[..., SubscriptionManager[None]]
Serve = Callable[..., Uvicorn]
Connect = Callable[..., Client]

QUERY = "subscription { orderUpdated { id } }"


class At:
    """Where clients connect: a path of a server."""

    tls = None

    def __init__(self, served: Uvicorn, path: str = "/graphql/subscriptions") -> None:
        self.url = served.url + path


async def everything(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.path)


def test_events_reach_a_client_beside_routes_that_take_everything(
    make_manager: MakeManager, serve: Serve, server: Any, connect: Connect
) -> None:
    manager = make_manager()
    app = Starlette(routes=[Route("/{path:path}", everything)], lifespan=manager.lifespan)
    assert create_subscription_app(app, manager) is app
    served = serve(app)
    subscription = connect(At(served)).subscribe(QUERY)
    server.publish("orderUpdated", "orders", {"id": 1})
    assert subscription.data() == {"orderUpdated": {"id": "1"}}
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/x") as reply:
        assert reply.read() == b"/x"


def test_middleware_is_around_it(
    make_manager: MakeManager, serve: Serve, server: Any, connect: Connect
) -> None:
    class Named:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "websocket":
                scope.setdefault("state", {})["name"] = "ada"
            await self.app(scope, receive, send)

    def auth_handler(payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, Any]:
        assert isinstance(websocket, StarletteWebSocketAdapter)
        return {"sub": websocket.websocket.state.name}

    manager = make_manager()
    app = Starlette(middleware=[Middleware(Named)], lifespan=manager.lifespan)
    create_subscription_app(app, manager, "/live", auth_handler)
    connect(At(serve(app), "/live"))
    assert server.sql("SELECT user_id FROM fraiseql_connections()") == [("ada",)]


def test_an_application_may_have_it_mounted(
    make_manager: MakeManager, serve: Serve, server: Any, connect: Connect
) -> None:
    manager = make_manager()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with manager:
            yield

    mounted = Mount("/live", SubscriptionASGI(manager, path="/graphql"))
    served = serve(Starlette(routes=[mounted], lifespan=lifespan))
    subscription = connect(At(served, "/live/graphql")).subscribe(QUERY)
    server.publish("orderUpdated", "orders", {"id": 1})
    assert subscription.data() == {"orderUpdated": {"id": "1"}}
    with pytest.raises(HandshakeRefused, match="403 Forbidden"):
        RawPeer(At(served, "/live/other").url)
