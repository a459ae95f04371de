"""Whatever ends or stands still, clients get nothing twice and nothing out of order, and are told
of what they miss while they are connected.
"""

import socket

import pytest

from cluster import wait_until
from feed import Feed, subscribe
from stream_check import Notice, contradictions, faults
from subscriber import Subscriber
from truth import QUERY, Truth

ENDS_PROCESSES = True
SETTINGS = {"ring_size": 1 << 20, "outbox_size": 16 << 10, "slow_timeout": 60_000}


@pytest.fixture(scope="module")
def truth(bus):
    return Truth(bus)


@pytest.fixture
def listen(bus, truth, connect):
    """A function that has somebody listen at every place, until the test ends."""
    for place in bus.places:
        subscribe(connect(place), QUERY).complete()
    subscribers = []

    def start(**options):
        subscribers.extend(Subscriber(place, truth, **options) for place in bus.places)
        return subscribers

    yield start
    for subscriber in subscribers:
        subscriber.close()


def assert_true(truth, subscribers):
    """What each was given is what was committed."""
    committed = truth.committed()
    for subscriber in subscribers:
        assert not subscriber.others
        for stream in subscriber.streams:
            assert faults(committed, stream, may_be_uncounted=True) == []
        for key in committed:
            events = [event for stream in subscriber.streams for event in stream.events()]
            numbers = [event.number for event in events if event.key == key]
            assert numbers == sorted(set(numbers))
    streams = [stream for subscriber in subscribers for stream in subscriber.streams]
    assert contradictions(streams) == []


def test_who_comes_back_after_a_crash_of_whom_it_was_connected_to_gets_nothing_twice(
    bus, truth, listen
):
    subscribers = listen(comes_back=True, is_exact=False)
    with truth.growing(pause=0.02):
        for _ in range(2):
            for subscriber in subscribers:
                subscriber.wait_for_more(20)
            bus.kill()
        for subscriber in subscribers:
            subscriber.wait_for_more(50)
    for subscriber in subscribers:
        subscriber.wait_for_all()
        assert not subscriber.notices()
    assert len(subscribers[0].streams) == 3
    assert_true(truth, subscribers)


def test_a_restart_of_where_events_come_from_costs_none_of_them(bus, truth, listen):
    subscribers = listen(comes_back=not bus.clients_stay)
    with truth.growing(pause=0.02):
        for subscriber in subscribers:
            subscriber.wait_for_more(20)
        with bus.source_away():
            wait_until(lambda: bus.place.get("/readyz")[0] != 200, "the trouble is told")
        for subscriber in subscribers:
            subscriber.wait_for_more(50)
    for subscriber in subscribers:
        subscriber.wait_for_all()
        assert not subscriber.notices()
        assert (len(subscriber.streams) == 1) is bus.clients_stay
    assert_true(truth, subscribers)


def test_after_a_crash_of_the_database_events_go_on_and_what_is_missing_is_told(bus, truth, listen):
    subscribers = listen(comes_back=not bus.clients_stay, is_exact=False)
    with truth.growing(pause=0.02):
        for subscriber in subscribers:
            subscriber.wait_for_more(20)
        bus.stop_server("immediate")
        bus.start_server()
        for subscriber in subscribers:
            subscriber.wait_for_more(50)
    for subscriber in subscribers:
        subscriber.wait_for_all()
        assert (len(subscriber.streams) == 1) is bus.clients_stay
        # How many died with the server, nobody can know.
        for stream in subscriber.streams:
            stream.items = [
                Notice(None) if isinstance(item, Notice) else item for item in stream.items
            ]
    assert_true(truth, subscribers)


def test_what_was_forgotten_before_it_was_read_is_told_with_its_count(bus, feed, connect):
    taken = feed.subscribe(connect())
    feed.publish(1)
    taken.until(1)
    count, size = bus.more_than_is_kept
    with bus.standing_still():
        feed.publish(*range(2, count), text="x" * size)
        feed.publish(count)
        bus.forget(count)
    feed.publish(count + 1)
    numbers = taken.until(count + 1)
    assert numbers == sorted(set(numbers))
    assert taken.lost == count + 1 - len(numbers) > 0


def test_a_client_that_reads_slowly_is_told_how_much_it_missed(bus, name, connect):
    feed = Feed(bus, name)
    # Events are read by the thread that serves the client; this one is at the same place.
    quick = [feed.subscribe(connect()) for _ in range(4)]
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", bus.place.port))
    # The client closes it: its thread would wait for ever at a socket that others have closed.
    slow = feed.subscribe(connect(sock=narrow, max_queue=1), selection="n text")
    behind = bus.metric("fraiseql_subs_fallen_behind_total")
    count = 0
    with bus.connect() as connection:

        def publish(batches):
            nonlocal count
            for _ in range(batches):
                feed.publish(*range(count + 1, count + 51), connection=connection, text="x" * 4000)
                count += 50

        while bus.metric("fraiseql_subs_fallen_behind_total") == behind:
            publish(1)
        # More than is kept for it.
        publish(10)
    for taken in quick:
        taken.until(count)
        assert taken.lost == count - len(taken.numbers)
    numbers = slow.until(count)
    assert numbers == sorted(set(numbers))
    assert slow.lost == count - len(numbers) > 0


def test_metrics_and_readiness_follow_what_happens(bus, feed, connect):
    read = bus.metric("fraiseql_subs_events_read_total")
    connections = bus.metric("fraiseql_subs_connections")
    taken = feed.subscribe(connect())
    feed.publish(*range(100))
    taken.until(99)
    assert bus.metric("fraiseql_subs_connections") == connections + 1
    wait_until(
        lambda: bus.metric("fraiseql_subs_events_read_total") >= read + 200, "both threads read"
    )
    status, text = bus.place.get("/readyz")
    assert (status, text.splitlines()[0]) == (200, "ok")
    assert bus.place.get("/livez")[0] == 200
    if not bus.clients_stay:
        return
    assert bus.metric("fraiseql_subs_bus_connected") == 1
    with bus.source_away():
        wait_until(lambda: bus.metric("fraiseql_subs_bus_connected") == 0, "the bus is gone")
        wait_until(lambda: bus.place.get("/readyz")[0] == 503, "it says that it is not ready")
        assert len(bus.place.get("/readyz")[1].strip()) > 0
    assert bus.metric("fraiseql_subs_bus_connected") == 1
    feed.publish(100)
    assert taken.until(100) == list(range(101))
