"""A statement that is run over and over, against a real server."""

import asyncio

import psycopg
import pytest
from cluster import wait_until
from hosting import conninfo
from psycopg import pq

from fraiseql_subs._statement import Statement

TEXT, BINARY = pq.Format.TEXT, pq.Format.BINARY


@pytest.fixture
async def connection(server):
    connection = await psycopg.AsyncConnection.connect(conninfo(server), autocommit=True)
    yield connection
    await connection.close()


async def test_it_returns_its_first_row_in_the_format_asked_for(connection):
    text = b"SELECT $1::text, $2::bytea, NULL UNION ALL SELECT 'x', '', ''"
    statement = Statement(connection, text, (TEXT, BINARY), BINARY)
    assert await statement.run("ä".encode(), b"\0") == ("ä".encode(), b"\0", None)
    assert await statement.run(None, b"\1") == (None, b"\1", None)


async def test_it_may_have_no_row(connection):
    statement = Statement(connection, b"SELECT 1 WHERE $1::boolean", (TEXT,), TEXT)
    assert await statement.run(b"f") == ()
    assert await statement.run(b"t") == (b"1",)


async def test_it_raises_what_psycopg_raises_and_goes_on(connection):
    statement = Statement(connection, b"SELECT 1 / $1::integer", (TEXT,), TEXT)
    with pytest.raises(psycopg.errors.DivisionByZero, match="division by zero"):
        await statement.run(b"0")
    assert await statement.run(b"1") == (b"1",)


async def test_what_cannot_be_prepared_is_raised(connection):
    statement = Statement(connection, b"SELECT nothing_of_that_name($1)", (TEXT,), TEXT)
    with pytest.raises(psycopg.errors.UndefinedFunction):
        await statement.run(b"0")


async def test_it_takes_more_than_a_socket_holds(connection):
    statement = Statement(connection, b"SELECT length($1::bytea)", (BINARY,), TEXT)
    size = 32 * 1024 * 1024
    assert await statement.run(bytes(size)) == (b"%d" % size,)


async def test_the_end_of_the_connection_is_an_operational_error(connection, server):
    statement = Statement(connection, b"SELECT pg_sleep($1::integer)", (TEXT,), TEXT)
    running = asyncio.create_task(statement.run(b"600"))
    await asyncio.to_thread(wait_until, lambda: _is_asleep(server), "it waits")
    server.sql("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        await running
    with pytest.raises(psycopg.OperationalError):
        await statement.run(b"0")


async def test_one_that_is_cancelled_ends_in_the_server_as_well(connection, server):
    statement = Statement(connection, b"SELECT pg_sleep($1::integer)", (TEXT,), TEXT)
    running = asyncio.create_task(statement.run(b"600"))
    await asyncio.to_thread(wait_until, lambda: _is_asleep(server), "it waits")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.to_thread(wait_until, lambda: not _is_asleep(server), "the server stops")


def _is_asleep(server):
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    return server.value(waiting) == 1
