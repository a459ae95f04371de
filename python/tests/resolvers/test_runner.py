"""The link to the worker: how answers travel, and what its loss and the end of a process mean."""

import asyncio
import threading
from typing import Any

import psycopg
import pytest

from fraiseql_subs.registry import Registry
from fraiseql_subs.resolvers import ResolverRunner

from .conftest import Run
from .fake_worker import FakeWorker

Row = dict[str, Any]


class Gate:
    """A resolver that waits until it is let through."""

    def __init__(self, registry: Registry) -> None:
        self.opened = asyncio.Event()
        self.entered = asyncio.Queue[Any]()
        self.cancelled: list[Any] = []

        @registry.subscription("orderUpdated: Order", channel="orders", types="")
        async def order_updated(event: Row, variables: Row) -> Row:
            self.entered.put_nowait(event["id"])
            try:
                if event["id"] >= 0:
                    await self.opened.wait()
            except asyncio.CancelledError:
                self.cancelled.append(event["id"])
                raise
            return {}

    async def enter(self) -> Any:
        return await asyncio.wait_for(self.entered.get(), 20)


@pytest.fixture
def gate(registry: Registry) -> Gate:
    return Gate(registry)


async def test_answers_are_handed_in_while_the_exchange_waits(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    await run()
    record = worker.record("orderUpdated", {"id": 1})
    worker.link.give(record)
    await gate.enter()
    await worker.link.until(lambda: worker.link.exchanges_waiting)
    gate.opened.set()
    await worker.answers(record)
    assert record["call"] in worker.link.sent_while_waiting


async def test_answers_that_need_no_waiting_go_with_the_next_exchange(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    await run()
    records = [worker.record("orderUpdated", {"id": -n}) for n in range(1, 4)]
    await worker.ask(*records)
    assert not worker.link.sent_while_waiting


async def test_credits_are_what_is_free(run: Run, gate: Gate, worker: FakeWorker) -> None:
    await run(concurrency=3)
    worker.link.give(*[worker.record("orderUpdated", {"id": n}) for n in (1, 2)])
    await worker.link.until(lambda: worker.link.credits[-1] == 1)
    gate.opened.set()
    await worker.link.until(lambda: worker.link.sent_credits[-1:] == [3])
    assert worker.link.answers.keys() == {1, 2}, "room and answers are told together"
    with pytest.raises(ValueError, match="at least 1"):
        ResolverRunner(concurrency=0)


async def test_calls_that_need_no_waiting_leave_room_for_as_many_at_once(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    await run(concurrency=2)
    await worker.ask(*[worker.record("orderUpdated", {"id": -n}) for n in (1, 2)])
    assert set(worker.link.credits) == {2}


async def test_room_that_a_thread_leaves_late_is_told(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    release = threading.Event()

    @registry.subscription("orderUpdated: Order", channel="orders", types="")
    def order_updated(event: Row, variables: Row) -> Row:
        release.wait(20)
        return {}

    await run(concurrency=1)
    await worker.ask(worker.record("orderUpdated", timeout_ms=500))
    await worker.link.until(lambda: worker.link.credits[-1] == 0)
    release.set()
    await worker.link.until(lambda: worker.link.sent_credits[-1:] == [1])


async def test_a_lost_link_cancels_what_runs_and_a_new_one_is_opened(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    runner = await run()
    worker.link.give(worker.record("orderUpdated", {"id": 1}))
    await gate.enter()
    worker.faults += [psycopg.OperationalError("starting up"), ConnectionRefusedError()]
    worker.link.break_off()
    await worker.until_links(2)
    assert gate.cancelled == [1]
    assert worker.links[0].closed
    assert worker.links[0].answers == {}, "an answer for a link that is lost"
    assert (runner.metrics.abandoned, runner.metrics.running) == (1, 0)
    (answer,) = await worker.ask(worker.record("orderUpdated", {"id": -1}))
    assert answer == {"value": {}}
    assert runner.metrics.links == 2


async def test_a_link_that_sends_nonsense_is_replaced(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    await run()
    worker.link.give({"nonsense": 1})
    await worker.until_links(2)
    assert await worker.ask(worker.record("orderUpdated", {"id": -1})) == [{"value": {}}]


@pytest.mark.parametrize(
    "fault",
    [psycopg.errors.InsufficientPrivilege("no"), psycopg.errors.UndefinedFunction("no")],
)
async def test_starting_raises_what_trying_again_does_not_help(
    gate: Gate, worker: FakeWorker, registry: Registry, fault: psycopg.Error
) -> None:
    worker.faults.append(fault)
    runner: ResolverRunner[Any] = ResolverRunner(registries=[registry], connect=worker.connect)
    with pytest.raises(type(fault)):
        await runner.start()
    await runner.start()
    await runner.stop()


async def test_starting_returns_while_the_database_is_away(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    worker.faults.append(psycopg.OperationalError("connection refused"))
    runner = await run()
    await worker.until_links(1)
    with pytest.raises(RuntimeError, match="runs already"):
        await runner.start()


async def test_a_runner_without_fields_opens_no_link(run: Run, worker: FakeWorker) -> None:
    await run()
    assert worker.links == []


async def test_stopping_while_the_database_is_away_ends_the_attempts(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    worker.faults += [psycopg.OperationalError("connection refused")] * 100
    runner = await run()
    await runner.stop()
    assert worker.links == []


async def test_stopping_answers_what_runs_and_takes_no_more(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    runner = await run()
    record = worker.record("orderUpdated", {"id": 1})
    worker.link.give(record)
    await gate.enter()
    stopping = asyncio.create_task(runner.stop(drain=60))
    await worker.link.until(lambda: worker.link.credits[-1] == 0)
    assert not stopping.done()
    gate.opened.set()
    await stopping
    assert worker.link.answers == {record["call"]: {"value": {}}}
    assert worker.link.closed
    assert len(worker.links) == 1


async def test_calls_that_crossed_the_news_of_the_stop_are_answered(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    runner = await run()
    stopping = asyncio.create_task(runner.stop(drain=60))
    await asyncio.sleep(0)
    record = worker.record("orderUpdated", {"id": -1})
    worker.link.give(record)
    await stopping
    assert worker.link.answers == {record["call"]: {"value": {}}}


async def test_stopping_cancels_what_is_not_done_in_time(
    run: Run, gate: Gate, worker: FakeWorker
) -> None:
    runner = await run()
    worker.link.give(worker.record("orderUpdated", {"id": 1}))
    await gate.enter()
    await runner.stop(drain=0)
    assert gate.cancelled == [1]
    assert worker.link.answers == {}
    assert worker.link.closed


async def test_stopping_does_not_wait_for_a_thread_for_ever(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    release, entered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    @registry.subscription("orderUpdated: Order", channel="orders", types="")
    def order_updated(event: Row, variables: Row) -> Row:
        loop.call_soon_threadsafe(entered.set)
        release.wait(60)
        return {}

    runner = await run()
    worker.link.give(worker.record("orderUpdated"))
    await asyncio.wait_for(entered.wait(), 20)
    await runner.stop(drain=0)
    assert not release.is_set()
    release.set()


async def test_running_until_cancelled_drains(
    registry: Registry, gate: Gate, worker: FakeWorker
) -> None:
    runner: ResolverRunner[Any] = ResolverRunner(registries=[registry], connect=worker.connect)
    running = asyncio.create_task(runner.run())
    await worker.until_links(1)
    record = worker.record("orderUpdated", {"id": 1})
    worker.link.give(record)
    await gate.enter()
    running.cancel()
    await worker.link.until(lambda: worker.link.credits[-1] == 0)
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert worker.link.answers == {record["call"]: {"value": {}}}


async def test_a_runner_is_a_context_manager_and_may_be_started_again(
    registry: Registry, gate: Gate, worker: FakeWorker
) -> None:
    runner: ResolverRunner[Any] = ResolverRunner(registries=[registry], connect=worker.connect)
    for _ in range(2):
        async with runner:
            assert await worker.ask(worker.record("orderUpdated", {"id": -1})) == [{"value": {}}]
        assert worker.link.closed
