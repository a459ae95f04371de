"""What applications write to have their sockets served."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.applications import Starlette
from typing_extensions import assert_type

from fraiseql_subs import (
    GraphQLTransportWSHandler,
    SubscriptionManager,
    SubscriptionProtocolHandler,
    WebSocketAdapter,
)
from fraiseql_subs.asgi import SubscriptionASGI
from fraiseql_subs.fastapi import FastAPIWebSocketAdapter, SubscriptionRouterFactory
from fraiseql_subs.http import AuthHandler, LegacyGraphQLWSHandler
from fraiseql_subs.starlette import create_subscription_app

manager: SubscriptionManager[int] = SubscriptionManager()


def plain(payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, str] | None:
    return {"sub": str(payload["user"])} if websocket.is_connected else None


async def coroutine(payload: dict[str, Any], websocket: WebSocketAdapter) -> dict[str, object]:
    assert isinstance(websocket, FastAPIWebSocketAdapter)
    return {"sub": assert_type(websocket.headers, Mapping[str, str])["x-user"]}


handlers: list[AuthHandler] = [plain, coroutine, lambda payload, websocket: None]


class Own(SubscriptionProtocolHandler):
    subprotocol = "own"

    async def handle_connection(
        self,
        websocket: WebSocketAdapter,
        manager: SubscriptionManager[Any],
        auth_handler: AuthHandler | None = None,
    ) -> None:
        assert_type(await self.accept(websocket), bool)
        assert_type(await websocket.receive_text(), str)
        await websocket.send_many([b"1"])


router = SubscriptionRouterFactory.create(
    manager,
    path="/live",
    auth_handler=coroutine,
    dependencies=[Depends(plain)],
    protocols=[Own(), GraphQLTransportWSHandler(slow_timeout=1), LegacyGraphQLWSHandler()],
)
assert_type(router, APIRouter)
FastAPI(lifespan=manager.lifespan).include_router(router)

assert_type(
    create_subscription_app(Starlette(lifespan=manager.lifespan), manager, "/live", plain),
    Starlette,
)
SubscriptionASGI(manager, path="/live", auth_handler=plain)
