"""Samples of docs/python-http.md, in an application that test_samples.py serves."""

import asyncio
import contextlib
import json
import os
import uuid
from typing import Any

from aiohttp import WSMsgType, web
from fastapi import FastAPI, WebSocket

from fraiseql_subs import SubscriptionManager, WebSocketAdapter, WebSocketClosed
from fraiseql_subs.fastapi import FastAPIWebSocketAdapter, SubscriptionRouterFactory
from fraiseql_subs.http import (
    AuthHandler,
    BinaryMessage,
    GraphQLTransportWSHandler,
    LegacyGraphQLWSHandler,
    SubscriptionProtocolHandler,
    serve_websocket,
)

manager: SubscriptionManager[None] = SubscriptionManager(conninfo=os.environ["DATABASE_URL"])
app = FastAPI(lifespan=manager.lifespan)


# [start:auth]
async def authenticate(payload: dict[str, Any], websocket: WebSocketAdapter) -> Any:
    async with manager.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT user_id, tenant_id FROM api_keys WHERE key = %s", (payload.get("key"),)
        )
        row = await cursor.fetchone()
    return {"sub": row[0], "tenant_id": row[1]} if row else None


# [end:auth]


# [start:route]
@app.websocket("/live")
async def live(websocket: WebSocket) -> None:
    adapter = FastAPIWebSocketAdapter(websocket)
    await GraphQLTransportWSHandler().handle_connection(adapter, manager, authenticate)


# [end:route]

# [start:protocols]
protocols = [
    GraphQLTransportWSHandler(connection_init_timeout=10, slow_timeout=30),
    LegacyGraphQLWSHandler(),
]
app.include_router(SubscriptionRouterFactory.create(manager, protocols=protocols))
# [end:protocols]


# [start:own]
class OneQuery(SubscriptionProtocolHandler):
    """The client sends a query and nothing else; the server sends messages until the end."""

    subprotocol = "one-query"

    async def handle_connection(
        self,
        websocket: WebSocketAdapter,
        manager: SubscriptionManager[Any],
        auth_handler: AuthHandler | None = None,
    ) -> None:
        with contextlib.suppress(WebSocketClosed):
            if not await self.accept(websocket):
                return
            query = (await websocket.receive_json())["query"]
            name = str(uuid.uuid4())
            await manager.create_subscription(name, name, query)
            sending = asyncio.create_task(self.send(websocket, manager, name))
            try:
                while True:  # until the client goes
                    await websocket.receive_json()
            finally:
                sending.cancel()
                await manager.complete_connection(name)

    async def send(
        self, websocket: WebSocketAdapter, manager: SubscriptionManager[Any], name: str
    ) -> None:
        async for message in manager.events(name):
            await websocket.send_bytes(message)


# [end:own]

app.include_router(
    SubscriptionRouterFactory.create(manager, path="/own", protocols=[OneQuery(), *protocols])
)


# [start:aiohttp]
class AiohttpAdapter(WebSocketAdapter):
    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.socket = web.WebSocketResponse()
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        self.peer = request.remote or ""
        self.path = request.path_qs
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        self.subprotocols = [name.strip() for name in offered.split(",") if name.strip()]

    async def accept(self, subprotocol: str | None) -> None:
        names = [subprotocol] if subprotocol else []
        self.socket = web.WebSocketResponse(protocols=names, compress=False)
        await self.socket.prepare(self.request)

    async def receive_text(self) -> str:
        message = await self.socket.receive()
        if message.type is WSMsgType.TEXT:
            return str(message.data)
        if message.type is WSMsgType.BINARY:
            raise BinaryMessage
        raise WebSocketClosed(self.socket.close_code or 1006)

    async def receive_json(self) -> Any:
        return json.loads(await self.receive_text())

    async def send_json(self, data: Any) -> None:
        await self.send_bytes(json.dumps(data).encode())

    async def send_bytes(self, data: bytes) -> None:
        try:
            await self.socket.send_str(data.decode())
        except (ConnectionError, RuntimeError):
            raise WebSocketClosed(self.socket.close_code or 1006) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.socket.close(code=code, message=reason.encode())

    @property
    def is_connected(self) -> bool:
        return self.socket.prepared and not self.socket.closed


async def subscriptions(request: web.Request) -> web.WebSocketResponse:
    adapter = AiohttpAdapter(request)
    await serve_websocket(adapter, manager)
    return adapter.socket


# [end:aiohttp]
