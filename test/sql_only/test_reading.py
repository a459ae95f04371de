"""Everything that commits is read once, in the order of each key, by whatever cursor."""

import random
import threading

import psycopg
import pytest

from bus_reader import EVENT, EVENTS_LOST, GAP, BusReader
from cluster import wait_until

KEYS = 12
WRITERS = 6
TRANSACTIONS = 120

COUNTERS = """
    CREATE TABLE counter (key int PRIMARY KEY, value int NOT NULL);
    INSERT INTO counter SELECT key, 0 FROM generate_series(1, %s) AS key;
    SELECT fraiseql_watch('counter');
"""


def publish(connection, data, channel="c"):
    connection.execute("SELECT fraiseql_publish('t', %s, %s::text)", (channel, data))


def data_of(rows):
    return [row.data for row in rows if row.kind == EVENT]


def test_an_event_is_read_once_committed(database, reader):
    with database.connect(autocommit=False) as writer:
        publish(writer, "1")
        assert reader.events() == []
        writer.commit()
    assert data_of(reader.events()) == ["1"]
    assert reader.events() == []


def test_what_is_rolled_back_is_not_read(database, reader):
    with database.connect(autocommit=False) as writer:
        publish(writer, "1")
        writer.rollback()
        publish(writer, "2")
        with pytest.raises(psycopg.errors.DivisionByZero), writer.transaction():
            publish(writer, "3")
            writer.execute("SELECT 1 / 0")
        publish(writer, "4")
        writer.commit()
    assert data_of(reader.events()) == ["2", "4"]


def test_a_transaction_that_stays_open_holds_back_only_its_own_events(database, reader):
    with database.connect(autocommit=False) as slow, database.connect() as quick:
        publish(slow, '"first"')
        for number in range(3):
            publish(quick, str(number))
            assert data_of(reader.events()) == [str(number)]
        publish(slow, '"last"')
        slow.commit()
    assert data_of(reader.events()) == ['"first"', '"last"']


def test_a_transaction_without_others_behind_it_is_not_lost(database):
    """It has the highest number of all, so that a snapshot does not list it as running."""
    with database.connect(autocommit=False) as writer, database.connect() as connection:
        publish(writer, "1")
        reader = BusReader(connection)
        assert reader.events() == []
        writer.commit()
        assert data_of(reader.events()) == ["1"]


def test_more_subtransactions_than_a_cursor_can_list_lose_nothing(database):
    with database.connect(autocommit=False) as writer, database.connect() as connection:
        writer.execute("CREATE TABLE t (id int)")
        publish(writer, "1")
        reader = BusReader(connection)
        writer.execute("""
            DO $$ BEGIN
                FOR i IN 1..1500 LOOP
                    BEGIN INSERT INTO t VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END;
                END LOOP;
            END $$""")
        publish(writer, "2")
        assert reader.events() == []
        assert len(reader.cursor) < 1000
        writer.commit()
        assert data_of(reader.events()) == ["1", "2"]


def test_an_answer_has_no_more_events_than_asked_for_and_says_that_there_is_more(database, reader):
    database.sql("SELECT fraiseql_publish('t', 'c', i::text) FROM generate_series(1, 5) AS i")
    rows, more = reader.read(max_events=2)
    assert (data_of(rows), more) == (["1", "2"], True)
    database.sql("SELECT fraiseql_publish('t', 'c', '6')")
    assert data_of(reader.drain(max_events=2)) == ["3", "4", "5", "6"]


def test_an_answer_has_no_more_bytes_than_asked_for_but_at_least_one_event(database, reader):
    database.sql(
        "SELECT fraiseql_publish('t', 'c', to_json(repeat('x', 5000))) FROM generate_series(1, 4)"
    )
    sizes = []
    more = True
    while more:
        rows, more = reader.read(max_bytes=11_000)
        sizes.append(len(rows))
    assert sizes == [2, 2, 0]
    database.sql("SELECT fraiseql_publish('t', 'c', to_json(repeat('x', 50000)))")
    assert len(reader.drain(max_bytes=10)) == 1


