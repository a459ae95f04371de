"""Standbys, pg_promote, commits that wait for a standby, and pg_rewind of the old primary."""

import threading

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from cluster import wait_until
from copies import copied, standby
from server_tools import promote
from watched import events_flow, registered, serve, wait_for_field, write

# Without these pg_rewind does not know which pages differ.
REWINDABLE = {"postgresql__wal_log_hints": "on", "postgresql__wal_keep_size": "64MB"}


@pytest.fixture
def primary(make_server):
    return serve(make_server(**REWINDABLE))


@pytest.fixture
def replica(primary, make_server):
    return make_server(data=standby(primary))


def assert_refuses_as_standby(cluster):
    wait_until(lambda: cluster.get("/readyz")[0] == 503, "the standby's worker answers")
    assert "standby" in cluster.get("/readyz")[1]
    assert cluster.get("/livez")[0] == 200


def test_a_standby_refuses_clients_until_it_is_promoted(primary, replica, connect, listen):
    listener = listen(primary)
    assert_refuses_as_standby(replica)
    with pytest.raises(InvalidStatus, match="503"):
        connect(replica)
    promote(replica)
    events_flow(replica)
    listener.assert_hears_nothing()


def test_a_standby_never_tells_of_changes_that_it_replays(primary, replica, listen):
    write(primary)
    wait_for_replay(primary, replica)
    promote(replica)
    wait_for_field(replica)
    listen(replica).assert_hears()


def test_pg_promote_serves_all_that_was_registered_on_the_primary(primary, replica):
    primary.sql("SELECT fraiseql_register_subscription('late: Change', 'late')")
    wait_for_replay(primary, replica)
    before = registered(primary)
    primary.stop("immediate")
    assert replica.value("SELECT pg_promote()")
    events_flow(replica)
    assert registered(replica) == before


def test_clients_of_a_lost_primary_hear_of_changes_at_the_promoted_standby(
    primary, replica, listen
):
    listener = listen(primary)
    listener.assert_hears()
    wait_for_replay(primary, replica)
    primary.stop("immediate")
    with pytest.raises(ConnectionClosed):
        listener.next()
    promote(replica)
    wait_for_field(replica)
    again = listen(replica)
    again.assert_hears()


def test_a_standby_that_is_promoted_twice_and_restarted_serves(replica):
    promote(replica)
    with pytest.raises(RuntimeError, match="not in standby mode"):
        promote(replica)
    replica.restart()
    events_flow(replica)


def test_a_standby_restarts_as_a_standby(replica):
    assert_refuses_as_standby(replica)
    replica.restart()
    assert_refuses_as_standby(replica)


def wait_for_replay(primary, replica):
    position = primary.value("SELECT pg_current_wal_lsn()")
    wait_until(
        lambda: replica.value("SELECT pg_last_wal_replay_lsn() >= %s", (position,)),
        "the standby has replayed it",
    )


class TestSynchronousStandby:
    """synchronous_commit = remote_apply, with a standby that can be made to stand still."""

    @pytest.fixture
    def paused(self, primary, replica):
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.sql("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
        primary.sql("SELECT pg_reload_conf()")
        wait_until(
            lambda: primary.sql("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"),
            "the standby is synchronous",
        )
        write(primary)
        replica.sql("SELECT pg_wal_replay_pause()")
        wait_until(
            lambda: replica.value("SELECT pg_get_wal_replay_pause_state()") == "paused",
            "the standby stands still",
        )
        return replica

    @pytest.fixture
    def waiting(self, primary, paused, listen):
        """A commit in another thread that waits for the standby."""
        self.listener = listen(primary)
        self.failure = None

        def commit():
            try:
                primary.sql("INSERT INTO item (id, name) VALUES (1000, 'waits')")
            except psycopg.Error as error:
                self.failure = error

        thread = threading.Thread(target=commit)
        thread.start()
        wait_until(
            lambda: primary.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"),
            "the commit waits",
        )
        yield thread
        paused.sql("SELECT pg_wal_replay_resume()")
        thread.join()

    def write_alone(self, primary):
        """A commit that does not wait for the standby."""
        with primary.connect(options="-c synchronous_commit=local") as connection:
            row = connection.execute("INSERT INTO item (name) VALUES ('alone') RETURNING id")
            return str(row.fetchone()[0])

    def test_an_event_waits_with_its_commit_for_the_standby(self, primary, paused, waiting):
        alone = self.write_alone(primary)
        assert self.listener.next()["row"]["id"] == alone
        paused.sql("SELECT pg_wal_replay_resume()")
        waiting.join()
        assert self.listener.next()["row"]["id"] == "1000"

    def test_a_commit_that_waits_for_the_standby_holds_no_other_up(self, primary, waiting):
        written = [self.write_alone(primary) for _ in range(3)]
        assert [self.listener.next()["row"]["id"] for _ in written] == written

    @pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
    def test_a_commit_that_gives_up_waiting_for_the_standby_is_told(self, primary, waiting, end):
        primary.sql(f"SELECT {end}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        assert self.listener.next()["row"]["id"] == "1000"


class TestRewind:
    """The old primary goes on for a while after the standby was promoted, and comes back."""

    @pytest.fixture
    def parted(self, primary, replica):
        """Two primaries with changes of their own."""
        wait_for_replay(primary, replica)
        promote(replica)
        wait_for_field(replica)
        replica.sql("CHECKPOINT")
        write(primary)
        write(replica)
        return primary, replica

    def rewind(self, old, new, source):
        settings = (old.data / "postgresql.conf").read_text()
        old.run_program(
            "pg_rewind", "--no-sync", "--target-pgdata", old.data, *source, as_server_user=True
        )
        # It takes the configuration of the source: both would have one port.
        assert f"fraiseql_subs.port = '{new.port}'" in (old.data / "postgresql.conf").read_text()
        (old.data / "postgresql.conf").write_text(settings)
        (old.data / "standby.signal").touch()
        with open(old.data / "postgresql.auto.conf", "a") as configuration:
            configuration.write(f"primary_conninfo = 'host={new.directory} user=postgres'\n")

    @pytest.mark.parametrize("stop", ["fast", "immediate"])
    def test_a_server_rewound_from_the_running_primary_is_its_standby(self, parted, listen, stop):
        old, new = parted
        listener = listen(new)
        old.stop(stop)
        self.rewind(old, new, ("--source-server", f"host={new.directory} user=postgres"))
        old.start()
        assert_refuses_as_standby(old)
        listener.assert_hears()
        wait_for_replay(new, old)
        promote(old)
        events_flow(old)

    def test_a_server_rewound_from_a_directory_is_a_standby(self, parted):
        old, new = parted
        old.stop()
        new.stop()
        self.rewind(old, new, ("--source-pgdata", new.data))
        new.start()
        old.start()
        assert_refuses_as_standby(old)
        events_flow(new)


def test_a_clone_of_a_standby_is_a_standby(replica, make_server):
    replica.stop()
    clone = make_server(data=copied(replica))
    replica.start()
    assert_refuses_as_standby(clone)
    promote(clone)
    events_flow(clone)
    assert_refuses_as_standby(replica)
