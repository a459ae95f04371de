"""The setting `authenticate`: a function in the database decides on each client that logs in."""

import contextlib
import json
import os
import signal

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from client import Client
from cluster import wait_until
from test_side_door import Executor

FORBIDDEN = 4403

# Does as the init payload says.
FUNCTION = """
    CREATE SCHEMA IF NOT EXISTS auth;
    CREATE OR REPLACE FUNCTION auth.login(claims jsonb, init_payload jsonb, headers jsonb)
    RETURNS jsonb LANGUAGE plpgsql SET lock_timeout = 0 AS $$
    BEGIN
        CASE init_payload->>'do'
            WHEN 'wait' THEN PERFORM pg_advisory_xact_lock_shared(1);
            WHEN 'raise' THEN RAISE 'the secret of %', init_payload->>'user';
            WHEN 'refuse' THEN RETURN NULL;
            WHEN 'list' THEN RETURN '[]';
            WHEN 'swell' THEN RETURN jsonb_build_object('sub', repeat('x', 100000));
            ELSE NULL;
        END CASE;
        RETURN jsonb_build_object('sub', init_payload->>'user', 'tenant_id', 't',
            'roles', jsonb_build_array('r2', 'r1'), 'was', claims);
    END $$;
"""


@pytest.fixture
def cluster(make_cluster):
    cluster = make_cluster(authenticate="auth.login", authenticate_timeout="5s", init_timeout="10s")
    cluster.sql(FUNCTION)
    cluster.sql("SELECT fraiseql_register_subscription('n: Int', 'numbers')")
    wait_until(lambda: authenticators(cluster), "the authenticator runs")
    return cluster


def authenticators(cluster):
    return [
        pid
        for (pid,) in cluster.sql(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'fraiseql_subs authenticator'"
        )
    ]


def present(cluster, payload=None):
    """A client that has sent its init message."""
    client = Client(cluster.url)
    client.send({"type": "connection_init", "payload": payload or {}})
    return client


def login(cluster, payload=None):
    """The user as whom the client is known; None if it was refused."""
    with contextlib.closing(present(cluster, payload)) as client:
        return outcome(cluster, client)


def outcome(cluster, client):
    query = "SELECT coalesce(user_id, '-') FROM fraiseql_connections() WHERE peer = %s"
    try:
        client.wait_for("connection_ack")
        known = cluster.sql(query, (client.peer,))
        while not known:  # Another function is in force since: whom this one let in are closed.
            client.receive()
    except ConnectionClosed as closed:
        assert closed.rcvd.code == FORBIDDEN
        assert "secret" not in closed.rcvd.reason
        return None
    return known[0][0]


def replace_function(cluster, body, language="plpgsql", options="", name="auth.login"):
    cluster.sql(
        f"CREATE OR REPLACE FUNCTION {name}(claims jsonb, init_payload jsonb, headers jsonb)"
        f" RETURNS jsonb LANGUAGE {language} {options} AS $${body}$$"
    )


def wait_for_log(cluster, text, start=0):
    wait_until(lambda: text in cluster.log(start), f"the log says {text!r}")


def test_claims_of_the_function_are_the_client(cluster, connect):
    assert login(cluster, {"user": "alice"}) == "alice"
    client = connect(cluster, init=False)
    client.init({"user": "bob"})
    assert cluster.sql("SELECT user_id, tenant_id, roles FROM fraiseql_connections()") == [
        ("bob", "t", ["r1", "r2"])
    ]
    subscription = client.subscribe("subscription { n }")
    cluster.publish("n", "numbers", 1)
    assert subscription.data() == {"n": 1}


@pytest.mark.parametrize("allow_anonymous", ["on", "off"])
def test_the_function_alone_decides_on_clients_without_a_token(cluster, allow_anonymous):
    cluster.set(allow_anonymous=allow_anonymous)
    wait_until(
        lambda: cluster.value("SHOW fraiseql_subs.allow_anonymous") == allow_anonymous, "it is set"
    )
    assert login(cluster, {"user": "alice"}) == "alice"
    assert login(cluster, {"do": "refuse", "user": "alice"}) is None


def test_whatever_is_no_object_refuses(cluster):
    start = cluster.log_size()
    assert login(cluster, {"do": "list", "user": "alice"}) is None
    assert "returned no JSON object" in cluster.log(start)
    assert login(cluster, {"do": "swell", "user": "alice"}) is None
    assert "claims of more than 65536 bytes" in cluster.log(start)
    assert login(cluster, {"user": "alice"}) == "alice"


