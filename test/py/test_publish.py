"""fraiseql_publish: the types in which drivers and functions hand JSON over."""

import json

import psycopg
import pytest
from psycopg.types.json import Json, Jsonb

SUBSCRIPTION = "subscription { orderUpdated { id status } }"
ORDER = {"id": "1", "status": "päid \\ \n 😀"}

CALLS = {
    "an untyped literal": "SELECT fraiseql_publish('t', 'orders', '{json}')",
    "text": "SELECT fraiseql_publish('t', 'orders', '{json}'::text)",
    "varchar": "SELECT fraiseql_publish('t'::varchar, 'orders'::varchar(9), '{json}'::varchar)",
    "json": "SELECT fraiseql_publish('t', 'orders', '{json}'::json)",
    "jsonb": "SELECT fraiseql_publish('t', 'orders', '{json}'::jsonb)",
    "to_json": "SELECT fraiseql_publish('t', 'orders', to_json('{json}'::jsonb))",
    "json_build_object": "SELECT fraiseql_publish('t', 'orders', json_build_object("
    "'id', '{json}'::json ->> 'id', 'status', '{json}'::json ->> 'status'))",
    "row_to_json": "SELECT fraiseql_publish('t', 'orders', row_to_json(o)) "
    "FROM json_to_record('{json}') AS o (id text, status text)",
    "named notation": "SELECT fraiseql_publish("
    "data => '{json}', channel => 'orders', event_type => 't', correlation_id => 'x')",
    # A client without subgraphs gets what was published without one.
    "all arguments": "SELECT fraiseql_publish('t', 'orders', '{json}'::json, 'x', NULL)",
    "a parameter without a type": "PREPARE publish AS SELECT fraiseql_publish($1, $2, $3); "
    "EXECUTE publish('t', 'orders', '{json}')",
    "PL/pgSQL": "DO $$ DECLARE o record; BEGIN SELECT * INTO o FROM json_to_record('{json}') "
    "AS o (id text, status text); PERFORM fraiseql_publish('t', 'orders', to_json(o)); END $$",
}


@pytest.fixture
def orders(server, connect):
    return connect(server).subscribe(SUBSCRIPTION)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("ascii", [True, False], ids=["escaped", "plain"])
def test_sql_publishes(server, orders, call, ascii):
    server.sql(CALLS[call].replace("{json}", json.dumps(ORDER, ensure_ascii=ascii)))
    assert orders.data() == {"orderUpdated": ORDER}


@pytest.mark.parametrize("adapt", [json.dumps, Json, Jsonb])
@pytest.mark.parametrize("cursor", [psycopg.Cursor, psycopg.ClientCursor])
def test_psycopg_publishes(server, orders, adapt, cursor):
    with server.connect(cursor_factory=cursor) as connection:
        connection.execute("SELECT fraiseql_publish(%s, %s, %s)", ("t", "orders", adapt(ORDER)))
    assert orders.data() == {"orderUpdated": ORDER}


@pytest.mark.parametrize("adapt", [Json, Jsonb])
def test_what_psycopg_prepares_publishes(server, orders, adapt):
    statement = "SELECT fraiseql_publish(%s, %s, %s)"
    with server.connect() as connection:
        for binary in [False, True]:
            parameters = ("t", "orders", adapt(ORDER))
            connection.execute(statement, parameters, prepare=True, binary=binary)
            assert orders.data() == {"orderUpdated": ORDER}
