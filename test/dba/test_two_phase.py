"""PREPARE TRANSACTION and what follows it, with writes to watched tables."""

import threading

import psycopg
import pytest

from cluster import wait_until
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


def prepare(cluster, gid="prepared", rows=3, **session):
    with cluster.connect(**session) as connection:
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


@pytest.fixture
def without_standby(cluster):
    """Commits wait for a synchronous standby that is not there."""
    cluster.sql("ALTER SYSTEM SET synchronous_standby_names = 'missing'")
    cluster.sql("SELECT pg_reload_conf()")
    waiting = threading.Thread(
        target=cluster.sql, args=("INSERT INTO unwatched VALUES (3, 'waits')",)
    )
    waiting.start()
    try:
        wait_until(
            lambda: cluster.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"),
            "a commit waits",
        )
        yield
    finally:
        cluster.sql("ALTER SYSTEM RESET synchronous_standby_names")
        cluster.sql("SELECT pg_reload_conf()")
        waiting.join()


def test_the_loss_is_told_while_a_synchronous_standby_is_missing(cluster, without_standby, listen):
    listener = listen(cluster)
    local = {"options": "-c synchronous_commit=local"}
    prepare(cluster, **local)
    with cluster.connect(**local) as connection:
        connection.execute("COMMIT PREPARED 'prepared'")
    assert listener.next() >= 1


def test_a_loss_that_somebody_has_locked_is_told_later_and_holds_up_no_other(cluster, listen):
    listener = listen(cluster)
    start = cluster.log_size()
    prepare(cluster, "locked")
    losses = "fraiseql_subs.prepared_loss"
    with (
        cluster.connect(autocommit=False) as table_lock,
        cluster.connect(autocommit=False) as row_lock,
    ):
        # Waits for the prepared transaction, and is in front of the executor when that commits.
        waiting = threading.Thread(
            target=table_lock.execute, args=(f"LOCK TABLE {losses} IN SHARE MODE",)
        )
        waiting.start()
        wait_until(
            lambda: cluster.sql(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass", (losses,)
            ),
            "the lock is awaited",
        )
        cluster.sql("COMMIT PREPARED 'locked'")
        waiting.join()
        assert len(row_lock.execute(f"SELECT FROM {losses} FOR UPDATE").fetchall()) == 1
        table_lock.rollback()
        prepare(cluster, "free", rows=1)
        cluster.sql("COMMIT PREPARED 'free'")
        assert listener.next() == 1
    assert listener.next() == 3
    assert "ERROR" not in cluster.log(start)


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
