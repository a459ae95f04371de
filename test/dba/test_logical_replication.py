"""A subscriber of logical replication whose tables are watched, and a publisher's."""

import threading
import time

import pytest

from cluster import wait_until
from watched import ROLES, SCHEMA, registered, serve, wait_for_field, write

ROWS = 1_000_000

SUBSCRIBER = {
    "postgresql__max_worker_processes": 20,
    # Between two starts of a process that copies or applies; 5 s by default.
    "postgresql__wal_retrieve_retry_interval": "100ms",
}

TABLES = """
    CREATE TABLE copied (id int PRIMARY KEY, name text);
    CREATE TABLE copied_unwatched (id int PRIMARY KEY, name text);
"""


@pytest.fixture(scope="module")
def shared_pair(make_shared_server):
    """A publisher and the server that subscribes to it."""
    publisher = make_shared_server(
        postgresql__wal_level="logical", postgresql__max_prepared_transactions=10
    )
    subscriber = make_shared_server(**SUBSCRIBER, postgresql__max_prepared_transactions=10)
    for cluster in (publisher, subscriber):
        serve(cluster)
        cluster.sql(TABLES)
    publisher.sql("CREATE PUBLICATION items FOR TABLE item, sale")
    subscriber.sql("TRUNCATE item, sale")
    return publisher, subscriber


@pytest.fixture
def pair(shared_pair, log_watch):
    for cluster in shared_pair:
        log_watch.add(cluster)
    return shared_pair


@pytest.fixture
def publisher(pair):
    return pair[0]


@pytest.fixture
def subscriber(pair):
    return pair[1]


def wait_until_copied(cluster, subscription):
    query = (
        "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel AS r"
        " JOIN pg_subscription AS s ON s.oid = r.srsubid WHERE subname = %s"
    )
    wait_until(lambda: cluster.value(query, (subscription,)), "the tables are copied", timeout=100)


@pytest.fixture
def subscribe(publisher, subscriber):
    """A function that subscribes, and returns when the tables are copied; ended after the test."""
    names = []

    def create(publication, *options):
        name = f"s{len(names)}_{time.monotonic_ns()}"
        names.append(name)
        options = f" WITH ({', '.join(options)})" if options else ""
        subscriber.sql(
            f"CREATE SUBSCRIPTION {name}"
            f" CONNECTION 'host={publisher.directory} user=postgres dbname=postgres'"
            f" PUBLICATION {publication}{options}"
        )
        wait_until_copied(subscriber, name)

    yield create
    for name in names:
        subscriber.sql(f"DROP SUBSCRIPTION {name}")


def clear(publisher, subscriber):
    for cluster in (publisher, subscriber):
        cluster.sql("TRUNCATE item, sale")


def test_rows_that_are_applied_are_told_in_their_order(publisher, subscriber, subscribe, listen):
    clear(publisher, subscriber)
    subscribe("items")
    listener = listen(subscriber)
    with publisher.connect() as connection:
        connection.execute("INSERT INTO item VALUES (1, 'a')")
        connection.execute("UPDATE item SET name = 'b' WHERE id = 1")
        connection.execute("INSERT INTO sale VALUES (5, '2024-05-05')")
        connection.execute("DELETE FROM item")
        connection.execute("TRUNCATE item")
    told = [listener.next() for _ in range(5)]
    assert [change["operation"] for change in told] == [
        "INSERT",
        "UPDATE",
        "INSERT",
        "DELETE",
        "TRUNCATE",
    ]
    assert [change["table"] for change in told[:3]] == ["public.item", "public.item", "public.sale"]


def test_rows_of_the_first_copy_are_told(publisher, subscriber, subscribe, listen):
    clear(publisher, subscriber)
    publisher.sql("INSERT INTO item SELECT i, 'copied' FROM generate_series(1, 50) AS i")
    listener = listen(subscriber)
    subscribe("items")
    told = [listener.next() for _ in range(50)]
    assert sorted(int(change["row"]["id"]) for change in told) == list(range(1, 51))


def test_a_watched_publisher_tells_each_change_once(publisher, subscriber, subscribe, listen):
    clear(publisher, subscriber)
    subscribe("items")
    listener = listen(publisher)
    publisher.sql("INSERT INTO item VALUES (7, 'seven')")
    assert listener.next()["row"]["id"] == "7"
    wait_until(lambda: subscriber.sql("SELECT 1 FROM item WHERE id = 7"), "it is applied")
    publisher.sql("INSERT INTO item VALUES (8, 'eight')")
    assert listener.next()["row"]["id"] == "8"


