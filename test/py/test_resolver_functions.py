"""Subscription fields whose values functions of the database make of their events."""

import os
import signal

import psycopg
import pytest

from cluster import Cluster, wait_until
from test_resolvers import TYPES, UNEXPECTED, publish, query, register, register_resolver
from tokens import SECRET, make_token

# Does as the event says.
FUNCTION = """
    CREATE SCHEMA app;
    CREATE TABLE app.done (id int);
    CREATE FUNCTION app.resolve(event jsonb, variables jsonb) RETURNS jsonb
    LANGUAGE plpgsql SET lock_timeout = 0 AS $$
    DECLARE
        data CONSTANT jsonb := event->'data';
    BEGIN
        INSERT INTO app.done VALUES ((data->>'id')::int);
        CASE data->>'status'
            WHEN 'null' THEN RETURN NULL;
            WHEN 'skip' THEN RETURN public.fraiseql_skip();
            WHEN 'raise' THEN RAISE 'the secret';
            WHEN 'tell' THEN
                RETURN public.fraiseql_resolver_error('Not yours.', 'MINE', '{"hint": [1]}');
            WHEN 'wait' THEN PERFORM pg_advisory_xact_lock(1);
            ELSE NULL;
        END CASE;
        RETURN jsonb_build_object('id', data->'id', 'status', event->>'type',
            'owner', nullif(current_setting('request.jwt.claims', true), '')::jsonb->>'sub',
            'lines', jsonb_build_array(jsonb_build_object('sku', coalesce(variables->>'id', '-'))));
    END $$;
"""


@pytest.fixture(scope="module")
def cluster_of_module():
    cluster = Cluster()
    try:
        cluster.start().install()
        cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
        cluster.sql("SELECT fraiseql_register_issuer('tests', secret => %s)", (SECRET,))
        cluster.sql("SELECT fraiseql_create_roles()")
        cluster.sql(FUNCTION)
        # So that the process stays.
        register(cluster, "kept", function="app.resolve")
        yield cluster
    finally:
        cluster.destroy()


@pytest.fixture
def server(cluster_of_module, log_watch):
    log_watch.add(cluster_of_module)
    return cluster_of_module


@pytest.fixture
def field(server, name):
    return register(server, name, function="app.resolve")


def processes(cluster):
    return [
        pid
        for (pid,) in cluster.sql(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'fraiseql_subs resolver'"
        )
    ]


def test_the_value_is_what_the_function_returns(server, connect, field):
    subscription = connect(server).subscribe(
        query(field, "id status owner lines { sku }", "(id: 4)")
    )
    publish(server, field, 4)
    assert subscription.data() == {
        field: {"id": "4", "status": "changed", "owner": None, "lines": [{"sku": "4"}]}
    }
    assert server.sql("SELECT 1 FROM app.done WHERE id = 4")


def test_null_is_a_value_and_what_is_skipped_is_none(server, connect, field):
    subscription = connect(server).subscribe(query(field))
    publish(server, field, 1, status="skip")
    publish(server, field, 2, status="null")
    publish(server, field, 3)
    assert subscription.data() == {field: None}
    assert subscription.data()[field]["id"] == "3"


def test_an_error_that_the_function_tells_reaches_the_client_and_not_the_log(
    server, connect, field
):
    start = server.log_size()
    subscription = connect(server).subscribe(query(field))
    publish(server, field, 77, status="tell")
    publish(server, field, 78)
    payload = subscription.next()
    [error] = payload["errors"]
    assert payload["data"] == {field: None}
    assert error["message"] == "Not yours."
    assert error["extensions"] == {"code": "MINE", "hint": [1]}
    assert subscription.data()[field]["id"] == "78"
    assert "Not yours" not in server.log(start)
    # What it has done is undone.
    assert server.sql("SELECT 1 FROM app.done WHERE id = 77") == []


def test_any_other_error_is_in_the_log_and_not_at_the_client(server, connect, field):
    [pid] = processes(server)
    start = server.log_size()
    subscription = connect(server).subscribe(query(field))
    publish(server, field, 1, status="raise")
    [error] = subscription.next()["errors"]
    assert error["message"] == UNEXPECTED
    assert error["extensions"]["code"] == "RESOLVER_FAILED"
    log = server.log(start)
    assert "the secret" in log and error["extensions"]["correlationId"] in log
    publish(server, field, 2)
    assert subscription.data()[field]["id"] == "2"
    assert processes(server) == [pid]


