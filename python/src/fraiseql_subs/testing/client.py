"""A graphql-transport-ws client for tests: every message is kept until it is asked for."""

import concurrent.futures
import contextlib
import functools
import itertools
import json
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from fraiseql_subs.errors import SubscriptionRefused, WebSocketClosed
from fraiseql_subs.testing._threads import in_thread, wait_for
from fraiseql_subs.testing._tls import client_context

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import ClientConnection

    from fraiseql_subs.testing.server import WorkerServer

__all__ = [
    "ClientSubscription",
    "ErrorsInResult",
    "OperationRefused",
    "SubscriptionClient",
    "SubscriptionCompleted",
]

SUBPROTOCOL = "graphql-transport-ws"

# For what a server answers at once. A test waits so long only if something is wrong.
_ANSWER_SECONDS = 20.0

_FENCE_QUERY = "subscription ($number: Int) { fraiseqlTestFence(number: $number) { number } }"


def _describe(errors: list[dict[str, Any]], query: str) -> str:
    """Return GraphQL errors for people: code and path, and the place in the document."""
    lines = query.splitlines()
    described: list[str] = []
    for error in errors:
        extensions: dict[str, Any] = error.get("extensions") or {}
        path: list[Any] = error.get("path") or []
        text = str(error.get("message"))
        if "code" in extensions:
            text += f" [{extensions['code']}]"
        if path:
            text += f" at {'.'.join(map(str, path))}"
        described.append(text)
        locations: list[dict[str, int]] = error.get("locations") or []
        for place in locations:
            if 0 < place["line"] <= len(lines):
                described.append(f"    {lines[place['line'] - 1]}")
                described.append(f"    {' ' * (place['column'] - 1)}^")
    return "\n".join(described)


class OperationRefused(SubscriptionRefused):
    """The server answered an operation by `error`; as text it shows where in the document."""

    def __init__(self, errors: list[dict[str, Any]], query: str) -> None:
        """Make one.

        :param errors: GraphQL errors.
        :param query: the document that they are about.
        """
        super().__init__(errors)
        self._text = _describe(self.errors, query)

    def __str__(self) -> str:
        """Return all errors, with the lines of the document that they are about."""
        return self._text


class ErrorsInResult(AssertionError):
    """A result has errors where data alone was expected."""

    def __init__(self, result: dict[str, Any], query: str) -> None:
        """Make one.

        :param result: the payload of a `next` message.
        :param query: the document that it is the result of.
        """
        self.result: dict[str, Any] = result
        self.errors: list[dict[str, Any]] = list(result["errors"])
        super().__init__(f"{_describe(self.errors, query)}\nbeside data: {result.get('data')!r}")


class SubscriptionCompleted(Exception):
    """The server has completed the subscription, and all its messages have been read."""


