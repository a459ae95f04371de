"""Calls of resolvers: what the worker asks, run and turned into what it is answered."""

import asyncio
import contextlib
import contextvars
import json
import logging
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from fraiseql_subs._deadline import Deadline
from fraiseql_subs.context import CallInfo, Context, ContextFactory, LoaderScope, Pool
from fraiseql_subs.errors import SubscriptionError
from fraiseql_subs.event import SKIP
from fraiseql_subs.registry import BatchDefinition, SubscriptionDefinition

__all__ = ["MOST_ANSWER_CHARACTERS", "Call", "Definition", "ResolverCalls", "ResolverMetrics"]

App = TypeVar("App")

Definition: TypeAlias = SubscriptionDefinition | BatchDefinition

_logger = logging.getLogger("fraiseql_subs.resolvers")

# A message to the worker has at most 64 MiB, and a character four bytes.
MOST_ANSWER_CHARACTERS = 8 * 1024 * 1024

_encode_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass
class ResolverMetrics:
    """What has become of the calls that a runner was given, since it was made."""

    calls: int = 0
    """Events to resolve, each counted once per plan or audience."""

    values: int = 0
    """Answered with a value."""

    skipped: int = 0
    """Dropped by the resolver."""

    refused: int = 0
    """Answered with a SubscriptionError, which clients read."""

    failed: int = 0
    """Answered with a masked error, those that took too long among them."""

    timed_out: int = 0
    """Took too long."""

    abandoned: int = 0
    """Not answered, because the link to the database or this process ended."""

    running: int = 0
    """Not done yet."""

    links: int = 0
    """Links to the database that were opened; more than one if it was lost in between."""


class Call:
    """One event to resolve, and whether it was answered."""

    __slots__ = ("answered", "audience", "envelope", "info", "number", "timeout", "variables")

    def __init__(self, record: Mapping[str, Any]) -> None:
        """Make one of what the worker says."""
        self.number: int = record["call"]
        self.envelope: dict[str, Any] = record["event"]
        self.variables: dict[str, Any] = record.get("variables") or {}
        self.timeout: float = record["timeout_ms"] / 1000
        claims = record.get("claims")
        self.info: CallInfo = CallInfo(
            field=record["field"],
            plan=record["plan"],
            correlation_id=self.envelope.get("correlation_id"),
            event_id=self.envelope.get("id"),
            attempt=record.get("attempt"),
            claims=claims,
            role=None if claims is None else record.get("role"),
        )
        self.answered: bool = False

    def batch_key(self) -> object:
        """What calls must have in common to be resolved together."""
        info = self.info
        # Numbers are Decimals.
        audience = (
            None if info.claims is None else (info.role, json.dumps(info.claims, default=str))
        )
        return info.field, info.plan, json.dumps(self.variables, default=str), audience


class _Scope:
    """What calls that came together share, until the last of them is done."""

    def __init__(self, loaders: LoaderScope) -> None:
        self.loaders = loaders
        self._users = 0

    def enter(self) -> None:
        self._users += 1

    def leave(self) -> None:
        self._users -= 1
        if not self._users:
            self.loaders.close()


class _Resolver:
    """A field's function, and how many of it may run here at a time."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        # The worker counts a call as done when its time is over, and a thread may go on.
        self.slots: contextlib.AbstractAsyncContextManager[object] = (
            contextlib.nullcontext()
            if definition.concurrency is None
            else asyncio.Semaphore(definition.concurrency)
        )


_NOTHING: Final = object()

_SWALLOWED = "the context factory's context manager hid what its resolver raised"


def _encode_each(
    definition: BatchDefinition, values: Sequence[object], expected: int
) -> list[object | Exception]:
    """Encode a batch's results; the place of one that cannot be gets the error."""
    if len(values) != expected:
        raise ValueError(f"the batch returned {len(values)} results for {expected} events")
    answers: list[object | Exception] = []
    for value in values:
        try:
            answers.append(
                value if isinstance(value, Exception) else definition.encode_result(value)
            )
        except Exception as error:
            answers.append(error)
    return answers


