"""What type checkers must infer of contexts, loaders and runners; never run."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from typing_extensions import assert_type

from fraiseql_subs import Context, Event, Skip, SubscriptionManager, subscription
from fraiseql_subs.context import CallInfo, DataLoader
from fraiseql_subs.registry import registry
from fraiseql_subs.resolvers import ResolverRunner


@dataclass
class App:
    name: str


@dataclass
class Order:
    id: int


async def by_keys(keys: list[int]) -> list[str]:
    return [str(key) for key in keys]


async def by_any_keys(keys: Sequence[int]) -> Sequence[str | Exception]:
    return [str(key) for key in keys]


async def with_context(keys: list[int], ctx: Context[App]) -> list[Order | None]:
    return [None for _ in keys]


@contextlib.asynccontextmanager
async def open_app(info: CallInfo) -> AsyncGenerator[App, None]:
    yield App(info.field)


@subscription(channel="orders")
async def order_updated(event: Event[Order], ctx: Context[App]) -> Order | Skip:
    assert_type(ctx.app, App)
    assert_type(ctx.loader(by_keys), DataLoader[int, str])
    assert_type(await ctx.loader(by_any_keys, max_size=10).load(1), str)
    assert_type(await ctx.loader(with_context).load_many([1]), list[Order | None])
    async with ctx.connection() as connection:
        assert_type(connection, AsyncConnection[TupleRow])
    return event.data


@subscription("renamed: Order", channel="orders")
def bare(event: Event[Order], ctx: Context) -> Order:
    assert_type(ctx, Context[None])
    return event.data


NOW = datetime.now(timezone.utc)


async def run(pool: AsyncConnectionPool[AsyncConnection[TupleRow]]) -> None:
    manager = SubscriptionManager(pool=pool, context_factory=open_app)
    assert_type(manager, SubscriptionManager[App])
    async with ResolverRunner(pool, [registry], context_factory=open_app) as runner:
        assert_type(runner, ResolverRunner[App])
        assert_type(runner.metrics.calls, int)
    by_hand: Context[Any] = Context(App("test"), pool=pool)
    await order_updated(
        Event("e", "t", "c", Order(1), None, "1", commit_time=NOW),
        by_hand,
    )
