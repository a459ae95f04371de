"""How connections beside a pool are made like those of the pool."""

from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from fraiseql_subs._resolver_link import connection_parameters


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
