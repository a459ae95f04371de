"""What manager and executor share: subscriptions of this process, on one link and one pool."""

import asyncio
import functools
import inspect
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from fraiseql_subs._link import Link
from fraiseql_subs._schema.values import encode_default
from fraiseql_subs._session import HostedSocket, QueueLimits, Session
from fraiseql_subs.config import EventBusConfig
from fraiseql_subs.errors import SessionClosed, SubscriptionError, SubscriptionRefused
from fraiseql_subs.messages import SubscriptionPayload

__all__ = ["Engine", "Pool", "Status", "Stream", "identity_of"]

_logger = logging.getLogger("fraiseql_subs")

Pool = AsyncConnectionPool[Any]

_PUBLISH = "SELECT fraiseql_publish(%s, %s, %s, %s, %s)"
# A setting that the role may not see has no row.
_BUS_SETTINGS = (
    "SELECT name, setting FROM pg_catalog.pg_settings"
    " WHERE name IN ('fraiseql_subs.bus', 'fraiseql_subs.bus_url')"
)
_METRICS = "SELECT name, labels, value FROM fraiseql_metrics()"

# PostgreSQL would say the same of NaN, but not where it stands.
_dump = functools.partial(json.dumps, default=encode_default, allow_nan=False)

_SUBPROTOCOL = "graphql-transport-ws"
_POOL_SIZE = 10
_DRAIN_LOOK_S = 0.01

# GraphQL's names of why the worker let nobody in.
_CODES = {4401: "UNAUTHENTICATED", 4403: "FORBIDDEN", 1013: "LIMIT_EXCEEDED"}


@dataclass(frozen=True)
class Status:
    """How it goes with the connection to the worker.

    `link` is "open", "connecting" (being made, or made again) or "closed" (not started, or
    stopped). `worker` tells whether the worker is connected, `version` is the extension's, as of
    the link's opening. `subscriptions` and `sockets` are those of this process; `reconnects`
    counts links that were lost and made again since the start, and `last_error` is what ended the
    last one.
    """

    link: Literal["open", "connecting", "closed"]
    worker: bool
    version: str | None
    subscriptions: int
    sockets: int
    reconnects: int
    last_error: str | None


class Stream:
    """The messages of one subscription that wait to be read. The event loop's thread fills it.

    `queue` may be popped in any thread. Once `ended` is set nothing is added; `failure` is then
    what a reader of the empty queue is told, or None if the last message told it. While `behind` is
    set, further events wait in the worker's ring, and a reader that has made room says so.
    """

    __slots__ = (
        "_added_bytes",
        "_limits",
        "_taken_bytes",
        "behind",
        "ended",
        "failure",
        "id",
        "queue",
        "taken",
    )

    def __init__(self, id: str, limits: QueueLimits) -> None:
        """Make an empty one."""
        self.id = id
        self.queue: deque[bytes] = deque()
        self.ended = False
        self.failure: SubscriptionError | None = None
        self.behind = False
        self.taken = 0
        self._limits = limits
        self._added_bytes = 0
        self._taken_bytes = 0

    def take(self) -> bytes | None:
        """Remove and return the next message; None if there is none. One reader at a time."""
        try:
            message = self.queue.popleft()
        except IndexError:
            return None
        self.taken += 1
        self._taken_bytes += len(message)
        return message

    def is_full(self, size: int) -> bool:
        """Whether an event of that size has no room."""
        limits = self._limits
        waiting = len(self.queue)
        return waiting > 0 and (
            waiting >= limits.messages
            or self._added_bytes - self._taken_bytes + size > limits.bytes
        )

    def needs_more(self) -> bool:
        """Whether there is room again for what waits in the ring."""
        return self.behind and not self.queue

    def add(self, message: bytes, last: bool = False) -> None:
        """Queue a message."""
        if self.ended:
            return
        self.queue.append(message)
        self._added_bytes += len(message)
        if last:
            self.ended = True
        self.wake()

    def end(self, failure: SubscriptionError | None) -> None:
        """Add nothing any more."""
        if not self.ended:
            self.failure = failure
            self.ended = True
            self.wake()

    def wake(self) -> None:
        """Tell readers that there is something."""
        raise NotImplementedError