class ResolverCalls(Generic[App]):
    """Runs calls of one link, side by side, and hands out their answers.

    An answer is given when the resolver is done or its time is over, whichever is first. A resolver
    whose time is over is cancelled; one in a thread counts as running until it returns.
    """

    def __init__(
        self,
        definitions: Iterable[Definition],
        *,
        context_factory: ContextFactory[App] | None,
        pool: Pool | None,
        threads: ThreadPoolExecutor,
        metrics: ResolverMetrics,
        answer: Callable[[str], None],
        freed: Callable[[], None] = lambda: None,
    ) -> None:
        """Make one.

        :param answer: is given each answer as JSON.
        :param freed: is called when fewer calls run than before.
        """
        self._resolvers = {definition.field: _Resolver(definition) for definition in definitions}
        self._context_factory = context_factory
        self._pool = pool
        self._threads = threads
        self._metrics = metrics
        self._give = answer
        self._freed = freed
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._cancelled = False

    @property
    def running(self) -> int:
        """How many calls are not done."""
        return self._running

    def start(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Begin what the worker asks at one time. They share loaders."""
        scope = _Scope(LoaderScope(self._open_context))
        batches: dict[object, list[Call]] = {}
        for record in records:
            self._metrics.calls += 1
            try:
                call = Call(record)
            except (AttributeError, KeyError, TypeError) as error:
                self._fail_unreadable(record, error)
                continue
            try:
                resolver = self._resolvers.get(call.info.field)
                if resolver is None:
                    raise LookupError(f"no resolver of {call.info.field!r} here")
                if isinstance(resolver.definition, BatchDefinition):
                    batches.setdefault(call.batch_key(), []).append(call)
                else:
                    self._start([call], scope, resolver)
            except Exception as error:
                self._fail(call, error)
        for calls in batches.values():
            resolver = self._resolvers[calls[0].info.field]
            size = cast("BatchDefinition", resolver.definition).max_size
            for first in range(0, len(calls), size):
                self._start(calls[first : first + size], scope, resolver)

    async def idle(self) -> None:
        """Return when no call runs."""
        await self._idle.wait()

    async def cancel(self) -> None:
        """End what runs, unanswered.

        Threads cannot be ended: what runs in one is waited for a little, then left to itself.
        """
        self._cancelled = True
        # The second time ends those who wait for threads.
        for _ in range(2):
            if not self._tasks:
                return
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=1.0)

    def _start(self, calls: list[Call], scope: _Scope, resolver: _Resolver) -> None:
        self._running += len(calls)
        self._metrics.running += len(calls)
        self._idle.clear()
        scope.enter()
        finished = False

        def finish() -> None:
            nonlocal finished
            if finished:
                return
            finished = True
            self._running -= len(calls)
            self._metrics.running -= len(calls)
            self._metrics.abandoned += sum(not call.answered for call in calls)
            if not self._running:
                self._idle.set()
            scope.leave()
            self._freed()

        task = asyncio.create_task(self._run(calls, scope, resolver, finish))
        self._tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            finish()  # if it was cancelled before it began
            if not task.cancelled() and (error := task.exception()) is not None:
                _logger.error("running a resolver failed", exc_info=error)

        task.add_done_callback(done)

    async def _run(
        self, calls: list[Call], scope: _Scope, resolver: _Resolver, finish: Callable[[], None]
    ) -> None:
        """Resolve calls that one function is called for.

        :param finish: called as soon as they count as running no more, so that whoever takes the
            answer knows of the room as well.
        """

        def expired() -> None:
            seconds = calls[0].timeout
            self._metrics.timed_out += len(calls)
            for call in calls:
                if not call.answered:
                    # As the worker names it, which may have given up first.
                    self._log_failure(
                        call, f"call-{call.number}", TimeoutError(f"not done after {seconds:g} s")
                    )
                    self._metrics.failed += 1
                    self._answer(call, '"timeout":true')

        try:
            with Deadline(min(call.timeout for call in calls), expired):
                async with resolver.slots:
                    if isinstance(resolver.definition, BatchDefinition):
                        await self._resolve_batch(calls, scope, resolver.definition)
                    else:
                        await self._resolve(calls[0], scope, resolver.definition)
        except TimeoutError as error:
            # If it is that of the deadline they are answered already.
            self._fail_all(calls, error)
        except asyncio.CancelledError as error:
            if self._cancelled:
                raise
            self._fail_all(calls, error)
        except Exception as error:
            self._fail_all(calls, error)
        finally:
            finish()

    async def _resolve(self, call: Call, scope: _Scope, definition: SubscriptionDefinition) -> None:
        event = definition.decode_event(call.envelope)
        if event is SKIP:
            self._answer_value(call, SKIP)
            return
        variables = definition.decode_variables(call.variables)
        if not definition.takes_context:
            value = await self._call(definition, event, variables, None)
            encoded = definition.encode_result(value)
        else:
            encoded = _NOTHING
            async with self._open_context(call.info, scope.loaders) as context:
                value = await self._call(definition, event, variables, context)
                encoded = definition.encode_result(value)
            if encoded is _NOTHING:
                raise RuntimeError(_SWALLOWED)
        self._answer_value(call, encoded)

    async def _resolve_batch(
        self, calls: Sequence[Call], scope: _Scope, definition: BatchDefinition
    ) -> None:
        taken: list[Call] = []
        events: list[object] = []
        for call in calls:
            try:
                event = definition.decode_event(call.envelope)
            except Exception as error:
                self._fail(call, error)
                continue
            if event is SKIP:
                self._answer_value(call, SKIP)
            else:
                taken.append(call)
                events.append(event)
        if not taken:
            return
        variables = definition.decode_variables(taken[0].variables)
        answers: list[object | Exception] = []
        if not definition.takes_context:
            values = await self._call(definition, events, variables, None)
            answers = _encode_each(definition, values, len(taken))
        else:
            attempts = [call.info.attempt for call in taken if call.info.attempt is not None]
            info = replace(taken[0].info, attempt=max(attempts, default=None))
            async with self._open_context(info, scope.loaders) as context:
                values = await self._call(definition, events, variables, context)
                answers = _encode_each(definition, values, len(taken))
            if not answers:
                raise RuntimeError(_SWALLOWED)
        for call, answer in zip(taken, answers, strict=True):
            try:
                if isinstance(answer, Exception):
                    raise answer
                self._answer_value(call, answer)
            except Exception as error:
                self._fail(call, error)

    async def _call(
        self,
        definition: Definition,
        event: object,
        variables: object,
        context: Context[App] | None,
    ) -> Any:
        if definition.is_async:
            return await cast("Awaitable[Any]", definition.call(event, variables, context))
        return await self._in_thread(definition.call, event, variables, context)

    async def _in_thread(self, function: Callable[..., Any], *arguments: object) -> Any:
        future = self._threads.submit(contextvars.copy_context().run, function, *arguments)
        result = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            # What it uses must stay open, and its place taken, until it returns.
            if not future.cancel():
                await asyncio.wait([result])
                if not result.cancelled():
                    result.exception()  # too late to be told
            raise

    @contextlib.asynccontextmanager
    async def _open_context(
        self, info: CallInfo, loaders: LoaderScope | None = None
    ) -> AsyncGenerator[Context[App], None]:
        if self._context_factory is None:
            yield Context(cast("App", None), info=info, pool=self._pool, loaders=loaders)
            return
        async with self._context_factory(info) as app:
            yield Context(app, info=info, pool=self._pool, loaders=loaders)

    def _answer_value(self, call: Call, value: object) -> None:
        """Answer with what a resolver's result was encoded to."""
        if value is SKIP:
            self._metrics.skipped += not call.answered
            self._answer(call, '"skip":true')
            return
        text = _encode_json(value)
        if len(text) > MOST_ANSWER_CHARACTERS:
            raise ValueError(
                f"the result has {len(text)} characters as JSON; "
                f"{MOST_ANSWER_CHARACTERS} are the most"
            )
        if not text.isascii():
            # Half a surrogate pair is no text; the connection would refuse all answers with it.
            text.encode()
        self._metrics.values += not call.answered
        self._answer(call, '"value":' + text)

    def _fail_all(self, calls: Iterable[Call], error: BaseException) -> None:
        for call in calls:
            self._fail(call, error)

    def _fail(self, call: Call, error: BaseException) -> None:
        """Answer with an error: a public one as it is, any other masked and logged."""
        if call.answered:
            return
        if isinstance(error, SubscriptionError):
            try:
                text = _encode_json(error.to_dict())
                text.encode()
            except (TypeError, ValueError, RecursionError) as fault:
                error = fault
            else:
                self._metrics.refused += 1
                self._answer(call, '"error":' + text)
                return
        identifier = uuid.uuid4().hex
        self._log_failure(call, identifier, error)
        self._metrics.failed += 1
        self._answer(call, f'"masked_error":"{identifier}"')

    def _fail_unreadable(self, record: Mapping[str, Any], error: Exception) -> None:
        """Answer a call that makes no sense, so that it does not take those beside it along.

        They would be made again, or fail, with the link; and it might come again with the next one.
        Raise the error if it has no number to be answered by.
        """
        number: object = record.get("call") if isinstance(record, dict) else None
        if not isinstance(number, int):
            raise error
        identifier = uuid.uuid4().hex
        _logger.error(
            "the worker's call %d cannot be read; clients read the correlation id %s",
            number,
            identifier,
            exc_info=error,
            extra={"masked_error": identifier},
        )
        self._metrics.failed += 1
        self._give(f'{{"call":{number:d},"masked_error":"{identifier}"}}')

    def _log_failure(self, call: Call, identifier: str, error: BaseException) -> None:
        info = call.info
        _logger.error(
            "the resolver of %s failed; clients read the correlation id %s (event %s%s)",
            info.field,
            identifier,
            info.event_id,
            f", published with {info.correlation_id!r}" if info.correlation_id else "",
            exc_info=error,
            extra={"field": info.field, "plan": info.plan, "masked_error": identifier},
        )

    def _answer(self, call: Call, member: str) -> None:
        if not call.answered and not self._cancelled:
            call.answered = True
            self._give(f'{{"call":{call.number},{member}}}')
