"""`fraiseql-subs status`."""

import json
import os
import signal

import psycopg

from fraiseql_subs.testing import SubscriptionClient, WorkerServer

from .program import run
from .workers import worker_of

ALL = "subscription { orderUpdated { id status } }"


async def test_it_counts_who_is_served(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(ALL):
        result = run("--dsn", subs_server.dsn, "status")
        assert result.exit_code == 0, result.output
        assert "serves clients at 127.0.0.1:" in result.stdout
        assert "1 with 1 subscriptions" in result.stdout
        assert "problem" not in result.stdout


def test_as_json_it_is_one_object(subs_server: WorkerServer) -> None:
    result = run("--dsn", subs_server.dsn, "status", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["worker"] is True and found["ready"] is True and found["problems"] == []
    assert found["database"] == "postgres" and found["ring_capacity_bytes"] > 0
    assert subs_server.url == f"ws://{found['address']}"


def test_without_a_worker_it_exits_with_1() -> None:
    with WorkerServer() as server:
        # Its launcher starts another when it has ended, so it is only halted.
        worker = worker_of(server)
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
        try:
            result = run("--dsn", server.dsn, "status")
        finally:
            os.kill(worker, signal.SIGCONT)
        assert result.exit_code == 1, result.output
        assert "is not there" in result.stdout
        assert "the worker does not answer" in result.stdout


def test_a_database_without_the_extension_cannot_be_asked(subs_server: WorkerServer) -> None:
    result = run("status", env=subs_server.environment | {"PGDATABASE": "template1"})
    assert result.exit_code == 2
    assert 'database "template1" has no extension fraiseql_subs: CREATE' in result.stderr


def test_a_database_that_is_not_served_is_told() -> None:
    with WorkerServer(database="shop") as server:
        elsewhere = server.environment | {"PGDATABASE": "postgres"}
        with psycopg.connect(server.dsn, dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE EXTENSION fraiseql_subs")
        result = run("status", env=elsewhere)
    assert '"shop" is served, not this database' in result.stdout
