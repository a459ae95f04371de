"""Subscriptions for programs with an event loop, and the worker's service for accepted sockets."""

import asyncio
import contextlib
import inspect
import json
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

import psycopg

from fraiseql_subs._engine import Engine, Pool, Status, Stream, identity_of
from fraiseql_subs._schema.values import encode_default
from fraiseql_subs._session import HostedSocket, QueueLimits
from fraiseql_subs.config import EventBusConfig
from fraiseql_subs.context import ContextFactory
from fraiseql_subs.errors import SubscriptionError
from fraiseql_subs.event import SKIP
from fraiseql_subs.messages import SubscriptionPayload
from fraiseql_subs.registry import Registry, registry
from fraiseql_subs.resolvers import ResolverRunner
from fraiseql_subs.sync import Drift, sync

__all__ = ["ResolverFn", "Status", "SubscriptionManager"]

_logger = logging.getLogger("fraiseql_subs")

App = TypeVar("App")

ResolverFn = Callable[[dict[str, Any]], object]
"""Takes the `data` of a message and returns what replaces it: JSON-able, `SKIP`, or an awaitable of
either."""

# How long an application that shuts down lets its clients read what is queued.
_LIFESPAN_DRAIN_S = 5.0


class _LoopStream(Stream):
    """A stream that is filled and read in one event loop."""

    def __init__(self, id: str, limits: QueueLimits) -> None:
        super().__init__(id, limits)
        self.resolver_fn: ResolverFn | None = None
        self._filled = asyncio.Event()

    async def wait(self) -> None:
        """Return when there is something to take, or at the end."""
        while not self.queue and not self.ended:
            self._filled.clear()
            await self._filled.wait()

    def wake(self) -> None:
        self._filled.set()


