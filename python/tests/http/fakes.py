"""Both ends of a relay, in memory: the worker's side of sockets, and a client's socket."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from fraiseql_subs.errors import SessionClosed, WebSocketClosed
from fraiseql_subs.http import BinaryMessage, WebSocketAdapter


class FakeHosted:
    """Keeps what the host sends; the test says what the worker answers."""

    def __init__(self, **opened: Any) -> None:
        self.opened = opened
        self.texts: list[str] = []
        self.closed: list[tuple[int, str]] = []
        self._frames: deque[list[bytes] | SessionClosed] = deque()
        self._on_ready: Callable[[], None] | None = None
        self._ended = False
        self._arrived = asyncio.Event()

    def send_text(self, text: str | bytes, /) -> None:
        if self._ended:
            raise SessionClosed(1000)
        self.texts.append(text if isinstance(text, str) else text.decode())
        self._arrived.set()

    def send_binary(self) -> None:
        self.send_text("(binary)")

    def note_heard(self) -> None:
        pass

    def close(self, code: int = 1000, reason: str = "", /) -> None:
        if not self.closed:
            self.closed.append((code, reason))
            self._ended = True

    async def wait_for_room(self) -> None:
        pass

    def take(self) -> list[bytes]:
        if not self._frames:
            return []
        batch = self._frames.popleft()
        if isinstance(batch, SessionClosed):
            raise batch
        return batch

    def on_ready(self, call: Callable[[], None]) -> None:
        self._on_ready = call
        if self._frames:
            call()

    # What the test does

    def answer(self, *frames: Any) -> None:
        self._add([json.dumps(frame).encode() for frame in frames])

    def end(self, code: int, reason: str = "") -> None:
        self._ended = True
        self._add(SessionClosed(code, reason))

    def _add(self, batch: list[bytes] | SessionClosed) -> None:
        self._frames.append(batch)
        if self._on_ready is not None:
            self._on_ready()

    async def wait_for_texts(self, count: int) -> list[str]:
        while len(self.texts) < count:
            self._arrived.clear()
            await asyncio.wait_for(self._arrived.wait(), 10)
        return self.texts


class FakeManager:
    """Opens hosted sockets that the test answers for."""

    def __init__(self) -> None:
        self.sockets: list[FakeHosted] = []
        self.calls: list[str] = []
        self._opened = asyncio.Event()

    def open_socket(self, **opened: Any) -> FakeHosted:
        self.sockets.append(FakeHosted(**opened))
        self._opened.set()
        return self.sockets[-1]

    async def start(self) -> None:
        self.calls.append("start")

    async def stop(self) -> None:
        self.calls.append("stop")

    async def wait_for_sockets(self, count: int = 1) -> list[FakeHosted]:
        while len(self.sockets) < count:
            self._opened.clear()
            await asyncio.wait_for(self._opened.wait(), 10)
        return self.sockets


class SixMembers(WebSocketAdapter):
    """An adapter with nothing but the abstract members, and its client."""

    def __init__(self) -> None:
        self.accepted: list[str | None] = []
        self.sent: list[Any] = []
        self.closed: tuple[int, str] | None = None
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        self._arrived = asyncio.Event()

    async def accept(self, subprotocol: str | None) -> None:
        self.accepted.append(subprotocol)

    async def receive_json(self) -> Any:
        message = await self._messages.get()
        if isinstance(message, Exception):
            raise message
        return json.loads(message)

    async def send_json(self, data: Any) -> None:
        self.sent.append(data)
        self._arrived.set()

    async def send_bytes(self, data: bytes) -> None:
        await self.send_json(json.loads(data))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self._messages.put_nowait(WebSocketClosed(code, reason))

    @property
    def is_connected(self) -> bool:
        return bool(self.accepted) and self.closed is None

    # What the test does

    def say(self, message: Any) -> None:
        """:param message: text as it is, or what to send as JSON."""
        self._messages.put_nowait(message if isinstance(message, str) else json.dumps(message))

    def say_binary(self) -> None:
        self._messages.put_nowait(BinaryMessage())

    def leave(self, code: int = 1001, reason: str = "") -> None:
        self.closed = (code, reason)
        self._messages.put_nowait(WebSocketClosed(code, reason))

    async def wait_for_messages(self, count: int) -> list[Any]:
        while len(self.sent) < count:
            self._arrived.clear()
            await asyncio.wait_for(self._arrived.wait(), 10)
        return self.sent
