"""Web servers in a thread of this process, beside a PostgreSQL of the tests' own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hosting import Uvicorn, conninfo

from fraiseql_subs import SubscriptionManager
from fraiseql_subs.asgi import SubscriptionASGI


@pytest.fixture
def make_manager(request: pytest.FixtureRequest) -> Callable[..., SubscriptionManager[None]]:
    """A function that makes a manager for a server, by default the one that tests share."""

    def make(cluster: Any = None, **options: Any) -> SubscriptionManager[None]:
        cluster = cluster or request.getfixturevalue("server")
        options = {"sync": False, "resolvers": False} | options
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

    def start(*cluster: Any, uvicorn: dict[str, Any] | None = None, **options: Any) -> Uvicorn:
        manager = make_manager(*cluster)
        served = serve(SubscriptionASGI(manager, **options), **(uvicorn or {}))
        served.manager = manager
        return served

    return start
