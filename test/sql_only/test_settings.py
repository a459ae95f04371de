"""Settings that whoever owns the file may change, where no superuser is to be had."""

import itertools

import psycopg
import pytest

from bus_reader import CATALOG_CHANGED


def wakes(database, listener):
    """Whether publishing an event wakes who listens."""
    database.sql("SELECT fraiseql_publish('t', 'c', '1')")
    database.sql("SELECT fraiseql_subs.bus_probe('end')")
    payloads = (notification.payload for notification in listener.notifies())
    heard = list(itertools.takewhile(lambda payload: payload != "end", payloads))
    return heard == [""]


def test_its_owner_turns_notifications_off_and_on(database):
    with database.connect() as listener:
        listener.execute("LISTEN fraiseql_subs")
        assert wakes(database, listener)
        database.sql("UPDATE fraiseql_subs.bus SET notify = false")
        assert not wakes(database, listener)
        database.sql("UPDATE fraiseql_subs.bus SET notify = NULL")
        assert wakes(database, listener)


def test_what_a_session_says_of_notifications_counts_more(database):
    database.sql("UPDATE fraiseql_subs.bus SET notify = false")
    with database.connect() as listener:
        listener.execute("LISTEN fraiseql_subs")
        database.sql("SET fraiseql_subs.notify = on; SELECT fraiseql_publish('t', 'c', '1')")
        assert next(listener.notifies()).payload == ""


def test_only_a_superuser_may_keep_it_with_a_database(database):
    """So there is a table as well."""
    statement = f"ALTER DATABASE {database.name} SET fraiseql_subs.notify = off"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.sql(statement)
    database.sql(statement, user="postgres")
    with database.connect() as listener:
        listener.execute("LISTEN fraiseql_subs")
        assert not wakes(database, listener)


def test_what_its_owner_sets_for_the_catalog_reaches_nodes(database, reader):
    database.sql(
        "UPDATE fraiseql_subs.catalog_setting SET tenant_field = 'org',"
        ' anonymous_claims = \'{"roles": ["guest"]}\''
    )
    assert [row.kind for row in reader.drain()] == [CATALOG_CHANGED]
    snapshot = database.value("SELECT fraiseql_subs.catalog_snapshot()")
    assert snapshot["tenant_field"] == "org"
    assert snapshot["anonymous_claims"] == {"roles": ["guest"]}
    with pytest.raises(psycopg.errors.CheckViolation):
        database.sql("UPDATE fraiseql_subs.catalog_setting SET anonymous_claims = '[]'")


def test_what_a_superuser_has_set_for_the_database_counts_more(database):
    database.sql("UPDATE fraiseql_subs.catalog_setting SET tenant_field = 'org'")
    database.sql(
        f"ALTER DATABASE {database.name} SET fraiseql_subs.tenant_field = 'tenant'", user="postgres"
    )
    snapshot = database.value("SELECT fraiseql_subs.catalog_snapshot()")
    assert snapshot["tenant_field"] == "tenant"
    assert snapshot["anonymous_claims"] == {}
