"""An application is tested as its clients meet it: on a socket, and fed by a server."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI

from fraiseql_subs import SubscriptionManager
from fraiseql_subs.fastapi import SubscriptionRouterFactory
from fraiseql_subs.testing import SubscriptionClient, WorkerServer, serve_app

BY_ID = "subscription ($id: ID) { orderUpdated(id: $id) { id } }"


@pytest.fixture(scope="module")
def url(subs_server: WorkerServer) -> Iterator[str]:
    """Where an application hosts sockets."""
    manager: SubscriptionManager[None] = SubscriptionManager(
        conninfo=subs_server.dsn, sync=False, resolvers=False
    )
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(SubscriptionRouterFactory.create(manager))
    with serve_app(app) as address:
        yield address.replace("http", "ws") + "/graphql/subscriptions"


async def test_a_client_of_the_application_gets_events(subs_server: WorkerServer, url: str) -> None:
    async with subs_server.client(url) as client, client.subscribe(BY_ID, {"id": 7}) as s:
        subs_server.publish("orderUpdated", "orders", {"id": 7, "status": "paid"})
        assert await s.next() == {"orderUpdated": {"id": "7"}}


async def test_silence_is_proven_through_the_application(
    subs_server: WorkerServer, url: str
) -> None:
    async with subs_server.client(url) as client, client.subscribe(BY_ID, {"id": 7}) as s:
        for id in range(8, 100):
            subs_server.publish("orderUpdated", "orders", {"id": id, "status": "paid"})
        await s.assert_silent()
        subs_server.publish("orderUpdated", "orders", {"id": 7, "status": "paid"})
        with pytest.raises(AssertionError, match="expected silence"):
            await s.assert_silent()


def test_an_application_that_does_not_start_is_told_at_once() -> None:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if app.title == "Shop":
            raise RuntimeError("no database")
        yield

    with (
        pytest.raises(RuntimeError, match="the application did not start"),
        serve_app(FastAPI(title="Shop", lifespan=lifespan)),
    ):
        pass


@contextlib.contextmanager
def private_server(*arguments: str) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-m", "fraiseql_subs.testing", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_server_to_try_things_with_says_where_it_is(tmp_path: Path, end: int) -> None:
    schema = tmp_path / "schema.sql"
    schema.write_text("CREATE TABLE mine AS SELECT 1 AS n")
    with private_server(str(schema)) as process:
        assert process.stdout is not None
        exports = dict[str, str]()
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                exports[name] = value
        with psycopg.connect(
            host=exports["PGHOST"],
            port=exports["PGPORT"],
            user=exports["PGUSER"],
            password=exports["PGPASSWORD"],
            dbname=exports["PGDATABASE"],
        ) as connection:
            row = connection.execute("SELECT n, current_setting('data_directory') FROM mine")
            ((number, data),) = row.fetchall()
        process.send_signal(end)
        assert process.wait(60) == 0
    assert number == 1
    assert not os.path.exists(data)


async def test_with_a_catalog_the_events_that_are_typed_are_served(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.json"
    field = {"field": "orderUpdated: Order", "channel": "orders"}
    catalog.write_text(json.dumps({"types": "type Order { id: ID! }", "subscriptions": [field]}))
    with private_server(str(catalog)) as process:
        assert process.stdin is not None and process.stdout is not None
        url = ""
        for line in process.stdout:
            assert not line.startswith("export ")
            if "Ctrl-C" in line:
                break
            url = line.strip().rpartition(" ")[2]
        client = SubscriptionClient(url)
        async with client, client.subscribe("subscription { orderUpdated { id } }") as s:
            event = json.dumps({"type": "any", "channel": "orders", "data": {"id": 7}})
            process.stdin.write(f"nonsense\n{event}\n")
            process.stdin.flush()
            assert await s.next() == {"orderUpdated": {"id": "7"}}
        assert process.stdout.readline().startswith("# no event: ")


def test_what_keeps_it_from_starting_is_one_line() -> None:
    with private_server("/nowhere/schema.sql") as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("no schema: ") and errors.count("\n") == 1