class ClientSubscription:
    """A subscription of a `SubscriptionClient`, from its `subscribe()`.

    Messages wait here, in their order, until they are asked for.
    """

    def __init__(self, client: "SubscriptionClient", id: str, query: str) -> None:
        """Make one; `SubscriptionClient.subscribe()` does."""
        self.id: str = id
        self._client = client
        self._query = query
        self._lock = threading.Lock()
        self._results: deque[dict[str, Any]] = deque()
        self._end: Exception | None = None
        self._waiters: list[concurrent.futures.Future[None]] = []
        self._received = 0

    async def next(self, timeout: float = 5.0) -> Any:
        """Return the data of the next result.

        :param timeout: seconds.
        :raises ErrorsInResult: if it has errors; `next_result()` returns those, too.
        :raises TimeoutError: if none comes in time.
        :raises OperationRefused: if the server ended the subscription by errors.
        :raises SubscriptionCompleted: if it ended it otherwise.
        :raises WebSocketClosed: if the socket ended, with its code.
        """
        result = await self.next_result(timeout)
        if result.get("errors"):
            raise ErrorsInResult(result, self._query)
        return result.get("data")

    async def next_result(self, timeout: float = 5.0) -> dict[str, Any]:
        """Return the next result as it came: `data`, `errors`, `extensions`.

        :param timeout: seconds.
        :raises TimeoutError: and others as `next()` does.
        """
        clock = _Timeout(timeout)
        while True:
            with self._lock:
                if self._results:
                    return self._results.popleft()
                if self._end is not None:
                    raise self._end
                waiter = self._waiter()
            if not await wait_for(waiter, clock.left()) and clock.is_over() and not self._pending:
                raise TimeoutError(
                    f"nothing came within {timeout:g} s, after {self._received} results of:\n"
                    f"{self._query}"
                )

    async def collect(self, count: int, timeout: float = 5.0) -> list[Any]:
        """Return the data of the next results.

        :param timeout: seconds, for all of them together.
        :raises TimeoutError: and others as `next()` does.
        """
        clock = _Timeout(timeout)
        return [await self.next(clock.left()) for _ in range(count)]

    def __aiter__(self) -> AsyncIterator[Any]:
        """Iterate over the data of results until the server completes the subscription."""
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Any]:
        with contextlib.suppress(SubscriptionCompleted):
            while True:
                yield await self.next()

    async def assert_silent(self, seconds: float | None = None) -> None:
        """Fail if a result that was not asked for yet is here or on its way.

        For a client of a `WorkerServer` this is proven, not waited for: it publishes an event to a
        field of its own and waits until that has come by the same socket. Events come in the
        order of their commits, so whatever was committed before the call has been delivered then,
        but for what resolvers make, which it waits for as well. A client without a server cannot
        do so.

        :param seconds: how long to wait for results, beside that or in place of it.
        :raises AssertionError: if there is one; the message shows it.
        :raises SubscriptionCompleted: and others as `next()` does, if the subscription has ended:
            its silence proves nothing.
        """
        if self._client.server is not None:
            await self._client.fence()
        elif seconds is None:
            raise RuntimeError(
                "this client has no server to publish a fence on: make it by WorkerServer.client() "
                "or give the seconds to wait"
            )
        if seconds is not None:
            clock = _Timeout(seconds)
            while not self._pending and not clock.is_over():
                with self._lock:
                    waiter = self._waiter()
                await wait_for(waiter, clock.left())
        with self._lock:
            if self._results:
                shown = "\n".join(json.dumps(result) for result in self._results)
                raise AssertionError(f"expected silence, but there came:\n{shown}")
            if self._end is not None:
                raise self._end

    async def complete(self) -> None:
        """End the subscription, unless it has ended; results that came can still be read."""
        with self._lock:
            ended = self._end is not None
            self._end = self._end or SubscriptionCompleted("the client completed it")
        self._client.forget(self.id)
        if not ended:
            with contextlib.suppress(WebSocketClosed):
                await self._client.send({"id": self.id, "type": "complete"})

    def raise_if_refused(self) -> None:
        """Raise the errors by which the server ended the subscription, if it did."""
        if isinstance(self._end, OperationRefused | WebSocketClosed):
            raise self._end

    def receive(self, message: dict[str, Any]) -> None:
        """Take one of its messages; the client's thread calls it."""
        with self._lock:
            if message["type"] == "next":
                self._results.append(message["payload"])
                self._received += 1
            elif message["type"] == "error":
                self._end = OperationRefused(message["payload"], self._query)
            else:
                self._end = SubscriptionCompleted("the server completed it")
        self._wake()

    def end(self, error: WebSocketClosed) -> None:
        """Note that the socket has ended; the client's thread calls it."""
        with self._lock:
            self._end = self._end or error
        self._wake()

    @property
    def _pending(self) -> bool:
        return bool(self._results) or self._end is not None

    def _waiter(self) -> "concurrent.futures.Future[None]":
        waiter: concurrent.futures.Future[None] = concurrent.futures.Future()
        if self._pending:
            waiter.set_result(None)
        else:
            self._waiters.append(waiter)
        return waiter

    def _wake(self) -> None:
        with self._lock:
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            _set(waiter)


class _Timeout:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def is_over(self) -> bool:
        return self.left() == 0.0


