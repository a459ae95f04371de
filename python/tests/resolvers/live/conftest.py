import contextlib
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from fraiseql_subs.registry import Registry
from fraiseql_subs.resolvers import ResolverRunner

from .clients import LiveClient

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "test/py"))

from cluster import Cluster  # noqa: E402
from fixtures import assert_nothing_crashed, log_watch, make_cluster  # noqa: E402, F401

TYPES = """
    type Order { id: ID! status: String total: Float customer: Customer }
    type Customer { id: ID! name: String! }
"""

Run = Callable[..., Awaitable[ResolverRunner[Any]]]
Client = Callable[..., Awaitable[LiveClient]]


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Any]:
    cluster = Cluster()
    try:
        prepare(cluster)
        yield cluster
        cluster.stop()
        assert_nothing_crashed([cluster.log()])
    finally:
        cluster.destroy()


def prepare(cluster: Any) -> None:
    cluster.start().install()
    cluster.sql("SELECT fraiseql_create_roles()")
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))


@pytest.fixture
def server(shared_cluster: Any, log_watch: Any) -> Any:  # noqa: F811
    log_watch.add(shared_cluster)
    return shared_cluster


@pytest.fixture
def own_server(make_cluster: Any) -> Any:  # noqa: F811
    """A server that the test may treat badly."""
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    return cluster


@pytest.fixture
def field() -> str:
    """A subscription field, and the channel of that name, which no other test uses."""
    return "f" + uuid.uuid4().hex[:12]


@pytest.fixture
def registry() -> Registry:
    return Registry()


def conninfo(cluster: Any) -> str:
    return f"host={cluster.directory} user=postgres dbname={cluster.database}"


def register(cluster: Any, name: str, *, arguments: str = "(id: ID)", **options: Any) -> None:
    """Register a field that is resolved outside the database."""
    cluster.sql(
        "SELECT fraiseql_register_subscription(%s, %s)", (f"{name}{arguments}: Order", name)
    )
    given = "".join(f", {key} => %s" for key in options)
    cluster.sql(f"SELECT fraiseql_register_resolver(%s{given})", (name, *options.values()))


@pytest.fixture
async def run(registry: Registry) -> AsyncIterator[Run]:
    """Starts a runner of what the registry has, with a pool of its own."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(cluster: Any, **options: Any) -> ResolverRunner[Any]:
            pool = AsyncConnectionPool(conninfo(cluster), min_size=1, open=False)
            await pool.open(wait=True)
            stack.push_async_callback(pool.close)
            runner: ResolverRunner[Any] = ResolverRunner(pool, [registry], **options)
            await runner.start()
            stack.push_async_callback(runner.stop, drain=0)
            return runner

        yield start


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Opens clients, closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_client(cluster: Any, token: str | None = None) -> LiveClient:
            return await stack.enter_async_context(LiveClient(cluster.url, token))

        yield open_client
