"""Registrations by several sessions at once, and their end by a timeout or a cancel request."""

import psycopg
import pytest

pytestmark = pytest.mark.extension_only

SNAPSHOTS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


@pytest.fixture
def cluster(make_cluster):
    cluster = make_cluster()
    cluster.sql("SELECT fraiseql_register_types('type Note { id: ID! } type Other { id: ID! }')")
    return cluster


@pytest.fixture(params=SNAPSHOTS)
def transaction(cluster, request):
    """A transaction that has its snapshot, if it keeps one, and then finds others' changes."""
    with cluster.connect(autocommit=False) as connection:
        connection.execute(f"SET TRANSACTION ISOLATION LEVEL {request.param}")
        connection.execute("SELECT count(*) FROM fraiseql_subs.type")
        yield connection


def test_a_type_that_was_unregistered_meanwhile_cannot_be_used(cluster, transaction):
    cluster.sql("SELECT fraiseql_unregister_type('Note')")
    with pytest.raises(psycopg.errors.InvalidObjectDefinition, match='Unknown type "Note"'):
        transaction.execute("SELECT fraiseql_register_subscription('noted: Note', 'c')")


def test_a_type_that_is_used_meanwhile_cannot_be_unregistered(cluster, transaction):
    cluster.sql("SELECT fraiseql_register_subscription('noted: Note', 'c')")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist):
        transaction.execute("SELECT fraiseql_unregister_type('Note')")


def test_a_type_cannot_change_under_what_uses_it_meanwhile(cluster, transaction):
    cluster.sql("SELECT fraiseql_register_subscription('noted(id: ID): Note', 'c')")
    with pytest.raises(psycopg.errors.InvalidObjectDefinition, match='argument "id"'):
        transaction.execute("SELECT fraiseql_register_types('type Note { text: String }')")


def test_a_type_that_was_registered_meanwhile_can_be_used(cluster, transaction):
    cluster.sql("SELECT fraiseql_register_types('type Late { id: ID! }')")
    transaction.execute("SELECT fraiseql_register_subscription('late: Late', 'c')")
    transaction.commit()


def test_what_others_commit_between_two_registrations_of_a_session_is_checked(cluster):
    with cluster.connect(autocommit=True) as session:
        session.execute("SELECT fraiseql_register_subscription('other: Other', 'c')")
        cluster.sql("SELECT fraiseql_unregister_type('Note')")
        with pytest.raises(psycopg.errors.InvalidObjectDefinition, match='Unknown type "Note"'):
            session.execute("SELECT fraiseql_register_subscription('noted: Note', 'c')")


def test_a_registration_waits_for_another_and_is_checked_against_it(cluster):
    with cluster.connect(autocommit=False) as first, cluster.connect(autocommit=True) as second:
        first.execute("SELECT fraiseql_unregister_type('Note')")
        second.execute("SET lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute("SELECT fraiseql_register_subscription('noted: Note', 'c')")
        first.commit()
        with pytest.raises(psycopg.errors.InvalidObjectDefinition, match='Unknown type "Note"'):
            second.execute("SELECT fraiseql_register_subscription('noted: Note', 'c')")


def many_types(count):
    return "\n".join(f"type T{i} {{ id: ID! next: T{i * 7 % count} }}" for i in range(count))


def test_a_timeout_ends_a_registration_which_can_then_be_repeated(cluster):
    types = many_types(20000)
    with cluster.connect(autocommit=True) as session:
        session.execute("SET statement_timeout = '5ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            session.execute("SELECT fraiseql_register_types(%s)", (types,))
        session.execute("RESET statement_timeout")
        session.execute("SELECT fraiseql_register_types(%s)", (types,))
        (count,) = session.execute("SELECT count(*) FROM fraiseql_subs.type").fetchone()
    assert count == 20002


def test_a_registration_is_in_force_though_the_events_before_it_cannot_be_read(cluster, connect):
    with cluster.connect(autocommit=False) as connection:
        connection.execute("SET fraiseql_subs.transaction_memory = '64kB'")
        connection.execute(
            "SELECT fraiseql_publish('any', 'c', to_jsonb(repeat('x', 1000)))"
            " FROM generate_series(1, 1000)"
        )
        connection.execute("SELECT fraiseql_register_subscription('noted: Note', 'noted')")
        connection.execute(
            "COPY (SELECT) TO PROGRAM 'cat >/dev/null; truncate -s 0 base/pgsql_tmp/pgsql_tmp*'"
        )
    noted = connect(cluster).subscribe("subscription { noted { id } }")
    cluster.publish("any", "noted", {"id": 7})
    assert noted.data() == {"noted": {"id": "7"}}
