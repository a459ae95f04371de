import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from fraiseql_subs.registry import Registry
from fraiseql_subs.resolvers import ResolverRunner

from .fake_worker import FakeWorker

Run = Callable[..., Awaitable[ResolverRunner[Any]]]


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
async def run(registry: Registry, worker: FakeWorker) -> AsyncIterator[Run]:
    """Starts a runner of what the registry has then, served by the fake worker."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options: Any) -> ResolverRunner[Any]:
            runner: ResolverRunner[Any] = ResolverRunner(
                registries=[registry], connect=worker.connect, **options
            )
            await runner.start()
            stack.push_async_callback(runner.stop, drain=0)
            return runner

        yield start