def test_a_function_that_takes_too_long_is_cancelled_and_others_go_on(server, connect, name):
    field = register(server, name, function="app.resolve", timeout="1 s")
    subscription = connect(server).subscribe(query(field))
    with server.advisory_lock(1):
        publish(server, field, 1, status="wait")
        [error] = subscription.next()["errors"]
        assert error["extensions"]["code"] == "RESOLVER_TIMEOUT"
        publish(server, field, 2)
        assert subscription.data()[field]["id"] == "2"


def test_functions_for_an_audience_see_its_claims(server, connect, name):
    field = register(server, name, function="app.resolve", per="audience")
    subscriptions = {}
    for user in ("alice", "bob"):
        client = connect(server, init=False)
        client.init({"authToken": make_token(sub=user)})
        subscriptions[user] = client.subscribe(query(field, "owner"))
    publish(server, field, 1)
    for user, subscription in subscriptions.items():
        assert subscription.data() == {field: {"owner": user}}


def test_functions_for_a_plan_see_the_claims_of_nobody(server, connect, field):
    client = connect(server, init=False)
    client.init({"authToken": make_token(sub="alice")})
    subscription = client.subscribe(query(field, "owner"))
    publish(server, field, 1)
    assert subscription.data() == {field: {"owner": None}}


def test_a_function_that_is_gone_is_an_error_until_it_is_back(server, connect, name):
    body = (
        f"CREATE FUNCTION app.{name}(jsonb, jsonb) RETURNS jsonb LANGUAGE sql"
        " AS $$SELECT $1->'data'$$"
    )
    server.sql(body)
    field = register(server, name, function=f"app.{name}")
    subscription = connect(server).subscribe(query(field, "id"))
    publish(server, field, 1)
    assert subscription.data() == {field: {"id": "1"}}
    server.sql(f"DROP FUNCTION app.{name}")
    publish(server, field, 2)
    assert subscription.next()["errors"][0]["extensions"]["code"] == "RESOLVER_FAILED"
    server.sql(body)
    publish(server, field, 3)
    assert subscription.data() == {field: {"id": "3"}}


def test_a_function_runs_as_its_owner_and_only_he_may_register_it(server, connect, name):
    server.sql(f"CREATE ROLE {name} LOGIN; GRANT fraiseql_registrar TO {name}")
    server.sql(f"CREATE SCHEMA {name} AUTHORIZATION {name}")
    with server.connect(user=name) as connection:
        connection.execute(
            f"CREATE FUNCTION {name}.own(jsonb, jsonb) RETURNS jsonb LANGUAGE sql AS"
            " $$SELECT jsonb_build_object('id', 1, 'owner', current_user)$$"
        )
        register_field = "SELECT fraiseql_register_subscription(%s, %s)"
        connection.execute(register_field, (f"{name}: Order", name))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT fraiseql_register_resolver(%s, 'app.resolve')", (name,))
        connection.execute("SELECT fraiseql_register_resolver(%s, %s)", (name, f"{name}.own"))
    with server.connect() as connection:
        # As him a superuser has no more rights than he.
        connection.execute(f"SET ROLE {name}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT fraiseql_register_resolver(%s, 'app.resolve')", (name,))
    subscription = connect(server).subscribe(query(name, "owner"))
    publish(server, name, 1)
    assert subscription.data() == {name: {"owner": name}}


@pytest.mark.parametrize(
    ("signature", "error"),
    [
        ("(jsonb) RETURNS jsonb", psycopg.errors.UndefinedFunction),
        ("(json, json) RETURNS jsonb", psycopg.errors.UndefinedFunction),
        ("(jsonb, jsonb) RETURNS json", psycopg.errors.InvalidFunctionDefinition),
        ("(jsonb, jsonb) RETURNS SETOF jsonb", psycopg.errors.InvalidFunctionDefinition),
    ],
)
def test_a_function_must_fit(server, field, name, signature, error):
    returns = "NULL::json" if signature.endswith(" json") else "NULL::jsonb"
    server.sql(f"CREATE FUNCTION app.{name}{signature} LANGUAGE sql AS $$SELECT {returns}$$")
    with pytest.raises(error):
        register_resolver(server, field, function=f"app.{name}")


def test_calls_wait_for_a_process_that_was_terminated(server, connect, field):
    [pid] = processes(server)
    subscription = connect(server).subscribe(query(field))
    server.sql("SELECT pg_terminate_backend(%s)", (pid,))
    wait_until(lambda: processes(server) != [pid], "it has ended")
    publish(server, field, 1)
    assert subscription.data()[field]["id"] == "1"