StreamT = TypeVar("StreamT", bound=Stream)


class _Subscription(Generic[StreamT]):
    """A subscription and the session that it belongs to."""

    __slots__ = ("connection", "started", "stream", "watch")

    def __init__(self, stream: StreamT, connection: "_Connection[StreamT]") -> None:
        self.stream = stream
        self.connection = connection
        # None: accepted. Else why it was not.
        self.started: asyncio.Future[SubscriptionError | None] = (
            asyncio.get_running_loop().create_future()
        )

        # Until its reader must have taken something.
        self.watch: asyncio.TimerHandle | None = None

    def unwatch(self) -> None:
        if self.watch is not None:
            self.watch.cancel()
            self.watch = None

    def settle(self, refusal: SubscriptionError | None) -> None:
        if not self.started.done():
            self.started.set_result(refusal)


class _Connection(Session, Generic[StreamT]):
    """The session of one `connection_id`."""

    def __init__(
        self,
        engine: "Engine[StreamT]",
        link: Link,
        id: str,
        identity: Mapping[str, object] | None,
    ) -> None:
        super().__init__(
            link,
            link.next_number(),
            subprotocol=_SUBPROTOCOL,
            peer=f"python/{id[:200]}",
            headers={},
            path="/",
            claims=identity,
        )
        self.id = id
        self.identity = identity
        self.subscriptions: dict[bytes, _Subscription[StreamT]] = {}
        # None: acknowledged. Else how the session ended before.
        self.acknowledged: asyncio.Future[SessionClosed | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._engine = engine

    def _on_message(self, payload: bytes) -> None:
        if not self.acknowledged.done() and payload.startswith(b'{"type":"connection_ack"'):
            self.acknowledged.set_result(None)

    def _on_event(self, id: bytes, payload: bytes) -> None:
        subscription = self.subscriptions.get(id)
        if subscription is not None:
            subscription.settle(None)
            subscription.stream.add(payload)

    def _on_ended(self, id: bytes, payload: bytes) -> None:
        subscription = self.subscriptions.get(id)
        if subscription is None:
            return
        if not subscription.started.done():
            message = json.loads(payload)
            if message["type"] == "error":
                subscription.settle(SubscriptionRefused(message["payload"]))
                return
            subscription.settle(None)
        subscription.stream.add(payload, last=True)
        self._engine.leave(subscription)

    def _on_started(self, id: bytes) -> None:
        subscription = self.subscriptions.get(id)
        if subscription is not None:
            subscription.settle(None)

    def _is_full(self, id: bytes, size: int) -> bool:
        subscription = self.subscriptions.get(id)
        return subscription is not None and subscription.stream.is_full(size)

    def _on_behind(self, id: bytes) -> None:
        self._engine.note_behind(self.subscriptions[id])

    def catch_up(self, id: bytes) -> None:
        """Have the worker go on with a subscription whose reader has made room."""
        self._catch_up(id)

    def _on_end(self, end: SessionClosed) -> None:
        if not self.acknowledged.done():
            self.acknowledged.set_result(end)
        self._engine.forget_connection(self)
        for subscription in list(self.subscriptions.values()):
            subscription.unwatch()
            subscription.settle(_refusal(end))
            subscription.stream.end(_failure(end))
        self.subscriptions.clear()


class Engine(Generic[StreamT]):
    """The subscriptions and hosted sockets of a process. Belongs to one event loop."""

    def __init__(
        self,
        config: EventBusConfig,
        conninfo: str,
        pool: Pool | None,
        make_stream: Callable[[str, QueueLimits], StreamT],
        limits: QueueLimits,
        timeout: float,
        slow_timeout: float,
    ) -> None:
        """Make one that is not started.

        :param pool: of whose connections statements are run; None: one of its own, by `conninfo`.
        :param timeout: seconds that it may take to reach the worker, or to have a subscription.
        :param slow_timeout: seconds that a reader may take nothing while its queue is full.
        """
        if timeout <= 0 or slow_timeout <= 0:
            raise ValueError("timeout and slow_timeout must be positive")
        try:
            conninfo_to_dict(conninfo)
        except psycopg.ProgrammingError as error:
            raise ValueError(f"conninfo: {str(error).strip()}") from None
        self.config = config
        self._conninfo = conninfo if config.dsn is None else config.dsn
        self._given_pool = pool
        self._pool: Pool | None = None
        self._make_stream = make_stream
        self._limits = limits
        self._timeout = timeout
        self._slow_timeout = slow_timeout
        self._link: Link | None = None
        self._connections: dict[str, _Connection[StreamT]] = {}
        self.subscriptions: dict[str, _Subscription[StreamT]] = {}
        self._checks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._slow = 0

    # Life.

    async def start(self) -> None:
        """Connect. Raise SubscriptionError if that is not possible in time."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError("fraiseql_subs needs an event loop of asyncio, as psycopg") from None
        if self._link is not None or self._pool is not None:
            raise RuntimeError("it is started already")
        if not self.config.has_worker:
            await self._start_without_worker()
            return
        link = Link(self._connect, self._check_pool)
        await link.start(self._timeout)
        try:
            pool = await self._open_pool()
            try:
                await self._check_bus(pool)
            except BaseException:
                if pool is not self._given_pool:
                    await pool.close()
                raise
        except BaseException:
            await link.stop()
            raise
        self._pool = pool
        self._link = link
        self._closing = False

    async def _open_pool(self) -> Pool:
        if self._given_pool is not None:
            return self._given_pool
        pool: Pool = AsyncConnectionPool(
            self._conninfo,
            min_size=1,
            max_size=_POOL_SIZE,
            timeout=self._timeout,
            open=False,
        )
        try:
            await pool.open(wait=True, timeout=self._timeout)
        except BaseException:
            await pool.close()
            raise
        return pool

    async def _start_without_worker(self) -> None:
        """Connect to a database that nobody but nodes elsewhere serves."""
        try:
            self._pool = await self._open_pool()
        except PoolTimeout as error:
            raise SubscriptionError(
                f"The database was not reached within {self._timeout} s: {error}",
                code="UNAVAILABLE",
            ) from error
        self._closing = False

    async def stop(self, drain: float = 0.0) -> None:
        """End all subscriptions and sockets, and disconnect.

        :param drain: seconds within which what is queued may still be read.
        """
        link, pool = self._link, self._pool
        if pool is None:
            return
        if link is None:
            self._pool = None
            if pool is not self._given_pool:
                await pool.close()
            return
        self._closing = True
        stopped = SubscriptionError("The subscriptions were stopped.", code="STOPPED")
        for subscription in list(self.subscriptions.values()):
            subscription.settle(stopped)
            subscription.stream.end(stopped)
        sockets = [session for session in link.sessions if isinstance(session, HostedSocket)]
        for session in link.sessions:
            session.close(1001, "Going away")
        streams = [subscription.stream for subscription in self.subscriptions.values()]
        deadline = time.monotonic() + drain
        try:
            # Nothing tells of it when a thread has read its last message.
            while time.monotonic() < deadline and (  # noqa: ASYNC110
                any(socket.waiting for socket in sockets) or any(one.queue for one in streams)
            ):
                await asyncio.sleep(_DRAIN_LOOK_S)
        finally:
            self.subscriptions.clear()
            self._link = self._pool = None
            for check in list(self._checks):
                check.cancel()
            await link.stop()
            if pool is not self._given_pool:
                await pool.close()

    async def connection_parameters(self) -> tuple[str, dict[str, Any]]:
        """Return with what it connects: those of the pool if one was given."""
        if self._given_pool is None:
            return self._conninfo, {}
        # Since psycopg_pool 3.3 both may be functions.
        options = dict(await _resolve(self._given_pool.kwargs) or {})
        return self._conninfo or await _resolve(self._given_pool.conninfo), options

    async def _check_bus(self, pool: Pool) -> None:
        if self.config.bus_type == "memory":
            return
        async with pool.connection() as connection:
            cursor = await connection.execute(_BUS_SETTINGS)
            settings: dict[str, str] = {row[0]: row[1] async for row in cursor}
        self.config.check_server(
            settings.get("fraiseql_subs.bus"), settings.get("fraiseql_subs.bus_url")
        )

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        """Open a connection of the link's own, as those of the pool are if there is one."""
        conninfo, options = await self.connection_parameters()
        for name in ("cursor_factory", "row_factory", "prepare_threshold"):
            options.pop(name, None)
        options["autocommit"] = True
        options.setdefault("fallback_application_name", "fraiseql_subs")
        return await psycopg.AsyncConnection.connect(conninfo, **options)

    def _check_pool(self) -> None:
        """Replace what broke with the link, so that no statement meets it."""
        if self._pool is not None:
            task = asyncio.create_task(self._pool.check())
            self._checks.add(task)
            task.add_done_callback(self._note_check)

    def _note_check(self, task: "asyncio.Task[None]") -> None:
        self._checks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _logger.warning("fraiseql_subs: the pool could not be checked: %s", task.exception())

    def _require_link(self) -> Link:
        if self._link is None:
            if self._pool is not None:
                self.config.require_worker()
            raise SubscriptionError("It is not started.", code="STOPPED")
        if self._closing:
            raise SubscriptionError("The subscriptions were stopped.", code="STOPPED")
        return self._link

    @property
    def pool(self) -> Pool:
        """The pool of the statements. Raise SubscriptionError unless started."""
        if self._pool is None:
            raise SubscriptionError("It is not started.", code="STOPPED")
        return self._pool

    # Subscriptions.

    async def create(
        self,
        subscription_id: str,
        connection_id: str,
        payload: SubscriptionPayload,
        identity: Mapping[str, object] | None,
    ) -> None:
        """Subscribe and return once events count."""
        link = self._require_link()
        _check_id("subscription_id", subscription_id)
        _check_id("connection_id", connection_id)
        if subscription_id in self.subscriptions:
            raise ValueError(f"subscription_id is in use: {subscription_id!r}")
        connection = self._connections.get(connection_id)
        if connection is None:
            connection = _Connection(self, link, connection_id, identity)
            self._connections[connection_id] = connection
            link.add(connection)
            connection.send_text(b'{"type":"connection_init"}')
        elif connection.identity != identity:
            raise ValueError(
                f"the connection {connection_id!r} has other claims: user_id, tenant_id and claims "
                "must be the same for all its subscriptions"
            )
        subscription = _Subscription(self._make_stream(subscription_id, self._limits), connection)
        self.subscriptions[subscription_id] = subscription
        connection.subscriptions[subscription_id.encode()] = subscription
        try:
            refusal = await self._begin(subscription, payload)
        except BaseException:
            self._discard(subscription)
            raise
        if refusal is not None:
            self._discard(subscription)
            raise refusal

    async def _begin(
        self, subscription: _Subscription[StreamT], payload: SubscriptionPayload
    ) -> SubscriptionError | None:
        """Subscribe and return once it is accepted, or why it is not."""
        deadline = time.monotonic() + self._timeout
        connection = subscription.connection
        await _settled(connection.acknowledged, deadline)
        if connection.acknowledged.done():
            end = connection.acknowledged.result() or connection.closed
            if end is not None:
                return _refusal(end)
            message = {
                "id": subscription.stream.id,
                "type": "subscribe",
                "payload": payload.to_dict(),
            }
            connection.send_text(json.dumps(message, allow_nan=False))
            await _settled(subscription.started, deadline)
            if subscription.started.done():
                return subscription.started.result()
        return SubscriptionError(
            f"The worker did not answer within {self._timeout:g} s.", code="UNAVAILABLE"
        )

    def complete(self, subscription_id: str) -> None:
        """End a subscription. What it has queued is dropped. Raise KeyError if it is unknown."""
        subscription = self.subscriptions[subscription_id]
        subscription.settle(SubscriptionError("The subscription was completed.", code="COMPLETED"))
        subscription.stream.queue.clear()
        subscription.stream.end(None)
        self._discard(subscription)

    def complete_connection(self, connection_id: str) -> None:
        """End a connection and its subscriptions. Raise KeyError if it has none that live."""
        connection = self._connections[connection_id]
        for subscription in list(connection.subscriptions.values()):
            self.complete(subscription.stream.id)

    def release(self, stream: StreamT) -> None:
        """Forget the id of a stream that has ended and was read."""
        subscription = self.subscriptions.get(stream.id)
        if subscription is not None and subscription.stream is stream:
            del self.subscriptions[stream.id]

    def _discard(self, subscription: _Subscription[StreamT]) -> None:
        self.release(subscription.stream)
        self._tell_complete(subscription)
        self.leave(subscription)

    def _tell_complete(self, subscription: _Subscription[StreamT]) -> None:
        connection = subscription.connection
        if connection.closed is None and connection.acknowledged.done():
            connection.send_text(json.dumps({"id": subscription.stream.id, "type": "complete"}))

    def note_behind(self, subscription: _Subscription[StreamT]) -> None:
        """Watch the reader of a subscription whose events wait in the ring."""
        stream = subscription.stream
        stream.behind = True
        # A reader in another thread that emptied the queue just now has not seen it.
        if stream.needs_more():
            asyncio.get_running_loop().call_soon(self.catch_up, stream)
        self._watch(subscription)

    def _watch(self, subscription: _Subscription[StreamT]) -> None:
        taken = subscription.stream.taken
        subscription.unwatch()
        subscription.watch = asyncio.get_running_loop().call_later(
            self._slow_timeout, self._check_reader, subscription, taken
        )

    def _check_reader(self, subscription: _Subscription[StreamT], taken: int) -> None:
        """End a subscription whose reader took nothing in the meantime."""
        stream = subscription.stream
        if stream.ended or not stream.behind:
            return
        if stream.taken != taken:
            self._watch(subscription)
            return
        self._slow += 1
        stream.end(
            SubscriptionError(
                f"The subscription {stream.id!r} was ended: nothing was read for "
                f"{self._slow_timeout:g} s while {len(stream.queue)} messages waited.",
                code="SLOW_CONSUMER",
            )
        )
        self._tell_complete(subscription)
        self.leave(subscription)

    def catch_up(self, stream: StreamT) -> None:
        """Have what waits in the ring for a stream delivered."""
        subscription = self.subscriptions.get(stream.id)
        if subscription is not None and subscription.stream is stream and stream.behind:
            stream.behind = False
            subscription.unwatch()
            subscription.connection.catch_up(stream.id.encode())

    def leave(self, subscription: _Subscription[StreamT]) -> None:
        """Take a subscription from its connection, and end that with its last one."""
        subscription.unwatch()
        connection = subscription.connection
        id = subscription.stream.id.encode()
        if connection.subscriptions.get(id) is subscription:
            del connection.subscriptions[id]
        if not connection.subscriptions:
            connection.close()

    def forget_connection(self, connection: _Connection[StreamT]) -> None:
        """Let the connection's id be used again."""
        if self._connections.get(connection.id) is connection:
            del self._connections[connection.id]

    def open_socket(
        self,
        *,
        subprotocol: str,
        peer: str,
        headers: Mapping[str, str],
        path: str,
        claims: Mapping[str, object] | None,
    ) -> HostedSocket:
        """Host a client's socket."""
        link = self._require_link()
        socket = HostedSocket(
            link,
            link.next_number(),
            self._limits,
            subprotocol=subprotocol,
            peer=peer,
            headers=headers,
            path=path,
            claims=claims,
        )
        link.add(socket)
        return socket

    # Statements.

    async def publish(
        self,
        event_type: str,
        channel: str,
        data: object,
        conn: psycopg.AsyncConnection[Any] | None,
        correlation_id: str | None,
        subgraph: str | None,
    ) -> None:
        """Publish an event, in a transaction of its own unless a connection is given."""
        parameters = (event_type, channel, Jsonb(data, dumps=_dump), correlation_id, subgraph)
        if conn is not None:
            # Another's `execute` may have published before it turns out not to be awaitable.
            if not isinstance(cast("object", conn), psycopg.AsyncConnection):
                raise TypeError(f"conn is a psycopg.AsyncConnection, not {type(conn).__name__}")
            await conn.execute(_PUBLISH, parameters)
            return
        async with self.pool.connection() as connection:
            # Saves the round trips of BEGIN and COMMIT.
            given = connection.autocommit
            await connection.set_autocommit(True)
            try:
                await connection.execute(_PUBLISH, parameters)
            finally:
                if not connection.closed:
                    await connection.set_autocommit(given)

    async def metrics(self) -> dict[str, float]:
        """Return the server's metrics and this process's own."""
        async with self.pool.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            await cursor.execute(_METRICS)
            rows = cast("list[tuple[str, dict[str, str], Any]]", await cursor.fetchall())
        found = {_metric_name(name, labels): float(value) for name, labels, value in rows}
        if not self.config.has_worker:
            return found
        link = self._require_link()
        sockets = sum(isinstance(session, HostedSocket) for session in link.sessions)
        return found | {
            "host_subscriptions": float(len(self.subscriptions)),
            "host_sockets": float(sockets),
            "host_commands_total": float(link.commands),
            "host_frames_total": float(link.frames),
            "host_reconnects_total": float(link.reconnects),
            "host_slow_consumers_total": float(self._slow),
        }

    def status(self) -> Status:
        """Return how it goes."""
        link = self._link
        if link is None:
            return Status("closed", False, None, 0, 0, 0, None)
        return Status(
            link="open" if link.open else "connecting",
            worker=link.open,
            version=link.version,
            subscriptions=len(self.subscriptions),
            sockets=sum(isinstance(session, HostedSocket) for session in link.sessions),
            reconnects=link.reconnects,
            last_error=link.last_error,
        )


def identity_of(
    user_id: str | None, tenant_id: str | None, claims: Mapping[str, object] | None
) -> dict[str, object] | None:
    """Return the claims that this process vouches for; None if none of the three is given.

    Raise ValueError if `claims` says something else of user or tenant.
    """
    if user_id is None and tenant_id is None and claims is None:
        return None
    identity = dict(claims or {})
    for argument, claim, value in (
        ("user_id", "sub", user_id),
        ("tenant_id", "tenant_id", tenant_id),
    ):
        if value is None:
            continue
        if identity.setdefault(claim, value) != value:
            raise ValueError(
                f"{argument} is {value!r}, but claims has {identity[claim]!r} as {claim}"
            )
    return identity


def _check_id(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{name} is empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} has half of a surrogate pair") from None


async def _settled(future: "asyncio.Future[Any]", deadline: float) -> None:
    """Wait for a future that others may wait for as well."""
    if not future.done():
        await asyncio.wait({future}, timeout=deadline - time.monotonic())


async def _resolve(value: Any) -> Any:
    if callable(value):
        value = value()
    return await value if inspect.isawaitable(value) else value


def _refusal(end: SessionClosed) -> SubscriptionRefused:
    return SubscriptionRefused(
        [
            {
                "message": end.reason or "The connection was closed.",
                "extensions": {
                    "code": _CODES.get(end.code, "CONNECTION_CLOSED"),
                    "closeCode": end.code,
                },
            }
        ]
    )


def _failure(end: SessionClosed) -> SubscriptionError:
    return SubscriptionError(
        f"The worker ended the connection: {end.code} {end.reason}".rstrip(),
        code="CONNECTION_CLOSED",
        extensions={"closeCode": end.code},
    )


def _metric_name(name: str, labels: Mapping[str, str]) -> str:
    if not labels:
        return name
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inner}}}"