def test_an_error_refuses_and_stays_in_the_log(cluster):
    start = cluster.log_size()
    assert login(cluster, {"do": "raise", "user": "alice"}) is None
    assert "ERROR:  the secret of alice" in cluster.log(start)
    assert login(cluster, {"user": "bob"}) == "bob"


def test_a_client_cannot_fill_the_log_with_errors(cluster):
    start = cluster.log_size()
    for _ in range(300):
        assert login(cluster, {"do": "raise", "user": "x" * 200}) is None
    assert 10 < cluster.log(start).count("ERROR:  the secret of") < 100


def test_an_init_payload_that_jsonb_cannot_hold_refuses_that_client_alone(cluster):
    [pid] = authenticators(cluster)
    payloads = ('{"user":"a\\u0000b"}', '{"user":1e999999}', '{"user":' + "9" * 60000 + "}")
    clients = []
    for payload in payloads:
        clients.append(Client(cluster.url))
        clients[-1].send('{"type":"connection_init","payload":' + payload + "}")
    bystander = present(cluster, {"user": "alice"})
    assert outcome(cluster, bystander) == "alice"
    for client in clients:
        outcome(cluster, client)
        client.close()
    bystander.close()
    assert authenticators(cluster) == [pid]
    assert "protocol" not in cluster.log()


def test_what_jsonb_cannot_hold_does_not_get_into_the_log(cluster):
    for payload in ('{"password":"hunter2\\u0000"}', '{"password":"hunter2","user":1e999999}'):
        start = cluster.log_size()
        with contextlib.closing(Client(cluster.url)) as client:
            client.send('{"type":"connection_init","payload":' + payload + "}")
            assert outcome(cluster, client) is None
        log = cluster.log(start)
        assert "ERROR:  fraiseql_subs: a client's init_payload cannot be read as jsonb" in log
        assert "hunter2" not in log and "999999" not in log and "CONTEXT" not in log


def test_a_slow_function_refuses_in_time_and_others_go_on(cluster):
    cluster.set(authenticate_timeout="1s")
    wait_until(
        lambda: cluster.value("SHOW fraiseql_subs.authenticate_timeout") == "1s", "it is set"
    )
    with cluster.advisory_lock(1):
        slow = [present(cluster, {"do": "wait"}) for _ in range(3)]
        assert login(cluster, {"user": "alice"}) == "alice"
        for client in slow:
            assert outcome(cluster, client) is None
            client.close()
    assert "canceling statement due to statement timeout" in cluster.log()


def test_a_function_that_waits_for_a_lock_is_cancelled_before_its_time_is_up(cluster):
    replace_function(
        cluster, "SELECT jsonb_build_object('sub', 'x', 'got', pg_advisory_xact_lock(1))", "sql"
    )
    with cluster.advisory_lock(1):
        assert login(cluster) is None
    assert "canceling statement due to lock timeout" in cluster.log()
    assert login(cluster) == "x"


def test_the_catalog_waits_for_no_log_in(cluster, connect, name):
    """What is registered is served while the function waits."""
    cluster.set(authenticate_timeout="60s")
    wait_until(
        lambda: cluster.value("SHOW fraiseql_subs.authenticate_timeout") == "1min", "it is set"
    )
    client = connect(cluster, init=False)
    client.init({"user": "alice"})
    with cluster.advisory_lock(1):
        waiting = present(cluster, {"do": "wait", "user": "bob"})
        wait_until(cluster.waits_for_advisory_lock, "the function waits")
        cluster.sql("SELECT fraiseql_register_subscription(%s, %s)", (f"{name}: Int", name))
        subscription = client.subscribe(f"subscription {{ {name} }}")
        cluster.publish("any", name, 1)
        assert subscription.data() == {name: 1}
        assert cluster.waits_for_advisory_lock()
    assert outcome(cluster, waiting) == "bob"
    waiting.close()


def test_a_missing_function_refuses_and_says_what_to_do(cluster):
    start = cluster.log_size()
    cluster.sql("DROP FUNCTION auth.login")
    assert login(cluster, {"user": "alice"}) is None
    log = cluster.log(start)
    assert "function auth.login(jsonb, jsonb, jsonb) does not exist" in log
    assert "nobody can log in without it" in log
    assert cluster.get("/readyz")[0] == 200
    cluster.sql(FUNCTION)
    assert login(cluster, {"user": "alice"}) == "alice"
    cluster.sql("DROP SCHEMA auth CASCADE")
    assert login(cluster, {"user": "alice"}) is None


