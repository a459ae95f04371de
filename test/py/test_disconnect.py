"""fraiseql_disconnect() ends connections at once; fraiseql_connections() shows whose they are."""

import contextlib
import json
import threading

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from cluster import Cluster, wait_until
from http_client import EventStream
from raw_peer import RawPeer

# Who a client is, its init payload or its request's header says.
FUNCTION = """
    CREATE SCHEMA auth;
    CREATE FUNCTION auth.login(claims jsonb, init_payload jsonb, headers jsonb)
    RETURNS jsonb LANGUAGE sql SET lock_timeout = 0 AS $$
        SELECT init_payload || jsonb_build_object(
            'waited', pg_advisory_xact_lock_shared((init_payload->>'lock')::bigint))
    $$;
"""


@pytest.fixture(scope="module")
def shared():
    cluster = Cluster(authenticate="auth.login", authenticate_timeout="10s", worker_threads=2)
    try:
        cluster.start().install()
        cluster.sql(FUNCTION)
        cluster.sql("SELECT fraiseql_register_subscription('n: String', 'numbers')")
        status, text = cluster.get("/graphql?query=%7B__typename%7D")
        assert status == 200, text
        yield cluster
    finally:
        cluster.destroy()


@pytest.fixture
def cluster(shared, log_watch):
    log_watch.add(shared)
    return shared


@pytest.fixture
def login(cluster, connect):
    def log_in(user=None, tenant=None, **claims):
        client = connect(cluster, init=False)
        client.init({"sub": user, "tenant_id": tenant} | claims)
        return client

    return log_in


def connection_id(cluster, client):
    return cluster.value("SELECT id FROM fraiseql_connections() WHERE peer = %s", (client.peer,))


def disconnect(cluster, **arguments):
    named = ", ".join(f"{name} => %({name})s" for name in arguments)
    return cluster.value(f"SELECT fraiseql_disconnect({named})", arguments)


def is_open(client):
    try:
        client.settle()
    except ConnectionClosed:
        return False
    return True


def test_connections_show_whose_they_are(cluster, login):
    somebody = login("alice", "t1", roles=["b", "a"], exp=4102444800)
    nobody = login()
    rows = cluster.sql(
        "SELECT id, user_id, tenant_id, roles, issuer, extract(epoch FROM expires_at)::bigint"
        " FROM fraiseql_connections() ORDER BY id = %s",
        (connection_id(cluster, nobody),),
    )
    assert rows == [
        (connection_id(cluster, somebody), "alice", "t1", ["a", "b"], None, 4102444800),
        (connection_id(cluster, nobody), None, None, [], None, None),
    ]


def test_those_who_fit_all_arguments_are_disconnected(cluster, login):
    first = login("alice", "t1")
    second = login("alice", "t2")
    third = login("bob", "t1")
    nobody = login()
    number = connection_id(cluster, second)
    assert disconnect(cluster, user_id="alice", tenant_id="t3") == 0
    assert disconnect(cluster, user_id="Alice") == 0
    assert disconnect(cluster, user_id="") == 0
    assert disconnect(cluster, connection_id=number, user_id="bob") == 0
    assert disconnect(cluster, connection_id=-1) == 0
    assert all(map(is_open, (first, second, third, nobody)))

    assert disconnect(cluster, connection_id=number, user_id="alice", tenant_id="t2") == 1
    assert second.wait_for_close() == (4403, "Disconnected")
    assert disconnect(cluster, tenant_id="t1", user_id="bob") == 1
    assert third.wait_for_close() == (4403, "Disconnected")
    assert is_open(first)
    assert disconnect(cluster, user_id="alice") == 1
    assert first.wait_for_close() == (4403, "Disconnected")
    assert is_open(nobody)
    assert disconnect(cluster, connection_id=connection_id(cluster, nobody)) == 1
    assert nobody.wait_for_close() == (4403, "Disconnected")


@pytest.mark.own_sockets
def test_all_shards_are_asked_and_their_numbers_added(cluster, login):
    clients = []
    # The kernel chooses the shard of each.
    while cluster.value("SELECT count(DISTINCT shard) FROM fraiseql_connections()") < 2:
        assert len(clients) < 100
        clients += [login("alice", "t1") for _ in range(4)]
    assert disconnect(cluster, tenant_id="t1") == len(clients)
    for client in clients:
        assert client.wait_for_close() == (4403, "Disconnected")
    wait_until(lambda: disconnect(cluster, tenant_id="t1") == 0, "they are gone")


def test_one_that_must_not_come_back_is_told_so(cluster, login):
    client = login("alice")
    assert disconnect(cluster, user_id="alice", forbid_return=True) == 1
    assert client.wait_for_close() == (4401, "Disconnected")


