"""Runs resolvers in this process, for the worker."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, TypeAlias, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool

from fraiseql_subs._resolver_calls import (
    MOST_ANSWER_CHARACTERS,
    Definition,
    ResolverCalls,
    ResolverMetrics,
)
from fraiseql_subs._resolver_link import (
    PostgresResolverLink,
    ResolverLink,
    connection_parameters,
)
from fraiseql_subs.context import ContextFactory, Pool
from fraiseql_subs.registry import Registry

__all__ = ["ResolverMetrics", "ResolverRunner"]

App = TypeVar("App")

_logger = logging.getLogger("fraiseql_subs.resolvers")

Connect: TypeAlias = Callable[[Sequence[str]], Awaitable[ResolverLink]]

_WAIT_MS = 1000

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0

_OWN_POOL_SIZE = 10

# How long it may take to leave a server that does not answer, and threads that do not end.
_CLOSE_SECONDS = 15.0

# Classes of SQLSTATE that trying again does not help: log-in, names, rights.
_LASTING_FAULTS = ("28", "3D", "3F", "42")


class ResolverRunner(Generic[App]):
    """Takes calls from the worker, runs the functions that are registered, and answers.

    Several processes with the same functions share the calls. When the link to the database is
    lost, calls that run are cancelled, and a new link is opened; the worker then gives them again,
    to whomever, or fails them, as the field's `retries` and `idempotent` say.

    Use it as an asynchronous context manager, or by `start` and `stop`, or `run`.
    """

    def __init__(
        self,
        pool: Pool | None = None,
        registries: Iterable[Registry] = (),
        *,
        conninfo: str = "",
        context_factory: ContextFactory[App] | None = None,
        concurrency: int = 100,
        threads: int | None = None,
        connect: Connect | None = None,
    ) -> None:
        """Make one, that does nothing yet.

        :param pool: what `Context.connection` takes from; open, and not closed by the runner. The
            link's two connections are made with the pool's parameters and do not count in it.
            Without one, the runner has its own, of ten connections at most.
        :param registries: whose functions are run; of two of one field that of the later one.
        :param conninfo: of the database; if a pool is given, of the link's connections alone,
            which must not go through a pooler that shares them.
        :param context_factory: makes `Context.app`; without it that is None.
        :param concurrency: how many calls are taken at a time.
        :param threads: how many plain functions run at a time; by default as `ThreadPoolExecutor`.
        :param connect: opens links in the place of connections to PostgreSQL; gets the fields.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {concurrency}")
        self._given_pool = pool
        self._registries = list(registries)
        self._conninfo = conninfo
        self._context_factory = context_factory
        self._concurrency = concurrency
        self._threads = threads
        self._connect = connect
        self._metrics = ResolverMetrics()
        self._task: asyncio.Task[None] | None = None
        self._draining = asyncio.Event()

    @property
    def metrics(self) -> ResolverMetrics:
        """What has become of the calls until now."""
        return self._metrics

    async def start(self) -> None:
        """Begin to take calls; return when the worker gives them to this process.

        If there is no field to resolve, nothing is opened. If the database or its worker is away,
        return, and go on trying.

        Raise psycopg.Error if trying again does not help, for want of a right or of the extension;
        RuntimeError if it runs.
        """
        if self._task is not None:
            raise RuntimeError("the runner of resolvers runs already")
        definitions = self._definitions()
        if not definitions:
            return
        self._draining.clear()
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._serve(definitions, started))
        try:
            await started
        except BaseException:
            await self.stop(drain=0)
            raise

    async def stop(self, drain: float = 10.0) -> None:
        """Take no more calls, and return when those that run are answered.

        :param drain: seconds to wait for them; those that are not done then are cancelled, and go
            back to the worker. Threads cannot be cancelled: what runs in one is left to itself.
        """
        task, self._task = self._task, None
        if task is None:
            return
        self._draining.set()
        if drain > 0:
            await asyncio.wait({task}, timeout=drain)
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CLOSE_SECONDS)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def run(self) -> None:
        """Start, and serve until this is cancelled; then drain as `stop` does."""
        await self.start()
        try:
            if self._task is not None:
                await asyncio.shield(self._task)
        finally:
            await self.stop()

    async def __aenter__(self) -> "ResolverRunner[App]":
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop; after an error without draining."""
        await (self.stop() if error is None else self.stop(drain=0))

    def _definitions(self) -> list[Definition]:
        found: dict[str, Definition] = {}
        for registry in self._registries:
            found.update(registry.subscriptions)
            found.update(registry.batches)
        return list(found.values())

    async def _serve(self, definitions: list[Definition], started: "asyncio.Future[None]") -> None:
        """Keep a link open until everything is drained; say when it is, or cannot be."""
        threads = ThreadPoolExecutor(self._threads, thread_name_prefix="resolver")
        own_pool: Pool | None = None
        try:
            pool = self._given_pool
            if pool is None and self._connect is None:
                pool = own_pool = AsyncConnectionPool(
                    self._conninfo, min_size=1, max_size=_OWN_POOL_SIZE, open=False
                )
                await own_pool.open(wait=True)
            await self._keep_link(definitions, pool, threads, started)
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)
        finally:
            if not started.done():
                started.cancel()
            threads.shutdown(wait=False, cancel_futures=True)
            if own_pool is not None:
                await own_pool.close()

    async def _keep_link(
        self,
        definitions: list[Definition],
        pool: Pool | None,
        threads: ThreadPoolExecutor,
        started: "asyncio.Future[None]",
    ) -> None:
        fields = [definition.field for definition in definitions]
        pause = _FIRST_PAUSE_SECONDS

        def opened() -> None:
            nonlocal pause
            pause = _FIRST_PAUSE_SECONDS
            self._metrics.links += 1
            _logger.info("resolving %s", ", ".join(fields))
            if not started.done():
                started.set_result(None)

        while not self._draining.is_set():
            try:
                await self._serve_link(definitions, fields, pool, threads, opened)
                return
            except Exception as error:
                if not started.done():
                    if _is_lasting(error):
                        raise
                    started.set_result(None)
                _logger.warning(
                    "no link to the worker, which resolves %s: %s",
                    ", ".join(fields),
                    error,
                    exc_info=None if isinstance(error, psycopg.Error) else error,
                )
            # Processes that lost the same database are not to come back all at once.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._draining.wait(), pause * random.uniform(0.5, 1))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _serve_link(
        self,
        definitions: list[Definition],
        fields: Sequence[str],
        pool: Pool | None,
        threads: ThreadPoolExecutor,
        opened: Callable[[], None],
    ) -> None:
        """Open a link and serve it; return when it is drained, raise when it is lost."""
        if self._connect is not None:
            link = await self._connect(fields)
        else:
            conninfo, parameters = self._conninfo, dict[str, Any]()
            if self._given_pool is not None:
                of_pool, parameters = await connection_parameters(self._given_pool)
                conninfo = conninfo or of_pool
            link = await PostgresResolverLink.connect(conninfo, parameters, fields)
        service = _LinkService(link, self._draining, self._concurrency)
        calls = ResolverCalls(
            definitions,
            context_factory=self._context_factory,
            pool=pool,
            threads=threads,
            metrics=self._metrics,
            answer=service.answer,
            freed=service.note_room,
        )
        try:
            await service.serve(calls, opened)
        finally:
            await calls.cancel()
            await link.close()


def _is_lasting(error: Exception) -> bool:
    """Whether trying again does not help."""
    if not isinstance(error, (psycopg.Error, OSError)):
        return True
    sqlstate = error.sqlstate if isinstance(error, psycopg.Error) else None
    return sqlstate is not None and sqlstate.startswith(_LASTING_FAULTS)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks, and return when they are done; what they raise is nobody's."""
    pending = set(tasks)
    while pending:
        # Until Python 3.12 wait_for, in which psycopg 3.2 waits, may lose a cancellation.
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=1.0)
        for task in done:
            if not task.cancelled():
                task.exception()


