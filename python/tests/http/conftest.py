"""Web servers in a thread of this process, beside a PostgreSQL of the tests' own."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "test/py"))

from fixtures import (  # noqa: E402, F401
    connect,
    log_watch,
    make_cluster,
    name,
    pytest_runtest_makereport,
    server,
    shared_cluster,
)
from hosting import Uvicorn, conninfo  # noqa: E402

from fraiseql_subs import SubscriptionManager  # noqa: E402


@pytest.fixture
def make_manager(request: pytest.FixtureRequest) -> Callable[..., SubscriptionManager[None]]:
    """A function that makes a manager for a server, by default the one that tests share."""

    def make(cluster: Any = None, **options: Any) -> SubscriptionManager[None]:
        cluster = cluster or request.getfixturevalue("server")
        return SubscriptionManager(conninfo=conninfo(cluster), **options)

    return make


@pytest.fixture
def serve() -> Iterator[Callable[..., Uvicorn]]:
    """A function that serves an application until the test ends; `url` is where."""
    servers: list[Uvicorn] = []

    def start(app: Any, **options: Any) -> Uvicorn:
        servers.append(Uvicorn(app, **options))
        return servers[-1]

    yield start
    for one in servers:
        one.stop()


@pytest.fixture
def host(
    make_manager: Callable[..., SubscriptionManager[None]], serve: Callable[..., Uvicorn]
) -> Callable[..., Uvicorn]:
    """A function that serves subscriptions of a cluster, with nothing around them."""
    from fraiseql_subs.asgi import SubscriptionASGI

    def start(*cluster: Any, uvicorn: dict[str, Any] | None = None, **options: Any) -> Uvicorn:
        manager = make_manager(*cluster)
        served = serve(SubscriptionASGI(manager, **options), **(uvicorn or {}))
        served.manager = manager
        return served

    return start
