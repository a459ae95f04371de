"""Registrations: in force at once, checked, dumped, and live subscriptions under change."""

import graphql
import psycopg
import pytest

from cluster import wait_until


@pytest.fixture
def cluster(make_cluster):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types('type Note { id: ID! text: String }')")
    cluster.sql("SELECT fraiseql_register_subscription('noted(id: ID): Note', 'notes')")
    return cluster


def publish_note(cluster, **data):
    cluster.publish("noted", "notes", data)


def test_a_field_can_be_subscribed_to_as_soon_as_its_registration_committed(server, connect, name):
    client = connect(server)
    for i in range(20):
        field = f"{name}{i}"
        server.sql("SELECT fraiseql_register_subscription(%s, %s)", (f"{field}: Order", name))
        subscription = client.subscribe(f"subscription {{ {field} {{ id }} }}")
        assert subscription.messages == []
        server.publish("x", name, {"id": i, "status": "x"})
        assert subscription.data() == {field: {"id": str(i)}}
        subscription.complete()


def test_a_registration_that_is_rolled_back_changes_nothing(server, connect, name):
    with server.connect(autocommit=False) as connection:
        connection.execute(
            "SELECT fraiseql_register_subscription(%s, %s)", (f"{name}: Order", name)
        )
        connection.rollback()
    (error,) = connect(server).start(f"subscription {{ {name} {{ id }} }}").errors()
    assert "Cannot query field" in error["message"]


def test_subscriptions_that_a_change_leaves_valid_go_on(cluster, connect):
    notes = connect(cluster).subscribe("subscription { noted { id } }")
    cluster.sql("SELECT fraiseql_register_types('type Note { id: ID! text: String at: String }')")
    newer = connect(cluster).subscribe("subscription { noted { id at } }")
    publish_note(cluster, id=1, at="now")
    assert notes.data() == {"noted": {"id": "1"}}
    assert newer.data() == {"noted": {"id": "1", "at": "now"}}


def test_subscriptions_that_a_change_makes_invalid_get_an_error(cluster, connect):
    client = connect(cluster)
    kept = client.subscribe("subscription { noted { id } }")
    ended = client.subscribe("subscription { noted { text } }")
    cluster.sql("SELECT fraiseql_register_types('type Note { id: ID! }')")
    errors = ended.errors()
    assert 'Cannot query field "text"' in errors[0]["message"]
    publish_note(cluster, id=1)
    assert kept.data() == {"noted": {"id": "1"}}
    client.settle()
    assert ended.messages == []


def test_an_unregistered_field_ends_its_subscriptions(cluster, connect):
    cluster.sql("SELECT fraiseql_register_subscription('other: Note', 'notes')")
    subscription = connect(cluster).subscribe("subscription { noted { id } }")
    cluster.sql("SELECT fraiseql_unregister_subscription('noted')")
    assert 'Cannot query field "noted"' in subscription.errors()[0]["message"]


def test_a_field_can_move_to_another_channel(cluster, connect):
    client = connect(cluster)
    subscription = client.subscribe("subscription { noted { id } }")
    cluster.sql("SELECT fraiseql_register_subscription('noted(id: ID): Note', 'elsewhere')")
    client.settle()
    publish_note(cluster, id=1)
    cluster.publish("noted", "elsewhere", {"id": 2})
    assert subscription.data() == {"noted": {"id": "2"}}


def test_registrations_survive_a_restart(cluster, connect):
    schema = cluster.value("SELECT fraiseql_schema()")
    cluster.restart()
    cluster.wait_until_serving()
    assert cluster.value("SELECT fraiseql_schema()") == schema
    notes = connect(cluster).subscribe("subscription { noted { id } }")
    publish_note(cluster, id=1)
    assert notes.data() == {"noted": {"id": "1"}}


def test_registrations_survive_pg_dump_and_restore(cluster, make_cluster, connect, tmp_path):
    cluster.sql("CREATE TABLE watched (id int)")
    cluster.sql("SELECT fraiseql_watch('watched', 'notes')")
    dump = tmp_path / "dump.sql"
    dump.write_text(cluster.program("pg_dump", "postgres"))
    restored = make_cluster(install=False)
    restored.program("psql", "-v", "ON_ERROR_STOP=1", "-q", "-f", dump, "postgres")
    restored.wait_until_serving()
    assert restored.value("SELECT fraiseql_schema()") == cluster.value("SELECT fraiseql_schema()")
    notes = connect(restored).subscribe("subscription { noted { text } }")
    publish_note(restored, id=1, text="x")
    assert notes.data() == {"noted": {"text": "x"}}
    restored.sql("INSERT INTO watched VALUES (1)")
    assert notes.data() == {"noted": {"text": None}}


def test_the_schema_served_is_valid_for_other_tools(cluster):
    schema = graphql.build_schema(cluster.value("SELECT fraiseql_schema()"))
    assert graphql.validate_schema(schema) == []
    assert "noted" in schema.subscription_type.fields


def test_thousands_of_types_reach_the_worker(cluster, connect):
    types = "".join(f"type T{i} {{ id: ID! next: T{i * 7 % 14000} }}" for i in range(14000))
    with cluster.connect(autocommit=True) as session:
        session.execute("SELECT fraiseql_register_types(%s)", (types,))
        session.execute("SELECT fraiseql_register_subscription('t(where: T1Filter): T1', 'c')")
    wait_until(
        lambda: connect(cluster).subscribe("subscription { t { id } }").messages == [],
        "the worker serves them",
    )


@pytest.mark.extension_only
@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("fraiseql_register_types('type {')", "yntax"),
        ("fraiseql_register_types('type A { b: Nowhere }')", "Nowhere"),
        ("fraiseql_register_subscription('x: Nowhere', 'c')", "Nowhere"),
        ("fraiseql_register_subscription('x(nothing: Int): Note', 'c')", "nothing"),
        ("fraiseql_register_subscription('x: Note', '')", "channel"),
        ("fraiseql_register_subscription('x: Note', 'c', '{}')", "event_types"),
        ("fraiseql_unregister_subscription('nope')", "nope"),
        ("fraiseql_unregister_type('Note')", "Note"),
        ("fraiseql_unregister_type('Nope')", "Nope"),
    ],
)
def test_registrations_that_make_no_sense_are_refused(cluster, call, complaint):
    before = cluster.value("SELECT fraiseql_schema()")
    with pytest.raises(psycopg.Error, match=complaint):
        cluster.sql(f"SELECT {call}")
    assert cluster.value("SELECT fraiseql_schema()") == before