def test_two_phase_commits_are_applied_and_their_loss_is_told(
    publisher, subscriber, subscribe, listen
):
    clear(publisher, subscriber)
    subscribe("items", "two_phase = on")
    wait_until(
        lambda: subscriber.sql("SELECT 1 FROM pg_subscription WHERE subtwophasestate = 'e'"),
        "prepared transactions are applied as such",
    )
    listener = listen(subscriber)
    with publisher.connect(autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO item VALUES (1, 'prepared')")
        connection.execute("PREPARE TRANSACTION 'two'")
        wait_until(lambda: subscriber.sql("SELECT 1 FROM pg_prepared_xacts"), "it is prepared")
        connection.execute("COMMIT PREPARED 'two'")
    wait_until(lambda: subscriber.sql("SELECT 1 FROM item WHERE id = 1"), "it is applied")
    assert listener.next() == 1
    publisher.sql("INSERT INTO item VALUES (2, 'after')")
    assert listener.next()["row"]["id"] == "2"


@pytest.fixture
def follower(publisher, make_server):
    """A server that subscribes to all tables, those of extensions included."""
    publisher.sql("CREATE PUBLICATION everything FOR ALL TABLES")
    follower = make_server(**SUBSCRIBER)
    follower.sql(ROLES)
    follower.sql(SCHEMA)
    follower.sql("TRUNCATE item, sale, fraiseql_subs.type, fraiseql_subs.subscription")
    follower.sql(TABLES)
    follower.sql(
        "CREATE SUBSCRIPTION everything"
        f" CONNECTION 'host={publisher.directory} user=postgres dbname=postgres'"
        " PUBLICATION everything"
    )
    wait_until_copied(follower, "everything")
    wait_for_field(follower)
    yield follower
    follower.sql("DROP SUBSCRIPTION everything")
    publisher.sql("DROP PUBLICATION everything")


def test_a_publication_of_all_tables_carries_what_is_registered(publisher, follower):
    publisher.sql("SELECT fraiseql_register_subscription('further: Change', 'changes')")
    wait_until(lambda: "further" in follower.value("SELECT fraiseql_schema()"), "it is applied")
    assert registered(follower)["subscriptions"] == registered(publisher)["subscriptions"]
    publisher.sql("SELECT fraiseql_unregister_subscription('further')")


LOSSES = "fraiseql_subs.prepared_loss"


def prepare_an_event(cluster):
    with cluster.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT fraiseql_publish('any', 'changes', '{}')")
        connection.execute("PREPARE TRANSACTION 'published'")


@pytest.fixture
def kept_loss(publisher):
    """A loss that the publisher's executor cannot take away until the test is over."""
    prepare_an_event(publisher)
    with publisher.connect(autocommit=False) as lock:
        # Waits for the prepared transaction, and is in front of the executor when that commits.
        waiting = threading.Thread(
            target=lock.execute, args=(f"LOCK TABLE {LOSSES} IN SHARE MODE",)
        )
        waiting.start()
        wait_until(
            lambda: publisher.sql(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = %s::regclass", (LOSSES,)
            ),
            "the lock is awaited",
        )
        publisher.sql("COMMIT PREPARED 'published'")
        waiting.join()
        yield


def test_a_publication_of_all_tables_tells_no_losses_of_the_publisher(
    publisher, kept_loss, follower, listen
):
    assert publisher.value(f"SELECT count(*) FROM {LOSSES}") == 1
    listener = listen(follower)
    listener.assert_next_is(write(publisher))
    # Not even one that the executor has taken away.
    assert follower.value(f"SELECT pg_relation_size('{LOSSES}')") == 0


def test_losses_are_not_decoded(publisher):
    publisher.sql("SELECT pg_create_logical_replication_slot('decoded', 'test_decoding')")
    prepare_an_event(publisher)
    publisher.sql("COMMIT PREPARED 'published'")
    write(publisher)
    changes = publisher.sql("SELECT data FROM pg_logical_slot_get_changes('decoded', NULL, NULL)")
    publisher.sql("SELECT pg_drop_replication_slot('decoded')")
    inserted = [change for (change,) in changes if "INSERT:" in change]
    assert inserted and not [change for change in inserted if LOSSES in change]


def test_a_million_rows_are_copied_and_each_is_told_or_counted_as_lost(
    publisher, subscriber, subscribe, listen, record_property
):
    for name in ("copied", "copied_unwatched"):
        publisher.sql(
            f"INSERT INTO {name} SELECT i, 'name ' || i FROM generate_series(1, {ROWS}) AS i"
        )
        publisher.sql(f"CREATE PUBLICATION {name} FOR TABLE {name}")
    subscriber.sql("SELECT fraiseql_watch('copied', 'changes')")
    listener = listen(subscriber)
    seconds = {}
    for name in ("copied_unwatched", "copied"):
        started = time.monotonic()
        subscribe(name)
        seconds[name] = round(time.monotonic() - started, 1)
        record_property(name, seconds[name])
    print(f"seconds that the copy took: {seconds}")
    assert subscriber.value("SELECT count(*) FROM copied") == ROWS
    # What was lost is told before what follows it.
    told = lost = 0
    subscriber.sql("INSERT INTO item (name) VALUES ('last')")
    while True:
        change = listener.next()
        if isinstance(change, int):
            lost += change
        elif change["table"] == "public.item":
            break
        else:
            told += 1
    assert told + lost in (ROWS, ROWS + 1), (told, lost)
