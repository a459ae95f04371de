"""Subscribers over real sockets, on the event loop of the test."""

import asyncio
import json
from types import TracebackType
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE_SECONDS = 30.0


class LiveSubscription:
    """Messages of one operation, in order."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def message(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.messages.get(), PATIENCE_SECONDS)

    async def payload(self) -> dict[str, Any]:
        """The next event: `data`, and perhaps `errors`."""
        message = await self.message()
        assert message["type"] == "next", message
        payload: dict[str, Any] = message["payload"]
        return payload

    async def data(self) -> Any:
        """The value of the only root field of the next event, which has no errors."""
        payload = await self.payload()
        assert "errors" not in payload, payload
        (value,) = payload["data"].values()
        return value


class LiveClient:
    """One graphql-transport-ws connection."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url
        self._payload = {"authorization": f"Bearer {token}"} if token else {}
        self._subscriptions: dict[str, LiveSubscription] = {}
        self._control: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> "LiveClient":
        self._socket: ClientConnection = await connect(
            self._url,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            max_size=None,
            compression=None,
        )
        self._reader = asyncio.create_task(self._read())
        await self._send({"type": "connection_init", "payload": self._payload})
        await self._wait_for("connection_ack")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._socket.close()
        await asyncio.wait({self._reader})

    async def subscribe(
        self, query: str, variables: dict[str, Any] | None = None
    ) -> LiveSubscription:
        """Return when the server has it: it handles messages in their order."""
        id = str(len(self._subscriptions) + 1)
        subscription = self._subscriptions[id] = LiveSubscription()
        payload = {"query": query, "variables": variables or {}}
        await self._send({"type": "subscribe", "id": id, "payload": payload})
        await self.settle()
        return subscription

    async def settle(self) -> None:
        await self._send({"type": "ping"})
        await self._wait_for("pong")

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(message))

    async def _wait_for(self, kind: str) -> None:
        while (await asyncio.wait_for(self._control.get(), PATIENCE_SECONDS))["type"] != kind:
            pass

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            subscription = self._subscriptions.get(message.get("id"))
            queue = subscription.messages if subscription else self._control
            queue.put_nowait(message)