OTHER_SIGNATURES = (
    ("jsonb, jsonb, jsonb", "json"),
    ("jsonb, jsonb, jsonb", "SETOF jsonb"),
    ("jsonb, jsonb, jsonb", "TABLE (claims jsonb)"),
    ("json, json, json", "jsonb"),
    ("text, text, text", "jsonb"),
    ("jsonb, jsonb", "jsonb"),
    ("jsonb, jsonb, jsonb, jsonb DEFAULT NULL", "jsonb"),
    ("VARIADIC jsonb[]", "jsonb"),
    ("anyelement, anyelement, anyelement", "jsonb"),
)


def test_another_signature_is_none(cluster):
    cluster.sql("DROP FUNCTION auth.login")
    for signature, result in OTHER_SIGNATURES:
        cluster.sql(
            f"CREATE FUNCTION auth.login({signature}) RETURNS {result} LANGUAGE sql"
            f' AS $$ SELECT \'{{"sub": "alice"}}\'::{"json" if result == "json" else "jsonb"} $$'
        )
        assert login(cluster, {"user": "alice"}) is None, (signature, result)
        cluster.sql("DROP FUNCTION auth.login")


def test_a_procedure_and_an_aggregate_are_no_functions(cluster):
    cluster.sql("DROP FUNCTION auth.login")
    cluster.sql("CREATE PROCEDURE auth.login(jsonb, jsonb, jsonb) LANGUAGE sql AS 'SELECT 1'")
    assert login(cluster) is None
    cluster.sql("DROP PROCEDURE auth.login")
    cluster.sql(
        "CREATE FUNCTION auth.step(jsonb, jsonb, jsonb, jsonb) RETURNS jsonb"
        " LANGUAGE sql AS 'SELECT $1'"
    )
    cluster.sql(
        "CREATE AGGREGATE auth.login(jsonb, jsonb, jsonb) (SFUNC = auth.step, STYPE = jsonb)"
    )
    assert login(cluster) is None


def test_the_state_of_the_function_is_warned_of_at_start_and_reload(make_cluster):
    cluster = make_cluster(authenticate='"No Schema".login')
    wait_for_log(
        cluster, 'WARNING:  fraiseql_subs: function "No Schema".login(jsonb, jsonb, jsonb)'
    )
    start = cluster.log_size()
    cluster.set(authenticate="nowhere.login")
    wait_for_log(
        cluster, "WARNING:  fraiseql_subs: function nowhere.login(jsonb, jsonb, jsonb)", start
    )
    assert cluster.get("/readyz")[0] == 200


def test_names_are_quoted_as_in_sql(cluster):
    cluster.sql('CREATE SCHEMA "Odd.Name"')
    replace_function(
        cluster, """ SELECT '{"sub": "odd"}'::jsonb """, "sql", name='"Odd.Name"."Log""in"'
    )
    cluster.set(authenticate='"Odd.Name"."Log""in"')
    wait_until(lambda: login(cluster, {"user": "x"}) == "odd", "the other function is asked")
    cluster.set(authenticate="AUTH.LogIn")
    wait_until(lambda: login(cluster, {"user": "x"}) == "x", "the first function is asked again")


@pytest.mark.parametrize("value", ["login", "a.b.c", "auth login", '"auth.login', "auth."])
def test_a_value_that_names_no_function_of_a_schema_is_refused(server, value):
    with server.connect() as connection, pytest.raises(psycopg.errors.InvalidParameterValue) as why:
        connection.execute(f"ALTER SYSTEM SET fraiseql_subs.authenticate = '{value}'")
    assert why.value.diag.message_detail == "It must be the name of a function and of its schema."


def test_a_wrong_value_at_the_start_lets_nobody_in(make_cluster):
    cluster = make_cluster(authenticate="login")
    assert "Until this is mended nobody can log in." in cluster.log()
    assert login(cluster) is None


def test_the_setting_is_switched_on_and_off_by_reload(make_cluster):
    cluster = make_cluster()
    cluster.sql(FUNCTION)
    assert authenticators(cluster) == []
    assert login(cluster) == "-"
    cluster.set(authenticate="auth.login")
    wait_until(lambda: login(cluster, {"user": "alice"}) == "alice", "the function is asked")
    cluster.set(authenticate=None)
    wait_until(lambda: authenticators(cluster) == [], "the authenticator has ended")
    wait_until(lambda: login(cluster, {"user": "alice"}) == "-", "the function is not asked")