def test_a_client_that_has_not_logged_in_is_known_by_its_number_alone(cluster, connect):
    client = connect(cluster, init=False)
    client.settle()
    assert disconnect(cluster, user_id="alice") == 0
    assert disconnect(cluster, connection_id=connection_id(cluster, client)) == 1
    assert client.wait_for_close() == (4403, "Disconnected")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("Account closed", "Account closed"),
        ("", "Disconnected"),
        ('"}], "code": 1000, "x": "', '"}], "code": 1000, "x": "'),
        ("\\u0000'; DROP TABLE x; --\n\r\t", "\\u0000'; DROP TABLE x; --\n\r\t"),
        ("é" * 200, "é" * 61),
        ("漢" * 41 + "x", "漢" * 41),
    ],
)
def test_the_reason_arrives_as_it_is_and_is_cut_between_characters(cluster, login, reason, told):
    client = login("alice")
    start = cluster.log_size()
    audit = f"audit: disconnected connection={connection_id(cluster, client)} "
    assert disconnect(cluster, user_id="alice", reason=reason) == 1
    assert client.wait_for_close() == (4403, told)

    def audited():
        return [line for line in cluster.log(start).splitlines() if audit in line]

    (line,) = wait_until(audited, "it is in the log")
    assert 'user="alice"' in line


def test_some_argument_must_say_who(cluster):
    for arguments in ({}, {"reason": "x"}, {"user_id": None, "forbid_return": True}):
        with pytest.raises(psycopg.errors.InvalidParameterValue) as error:
            disconnect(cluster, **arguments)
        assert error.value.diag.message_hint is not None


def test_an_event_stream_ends_without_a_word(cluster):
    """Its end is all that the format has; `complete` would be taken for the subscription's."""
    with contextlib.closing(EventStream(cluster, "subscription { n }")) as stream:
        [(number,)] = cluster.sql(
            "SELECT id FROM fraiseql_connections() WHERE protocol = 'graphql-sse'"
        )
        assert disconnect(cluster, connection_id=number) == 1
        assert stream.event() is None


@pytest.mark.own_sockets
def test_what_waits_is_not_sent_and_a_peer_that_reads_nothing_goes_all_the_same(cluster):
    peer = RawPeer(cluster.url, receive_buffer=4096)
    with contextlib.closing(peer.socket):
        peer.send_text('{"type":"connection_init","payload":{"sub":"alice"}}')
        assert peer.receive_text().startswith('{"type":"connection_ack"')
        peer.send_text('{"id":"1","type":"subscribe","payload":{"query":"subscription { n }"}}')
        mine = "FROM fraiseql_connections() WHERE user_id = 'alice'"
        wait_until(lambda: cluster.value(f"SELECT subscriptions {mine}") == 1, "it has subscribed")

        def is_behind():
            for _ in range(20):
                cluster.publish("n", "numbers", "x" * 60000)
            return cluster.value(f"SELECT queued_bytes > 500000 {mine}")

        wait_until(is_behind, "events wait for it")
        assert disconnect(cluster, user_id="alice") == 1
        assert cluster.value(f"SELECT state {mine}") == "closing"
        wait_until(lambda: cluster.sql(f"SELECT 1 {mine}") == [], "the server has let go of it")


def test_a_log_in_under_way_is_not_seen(cluster, login):
    """Whose it is, is known only at its end: the function itself has to refuse it."""
    results = []
    thread = threading.Thread(target=lambda: results.append(login("alice", lock=1)))
    with cluster.advisory_lock(1):
        thread.start()
        wait_until(cluster.waits_for_advisory_lock, "the function is asked")
        assert disconnect(cluster, user_id="alice") == 0
    thread.join()
    assert is_open(results[0])


def test_only_those_who_were_granted_it_may_disconnect(cluster, login):
    client = login("alice")
    cluster.sql("CREATE ROLE warden")
    call = "SELECT fraiseql_disconnect(user_id => 'alice')"
    try:
        with cluster.connect() as connection:
            connection.execute("SET ROLE warden")
            for statement in (
                call,
                "SELECT fraiseql_subs.worker_request('disconnect',"
                """ '{"user": "alice", "code": 4403, "reason": "x"}')""",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
        assert is_open(client)
        cluster.sql("GRANT EXECUTE ON FUNCTION fraiseql_disconnect TO warden")
        with cluster.connect() as connection:
            connection.execute("SET ROLE warden")
            assert connection.execute(call).fetchone() == (1,)
    finally:
        cluster.sql("DROP OWNED BY warden; DROP ROLE warden")


def test_arguments_that_make_no_sense_end_the_request_alone(cluster, login):
    client = login("alice")
    for arguments in (
        {},
        {"user": "alice"},
        {"user": "alice", "code": "4403", "reason": "x"},
        {"user": "alice", "code": 99999, "reason": "x"},
        {"code": 4403, "reason": "x"},
        {"user": None, "code": 4403, "reason": "x"},
        {"user": 1, "code": 4403, "reason": "x"},
        {"user": ["alice"], "code": 4403, "reason": "x"},
        {"connection": "1", "code": 4403, "reason": "x"},
        {"connection": 1.5, "code": 4403, "reason": "x"},
    ):
        with pytest.raises(psycopg.errors.ConnectionFailure):
            cluster.sql(
                "SELECT fraiseql_subs.worker_request('disconnect', %s)", (json.dumps(arguments),)
            )
    assert is_open(client)
