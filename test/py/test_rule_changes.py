"""A rule is in force for everything that is committed behind it."""

import os
import signal

import pytest

from cluster import wait_until
from tokens import SECRET, make_token

STRICT = "SELECT fraiseql_register_subscription('note: Note', 'notes', tenant_field => 'tenant_id')"
OPEN = "SELECT fraiseql_register_subscription('note: Note', 'notes')"


@pytest.fixture
def notes(make_cluster):
    cluster = make_cluster(worker_threads=2)
    cluster.sql("SELECT fraiseql_register_issuer('tests', secret => %s)", (SECRET,))
    cluster.sql("SELECT fraiseql_register_types('type Note { id: ID! }')")
    cluster.sql("SELECT fraiseql_register_subscription('last: Note', 'last')")
    cluster.sql(OPEN)
    return cluster


def listener(cluster, connect, tenant):
    client = connect(cluster, init=False)
    client.init({"token": make_token(sub="u", tenant_id=tenant)})
    note = client.subscribe("subscription { note { id } }")
    return note, client.subscribe("subscription { last { id } }")


def publish(connection, tenant, id):
    connection.execute(
        "SELECT fraiseql_publish('written', 'notes', jsonb_build_object('id', %s::text,"
        " 'tenant_id', %s::text))",
        (id, tenant),
    )


def received(note, last):
    last.next()
    return [message["payload"]["data"]["note"]["id"] for message in note.messages]


def test_no_event_behind_a_stricter_rule_reaches_whom_it_forbids(notes, connect):
    listeners = [listener(notes, connect, "b") for _ in range(4)]
    with notes.connect() as connection:
        publish(connection, "a", "before")
        connection.execute(STRICT)
        for number in range(500):
            publish(connection, "a", number)
        publish(connection, "b", "own")
        connection.execute("""SELECT fraiseql_publish('written', 'last', '{"id": 1}')""")
    for note, last in listeners:
        assert received(note, last) == ["before", "own"]


def executor_of(cluster):
    return cluster.value(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'fraiseql_subs executor'"
    )


def test_while_the_catalog_cannot_be_read_nothing_goes_by_the_older_rules(notes, connect):
    note, last = listener(notes, connect, "b")
    late = connect(notes, init=False)
    late.init({"token": make_token(sub="u", tenant_id="b")})
    executor = executor_of(notes)
    os.kill(executor, signal.SIGSTOP)
    try:
        with notes.connect() as connection:
            connection.execute(STRICT)
            publish(connection, "a", "other's")
            publish(connection, "b", "own")
        (error,) = late.subscribe("subscription { note { id } }").errors()
        assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
        note.client.settle()
        assert note.messages == []
    finally:
        os.kill(executor, signal.SIGCONT)
    notes.sql("""SELECT fraiseql_publish('written', 'last', '{"id": 1}')""")
    assert received(note, last) == ["own"]


def test_registering_another_field_keeps_nobody_waiting(notes, connect):
    note, last = listener(notes, connect, "b")
    with notes.connect() as connection:
        for number in range(20):
            connection.execute(
                "SELECT fraiseql_register_subscription(%s, 'notes')", (f"other{number}: Note",)
            )
            publish(connection, "b", number)
        connection.execute("""SELECT fraiseql_publish('written', 'last', '{"id": 1}')""")
    assert received(note, last) == [str(number) for number in range(20)]


def test_an_issuer_that_is_unregistered_lets_nobody_in_any_more(notes, connect):
    client = connect(notes, init=False)
    notes.sql("SELECT fraiseql_unregister_issuer('tests')")
    wait_until(
        lambda: notes.value("SELECT count(*) FROM fraiseql_issuers()") == 0, "the worker knows"
    )
    client.send({"type": "connection_init", "payload": {"token": make_token(sub="u")}})
    assert client.wait_for_close()[0] == 4403