def test_every_event_is_a_place_to_go_on_from(database, reader):
    with database.connect(autocommit=False) as slow:
        publish(slow, '"slow"')
        reader.drain()
        database.sql("SELECT fraiseql_publish('t', 'c', i::text) FROM generate_series(1, 4) AS i")
        slow.commit()
    rows, _ = reader.read()
    assert data_of(rows) == ['"slow"', "1", "2", "3", "4"]
    for number, row in enumerate(rows):
        behind = BusReader(reader.connection, f"{reader.prefix}{row.seq}")
        assert behind.events() == rows[number + 1 :]


def test_two_readers_with_one_cursor_read_the_same(database, reader):
    with database.connect() as connection:
        other = BusReader(connection, reader.cursor)
        database.sql("SELECT fraiseql_publish('t', 'c', i::text) FROM generate_series(1, 9) AS i")
        assert other.events(max_events=2) == reader.events()


@pytest.mark.parametrize("cursor", ["", "1/x", "2/0/1/0/1:1:", None, "1/ab/1.1/0/1:1:/1"])
def test_what_is_no_cursor_is_refused(database, reader, cursor):
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="is not a cursor|null"):
        reader.connection.execute("SELECT * FROM fraiseql_subs.bus_read(%s)", (cursor,))


def test_a_snapshot_that_is_kept_is_refused(database):
    with database.connect(autocommit=False) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="REPEATABLE READ|repeatable"):
            connection.execute("SELECT fraiseql_subs.bus_cursor()")


def test_a_commit_wakes_who_listens_once(database):
    with database.connect() as listener, database.connect() as writer:
        listener.execute("LISTEN fraiseql_subs")
        with writer.transaction():
            publish(writer, "1")
            publish(writer, "2")
        listener.execute("SELECT fraiseql_subs.bus_probe('mine')")
        seen = []
        for notification in listener.notifies():
            seen.append(notification.payload)
            if notification.payload == "mine":
                break
    assert seen == ["", "mine"]


def test_a_session_that_does_not_notify_is_read_all_the_same(database, reader):
    with database.connect() as listener, database.connect() as writer:
        listener.execute("LISTEN fraiseql_subs")
        writer.execute("SET fraiseql_subs.notify = off")
        publish(writer, "1")
        listener.execute("SELECT fraiseql_subs.bus_probe('mine')")
        assert next(listener.notifies()).payload == "mine"
    assert data_of(reader.events()) == ["1"]