class SubscriptionClient:
    """A client over a WebSocket of its own, by the protocol graphql-transport-ws.

        client = SubscriptionClient("ws://127.0.0.1:8000/graphql/subscriptions")
        async with client, client.subscribe("subscription { orderUpdated { id } }") as s:
            assert await s.next(timeout=1) == {"orderUpdated": {"id": "7"}}

    It connects at the first subscription. A thread reads the socket, so a test's event loop,
    asyncio or trio, may be busy or end before the client does.
    """

    def __init__(
        self,
        url: str,
        *,
        connection_params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        server: "WorkerServer | None" = None,
    ) -> None:
        """Make one that is not connected.

        :param url: `ws://` or `wss://`, of a worker or of an application.
        :param connection_params: the payload of `connection_init`.
        :param headers: of the handshake.
        :param server: what feeds it, so that silence can be proven: `WorkerServer.client()` says
            it.
        """
        self.url: str = url
        self.server: WorkerServer | None = server
        self._connection_params = connection_params
        self._headers = dict(headers or {})
        self._lock = threading.Lock()
        self._socket: ClientConnection | None = None
        self._reader: threading.Thread | None = None
        self._closed: WebSocketClosed | None = None
        self._subscriptions: dict[str, ClientSubscription] = {}
        self._pongs: dict[int, concurrent.futures.Future[None]] = {}
        self._numbers = itertools.count(1)
        self._acknowledgement: Any = None

    # Its life ------------------------------------------------------------------------------------

    async def connect(self) -> Any:
        """Connect and initialise, unless that is done; return the payload of `connection_ack`.

        :raises WebSocketClosed: if the server refuses the client, with the code.
        :raises OSError: if nobody listens.
        :raises websockets.exceptions.InvalidHandshake: if the server refuses the handshake.
        """
        await in_thread(self._connect)
        return self._acknowledgement

    def _connect(self) -> None:
        from websockets.exceptions import ConnectionClosed
        from websockets.sync.client import connect
        from websockets.typing import Subprotocol

        with self._lock:
            if self._closed is not None:
                raise self._closed
            if self._socket is not None:
                return
            with contextlib.ExitStack() as stack:
                # Its type is another one in older versions.
                entered: Any = stack.enter_context(
                    connect(
                        self.url,
                        subprotocols=[Subprotocol(SUBPROTOCOL)],
                        additional_headers=self._headers,
                        max_size=None,
                        compression=None,
                        proxy=None,
                        ssl=client_context() if self.url.startswith("wss:") else None,
                        open_timeout=_ANSWER_SECONDS,
                    )
                )
                socket: ClientConnection = entered
                if socket.subprotocol != SUBPROTOCOL:
                    raise WebSocketClosed(4406, f"{self.url} does not speak {SUBPROTOCOL}")
                try:
                    self._acknowledgement = self._initialise(socket)
                except ConnectionClosed as error:
                    raise _closed(error) from None
                # From here on close() ends it.
                stack.pop_all()
            self._socket = socket
            self._reader = threading.Thread(
                target=self._read, args=(socket,), name="fraiseql-subs-client", daemon=True
            )
            self._reader.start()

    def _initialise(self, socket: "ClientConnection") -> Any:
        message: dict[str, Any] = {"type": "connection_init"}
        if self._connection_params is not None:
            message["payload"] = dict(self._connection_params)
        socket.send(json.dumps(message))
        while True:
            answer = json.loads(socket.recv(timeout=_ANSWER_SECONDS))
            if answer["type"] == "connection_ack":
                return answer.get("payload")
            if answer["type"] == "ping":
                socket.send(json.dumps(answer | {"type": "pong"}))

    def close(self) -> None:
        """Close the socket; what has come can still be read. Nothing if it is closed."""
        with self._lock:
            socket, reader = self._socket, self._reader
            self._socket = self._reader = None
            self._closed = self._closed or WebSocketClosed(1000, "the client closed its socket")
        if socket is not None and reader is not None:
            socket.close()
            reader.join()

    async def __aenter__(self) -> "SubscriptionClient":
        """Connect."""
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the socket."""
        await in_thread(self.close)

    async def wait_closed(self, timeout: float = 5.0) -> WebSocketClosed:
        """Wait until the server closes the socket; return the code and the reason.

        :param timeout: seconds.
        :raises TimeoutError: if it does not in time.
        """
        reader = self._reader
        if reader is not None:
            await in_thread(functools.partial(reader.join, timeout))
        if self._closed is None:
            raise TimeoutError(f"the server has not closed the socket within {timeout:g} s")
        return self._closed

    # What it does --------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def subscribe(
        self,
        query: str,
        variables: Mapping[str, object] | None = None,
        *,
        operation_name: str | None = None,
        extensions: Mapping[str, object] | None = None,
    ) -> AsyncGenerator[ClientSubscription]:
        """Subscribe, and complete the subscription at the end of the context.

        Within the context it stands: what is committed from there on is delivered.

        :param variables: JSON-able, as `extensions`.
        :raises OperationRefused: if the server refuses it at once.
        :raises WebSocketClosed: if it refuses the client; others as `connect()` does.
        """
        await self.connect()
        subscription = ClientSubscription(self, str(next(self._numbers)), query)
        payload: dict[str, Any] = {"query": query}
        if variables is not None:
            payload["variables"] = dict(variables)
        if operation_name is not None:
            payload["operationName"] = operation_name
        if extensions is not None:
            payload["extensions"] = dict(extensions)
        self._subscriptions[subscription.id] = subscription
        try:
            await self.send({"id": subscription.id, "type": "subscribe", "payload": payload})
            await self.settle()
            subscription.raise_if_refused()
            yield subscription
        finally:
            await subscription.complete()

    async def settle(self) -> None:
        """Return when the server has handled all that was sent: it answers in order.

        :raises WebSocketClosed: if the socket ends before.
        """
        number = next(self._numbers)
        pong = self._pongs[number] = concurrent.futures.Future()
        try:
            await self.send({"type": "ping", "payload": {"number": number}})
            if not await wait_for(pong, _ANSWER_SECONDS):
                raise TimeoutError(f"{self.url} has answered no ping in {_ANSWER_SECONDS:g} s")
        finally:
            del self._pongs[number]
        if self._closed is not None:
            raise self._closed

    async def fence(self) -> None:
        """Return when all that its server committed before the call has been delivered.

        :raises RuntimeError: without a server.
        """
        server = self.server
        if server is None:
            raise RuntimeError("this client has no server to publish a fence on")
        number = await in_thread(server.prepare_fence)
        async with self.subscribe(_FENCE_QUERY, {"number": number}) as fence:
            await in_thread(functools.partial(server.publish_fence, number))
            await fence.next(_ANSWER_SECONDS)
        # The fence overtakes events that wait for a resolver. Once none waits, their results are
        # on the way, and the answer to a ping comes behind them.
        await in_thread(server.wait_for_resolvers)
        await self.settle()

    async def send(self, message: Mapping[str, object]) -> None:
        """Send a message of the protocol as it is.

        :raises WebSocketClosed: if the socket has ended.
        """
        from websockets.exceptions import ConnectionClosed

        socket = self._socket
        if socket is None:
            raise self._closed or WebSocketClosed(1006, "the client is not connected")
        text = json.dumps(message)
        try:
            await in_thread(functools.partial(socket.send, text))
        except ConnectionClosed as closed:
            raise _closed(closed) from None

    def forget(self, id: str) -> None:
        """Drop what still comes for a subscription."""
        self._subscriptions.pop(id, None)

    def _read(self, socket: "ClientConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                self._dispatch(socket, json.loads(socket.recv()))
        except ConnectionClosed as closed:
            # That of close() is there already, and then this is its echo.
            self._closed = self._closed or _closed(closed)
            for subscription in list(self._subscriptions.values()):
                subscription.end(self._closed)
            for pong in list(self._pongs.values()):
                _set(pong)

    def _dispatch(self, socket: "ClientConnection", message: dict[str, Any]) -> None:
        if message["type"] == "ping":
            socket.send(json.dumps(message | {"type": "pong"}))
        elif message["type"] == "pong":
            payload: dict[str, Any] = message.get("payload") or {}
            pong = self._pongs.get(payload.get("number", 0))
            if pong is not None:
                _set(pong)
        elif message["type"] in ("next", "error", "complete"):
            subscription = self._subscriptions.get(message["id"])
            if subscription is not None:
                subscription.receive(message)


def _set(future: "concurrent.futures.Future[None]") -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(None)


def _closed(error: "ConnectionClosed") -> WebSocketClosed:
    if error.rcvd is None:
        return WebSocketClosed(1006, "the connection broke")
    return WebSocketClosed(error.rcvd.code, error.rcvd.reason)
