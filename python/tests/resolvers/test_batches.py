"""Functions that resolve several events at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fraiseql_subs.context import Context
from fraiseql_subs.errors import SubscriptionError
from fraiseql_subs.event import SKIP, Event
from fraiseql_subs.registry import Registry

from .conftest import Run
from .fake_worker import FakeWorker

Row = dict[str, Any]


@dataclass
class OrderRow:
    id: int


async def test_calls_of_one_plan_that_came_together_are_one_batch(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    batches: list[tuple[list[int], Any]] = []

    @registry.batch("orderUpdated")
    async def orders_updated(events: Sequence[Event[Row]], variables: Row) -> list[Row]:
        batches.append(([event.data["id"] for event in events], variables))
        return [{"id": event.data["id"]} for event in events]

    await run()
    answers = await worker.ask(
        worker.record("orderUpdated", {"id": 1}, plan="a"),
        worker.record("orderUpdated", {"id": 2}, plan="b"),
        worker.record("orderUpdated", {"id": 3}, plan="a"),
        worker.record("orderUpdated", {"id": 4}, plan="a", variables={"x": 1}),
    )
    assert answers == [{"value": {"id": n}} for n in (1, 2, 3, 4)]
    assert sorted(batches, key=str) == [([1, 3], {}), ([2], {}), ([4], {"x": 1})]


async def test_a_batch_is_of_one_audience(run: Run, registry: Registry, worker: FakeWorker) -> None:
    seen: list[tuple[str | None, Any, int]] = []

    @registry.batch("orderUpdated", per="audience")
    async def orders_updated(
        events: Sequence[Event[Row]], variables: Row, ctx: Context[None]
    ) -> list[Row]:
        seen.append((ctx.role, ctx.claims["sub"], len(events)))
        return [{} for _ in events]

    await run()
    await worker.ask(
        worker.record("orderUpdated", claims={"sub": "a"}, role="web"),
        worker.record("orderUpdated", claims={"sub": "b"}, role="web"),
        worker.record("orderUpdated", claims={"sub": "a"}, role="web"),
    )
    assert seen == [("web", "a", 2), ("web", "b", 1)]


async def test_numbers_in_variables_and_claims_may_have_fractions(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @registry.batch("orderUpdated", per="audience")
    async def orders_updated(
        events: Sequence[Event[Row]], variables: Row, ctx: Context[None]
    ) -> list[Row]:
        return [{"price": str(variables["price"]), "events": len(events)} for _ in events]

    await run()
    records = [
        worker.record(
            "orderUpdated",
            variables={"price": Decimal(price)},
            claims={"limit": Decimal("1.5")},
            role="web",
        )
        for price in ("0.5", "0.5", "0.7")
    ]
    assert await worker.ask(*records) == [
        {"value": {"price": "0.5", "events": 2}},
        {"value": {"price": "0.5", "events": 2}},
        {"value": {"price": "0.7", "events": 1}},
    ]


async def test_a_call_that_cannot_be_prepared_fails_alone(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @registry.batch("orderUpdated")
    async def orders_updated(events: Sequence[Event[Row]], variables: Row) -> list[Row]:
        return [{} for _ in events]

    await run()
    endless: Row = {}
    endless["again"] = endless
    failed, resolved = await worker.ask(
        worker.record("orderUpdated", variables=endless), worker.record("orderUpdated")
    )
    assert failed.keys() == {"masked_error"}
    assert resolved == {"value": {}}


async def test_a_batch_has_at_most_max_size_events(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    sizes: list[int] = []

    @registry.batch("orderUpdated", max_size=2)
    def orders_updated(events: Sequence[Event[Row]], variables: Row) -> list[Row]:
        sizes.append(len(events))
        return [{} for _ in events]

    await run()
    await worker.ask(*[worker.record("orderUpdated") for _ in range(5)])
    assert sorted(sizes) == [1, 2, 2]


async def test_each_event_of_a_batch_has_its_own_answer(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @registry.batch("orderUpdated")
    async def orders_updated(events: Sequence[Event[Row]], variables: Row) -> list[Any]:
        return [{"id": 1}, SKIP, SubscriptionError("no"), ValueError("secret"), object()]

    await run()
    answers = await worker.ask(*[worker.record("orderUpdated") for _ in range(5)])
    assert answers[:3] == [{"value": {"id": 1}}, {"skip": True}, {"error": {"message": "no"}}]
    assert [answer.keys() for answer in answers[3:]] == [{"masked_error"}, {"masked_error"}]


async def test_a_batch_of_the_wrong_length_fails_all_its_events(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @registry.batch("orderUpdated")
    async def orders_updated(events: Sequence[Event[Row]], variables: Row) -> list[Row]:
        return [{}]

    await run()
    answers = await worker.ask(*[worker.record("orderUpdated") for _ in range(2)])
    assert [answer.keys() for answer in answers] == [{"masked_error"}, {"masked_error"}]


async def test_what_a_batch_raises_fails_all_its_events(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @registry.batch("orderUpdated")
    async def orders_updated(events: Sequence[Event[Row]], variables: Row) -> list[Row]:
        raise SubscriptionError("closed")

    await run()
    answers = await worker.ask(*[worker.record("orderUpdated") for _ in range(2)])
    assert answers == [{"error": {"message": "closed"}}] * 2


async def test_an_event_that_cannot_be_decoded_fails_alone(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @registry.batch("orderUpdated")
    async def orders_updated(events: Sequence[Event[OrderRow]]) -> list[Row]:
        return [{"n": len(events)} for _ in events]

    await run()
    truncate = {"operation": "TRUNCATE", "table": "public.orders", "row": None, "old": None}
    bad, good, skipped = await worker.ask(
        worker.record("orderUpdated", {"id": "x"}),
        worker.record("orderUpdated", {"id": 1}),
        worker.record("orderUpdated", truncate, event={"type": "TRUNCATE"}),
    )
    assert bad.keys() == {"masked_error"}
    assert (good, skipped) == ({"value": {"n": 1}}, {"skip": True})


async def test_a_batch_takes_the_place_of_a_single_resolver(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @registry.subscription("orderUpdated: Order", channel="orders", types="")
    async def order_updated(event: Row, variables: Row) -> Row:
        raise AssertionError("called")

    @registry.batch("orderUpdated")
    async def orders_updated(events: Sequence[Event[Row]], variables: Row) -> list[Row]:
        return [{} for _ in events]

    await run()
    assert worker.link.fields == ["orderUpdated"]
    assert await worker.ask(worker.record("orderUpdated")) == [{"value": {}}]
