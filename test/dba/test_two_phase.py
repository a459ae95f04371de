"""PREPARE TRANSACTION and what follows it, with writes to watched tables."""

import psycopg
import pytest

from watched import serve, wait_for_field


@pytest.fixture(scope="module")
def shared_cluster(make_shared_server):
    return serve(make_shared_server(postgresql__max_prepared_transactions=10))


@pytest.fixture
def cluster(shared_cluster, log_watch):
    log_watch.add(shared_cluster)
    yield shared_cluster
    for (gid,) in shared_cluster.sql("SELECT gid FROM pg_prepared_xacts"):
        shared_cluster.sql(f"ROLLBACK PREPARED '{gid}'")


def prepare(cluster, gid="prepared", rows=3):
    with cluster.connect() as connection:
        connection.execute("BEGIN")
        connection.execute(
            f"INSERT INTO item (name) SELECT 'prepared' FROM generate_series(1, {rows})"
        )
        connection.execute(f"PREPARE TRANSACTION '{gid}'")


def test_a_prepared_transaction_that_commits_is_told_as_lost_events(cluster, listen):
    listener = listen(cluster)
    prepare(cluster)
    listener.assert_hears_nothing()
    before = cluster.value("SELECT count(*) FROM item")
    cluster.sql("COMMIT PREPARED 'prepared'")
    assert cluster.value("SELECT count(*) FROM item") == before + 3
    assert listener.next() >= 1
    listener.assert_hears()


def test_a_prepared_transaction_that_rolls_back_is_not_told(cluster, listen):
    listener = listen(cluster)
    prepare(cluster)
    cluster.sql("ROLLBACK PREPARED 'prepared'")
    listener.assert_hears_nothing()


def test_a_failed_prepare_is_not_told(cluster, listen):
    listener = listen(cluster)
    prepare(cluster)
    with pytest.raises(psycopg.errors.DuplicateObject):
        prepare(cluster)
    cluster.sql("ROLLBACK PREPARED 'prepared'")
    listener.assert_hears_nothing()


@pytest.mark.parametrize("stop", ["fast", "immediate"])
def test_a_prepared_transaction_outlives_the_server_and_is_told(cluster, listen, stop):
    prepare(cluster)
    cluster.stop(stop)
    cluster.start()
    wait_for_field(cluster)
    listener = listen(cluster)
    listener.assert_hears()
    cluster.sql("COMMIT PREPARED 'prepared'")
    assert listener.next() >= 1
    listener.assert_hears()


def test_a_transaction_that_was_prepared_before_a_restart_can_be_rolled_back(cluster, listen):
    prepare(cluster)
    cluster.restart()
    wait_for_field(cluster)
    listener = listen(cluster)
    cluster.sql("ROLLBACK PREPARED 'prepared'")
    listener.assert_hears_nothing()


def test_branches_of_xa_commit_from_a_session_of_the_transaction_manager(cluster, listen):
    """JTA's order: start, end, prepare, commit, interleaved with other branches."""
    listener = listen(cluster)
    with cluster.connect() as resource, cluster.connect() as manager:
        xa = resource.xid(1, "global", "branch")
        other = resource.xid(1, "global", "other")
        resource.autocommit = False
        resource.tpc_begin(xa)
        resource.execute("INSERT INTO item (name) VALUES ('branch')")
        resource.tpc_prepare()
        resource.close()
        manager.autocommit = False
        manager.tpc_begin(other)
        manager.execute("INSERT INTO unwatched VALUES (1, 'other')")
        manager.tpc_prepare()
        manager.tpc_commit()
        assert [str(each) for each in manager.tpc_recover()] == [str(xa)]
        manager.tpc_commit(xa)
    assert listener.next() >= 1
    listener.assert_hears()


def test_a_transaction_that_wrote_nothing_watched_is_prepared_without_a_word(cluster, listen):
    listener = listen(cluster)
    with cluster.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO unwatched VALUES (2, 'x')")
        connection.execute("PREPARE TRANSACTION 'unwatched'")
    cluster.sql("COMMIT PREPARED 'unwatched'")
    listener.assert_hears_nothing()


def test_what_is_registered_in_a_prepared_transaction_is_served(cluster):
    with cluster.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT fraiseql_register_subscription('later: Change', 'changes')")
        connection.execute("PREPARE TRANSACTION 'registration'")
    cluster.sql("COMMIT PREPARED 'registration'")
    wait_for_field(cluster, "later")
