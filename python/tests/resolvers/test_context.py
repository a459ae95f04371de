"""What a resolver finds in its context."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from fraiseql_subs.context import CallInfo, Context, LoaderScope
from fraiseql_subs.registry import Registry

from .conftest import Run
from .fake_worker import FakeWorker

Row = dict[str, Any]


F = TypeVar("F", bound=Callable[..., object])


def resolver(registry: Registry, **options: Any) -> Callable[[F], F]:
    return registry.subscription("orderUpdated: Order", channel="orders", types="", **options)


class Contexts:
    """A context factory that keeps what it was asked for, and how many it has open."""

    def __init__(self) -> None:
        self.infos: list[CallInfo] = []
        self.open = 0

    @contextlib.asynccontextmanager
    async def __call__(self, info: CallInfo) -> AsyncIterator[str]:
        self.infos.append(info)
        self.open += 1
        try:
            await asyncio.sleep(0)
            yield "app"
        finally:
            await asyncio.sleep(0)
            self.open -= 1


async def test_the_applications_context_is_entered_for_each_call_and_left_before_its_answer(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    contexts = Contexts()

    @resolver(registry)
    async def order_updated(event: Row, variables: Row, ctx: Context[str]) -> Row:
        return {"app": ctx.app, "open": contexts.open, "attempt": ctx.info.attempt}

    await run(context_factory=contexts)
    for _ in range(2):
        record = worker.record("orderUpdated", attempt=2, event={"id": "e", "correlation_id": "c"})
        assert await worker.ask(record) == [{"value": {"app": "app", "open": 1, "attempt": 2}}]
        assert contexts.open == 0
    assert contexts.infos == 2 * [
        CallInfo("orderUpdated", plan="p", correlation_id="c", event_id="e", attempt=2)
    ]


async def test_the_applications_context_is_entered_once_for_a_batch(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    contexts = Contexts()

    @registry.batch("orderUpdated")
    async def orders_updated(events: Sequence[Row], variables: Row, ctx: Context[str]) -> list[Row]:
        return [{} for _ in events]

    await run(context_factory=contexts)
    await worker.ask(*[worker.record("orderUpdated", attempt=n) for n in (1, 3, 1)])
    assert [info.attempt for info in contexts.infos] == [3]


async def test_the_applications_context_is_not_entered_for_who_does_not_declare_it(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    contexts = Contexts()

    @resolver(registry)
    async def order_updated(event: Row, variables: Row) -> Row:
        return {}

    await run(context_factory=contexts)
    await worker.ask(worker.record("orderUpdated"))
    assert contexts.infos == []


async def test_a_context_stays_open_while_a_thread_uses_it(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    release = threading.Event()
    contexts = Contexts()

    @resolver(registry)
    def order_updated(event: Row, variables: Row, ctx: Context[str]) -> Row:
        release.wait(20)
        return {}

    runner = await run(context_factory=contexts)
    assert await worker.ask(worker.record("orderUpdated", timeout_ms=500)) == [{"timeout": True}]
    assert contexts.open == 1
    release.set()
    await runner.stop()
    assert contexts.open == 0


async def test_a_context_that_cannot_be_entered_is_a_masked_error(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @contextlib.asynccontextmanager
    async def factory(info: CallInfo) -> AsyncIterator[None]:
        if info.field:
            raise OSError("no session")
        yield

    @resolver(registry)
    async def order_updated(event: Row, variables: Row, ctx: Context[None]) -> Row:
        return {}

    await run(context_factory=factory)
    (answer,) = await worker.ask(worker.record("orderUpdated"))
    assert answer.keys() == {"masked_error"}


@pytest.mark.parametrize("batched", [False, True])
async def test_a_context_that_hides_an_error_does_not_make_a_value_of_it(
    run: Run, registry: Registry, worker: FakeWorker, batched: bool
) -> None:
    @contextlib.asynccontextmanager
    async def factory(info: CallInfo) -> AsyncIterator[None]:
        with contextlib.suppress(LookupError):
            yield

    if batched:

        @registry.batch("orderUpdated")
        async def orders_updated(
            events: Sequence[Row], variables: Row, ctx: Context[None]
        ) -> list[Row]:
            raise LookupError
    else:

        @resolver(registry)
        async def order_updated(event: Row, variables: Row, ctx: Context[None]) -> Row:
            raise LookupError

    await run(context_factory=factory)
    (answer,) = await worker.ask(worker.record("orderUpdated"))
    assert answer.keys() == {"masked_error"}


async def test_identity_is_that_of_the_audience(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @resolver(registry, per="audience")
    async def order_updated(event: Row, variables: Row, ctx: Context[None]) -> Row:
        return {"sub": ctx.claims["sub"], "role": ctx.role}

    await run()
    record = worker.record("orderUpdated", claims={"sub": "ann"}, role="web")
    assert await worker.ask(record) == [{"value": {"sub": "ann", "role": "web"}}]


@pytest.mark.parametrize("attribute", ["claims", "role"])
def test_there_is_no_identity_where_a_field_is_resolved_per_plan(attribute: str) -> None:
    ctx = Context(None, info=CallInfo("orderUpdated"))
    with pytest.raises(RuntimeError, match=f'ctx.{attribute}: .*per="audience"'):
        getattr(ctx, attribute)


@pytest.mark.parametrize("role", [None, "", "none"])
async def test_there_is_no_connection_for_an_audience_without_a_role(role: str | None) -> None:
    info = CallInfo("orderUpdated", claims={"sub": "ann"}, role=role)
    ctx = Context(None, info=info, pool=NoPool())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="no role"):
        async with ctx.connection():
            pass


async def test_there_is_no_connection_without_a_pool() -> None:
    with pytest.raises(RuntimeError, match="no pool"):
        async with Context(None).connection():
            pass


class NoPool:
    def connection(self) -> None:
        raise AssertionError("a connection was taken")


class OnePool:
    """Lends itself as the connection, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator["OnePool"]:
        yield self

    transaction = connection

    async def execute(self, statement: str, parameters: Any) -> None:
        self.told.append(parameters)


async def test_claims_in_the_database_may_have_numbers_with_fractions() -> None:
    pool = OnePool()
    info = CallInfo("orderUpdated", claims={"limit": Decimal("1.5")}, role="web")
    async with Context(None, info=info, pool=pool).connection():  # type: ignore[arg-type]
        pass
    ((role, claims),) = pool.told
    assert (role, json.loads(claims)) == ("web", {"limit": 1.5})


async def test_loaders_are_of_an_identity_whose_numbers_have_fractions() -> None:
    async def load(keys: list[int]) -> list[int]:
        return keys

    scope = LoaderScope()

    def loader(limit: str) -> Any:
        info = CallInfo("orderUpdated", claims={"limit": Decimal(limit)}, role="web")
        return Context(None, info=info, loaders=scope).loader(load)

    assert loader("1.5") is loader("1.5")
    assert loader("1.5") is not loader("1.7")
