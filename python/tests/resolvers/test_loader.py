"""Look-ups of many resolvers that become one."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from fraiseql_subs.context import CallInfo, Context, DataLoader
from fraiseql_subs.registry import Registry

from .conftest import Run
from .fake_worker import FakeWorker

Row = dict[str, Any]


class Lookup:
    """A batch function that doubles numbers, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, keys: list[int]) -> list[int | Exception]:
        self.batches.append(keys)
        return [KeyError(key) if key < 0 else key * 2 for key in keys]


async def test_keys_asked_for_in_one_turn_are_loaded_at_once() -> None:
    lookup = Lookup()
    loader = DataLoader(lookup)
    futures = [loader.load(1), loader.load(2)]
    assert await asyncio.gather(*futures, loader.load_many([3, 1])) == [2, 4, [6, 2]]
    assert lookup.batches == [[1, 2, 3]]


async def test_a_key_is_loaded_once() -> None:
    lookup = Lookup()
    loader = DataLoader(lookup)
    assert [await loader.load(1), await loader.load(1)] == [2, 2]
    assert lookup.batches == [[1]]


async def test_an_error_is_that_of_its_key() -> None:
    loader = DataLoader(Lookup())
    bad, good = loader.load(-1), loader.load(1)
    assert await good == 2
    with pytest.raises(KeyError):
        await bad
    with pytest.raises(KeyError):
        await loader.load_many([1, -1])


async def test_what_the_function_raises_all_its_keys_get() -> None:
    async def broken(keys: list[int]) -> list[int]:
        raise OSError("away")

    loader = DataLoader(broken)
    results = await asyncio.gather(loader.load(1), loader.load(2), return_exceptions=True)
    assert [type(result) for result in results] == [OSError, OSError]


async def test_as_many_values_as_keys_are_demanded() -> None:
    async def short(keys: list[int]) -> list[int]:
        return keys[1:]

    with pytest.raises(ValueError, match="returned 1 values for 2 keys"):
        await DataLoader(short).load_many([1, 2])


async def test_more_keys_than_max_size_are_several_batches() -> None:
    lookup = Lookup()
    assert await DataLoader(lookup, max_size=2).load_many([1, 2, 3]) == [2, 4, 6]
    assert lookup.batches == [[1, 2], [3]]
    with pytest.raises(ValueError, match="at least 1"):
        DataLoader(lookup, max_size=0)


async def test_a_waiter_that_is_cancelled_harms_no_other() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(keys: list[int]) -> list[int]:
        started.set()
        await go_on.wait()
        return keys

    loader = DataLoader(slow)
    first = asyncio.ensure_future(loader.load(1))
    other = loader.load(1)
    await started.wait()
    first.cancel()
    go_on.set()
    assert await other == 1


async def test_a_failed_key_that_nobody_waits_for_is_no_complaint() -> None:
    loader = DataLoader(Lookup())
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    waiter = asyncio.ensure_future(loader.load(-1))
    other = loader.load(1)
    waiter.cancel()
    await other
    del loader, waiter
    gc.collect()
    assert complaints == []


async def test_closing_cancels_who_still_waits() -> None:
    async def endless(keys: list[int]) -> list[int]:
        await asyncio.Event().wait()
        return keys

    loader = DataLoader(endless)
    waiter = loader.load(1)
    await asyncio.sleep(0)
    loader.close()
    with pytest.raises(asyncio.CancelledError):
        await waiter


def loading_resolver(registry: Registry, batch_fn: Any, **options: Any) -> None:
    @registry.subscription("orderUpdated: Order", channel="orders", types="", **options)
    async def order_updated(event: Row, variables: Row, ctx: Context[Any]) -> Row:
        return {"double": await ctx.loader(batch_fn).load(event["id"])}


async def test_calls_that_came_together_share_a_loader(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    lookup = Lookup()
    loading_resolver(registry, lookup)
    await run()
    answers = await worker.ask(*[worker.record("orderUpdated", {"id": n}) for n in (1, 2, 1)])
    assert answers == [{"value": {"double": n}} for n in (2, 4, 2)]
    await worker.ask(worker.record("orderUpdated", {"id": 1}))
    assert lookup.batches == [[1, 2], [1]], "values are kept for later calls, which they are not of"


async def test_audiences_share_no_loader(run: Run, registry: Registry, worker: FakeWorker) -> None:
    seen: list[tuple[str, list[int]]] = []

    async def lookup(keys: list[int], ctx: Context[None]) -> Sequence[int]:
        seen.append((ctx.claims["sub"], keys))
        return keys

    loading_resolver(registry, lookup, per="audience")
    await run()
    await worker.ask(
        *[
            worker.record("orderUpdated", {"id": n}, claims={"sub": sub}, role="web")
            for n in (1, 2)
            for sub in ("a", "b")
        ]
    )
    assert sorted(seen) == [("a", [1, 2]), ("b", [1, 2])]


async def test_a_batch_function_has_a_context_of_its_own(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    opened: list[int] = []

    @contextlib.asynccontextmanager
    async def factory(info: CallInfo) -> AsyncIterator[int]:
        opened.append(len(opened))
        yield opened[-1]

    apps: list[int] = []

    async def lookup(keys: list[int], ctx: Context[int]) -> Sequence[int]:
        apps.append(ctx.app)
        return keys

    loading_resolver(registry, lookup)
    await run(context_factory=factory)
    await worker.ask(*[worker.record("orderUpdated", {"id": n}) for n in (1, 2)])
    assert apps == [2], "the calls have the contexts 0 and 1"


async def test_what_is_loaded_ends_with_the_calls_that_wait_for_it(
    run: Run, registry: Registry, worker: FakeWorker
) -> None:
    ended = asyncio.Event()

    async def endless(keys: list[int]) -> list[int]:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return keys

    loading_resolver(registry, endless)
    await run()
    await worker.ask(worker.record("orderUpdated", {"id": 1}, timeout_ms=10))
    await asyncio.wait_for(ended.wait(), 20)


async def test_a_context_made_by_hand_loads_with_itself() -> None:
    async def lookup(keys: list[int], ctx: Context[str]) -> list[str]:
        return [f"{ctx.app} {key}" for key in keys]

    ctx = Context("app")
    assert await ctx.loader(lookup).load_many([1, 2]) == ["app 1", "app 2"]
