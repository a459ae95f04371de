"""What type checkers must accept of the core; never run."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from fraiseql_subs import (
    EventBusConfig,
    GraphQLMessage,
    SubscriptionError,
    SubscriptionExecutor,
    SubscriptionManager,
    SubscriptionPayload,
    SubscriptionRefused,
    WebSocketClosed,
)
from fraiseql_subs.context import CallInfo
from fraiseql_subs.event import SKIP, Skip
from fraiseql_subs.manager import Status


def errors_are_told_apart(error: SubscriptionError | WebSocketClosed) -> int | str | None:
    if isinstance(error, SubscriptionRefused):
        refused: list[dict[str, Any]] = error.errors
        return len(refused)
    return error.code


def messages_are_typed(data: dict[str, Any]) -> tuple[GraphQLMessage, SubscriptionPayload]:
    message = GraphQLMessage.from_dict(data)
    members: dict[str, Any] = message.to_dict()
    return message, SubscriptionPayload.from_dict(members)


def an_executor_is_a_context_manager() -> bytes | None:
    with SubscriptionExecutor(EventBusConfig.memory(), "dbname=shop") as executor:
        executor.register_subscription("c", "s", "subscription { a }", claims={"sub": "ann"})
        executor.publish_event("type", "channel", [1, {"a": None}], correlation_id="x")
        metrics: dict[str, float] = executor.get_metrics()
        assert metrics
        return executor.next_event("s", timeout=1.5)


@dataclass
class App:
    name: str


@asynccontextmanager
async def make_app(info: CallInfo) -> AsyncGenerator[App, None]:
    yield App(info.field)


async def keep_paid(data: dict[str, Any]) -> dict[str, Any] | Skip:
    await asyncio.sleep(0)
    return data if data["order"]["status"] == "paid" else SKIP


async def a_manager_is_generic_in_its_context(
    pool: AsyncConnectionPool[psycopg.AsyncConnection[dict[str, Any]]],
    connection: psycopg.AsyncConnection[tuple[Any, ...]],
) -> list[bytes]:
    manager: SubscriptionManager[App] = SubscriptionManager(pool=pool, context_factory=make_app)
    async with manager:
        await manager.create_subscription("s", "c", "subscription { a }", resolver_fn=keep_paid)
        await manager.create_subscription("t", "c", "{ a }", resolver_fn=lambda data: data["a"])
        await manager.publish_event("type", "channel", {}, conn=connection)
        status: Status = await manager.status()
        assert status.link == "open"
        return [message async for message in manager.events("s")]