class Writers:
    """Threads that count keys up, in transactions that commit in a random order or not at all."""

    def __init__(self, database, seed):
        self.database = database
        self.failures = []
        self.threads = [
            threading.Thread(target=self.run, args=(random.Random(seed + number),))
            for number in range(WRITERS)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in self.threads:
            thread.join()
        assert self.failures == []

    def are_done(self):
        return not any(thread.is_alive() for thread in self.threads)

    def run(self, dice):
        try:
            with self.database.connect(autocommit=False) as connection:
                for _ in range(TRANSACTIONS):
                    self.transaction(connection, dice)
        except Exception as failure:
            self.failures.append(failure)

    def transaction(self, connection, dice):
        # In one order, so that none waits for one that waits for it.
        for key in sorted(dice.sample(range(1, KEYS + 1), dice.randint(1, 4))):
            connection.execute("SAVEPOINT s")
            connection.execute("UPDATE counter SET value = value + 1 WHERE key = %s", (key,))
            if dice.random() < 0.2:
                connection.execute("ROLLBACK TO SAVEPOINT s")
            if dice.random() < 0.3:
                # Transactions of different lengths; nothing is waited for.
                connection.execute("SELECT pg_sleep(%s)", (dice.random() / 100,))
        if dice.random() < 0.2:
            connection.rollback()
        else:
            connection.commit()


class Tally:
    """What a reader has heard of each key."""

    def __init__(self):
        self.values = dict.fromkeys(range(1, KEYS + 1), 0)
        self.gaps = 0

    def add(self, rows):
        for row in rows:
            assert row.kind != EVENTS_LOST
            self.gaps += row.kind == GAP
            if row.kind != EVENT or row.channel != "counter":
                continue
            change = row.json
            key = change["row"]["key"]
            assert change["old"]["value"] == self.values[key], "lost, twice or out of order"
            assert change["row"]["value"] == self.values[key] + 1
            self.values[key] += 1

    def assert_complete(self, database):
        assert self.gaps == 0
        assert self.values == dict(database.sql("SELECT key, value FROM counter"))


@pytest.mark.parametrize("max_events", [1, 7, 1000])
def test_concurrent_writers_lose_nothing_and_keep_the_order_of_each_key(database, max_events):
    database.sql(COUNTERS % KEYS)
    tally = Tally()
    with database.connect(autocommit=False) as slow, database.connect() as connection:
        reader = BusReader(connection)
        publish(slow, '"begun"', "slow")
        with Writers(database, max_events) as writers:
            while not writers.are_done():
                tally.add(reader.read(max_events)[0])
                # As a node does after a reconnect.
                reader = BusReader(connection, reader.cursor)
        tally.add(reader.drain(max_events=max_events))
        tally.assert_complete(database)
        slow.commit()
        assert data_of(reader.events()) == ['"begun"']


def test_rotation_under_load_takes_nothing_away_that_is_still_to_be_read(database):
    database.sql(COUNTERS % KEYS)
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1")
    tally = Tally()
    rotations = 0
    with database.connect(autocommit=False) as slow, database.connect() as connection:
        reader = BusReader(connection)
        with Writers(database, 99) as writers:
            while not writers.are_done():
                rows, more = reader.read(50)
                tally.add(rows)
                if rotations == 3:
                    publish(slow, '"begun"', "slow")
                rotations += not more and rotate_what_is_read(connection, reader.cursor)
        slow.commit()
        tally.add(reader.drain())
    tally.assert_complete(database)
    assert rotations > 3


def rotate_what_is_read(connection, cursor):
    """Maintain the bus as if all that a cursor has seen were an hour old."""
    snapshot = cursor.split("/")[4]
    aged = connection.execute(
        "UPDATE fraiseql_subs.bus_slot SET sealed_at = '-infinity' WHERE sealed_at IS NOT NULL"
        " AND fraiseql_subs.sees_all_of(%s, sealed_snapshot)",
        (snapshot,),
    ).rowcount
    connection.execute("SELECT fraiseql_subs.bus_maintain()")
    return aged > 0


def test_a_long_transaction_keeps_what_it_has_written_from_being_truncated(database, reader):
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0'")
    with database.connect(autocommit=False) as slow, database.connect() as writer:
        publish(slow, '"slow"')
        for number in range(8):
            publish(writer, str(number))
            reader.drain()
            writer.execute("SELECT fraiseql_subs.bus_maintain()")
        slow.commit()
    assert '"slow"' in data_of(reader.drain())


def test_a_cursor_older_than_what_is_kept_is_told_so_and_goes_on_with_what_is(database, reader):
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0'")
    with database.connect() as writer:
        for number in range(8):
            publish(writer, str(number))
            writer.execute("SELECT fraiseql_subs.bus_maintain()")
    gap, *rows = reader.drain()
    kept = data_of(rows)
    assert gap.kind == GAP
    assert 0 < int(gap.data) == 8 - len(kept)
    assert kept == [str(number) for number in range(8 - len(kept), 8)]
    assert reader.drain() == []


def test_what_is_younger_than_the_retention_stays(database, reader):
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1")
    with database.connect() as writer:
        for number in range(8):
            publish(writer, str(number))
            writer.execute("SELECT fraiseql_subs.bus_maintain()")
    assert data_of(reader.drain()) == [str(number) for number in range(8)]


def test_beyond_the_retention_in_bytes_the_oldest_go(database, reader):
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention_bytes = 1")
    with database.connect() as writer:
        for number in range(8):
            publish(writer, str(number))
            writer.execute("SELECT fraiseql_subs.bus_maintain()")
    assert reader.drain()[0].kind == GAP


def test_maintenance_waits_for_nobody(database):
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0'")
    with (
        database.connect(autocommit=False) as holder,
        database.connect(options="-c lock_timeout=1s") as connection,
    ):
        holder.execute("LOCK TABLE fraiseql_subs.event IN ACCESS SHARE MODE")
        for number in range(8):
            publish(connection, str(number))
            connection.execute("SELECT fraiseql_subs.bus_maintain()")
        holder.execute("SELECT * FROM fraiseql_subs.bus FOR UPDATE")
        connection.execute("SELECT fraiseql_subs.bus_maintain()")


def test_who_publishes_maintains_what_no_node_does(database):
    database.sql(
        "UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0', maintained_at = '-infinity'"
    )
    before = database.value("SELECT current_slot FROM fraiseql_subs.bus")
    database.sql("SELECT fraiseql_publish('t', 'c', '1') FROM generate_series(1, 1000)")
    wait_until(
        lambda: database.value("SELECT current_slot FROM fraiseql_subs.bus") != before,
        "another slot is filled",
    )
    assert database.value("SELECT count(*) FROM fraiseql_subs.bus_due") == 0


def test_a_reset_of_statistics_is_no_gap(database, reader):
    database.sql("SELECT fraiseql_publish('t', 'c', '1')")
    database.sql(
        "SELECT pg_stat_reset(), pg_stat_reset_shared('bgwriter'), pg_stat_reset_shared('wal')",
        user="postgres",
    )
    assert data_of(reader.drain()) == ["1"]


def fill_slots(connection, count):
    """Publish that many events, each into the next slot as far as there is one."""
    for number in range(count):
        publish(connection, str(number))
        connection.execute("SELECT fraiseql_subs.bus_maintain()")


def test_who_truncates_the_events_by_hand_makes_a_gap(database, reader):
    with database.connect() as connection:
        fill_slots(connection, 3)
        connection.execute("TRUNCATE fraiseql_subs.event")
        publish(connection, "4")
        gap, event = reader.drain()
        assert (gap.kind, gap.data) == (GAP, "3")
        assert event.data == "4"
        connection.execute("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '0'")
        fill_slots(connection, 8)
    assert reader.drain()[0].kind == GAP


def test_what_is_written_to_a_sealed_slot_is_kept_whatever_its_number(database, reader):
    """From one who drew a number, and then was kept waiting for the slot until it was sealed."""
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1, retention = '1 hour'")
    maintain = "SELECT fraiseql_subs.bus_maintain()"
    with database.connect() as connection, database.connect(autocommit=False) as late:
        number = late.execute("SELECT nextval('fraiseql_subs.event_seq')").fetchone()[0]
        publish(connection, "1")
        connection.execute(maintain)
        connection.execute(maintain)
        assert connection.execute(
            "SELECT sealed_at IS NOT NULL FROM fraiseql_subs.bus_slot WHERE slot = 0"
        ).fetchone() == (True,)
        late.execute(
            "INSERT INTO fraiseql_subs.event VALUES"
            " (%s, 0, pg_current_xact_id(), now(), 1, 0, 't', 'c', '\"late\"')",
            (number,),
        )
        late.commit()
        reader.drain(max_events=1000)
        connection.execute("UPDATE fraiseql_subs.bus SET retention = '0'")
        connection.execute(maintain)
        behind = connection.execute("SELECT count(*) FROM fraiseql_subs.event").fetchone()[0]
    assert behind == 2


def test_an_overdue_slot_is_waited_for_where_there_is_always_one_who_reads(database):
    database.sql("UPDATE fraiseql_subs.bus SET slot_bytes = 1")
    with (
        database.connect() as connection,
        database.connect() as looker,
        database.connect(autocommit=False) as holder,
    ):
        fill_slots(connection, 3)

        def is_truncated_once_waited_for():
            connection.execute("UPDATE fraiseql_subs.bus_slot SET waited_at = NULL")
            connection.execute(
                "UPDATE fraiseql_subs.bus_slot SET sealed_at = now() - interval '2 hours'"
                " WHERE sealed_at IS NOT NULL"
            )
            holder.execute("LOCK TABLE fraiseql_subs.event IN ACCESS SHARE MODE")
            thread = threading.Thread(
                target=connection.execute, args=("SELECT fraiseql_subs.bus_maintain()",)
            )
            thread.start()
            while (
                thread.is_alive()
                and not looker.execute(
                    "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
                    " AND relation::regclass::text LIKE 'fraiseql_subs.event%'"
                    " AND database ="
                    " (SELECT oid FROM pg_database WHERE datname = current_database())"
                ).fetchone()
            ):
                pass
            holder.commit()
            thread.join()
            # Sealed ones were filled before; one that is neither filled nor sealed has gone.
            return looker.execute(
                "SELECT 1 FROM fraiseql_subs.bus WHERE kept_from IS NOT NULL"
            ).fetchone()

        wait_until(is_truncated_once_waited_for, "a slot is truncated")