def test_a_call_under_way_fails_with_its_process(server, connect, field):
    wait_until(lambda: processes(server), "there is a process")
    [pid] = processes(server)
    subscription = connect(server).subscribe(query(field))
    with server.advisory_lock(1):
        publish(server, field, 1, status="wait")
        wait_until(server.waits_for_advisory_lock, "the function waits")
        server.sql("SELECT pg_terminate_backend(%s)", (pid,))
        assert subscription.next()["errors"][0]["extensions"]["code"] == "RESOLVER_FAILED"


def test_a_call_that_a_process_has_not_begun_when_it_ends_is_another_s(server, connect, name):
    field = register(server, name, function="app.resolve")
    linked = "SELECT processes FROM fraiseql_resolvers() WHERE field = %s"
    wait_until(lambda: server.sql(linked, (field,)) == [(1,)], "a process asks for calls")
    [pid] = processes(server)
    subscription = connect(server).subscribe(query(field))
    os.kill(pid, signal.SIGSTOP)
    try:
        publish(server, field, 1)
        under_way = "SELECT under_way FROM fraiseql_resolvers() WHERE field = %s"
        wait_until(lambda: server.sql(under_way, (field,)) == [(1,)], "it has the call")
        server.sql("SELECT pg_terminate_backend(%s)", (pid,))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert subscription.data()[field]["id"] == "1"


def test_there_is_a_process_only_while_a_function_resolves(make_cluster, connect):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    register(cluster, "outside", definition="{}: Order")
    assert processes(cluster) == []
    cluster.sql(FUNCTION)
    field = register(cluster, "orders", definition="{}: Order", function="app.resolve")
    subscription = connect(cluster).subscribe(query(field))
    publish(cluster, field, 1)
    assert subscription.data()[field]["id"] == "1"
    assert len(processes(cluster)) == 1
    cluster.sql("SELECT fraiseql_unregister_resolver('orders')")
    wait_until(lambda: processes(cluster) == [], "it has ended")


# Returns when as many calls have begun as the event says; it sleeps between two looks.
TOGETHER = """
    CREATE SCHEMA together;
    CREATE SEQUENCE together.begun;
    CREATE FUNCTION together.resolve(event jsonb, variables jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM nextval('together.begun');
        WHILE (SELECT last_value FROM together.begun) < (event->'data'->>'begun')::int LOOP
            PERFORM pg_sleep(0.01);
        END LOOP;
        RETURN event->'data';
    END $$;
"""


def resolved_together(make_cluster, **settings):
    cluster = make_cluster(**settings)
    cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
    cluster.sql(TOGETHER)
    register(cluster, "orders", definition="{}: Order", function="together.resolve")
    return cluster


def test_as_many_calls_of_functions_run_at_a_time_as_there_are_to_be_processes(
    make_cluster, connect
):
    cluster = resolved_together(make_cluster, resolver_processes=3)
    subscription = connect(cluster).subscribe(query("orders"))
    begun = 0
    for count in (3, 1, 2):
        cluster.sql(f"ALTER SYSTEM SET fraiseql_subs.resolver_processes = {count}")
        cluster.sql("SELECT pg_reload_conf()")
        wait_until(lambda count=count: len(processes(cluster)) == count, "there are as many")
        begun += count
        publish(cluster, "orders", *range(count), begun=begun)
        for number in range(count):
            assert subscription.data()["orders"]["id"] == str(number)


def test_without_room_for_all_processes_those_that_there_are_do_the_work(make_cluster, connect):
    cluster = resolved_together(
        make_cluster, resolver_processes=9, postgresql__max_worker_processes=5
    )
    wait_until(lambda: processes(cluster), "there is a process")
    subscription = connect(cluster).subscribe(query("orders"))
    publish(cluster, "orders", 1, begun=1)
    assert subscription.data()["orders"]["id"] == "1"
    told = "no background worker slot is free for the resolver"
    wait_until(lambda: told in cluster.log(), "it is told")
    assert cluster.log().count(told) == 1


def test_a_process_that_stands_still_delays_nothing_for_ever(server, connect, name):
    field = register(server, name, function="app.resolve", timeout="300 ms")
    subscription = connect(server).subscribe(query(field))
    wait_until(lambda: processes(server), "there is a process")
    [pid] = processes(server)
    os.kill(pid, signal.SIGSTOP)
    try:
        publish(server, field, 1)
        assert subscription.next()["errors"][0]["extensions"]["code"] == "RESOLVER_TIMEOUT"
    finally:
        os.kill(pid, signal.SIGCONT)
    publish(server, field, 2)
    while "errors" in (payload := subscription.next()):
        publish(server, field, 2)
    assert payload["data"][field]["id"] == "2"
