"""Subscriptions for programs with threads instead of an event loop."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, TypeVar

from fraiseql_subs._engine import Engine, Stream, identity_of
from fraiseql_subs._session import QueueLimits
from fraiseql_subs.config import EventBusConfig
from fraiseql_subs.errors import SubscriptionError
from fraiseql_subs.messages import SubscriptionPayload

__all__ = ["SubscriptionExecutor"]

T = TypeVar("T")


class _ThreadStream(Stream):
    """A stream that the event loop's thread fills and other threads read."""

    def __init__(self, id: str, limits: QueueLimits) -> None:
        super().__init__(id, limits)
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._waiting = 0

    def take(self) -> bytes | None:
        if not self.queue:
            return None
        with self._lock:
            return super().take()

    def wait(self, timeout: float) -> None:
        """Return when there is something to take, at the end, or after a time in seconds."""
        deadline = time.monotonic() + timeout
        with self._lock:
            # Seen by `wake` before the queue is looked at, so that nothing is slept through.
            self._waiting += 1
            try:
                while not self.queue and not self.ended:
                    remaining = deadline - time.monotonic()
                    if remaining <= 0 or not self._filled.wait(remaining):
                        return
            finally:
                self._waiting -= 1

    def wake(self) -> None:
        if self._waiting:
            with self._lock:
                self._filled.notify_all()


