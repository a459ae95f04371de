"""What becomes of one call: the function that is called, and the answer."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from fraiseql_subs.errors import SubscriptionError
from fraiseql_subs.event import SKIP, Event
from fraiseql_subs.registry import Registry

from .conftest import Run
from .fake_worker import FakeWorker

SDL = "orderUpdated(id: ID): Order"


F = TypeVar("F", bound=Callable[..., object])


def resolver(registry: Registry, **options: Any) -> Callable[[F], F]:
    return registry.subscription(SDL, channel="orders", types="", **options)


@dataclass
class OrderRow:
    id: int


async def one(worker: FakeWorker, data: Any = None, **more: Any) -> dict[str, Any]:
    (answer,) = await worker.ask(worker.record("orderUpdated", data, **more))
    return answer


async def test_the_value_is_what_the_function_returns(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        return {"id": event["id"], "wanted": variables["id"]}

    await run()
    assert await one(worker, {"id": 7}, variables={"id": "7"}) == {
        "value": {"id": 7, "wanted": "7"}
    }


async def test_an_event_comes_with_its_envelope(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    seen: list[Event[OrderRow]] = []

    @resolver(registry)
    async def order_updated(event: Event[OrderRow]) -> dict[str, Any]:
        seen.append(event)
        return {}

    await run()
    await one(worker, {"id": 7}, event={"correlation_id": "c", "id": "e"})
    assert (seen[0].data, seen[0].id, seen[0].correlation_id) == (OrderRow(7), "e", "c")


async def test_a_plain_function_runs_in_a_thread_and_sees_context_variables(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    request = contextvars.ContextVar("request", default="none")
    request.set("of the runner's task")

    @resolver(registry)
    def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        return {"main": threading.current_thread() is threading.main_thread(), "is": request.get()}

    await run()
    assert await one(worker) == {"value": {"main": False, "is": "of the runner's task"}}


async def test_the_loop_goes_on_while_a_plain_function_blocks(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    release = threading.Event()

    @resolver(registry)
    def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        return {"released": release.wait(20)}

    await run()
    asyncio.get_running_loop().call_soon(release.set)
    assert await one(worker) == {"value": {"released": True}}


async def test_skip_drops_the_event(run: Run, registry: Registry, worker: FakeWorker) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        return SKIP

    runner = await run()
    assert await one(worker) == {"skip": True}
    assert runner.metrics.skipped == 1


async def test_an_event_that_the_function_does_not_take_is_skipped_uncalled(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @resolver(registry)
    async def order_updated(event: Event[OrderRow]) -> dict[str, Any]:
        raise AssertionError("called")

    await run()
    truncate = {"operation": "TRUNCATE", "table": "public.orders", "row": None, "old": None}
    assert await one(worker, truncate, event={"type": "TRUNCATE"}) == {"skip": True}


async def test_a_subscription_error_reaches_the_client(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        raise SubscriptionError("sold out", code="SOLD_OUT", extensions={"left": 0})

    runner = await run()
    assert await one(worker) == {
        "error": {"message": "sold out", "extensions": {"left": 0, "code": "SOLD_OUT"}}
    }
    assert runner.metrics.refused == 1


async def test_any_other_error_is_masked_and_logged_with_its_traceback(
    run: Run, registry: Registry, worker: FakeWorker, caplog: pytest.LogCaptureFixture
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        raise KeyError("secret")

    await run()
    with caplog.at_level(logging.ERROR, "fraiseql_subs.resolvers"):
        answer = await one(worker, event={"correlation_id": "of the publisher"})
    assert answer.keys() == {"masked_error"}
    assert "secret" not in str(answer)
    (record,) = caplog.records
    assert answer["masked_error"] in record.message
    assert "of the publisher" in record.message
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)
    assert record.exc_info[2] is not None


class NotEncodable:
    pass


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [NotEncodable(), {"x": float("nan")}, {"x": "\ud800"}, endless()],
    ids=["object", "nan", "half a surrogate pair", "endless"],
)
async def test_what_cannot_be_encoded_is_a_masked_error_of_that_call_alone(
    run: Run, registry: Registry, worker: FakeWorker, value: object
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        return value if event["bad"] else {"text": "ä\0\u2028"}

    await run()
    bad, good = await worker.ask(
        worker.record("orderUpdated", {"bad": True}), worker.record("orderUpdated", {"bad": False})
    )
    assert bad.keys() == {"masked_error"}
    assert good == {"value": {"text": "ä\0\u2028"}}


async def test_a_public_error_that_cannot_be_encoded_is_masked(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        raise SubscriptionError("m", extensions={"x": NotEncodable()})

    await run()
    assert (await one(worker)).keys() == {"masked_error"}


async def test_an_event_that_cannot_be_decoded_is_a_masked_error(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @resolver(registry)
    async def order_updated(event: Event[OrderRow]) -> dict[str, Any]:
        raise AssertionError("called")

    await run()
    assert (await one(worker, {"id": "no number"})).keys() == {"masked_error"}


async def test_a_call_of_an_unknown_field_is_answered_with_a_masked_error(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        return {}

    await run()
    (answer,) = await worker.ask(worker.record("orderDeleted"))
    assert answer.keys() == {"masked_error"}


@pytest.mark.parametrize(
    "broken",
    [
        {"event": None},
        {"event": []},
        {"field": None},
        {"field": ["orderUpdated"]},
        {"timeout_ms": "soon"},
        {"variables": 7},
    ],
)
async def test_a_call_that_cannot_be_read_fails_alone(
    run: Run, registry: Registry, worker: FakeWorker, broken: dict[str, Any]
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        return {"id": event["id"], "variables": dict(variables)}

    runner = await run()
    before, after = (worker.record("orderUpdated", {"id": n}) for n in (1, 2))
    answers = await worker.ask(before, worker.record("orderUpdated") | broken, after)
    assert [answer.keys() for answer in answers] == [{"value"}, {"masked_error"}, {"value"}]
    assert (runner.metrics.links, runner.metrics.running) == (1, 0)
    assert (runner.metrics.calls, runner.metrics.failed) == (3, 1)


@pytest.mark.parametrize("missing", ["event", "field", "plan", "timeout_ms"])
async def test_a_call_that_lacks_something_fails_alone(
    run: Run, registry: Registry, worker: FakeWorker, missing: str
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        return {}

    await run()
    broken = worker.record("orderUpdated")
    del broken[missing]
    answers = await worker.ask(broken, worker.record("orderUpdated"))
    assert [answer.keys() for answer in answers] == [{"masked_error"}, {"value"}]


@pytest.mark.parametrize("number", [None, "7", 7.5])
async def test_a_call_without_a_number_ends_the_link(
    run: Run, registry: Registry, worker: FakeWorker, number: object
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        return {}

    await run()
    worker.link.give({"call": number})
    await worker.until_links(2)


async def test_a_call_that_takes_too_long_is_cancelled_and_fails(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    cancelled = asyncio.Event()

    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    runner = await run()
    assert await one(worker, timeout_ms=10) == {"timeout": True}
    await asyncio.wait_for(cancelled.wait(), 20)
    assert (runner.metrics.timed_out, runner.metrics.failed) == (1, 1)


async def test_a_call_that_hears_no_cancellation_is_answered_in_time_and_only_once(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    go_on = asyncio.Event()

    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await go_on.wait()
        return {"late": True}

    runner = await run()
    assert await one(worker, timeout_ms=10) == {"timeout": True}
    assert runner.metrics.running == 1
    go_on.set()
    await runner.stop()
    assert (runner.metrics.values, runner.metrics.failed) == (0, 1)


async def test_a_thread_that_takes_too_long_is_answered_for_and_keeps_its_place(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    release = threading.Event()

    @resolver(registry)
    def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        release.wait(20)
        return {}

    runner = await run()
    assert await one(worker, timeout_ms=500) == {"timeout": True}
    assert runner.metrics.running == 1
    release.set()
    await runner.stop()
    assert runner.metrics.running == 0


async def test_a_resolver_whose_own_task_was_cancelled_fails(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    @resolver(registry)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        raise asyncio.CancelledError

    await run()
    assert (await one(worker)).keys() == {"masked_error"}


async def test_calls_run_side_by_side_up_to_the_concurrency_of_their_field(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    running = 0
    most = 0
    full = asyncio.Event()

    @resolver(registry, concurrency=2)
    async def order_updated(event: dict[str, Any], variables: dict[str, Any]) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        running -= 1
        return {}

    await run()
    await worker.ask(*[worker.record("orderUpdated") for _ in range(6)])
    assert most == 2
