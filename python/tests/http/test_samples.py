"""What docs/python-http.md shows does what it says."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from client import Client
from cluster import wait_until
from hosting import Uvicorn, conninfo

Serve = Callable[..., Uvicorn]
Connect = Callable[..., Client]

QUERY = "subscription { orderUpdated { id } }"


class At:
    """Where clients connect: a path of a server."""

    tls = None

    def __init__(self, port: int, path: str) -> None:
        self.url = f"ws://127.0.0.1:{port}{path}"


@pytest.fixture
def samples(server: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("DATABASE_URL", conninfo(server))
    return importlib.reload(importlib.import_module("samples"))


def test_a_client_is_known_by_a_key_in_the_database(
    samples: ModuleType, serve: Serve, server: Any, connect: Connect
) -> None:
    server.sql("CREATE TABLE api_keys (key text, user_id text, tenant_id text)")
    try:
        server.sql("INSERT INTO api_keys VALUES ('k', 'ada', 'north')")
        at = At(serve(samples.app).port, "/live")
        connect(at, init=False).init({"key": "k"})
        users = server.sql("SELECT user_id, tenant_id FROM fraiseql_connections()")
        assert users == [("ada", "north")]
        stranger = connect(at, init=False)
        stranger.send({"type": "connection_init", "payload": {"key": "x"}})
        assert stranger.wait_for_close() == (4403, "Forbidden")
    finally:
        server.sql("DROP TABLE api_keys")


@pytest.mark.parametrize("path", ["/graphql/subscriptions", "/own"])
def test_protocols_with_options_serve_as_those_without(
    samples: ModuleType, serve: Serve, server: Any, connect: Connect, path: str
) -> None:
    subscription = connect(At(serve(samples.app).port, path)).subscribe(QUERY)
    server.publish("orderUpdated", "orders", {"id": 1})
    assert subscription.data() == {"orderUpdated": {"id": "1"}}


def test_a_protocol_of_one_s_own_reads_subscriptions_of_the_manager(
    samples: ModuleType, serve: Serve, server: Any, connect: Connect
) -> None:
    at = At(serve(samples.app).port, "/own")
    client = connect(at, init=False, subprotocols=["one-query"])
    client.send({"query": QUERY})
    count = "SELECT count(*) FROM fraiseql_subscriptions()"
    wait_until(lambda: server.value(count) == 1, "it stands")
    server.publish("orderUpdated", "orders", {"id": 1})
    assert client.wait_for("next")["payload"]["data"] == {"orderUpdated": {"id": "1"}}
    client.close()
    wait_until(lambda: server.value(count) == 0, "it has ended")


@pytest.fixture
async def aiohttp_port(samples: ModuleType) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/live", samples.subscriptions)
    runner = web.AppRunner(app)
    async with samples.manager:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
        await runner.cleanup()


async def test_aiohttp_is_served_by_an_adapter_of_its_own(
    aiohttp_port: int, server: Any, connect: Connect
) -> None:
    def use() -> None:
        client = connect(At(aiohttp_port, "/live"))
        subscription = client.subscribe(QUERY)
        server.publish("orderUpdated", "orders", {"id": 1})
        assert subscription.data() == {"orderUpdated": {"id": "1"}}
        client.close()
        count = "SELECT count(*) FROM fraiseql_connections()"
        wait_until(lambda: server.value(count) == 0, "the worker has let go of it")
        broken = connect(At(aiohttp_port, "/live"), init=False)
        broken.send("{")
        assert broken.wait_for_close() == (4400, "Invalid message received")
        other = connect(At(aiohttp_port, "/live"), init=False, subprotocols=["x"])
        assert other.wait_for_close() == (4406, "Subprotocol not acceptable")

    await asyncio.to_thread(use)