class SubscriptionManager(Registry, Generic[App]):
    """Subscribes, publishes, hosts the sockets of a web application and runs its resolvers.

    Generic in what `context_factory` makes for resolvers. To be used in one event loop: that in
    which it was started. What is decorated by its `subscription` and `batch` is its own; what is
    decorated by those of the module belongs to all managers.
    """

    def __init__(
        self,
        config: EventBusConfig | None = None,
        conninfo: str = "",
        *,
        pool: Pool | None = None,
        context_factory: ContextFactory[App] | None = None,
        application: str = "default",
        sync: bool = True,
        resolvers: bool = True,
        timeout: float = 30.0,
        max_queue_messages: int = 10_000,
        max_queue_bytes: int = 4 * 1024 * 1024,
        slow_timeout: float = 30.0,
    ) -> None:
        """Make one that is not started.

        :param config: the bus; the default is `EventBusConfig.memory()`.
        :param conninfo: the database, as libpq takes it. If a pool is given: of the link's two
            connections alone, which must not go through a pooler that shares them.
        :param pool: whose connections run statements. It must be open at `start`, and is never
            closed. The link's connections are made with its parameters and do not count in it.
        :param context_factory: makes `Context.app` for a resolver's call or batch.
        :param application: names this application among those of the same database. To be given
            if there are several: `sync` removes what the one of that name has no more.
        :param sync: whether `start` brings what is decorated to the database.
        :param resolvers: whether `start` runs resolvers in this process.
        :param timeout: seconds that connecting and subscribing may take, and, without `pool`, that
            a statement may wait for a connection.
        :param max_queue_messages: how many messages of one subscription or socket may wait to be
            read.
        :param max_queue_bytes: likewise, in bytes. What goes past either waits in the worker's
            ring, where it may be lost, which is told then.
        :param slow_timeout: seconds that nothing may be read of a subscription while so much waits,
            before it ends with `SubscriptionError`, code `SLOW_CONSUMER`.
        """
        super().__init__()
        self._engine: Engine[_LoopStream] = Engine(
            config or EventBusConfig.memory(),
            conninfo,
            pool,
            _LoopStream,
            QueueLimits(max_queue_messages, max_queue_bytes),
            timeout,
            slow_timeout,
        )
        self._context_factory = context_factory
        self._application = application
        self._sync = sync
        self._resolvers = resolvers
        self._runner: ResolverRunner[App] | None = None

    # Life.

    async def start(self, *, sync: bool | None = None, resolvers: bool | None = None) -> None:
        """Connect, bring what is decorated to the database, and run its resolvers.

        If nothing is decorated the database is left as it is: `sync` removes what was.

        :param sync: None: as the manager was made.
        :param resolvers: likewise.
        :raises SubscriptionError: the worker is not reached in time (`UNAVAILABLE`), or the
            database's server has another bus (`BUS_UNAVAILABLE`).
        :raises psycopg.Error: what trying again does not help, as a missing permission.
        :raises RuntimeError: it is started already.
        """
        await self._engine.start()
        try:
            has_any = any(one.subscriptions or one.batches for one in self.registries)
            if has_any and (self._sync if sync is None else sync):
                await self.sync()
            if self._resolvers if resolvers is None else resolvers:
                conninfo, _ = await self.connection_parameters()
                runner = ResolverRunner(
                    self._engine.pool,
                    self.registries,
                    conninfo=conninfo,
                    context_factory=self._context_factory,
                )
                await runner.start()
                self._runner = runner
        except BaseException:
            await self.stop()
            raise

    async def stop(self, drain: float = 0.0) -> None:
        """End all subscriptions and sockets, and disconnect. Does nothing unless started.

        Sockets end with 1001, on which clients come again; readers of subscriptions get what is
        queued and then `SubscriptionError`, code `STOPPED`.

        :param drain: seconds within which resolvers may finish, and what is queued be read.
        """
        runner, self._runner = self._runner, None
        try:
            if runner is not None:
                await runner.stop(drain=drain)
        finally:
            await self._engine.stop(drain)

    async def __aenter__(self) -> "SubscriptionManager[App]":
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, without draining."""
        await self.stop()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object) -> AsyncGenerator[None, None]:
        """Run while an application does: `FastAPI(lifespan=manager.lifespan)`.

        When the application shuts down, clients have five seconds to read what is queued.

        :param app: the application, which is not used.
        """
        await self.start()
        try:
            yield
        finally:
            await self.stop(drain=_LIFESPAN_DRAIN_S)

    # What is decorated.

    @property
    def registries(self) -> list[Registry]:
        """Where its functions are registered: the module's registry, and itself."""
        return [registry, self]

    async def sync(self, check: bool = False) -> Drift:
        """Bring what is decorated to the database, in one transaction.

        :param check: only look.
        :return: how code and database differed; false if they did not.
        """
        async with self._engine.pool.connection() as connection:
            return await sync(
                connection, self.registries, application=self._application, check=check
            )

    @property
    def application(self) -> str:
        """The name by which it syncs."""
        return self._application

    @property
    def context_factory(self) -> ContextFactory[App] | None:
        """What makes `Context.app`; None if nothing does."""
        return self._context_factory

    async def connection_parameters(self) -> tuple[str, dict[str, Any]]:
        """Return the conninfo and the keyword arguments of psycopg with which it connects.

        They are those of the pool if one was given. It need not be started.
        """
        return await self._engine.connection_parameters()

    @property
    def pool(self) -> Pool:
        """The pool whose connections run statements. Raise SubscriptionError unless started."""
        return self._engine.pool

    # Subscriptions.

    async def create_subscription(
        self,
        subscription_id: str,
        connection_id: str,
        query: str,
        operation_name: str | None = None,
        variables: dict[str, Any] | None = None,
        resolver_fn: ResolverFn | None = None,
        user_id: str | None = None,
        tenant_id: str | None = None,
        claims: Mapping[str, object] | None = None,
    ) -> None:
        """Subscribe, and return once every event that is committed from now on counts.

        :param subscription_id: unique in this manager.
        :param connection_id: subscriptions of one connection share a session and an identity.
        :param query: the GraphQL document.
        :param variables: JSON-able.
        :param resolver_fn: called with `payload.data` of each `next` of this subscription when the
            message is read, one after the other; what it returns stands in its place, and `SKIP`
            drops the message. A coroutine function is awaited, a plain one runs in a thread. A
            message whose fields are all null, as a notice of lost events, passes by it. If it
            raises SubscriptionError, `data` becomes null and `errors` that one; any other
            exception is logged and told as "Unexpected error." with a correlation id.
        :param user_id: the claim `sub`.
        :param tenant_id: the claim `tenant_id`.
        :param claims: further claims, JSON-able. This process vouches for these three; if none is
            given, the worker treats the connection as one without a token.
        :raises SubscriptionRefused: with GraphQL's `errors`.
        :raises ValueError: the id is in use, the connection has other claims, or an argument has
            the wrong shape.
        :raises SubscriptionError: code `UNAVAILABLE`: no answer in time.
        """
        payload = SubscriptionPayload(query, operation_name, variables)
        identity = identity_of(user_id, tenant_id, claims)
        await self._engine.create(subscription_id, connection_id, payload, identity)
        self._engine.subscriptions[subscription_id].stream.resolver_fn = resolver_fn

    async def get_next_event(self, subscription_id: str, timeout: float = 0) -> bytes | None:
        """Return the next message of a subscription: the whole of it, as JSON in UTF-8.

        None if there is none within `timeout` seconds. `next`, notices of lost events among them,
        `error` and `complete` come in order; the latter two are the last, and free the id.

        :raises KeyError: the id is unknown, or the last message was returned before.
        :raises SubscriptionError: once the messages before it were returned: `SLOW_CONSUMER`,
            `CONNECTION_CLOSED` (`extensions.closeCode` says why) or `STOPPED`. It frees the id.
        """
        stream = self._engine.subscriptions[subscription_id].stream
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            if not stream.queue and not stream.ended:
                remaining = deadline - asyncio.get_running_loop().time()
                if remaining <= 0:
                    return None
                try:
                    await asyncio.wait_for(stream.wait(), remaining)
                except asyncio.TimeoutError:
                    return None
            message = await self._take(stream)
            if message is not None:
                return message
            # A failure behind a message that was dropped is told by the next look.
            if stream.ended and not stream.queue and stream.failure is None:
                raise KeyError(subscription_id)

    async def events(self, subscription_id: str) -> AsyncIterator[bytes]:
        """Iterate over the messages of a subscription, as `get_next_event` returns them.

        Ends behind `complete` or `error`, and when the subscription is completed.

        :raises KeyError: the id is unknown.
        :raises SubscriptionError: as `get_next_event`.
        """
        stream = self._engine.subscriptions[subscription_id].stream
        while True:
            await stream.wait()
            message = await self._take(stream)
            if message is not None:
                yield message
            elif stream.ended and not stream.queue and stream.failure is None:
                return

    async def _take(self, stream: _LoopStream) -> bytes | None:
        """Return the next message; None if there is none, or if it was dropped."""
        message = stream.take()
        if stream.needs_more():
            self._engine.catch_up(stream)
        if stream.ended and not stream.queue and (message is None or stream.failure is None):
            self._engine.release(stream)
            if message is None and stream.failure is not None:
                raise stream.failure
        if message is not None and stream.resolver_fn is not None:
            return await _resolved(message, stream.resolver_fn)
        return message

    async def complete_subscription(self, subscription_id: str) -> None:
        """End a subscription; what waits to be read is dropped. Raise KeyError if it is unknown."""
        self._engine.complete(subscription_id)

    async def complete_connection(self, connection_id: str) -> None:
        """End all subscriptions of a connection. Raise KeyError if none of it lives."""
        self._engine.complete_connection(connection_id)

    def open_socket(
        self,
        *,
        subprotocol: str,
        peer: str,
        headers: Mapping[str, str],
        path: str = "/",
        claims: Mapping[str, object] | None = None,
    ) -> HostedSocket:
        """Have the worker serve a client whose socket this process has accepted.

        :param subprotocol: "graphql-transport-ws", "graphql-ws", or "" if none was agreed on.
        :param peer: "address:port" of the client.
        :param headers: of the handshake.
        :param path: of the handshake, with its query.
        :param claims: what this process vouches for. `connection_init` is accepted with them, and
            needs no token; None leaves that to the worker's own rules.
        :raises SubscriptionError: code `STOPPED`: the manager is not started, or stops; code
            `LIMIT_EXCEEDED`: the claims have more than 64 KiB as JSON, or all of this 256 KiB.
        :raises ValueError: the claims have a number that JSON has not.
        """
        return self._engine.open_socket(
            subprotocol=subprotocol, peer=peer, headers=headers, path=path, claims=claims
        )

    # Statements.

    async def publish_event(
        self,
        event_type: str,
        channel: str,
        data: object,
        *,
        conn: psycopg.AsyncConnection[Any] | None = None,
        correlation_id: str | None = None,
        subgraph: str | None = None,
    ) -> None:
        """Publish an event.

        :param data: what `json.dumps` takes, with any values in it that resolvers may return.
        :param conn: the event is part of its transaction: it leaves when that commits, and not if
            it is rolled back. Without it, it has left when this returns.
        :raises TypeError: there is something in `data` that JSON has nothing for; ValueError: NaN.
        :raises psycopg.Error: what the database said.
        """
        await self._engine.publish(event_type, channel, data, conn, correlation_id, subgraph)

    async def get_metrics(self) -> dict[str, float]:
        """Return counters and gauges: those of `fraiseql_metrics()` and of this process.

        Keys are as Prometheus writes them, `fraiseql_subs_connections{shard="0"}`; this process's
        own begin with `host_`.
        """
        return await self._engine.metrics()

    async def status(self) -> Status:
        """Return how it goes with the connection to the worker, as this process knows it."""
        return self._engine.status()


