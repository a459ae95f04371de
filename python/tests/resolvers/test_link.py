"""Connections beside a pool: made like those of the pool, and given up with their server."""

from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from fraiseql_subs import _resolver_link as link_module
from fraiseql_subs._resolver_link import PostgresResolverLink, connection_parameters
from silent import SilentConnection


async def test_the_parameters_are_those_of_the_pool() -> None:
    pool = AsyncConnectionPool("host=a", kwargs={"user": "b"}, open=False)
    assert await connection_parameters(pool) == ("host=a", {"user": "b"})


async def test_a_pool_without_parameters_has_none() -> None:
    assert await connection_parameters(AsyncConnectionPool("host=a", open=False)) == ("host=a", {})


class Computed:
    """Of a pool since psycopg-pool 3.3: asked for at each connection."""

    def __init__(self, asynchronous: bool) -> None:
        async def later(value: Any) -> Any:
            return value

        def made(value: Any) -> Any:
            return later(value) if asynchronous else value

        self.conninfo = lambda: made("host=a")
        self.kwargs = lambda: made({"password": "token"})


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_what_the_pool_computes_is_computed(asynchronous: bool) -> None:
    pool: Any = Computed(asynchronous)
    assert await connection_parameters(pool) == ("host=a", {"password": "token"})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "_SILENCE_SECONDS", 0.01)


async def test_a_server_that_says_nothing_to_a_new_link_is_given_up(
    impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(*arguments: Any, **options: Any) -> SilentConnection:
        return SilentConnection()

    monkeypatch.setattr(link_module.AsyncConnection, "connect", connect)
    with pytest.raises(psycopg.OperationalError):
        await PostgresResolverLink.connect("", {}, ["orderUpdated"])


async def test_a_server_that_says_nothing_to_a_link_is_given_up(impatient: None) -> None:
    waiting, sending = SilentConnection(), SilentConnection()
    link = PostgresResolverLink(waiting, sending, ["orderUpdated"])  # type: ignore[arg-type]
    with pytest.raises(psycopg.OperationalError):
        await link.exchange([], 1, 0)
    with pytest.raises(psycopg.OperationalError):
        await link.send([], 1)
    await link.close()