def test_the_function_runs_as_its_owner_and_not_as_the_executor(cluster):
    cluster.sql("CREATE ROLE porter")
    cluster.sql("GRANT CREATE, USAGE ON SCHEMA auth TO porter")
    cluster.sql("ALTER FUNCTION auth.login OWNER TO porter")
    replace_function(
        cluster,
        """BEGIN
            IF init_payload ? 'sql' THEN EXECUTE init_payload->>'sql'; END IF;
            RETURN jsonb_build_object('sub', current_user);
        END""",
    )
    assert login(cluster) == "porter"
    for sql in (
        "SELECT count(*) FROM pg_authid",
        "SET ROLE postgres",
        "RESET ROLE",
        "SET SESSION AUTHORIZATION postgres",
        "RESET SESSION AUTHORIZATION",
        "SELECT set_config('role', 'postgres', false)",
        "COPY pg_class TO PROGRAM 'true'",
        "ALTER ROLE porter SUPERUSER",
        "CREATE TEMP TABLE t (a int)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "LISTEN x",
    ):
        start = cluster.log_size()
        assert login(cluster, {"sql": sql}) is None, sql
        assert "ERROR:  " in cluster.log(start), sql
    assert login(cluster) == "porter"


def test_a_deferred_trigger_of_the_owner_does_not_run_as_the_executor(cluster):
    """It would run when the transaction commits, and is the owner's own code."""
    cluster.sql(
        """
        CREATE ROLE porter;
        GRANT CREATE, USAGE ON SCHEMA auth TO porter;
        ALTER FUNCTION auth.login OWNER TO porter;
        SET ROLE porter;
        CREATE TABLE auth.trap (who text);
        CREATE TABLE auth.bait (a int);
        CREATE FUNCTION auth.spring() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO auth.trap VALUES (current_user);
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER spring AFTER INSERT ON auth.bait DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION auth.spring();
        """
    )
    replace_function(
        cluster,
        """BEGIN
            INSERT INTO auth.bait VALUES (1);
            RETURN jsonb_build_object('sub', 'caught');
        END""",
    )
    assert login(cluster) is None
    assert cluster.sql("SELECT who FROM auth.trap") == []


def test_the_function_may_write(cluster):
    cluster.sql("CREATE TABLE auth.logins (who text)")
    replace_function(
        cluster,
        """BEGIN
            INSERT INTO auth.logins VALUES (init_payload->>'user');
            IF init_payload->>'user' = 'mallory' THEN RAISE 'no'; END IF;
            RETURN jsonb_build_object('sub', init_payload->>'user');
        END""",
    )
    assert login(cluster, {"user": "alice"}) == "alice"
    assert login(cluster, {"user": "mallory"}) is None
    assert cluster.sql("SELECT who FROM auth.logins") == [("alice",)]


def test_no_object_of_another_schema_gets_into_the_function(cluster):
    """It names users, and finds only those of a search path that it has of its own."""
    cluster.sql("CREATE TABLE public.users (name text)")
    cluster.sql("INSERT INTO public.users VALUES ('planted')")
    cluster.sql("ALTER DATABASE postgres SET search_path = public")
    body = "BEGIN RETURN jsonb_build_object('sub', (SELECT name FROM users)); END"
    replace_function(cluster, body)
    assert login(cluster) is None
    assert 'relation "users" does not exist' in cluster.log()
    cluster.sql("CREATE TABLE auth.users AS SELECT 'own' AS name")
    replace_function(cluster, body, options="SET search_path = auth, pg_temp")
    assert login(cluster) == "own"


def test_no_setting_outlives_a_call(cluster):
    replace_function(
        cluster,
        """DECLARE was text := current_setting('search_path') || current_setting('a.b', true);
        BEGIN
            PERFORM set_config('search_path', 'public', false);
            PERFORM set_config('a.b', 'left behind', false);
            PERFORM set_config('default_transaction_read_only', 'on', false);
            PERFORM set_config('statement_timeout', '1', false);
            RETURN jsonb_build_object('sub', coalesce(was, 'nothing'));
        END""",
    )
    assert login(cluster) == "nothing"
    assert login(cluster) in ("nothing", "pg_catalog, pg_temp")
    assert login(cluster) in ("nothing", "pg_catalog, pg_temp")