class _LinkService:
    """The life of one link: calls come by exchanges, answers go with them or in between."""

    def __init__(self, link: ResolverLink, draining: asyncio.Event, concurrency: int) -> None:
        self._link = link
        self._draining = draining
        self._concurrency = concurrency
        self._answers: list[str] = []
        # Answers that are ready before the next exchange go with it.
        self._send_now = False
        self._to_send = asyncio.Event()
        self._sending = asyncio.Lock()
        self._told_room = concurrency

    def answer(self, answer: str) -> None:
        """Take an answer, to hand it in soon."""
        self._answers.append(answer)
        if self._send_now:
            self._to_send.set()

    def note_room(self) -> None:
        """Hear that more calls may be taken: to be told at once if none were before."""
        if self._send_now and not self._told_room:
            self._to_send.set()

    async def serve(self, calls: ResolverCalls[Any], opened: Callable[[], None]) -> None:
        """Return when everything is drained; raise when the link is lost."""
        calls.start(await self._link.exchange((), self._concurrency, 0))
        opened()
        receiving = asyncio.create_task(self._receive_and_drain(calls))
        sending = asyncio.create_task(self._send(calls))
        tasks = (receiving, sending)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
            await receiving
        finally:
            await _end(tasks)

    async def _receive_and_drain(self, calls: ResolverCalls[Any]) -> None:
        stopping = asyncio.create_task(self._tell_stop())
        try:
            while not self._draining.is_set():
                # Lets those calls finish that wait for nothing.
                await asyncio.sleep(0)
                answers = self._take_answers()
                self._send_now = True
                records = await self._link.exchange(answers, self._tell_room(calls), _WAIT_MS)
                self._send_now = False
                calls.start(records)
            self._send_now = True
            await stopping
        finally:
            await _end([stopping])
        while True:
            records = await self._link.exchange(self._take_answers(), 0, 0)
            calls.start(records)
            if not records and not calls.running and not self._answers:
                # The last ones may be on their way.
                async with self._sending:
                    return
            await calls.idle()

    async def _tell_stop(self) -> None:
        """Let the exchange that waits return, and none give calls any more."""
        await self._draining.wait()
        async with self._sending:
            await self._link.send(self._take_answers(), 0)

    async def _send(self, calls: ResolverCalls[Any]) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            async with self._sending:
                while self._answers or (not self._told_room and self._room(calls)):
                    await self._link.send(self._take_answers(), self._tell_room(calls))

    def _take_answers(self) -> list[str]:
        """Return those that fit into one message; mostly all."""
        size = 0
        for count, answer in enumerate(self._answers):
            size += len(answer)
            if size > MOST_ANSWER_CHARACTERS and count:
                taken, self._answers = self._answers[:count], self._answers[count:]
                return taken
        answers, self._answers = self._answers, []
        return answers

    def _room(self, calls: ResolverCalls[Any]) -> int:
        """Return how many more calls may be taken."""
        return 0 if self._draining.is_set() else max(0, self._concurrency - calls.running)

    def _tell_room(self, calls: ResolverCalls[Any]) -> int:
        self._told_room = self._room(calls)
        return self._told_room