class SubscriptionExecutor:
    """Subscribes and publishes through the worker, for code without an event loop.

    All methods may be called from any thread. A thread of its own holds the connections; it starts
    at once, and `close` ends it. A process that is forked from this one has no such thread: all
    methods but `close` raise `SubscriptionError` in it, code `STOPPED`.
    """

    def __init__(
        self,
        config: EventBusConfig | None = None,
        conninfo: str = "",
        *,
        timeout: float = 30.0,
        max_queue_messages: int = 10_000,
        max_queue_bytes: int = 4 * 1024 * 1024,
        slow_timeout: float = 30.0,
    ) -> None:
        """Connect to the worker.

        :param config: the bus; the default is `EventBusConfig.memory()`.
        :param conninfo: the database, as libpq takes it.
        :param timeout: seconds that connecting and registering may take, and a statement may wait
            for a connection.
        :param max_queue_messages: how many messages of one subscription may wait to be read.
        :param max_queue_bytes: likewise, in bytes. What goes past either waits in the worker's
            ring, where it may be lost, which is told then.
        :param slow_timeout: seconds that nothing may be read while so much waits, before the
            subscription ends with `SubscriptionError`, code `SLOW_CONSUMER`.
        :raises SubscriptionError: if the worker is not reached in time (`UNAVAILABLE`), or the
            database's server has another bus (`BUS_UNAVAILABLE`).
        :raises psycopg.Error: what trying again does not help, as a missing permission.
        """
        limits = QueueLimits(max_queue_messages, max_queue_bytes)
        self._timeout = timeout
        self._engine: Engine[_ThreadStream] = Engine(
            config or EventBusConfig.memory(),
            conninfo,
            None,
            _ThreadStream,
            limits,
            timeout,
            slow_timeout,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._run, name="fraiseql_subs executor", daemon=True
        )
        # Held while something is handed to the loop, so that it is not after the last.
        self._handing = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        self._thread.start()
        try:
            self._call(self._engine.start())
        except BaseException:
            self.close()
            raise

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            # Threads wait for them.
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
                self._loop.run_until_complete(asyncio.wait({task}))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop's thread and return its result."""
        if os.getpid() != self._process:
            coroutine.close()
            raise _forked_error()
        with self._handing:
            if self._closed:
                coroutine.close()
                raise _closed_error()
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise _closed_error() from None
        except BaseException:
            # An interrupt of this thread; of no effect if the coroutine itself has failed.
            future.cancel()
            raise

    def register_subscription(
        self,
        connection_id: str,
        subscription_id: str,
        query: str,
        operation_name: str | None = None,
        variables: dict[str, Any] | None = None,
        user_id: str | None = None,
        tenant_id: str | None = None,
        claims: Mapping[str, object] | None = None,
    ) -> None:
        """Subscribe, and return once every event that is committed from now on counts.

        :param connection_id: subscriptions of one connection share a session and an identity.
        :param subscription_id: unique in this executor.
        :param query: the GraphQL document.
        :param variables: JSON-able.
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
        self._call(self._engine.create(subscription_id, connection_id, payload, identity))

    def publish_event(
        self,
        event_type: str,
        channel: str,
        data: object,
        *,
        correlation_id: str | None = None,
        subgraph: str | None = None,
    ) -> None:
        """Publish an event; it is committed when this returns.

        :param data: what `json.dumps` takes, with any values in it that resolvers may return.
        :raises TypeError: there is something in `data` that JSON has nothing for; ValueError: NaN.
        :raises psycopg.Error: what the database said.
        """
        self._call(self._engine.publish(event_type, channel, data, None, correlation_id, subgraph))

    def next_event(self, subscription_id: str, timeout: float = 0) -> bytes | None:
        """Return the next message of a subscription: the whole of it, as JSON in UTF-8.

        None if there is none within `timeout` seconds. `next`, notices of lost events among them,
        `error` and `complete` come in order; the latter two are the last, and free the id.

        :raises KeyError: the id is unknown, or the last message was returned before.
        :raises SubscriptionError: once the messages before it were returned: `SLOW_CONSUMER`,
            `CONNECTION_CLOSED` (`extensions.closeCode` says why) or `STOPPED`. It frees the id.
        """
        if os.getpid() != self._process:
            raise _forked_error()
        stream = self._engine.subscriptions[subscription_id].stream
        # Asked first: what was added before the end is taken before the end is told.
        ended = stream.ended
        message = stream.take()
        if message is None and not ended and timeout > 0:
            stream.wait(timeout)
            ended = stream.ended
            message = stream.take()
        if stream.needs_more():
            self._tell_loop(self._engine.catch_up, stream)
        if ended and (message is None or (not stream.queue and stream.failure is None)):
            self._tell_loop(self._engine.release, stream)
            if message is None:
                raise stream.failure or KeyError(subscription_id)
        return message

    def _tell_loop(self, function: Callable[[_ThreadStream], None], stream: _ThreadStream) -> None:
        with self._handing:
            if not self._closed:
                self._loop.call_soon_threadsafe(function, stream)

    def complete_subscription(self, subscription_id: str) -> None:
        """End a subscription; what waits to be read is dropped. Raise KeyError if it is unknown."""
        self._call(_in_loop(self._engine.complete, subscription_id))

    def complete_connection(self, connection_id: str) -> None:
        """End all subscriptions of a connection. Raise KeyError if none of it lives."""
        self._call(_in_loop(self._engine.complete_connection, connection_id))

    def get_metrics(self) -> dict[str, float]:
        """Return counters and gauges: those of `fraiseql_metrics()` and of this process.

        Keys are as Prometheus writes them, `fraiseql_subs_connections{shard="0"}`; this process's
        own begin with `host_`.
        """
        return self._call(self._engine.metrics())

    def close(self) -> None:
        """End all subscriptions and disconnect. May be called again."""
        if os.getpid() != self._process:
            return
        with self._handing:
            stopping = (
                None
                if self._closed
                else asyncio.run_coroutine_threadsafe(self._engine.stop(), self._loop)
            )
            self._closed = True
        try:
            if stopping is not None:
                stopping.result()
        finally:
            if stopping is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def __enter__(self) -> "SubscriptionExecutor":
        """Return itself; it has started already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def _closed_error() -> SubscriptionError:
    return SubscriptionError("The executor is closed.", code="STOPPED")


def _forked_error() -> SubscriptionError:
    return SubscriptionError(
        "The executor belongs to the process that this one was forked from: make another here.",
        code="STOPPED",
    )


async def _in_loop(function: Any, argument: str) -> None:
    function(argument)