@pytest.mark.parametrize("ending", ["NULL", "RAISE 'no'", "RETURN NULL"])
def test_no_advisory_lock_outlives_a_call(cluster, ending):
    end = "" if ending == "NULL" else ending + ";"
    replace_function(
        cluster,
        f"""BEGIN
            PERFORM pg_advisory_lock(7), pg_advisory_lock_shared(8), pg_advisory_xact_lock(9);
            {end}
            RETURN '{{"sub": "alice"}}';
        END""",
    )
    assert login(cluster) == ("alice" if ending == "NULL" else None)
    assert login(cluster) == ("alice" if ending == "NULL" else None)
    assert cluster.sql("SELECT objid, pid FROM pg_locks WHERE locktype = 'advisory'") == []


def test_a_strict_function_is_not_called_without_claims(cluster):
    replace_function(cluster, """ SELECT '{"sub": "x"}'::jsonb """, "sql", options="STRICT")
    assert login(cluster) is None
    replace_function(cluster, """ SELECT '{"sub": "x"}'::jsonb """, "sql")
    assert login(cluster) == "x"


def test_log_ins_go_on_when_the_authenticator_was_terminated(cluster):
    [pid] = authenticators(cluster)
    with cluster.advisory_lock(1):
        clients = [present(cluster, {"do": "wait", "user": str(i)}) for i in range(8)]
        wait_until(cluster.waits_for_advisory_lock, "the function waits")
        cluster.sql("SELECT pg_terminate_backend(%s)", (pid,))
        assert outcome(cluster, clients[0]) is None
        for client in clients:
            client.close()
    assert login(cluster, {"user": "alice"}) == "alice"
    assert authenticators(cluster) != [pid]


def test_nobody_waits_for_ever_for_an_authenticator_that_stands_still(cluster):
    cluster.set(init_timeout="3s", authenticate_timeout="200ms")
    wait_until(lambda: cluster.value("SHOW fraiseql_subs.init_timeout") == "3s", "it is set")
    [pid] = authenticators(cluster)
    os.kill(pid, signal.SIGSTOP)
    try:
        clients = [present(cluster, {"user": "alice"}) for _ in range(8)]
        for client in clients:
            assert outcome(cluster, client) is None
            client.close()
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: login(cluster, {"user": "alice"}) == "alice", "log-ins go on")


def test_log_ins_wait_while_there_is_no_authenticator_yet(cluster):
    cluster.restart()
    wait_until(lambda: cluster.get("/readyz")[0] == 200, "it serves")
    assert login(cluster, {"user": "alice"}) == "alice"


def test_the_database_can_be_had_by_a_command_that_wants_it_to_itself(cluster):
    wait_until(lambda: authenticators(cluster), "the authenticator runs")
    with cluster.connect(dbname="template1") as connection:
        # In one transaction: in between nobody looks for it in vain.
        connection.execute(
            "ALTER DATABASE postgres RENAME TO other; ALTER DATABASE other RENAME TO postgres"
        )
    wait_until(lambda: login(cluster, {"user": "alice"}) == "alice", "log-ins go on")


ANSWERS = (
    {},
    {"claims": None},
    {"claims": []},
    {"claims": "sub"},
    {"claims": {"sub": "x"}, "error": "x"},
    {"claims": {"sub": "x" * 70000}},
    {"claims": {"sub": "x"}, "request": 999},
    {"claims": {"sub": "x"}, "request": "1"},
    {"claims": {"sub": "x"}, "request": None},
)


def test_no_other_answer_than_claims_lets_anybody_in(cluster):
    """By a process in the authenticator's place."""
    cluster.set(init_timeout="3s", authenticate_timeout="100ms")
    wait_until(lambda: cluster.value("SHOW fraiseql_subs.init_timeout") == "3s", "it is set")
    # The last one that came is asked, and is known when it is answered itself.
    wait_until(lambda: login(cluster, {"user": "alice"}) == "alice", "the real one is there")
    for answer in ANSWERS:
        stand_in = Executor(cluster, op="authenticator")
        with contextlib.closing(stand_in.socket):
            stand_in.send({"op": "metrics"})
            stand_in.next_message("metrics")
            client = present(cluster, {"user": "alice"})
            call = stand_in.next_message("authenticate")
            assert json.loads(call["init_payload"]) == {"user": "alice"}
            assert "claims" not in call
            reply = {"op": "authenticate", "request": call["request"]} | answer
            stand_in.send({key: value for key, value in reply.items() if value is not None})
            assert outcome(cluster, client) is None, answer
            client.close()
    wait_until(lambda: login(cluster, {"user": "alice"}) == "alice", "the real one is asked again")