async def _resolved(message: bytes, resolver_fn: ResolverFn) -> bytes | None:
    """Return a message with the data that a function makes of its own; None if it drops it."""
    decoded: dict[str, Any] = json.loads(message)
    payload = decoded.get("payload")
    if decoded["type"] != "next" or not isinstance(payload, dict):
        return message
    content = cast("dict[str, Any]", payload)
    data = content.get("data")
    if not data or all(value is None for value in data.values()):
        return message
    try:
        if inspect.iscoroutinefunction(resolver_fn):
            result = await resolver_fn(data)
        else:
            result = await asyncio.to_thread(resolver_fn, data)
            if inspect.isawaitable(result):
                result = await result
        if result is SKIP:
            return None
        content["data"] = result
        return _encode(decoded)
    except SubscriptionError as error:
        told = error
    except Exception:
        correlation_id = str(uuid.uuid4())
        _logger.exception(
            "resolver_fn of the subscription %r failed (%s)", decoded["id"], correlation_id
        )
        told = SubscriptionError("Unexpected error.", extensions={"correlationId": correlation_id})
    content["data"] = None
    content["errors"] = [*content.get("errors", ()), told.to_dict()]
    return _encode(decoded)


def _encode(message: dict[str, Any]) -> bytes:
    text = json.dumps(
        message,
        default=encode_default,
        allow_nan=False,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return text.encode()
