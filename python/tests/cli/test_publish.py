"""`fraiseql-subs publish`."""

import json

import psycopg
import pytest

from fraiseql_subs.testing import SubscriptionClient, WorkerServer

from .program import run

ALL = "subscription { orderUpdated { id status } }"


async def test_a_subscriber_gets_what_the_arguments_say(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(ALL) as s:
        data = '{"id": 7, "status": "paid"}'
        result = run("--dsn", subs_server.dsn, "publish", "orderUpdated", "orders", data)
        assert (result.exit_code, result.output) == (0, "")
        assert await s.next() == {"orderUpdated": {"id": "7", "status": "paid"}}


async def test_a_dash_reads_standard_input(
    subs_server: WorkerServer, subs_client: SubscriptionClient
) -> None:
    async with subs_client.subscribe(ALL) as s:
        data = json.dumps({"id": 8, "status": "ünïcode"})
        arguments = ("publish", "orderUpdated", "orders", "-", "--correlation-id", "c")
        result = run(*arguments, input=data, env={"FRAISEQL_DSN": subs_server.dsn})
        assert result.exit_code == 0, result.output
        assert (await s.next())["orderUpdated"]["status"] == "ünïcode"


def test_variables_of_postgresql_say_where_the_database_is(subs_server: WorkerServer) -> None:
    result = run("publish", "a", "b", "1", env=subs_server.environment)
    assert result.exit_code == 0, result.output


def test_what_is_not_json_is_named_with_its_place() -> None:
    result = run("publish", "a", "b", '{"id": 7,}')
    assert result.exit_code == 2
    assert result.stderr.startswith("fraiseql-subs: the data is not JSON: ")
    assert "line 1, column" in result.stderr and result.stderr.count("\n") == 1


def test_what_the_database_refuses_is_one_line(subs_server: WorkerServer) -> None:
    result = run("--dsn", subs_server.dsn, "publish", "", "b", "1")
    assert result.exit_code == 2
    assert result.stderr.startswith("fraiseql-subs: ") and result.stderr.count("\n") == 1


def test_an_event_that_nobody_can_receive_is_told(subs_server: WorkerServer) -> None:
    subs_server.execute("CREATE DATABASE unserved")
    with psycopg.connect(subs_server.dsn, dbname="unserved", autocommit=True) as connection:
        connection.execute("CREATE EXTENSION fraiseql_subs")
    unserved = subs_server.environment | {"PGDATABASE": "unserved"}
    result = run("publish", "a", "b", "1", env=unserved)
    assert result.exit_code == 0
    assert 'nobody receives it: "postgres" is served, not "unserved"' in result.stderr


def test_a_database_out_of_reach_says_how_to_name_another() -> None:
    result = run("--dsn", "postgresql://127.0.0.1:9/none", "publish", "a", "b", "1")
    assert result.exit_code == 2
    assert "cannot reach PostgreSQL: " in result.stderr
    assert "--dsn" in result.stderr and result.stderr.count("\n") == 1


def test_a_missing_right_names_the_role_to_grant(subs_server: WorkerServer) -> None:
    subs_server.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    stranger = subs_server.environment | {"PGUSER": "stranger", "PGPASSWORD": "stranger"}
    result = run("publish", "a", "b", "1", env=stranger)
    assert result.exit_code == 2
    assert "GRANT fraiseql_publisher TO" in result.stderr


def test_a_database_without_the_extension_is_told(subs_server: WorkerServer) -> None:
    result = run(
        "publish", "a", "b", "1", env=subs_server.environment | {"PGDATABASE": "template1"}
    )
    assert result.exit_code == 2
    assert "CREATE EXTENSION fraiseql_subs" in result.stderr


def test_a_traceback_comes_for_the_asking() -> None:
    arguments = ("publish", "a", "b", "not json")
    assert "Traceback" not in run(*arguments).stderr
    assert "Traceback" in run("--traceback", *arguments).stderr


@pytest.mark.parametrize("arguments", [("--help",), ("publish", "--help"), ()])
def test_help_tells_how(arguments: tuple[str, ...]) -> None:
    assert "Usage: " in run(*arguments).output
