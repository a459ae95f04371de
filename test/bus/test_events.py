"""What commits reaches who subscribed, once, in order and as it was published, whatever the bus."""

import re
import threading

from feed import Feed, next_frame, subscribe
from stream_check import contradictions, faults
from subscriber import Subscriber
from truth import Truth

POSITION = re.compile(r"[0-9a-f]+-[0-9a-f]+")


def test_events_come_once_and_in_the_order_of_their_commits(feed, connect):
    taken = feed.subscribe(connect())
    with feed.bus.connect() as connection:
        for n in range(1, 201):
            feed.publish(n, connection=connection)
    assert taken.until(200) == list(range(1, 201))
    assert not taken.told


def test_the_order_within_a_transaction_is_kept(feed, connect):
    taken = feed.subscribe(connect())
    feed.publish(3, 1, 2, 5, 4)
    assert taken.until(4) == [3, 1, 2, 5, 4]


def test_what_is_rolled_back_never_comes(feed, connect):
    taken = feed.subscribe(connect())
    with feed.bus.connect(autocommit=False) as connection:
        feed.publish(1, connection=connection)
        connection.rollback()
        feed.publish(2, connection=connection)
        connection.commit()
    assert taken.until(2) == [2]


def test_what_is_rolled_back_to_a_savepoint_never_comes(feed, connect):
    taken = feed.subscribe(connect())
    with feed.bus.connect(autocommit=False) as connection:
        feed.publish(1, connection=connection)
        with connection.transaction():
            feed.publish(2, connection=connection)
            with connection.transaction(force_rollback=True):
                feed.publish(3, connection=connection)
                with connection.transaction():
                    feed.publish(4, connection=connection)
        with connection.transaction(force_rollback=True):
            feed.publish(5, connection=connection)
        feed.publish(6, connection=connection)
        connection.commit()
    assert taken.until(6) == [1, 2, 6]


def test_a_block_of_plpgsql_that_fails_leaves_no_event(feed, connect):
    taken = feed.subscribe(connect())
    feed.bus.sql(
        f"""
        DO $$ BEGIN
            BEGIN
                PERFORM fraiseql_publish('item', '{feed.name}', '{{"n": 1}}');
                RAISE division_by_zero;
            EXCEPTION WHEN division_by_zero THEN
                PERFORM fraiseql_publish('item', '{feed.name}', '{{"n": 2}}');
            END;
        END $$"""
    )
    assert taken.until(2) == [2]


def test_arguments_filter(bus, name, connect):
    feed = Feed(bus, name, "(n: Int, key: String, where: ItemFilter)")
    client = connect()
    by_key = feed.subscribe(client, '(key: "b")')
    by_both = feed.subscribe(client, '(n: 3, key: "b")')
    by_null = feed.subscribe(client, "(key: null)")
    by_range = feed.subscribe(client, '(where: { n: { gte: 2, lt: 4 }, key: { in: ["a", "b"] } })')
    for n in range(1, 5):
        for key in ("a", "b", "c", None):
            feed.publish(n, key=key)
    feed.publish(3, key="b")
    assert by_both.until(3) == [3]
    by_both.take()
    for taken in (by_key, by_null):
        assert taken.until(4) == [1, 2, 3, 4]
    by_key.take()
    assert by_key.numbers[-1] == 3
    while len(by_range.numbers) < 5:
        by_range.take()
    assert by_range.numbers == [2, 2, 3, 3, 3]


def test_event_types_that_are_not_registered_do_not_come(bus, name, connect):
    feed = Feed(bus, name, event_types=["item"])
    taken = feed.subscribe(connect())
    bus.publish(name, {"n": 1})
    feed.publish(2)
    assert taken.until(2) == [2]


def test_a_channel_keeps_its_events_to_itself(bus, feed, name, connect):
    other = Feed(bus, f"{name}other")
    taken = feed.subscribe(connect())
    other.publish(1)
    feed.publish(2)
    assert taken.until(2) == [2]


def test_events_larger_than_a_notification_come_whole(feed, connect):
    subscription = subscribe(connect(), f"subscription {{ {feed.name} {{ n text }} }}")
    texts = ["x" * size for size in (7_999, 8_000, 8_001, 100_000, 1_000_000)]
    for n, text in enumerate(texts):
        feed.publish(n, text=text)
    for n, text in enumerate(texts):
        assert subscription.data() == {feed.name: {"n": n, "text": text}}


def test_the_members_of_json_are_the_bytes_that_were_published(bus, name, connect):
    values = {
        "big": "12345678901234567890123456789012345678901234567890",
        "small": "-9223372036854775808",
        "decimal": "1.50",
        "exponent": "1e400",
        "zero": "-0.0",
        "nothing": "null",
        "yes": "true",
        "text": '"größer 漢字 🎉 \\"quoted\\" \\\\ </script>\u2028"',
        "escaped": r'"\u00e9\ud83c\udf89\n\t\u0001\/"',
        "empty": '""',
        "list": '[1,2.50,[],[null],{"a":{}}]',
        "nested": '{"b":1,"a":{"b":[{"c":9007199254740993}]},"":null}',
    }
    bus.register_types(
        f"scalar {name}Any type {name}Values {{"
        + " ".join(f"{member}: {name}Any" for member in values)
        + " }"
    )
    bus.register(f"{name}: {name}Values", name)
    client = connect()
    subscription = subscribe(client, f"subscription {{ {name} {{ {' '.join(values)} }} }}")
    bus.publish(name, "{" + ", ".join(f'"{m}" : {text}' for m, text in values.items()) + "}")
    frame = next_frame(subscription)
    data = ",".join(f'"{member}":{text}' for member, text in values.items())
    before, position = frame.split('"position":"')
    assert before == (
        f'{{"id":"{subscription.id}","type":"next","payload":'
        f'{{"data":{{"{name}":{{{data}}}}},"extensions":{{'
    )
    assert POSITION.fullmatch(position.removesuffix('"}}}'))


def test_positions_have_one_form_and_name_one_event_each(feed, connect):
    taken = feed.subscribe(connect())
    for n in range(1, 21):
        feed.publish(n, n + 100)
    taken.until(120)
    assert all(POSITION.fullmatch(position) for position in taken.positions)
    assert len(set(taken.positions)) == 40


def test_clients_of_every_place_get_the_same_events_by_the_same_positions(feed, connect):
    everywhere = [feed.subscribe(connect(place)) for place in feed.bus.places * 2]
    for n in range(1, 101):
        feed.publish(n)
    feed.publish(*range(101, 1001))
    for taken in everywhere:
        assert taken.until(1000) == list(range(1, 1001))
        assert taken.positions == everywhere[0].positions
        assert not taken.told


def test_the_server_s_own_clients_hear_of_an_event_by_the_position_that_nodes_have(feed, connect):
    places = list(feed.bus.places)
    if feed.bus.name == "redis":
        places.append(feed.bus.server)
    everywhere = [feed.subscribe(connect(place)) for place in places]
    feed.publish(1, 2, 3)
    for taken in everywhere:
        taken.until(3)
        assert taken.positions == everywhere[0].positions


def test_a_transaction_of_thousands_of_events_comes_whole_and_in_order(feed, connect):
    taken = feed.subscribe(connect())
    feed.publish(*range(1, 5001))
    assert taken.until(5000) == list(range(1, 5001))
    assert not taken.told


def test_a_transaction_comes_in_one_piece_among_those_of_others(feed, connect):
    taken = feed.subscribe(connect())
    with feed.bus.connect(autocommit=False) as first, feed.bus.connect() as second:
        for n in range(1, 11):
            feed.publish(n, connection=first)
            feed.publish(n + 100, connection=second)
        taken.until(110)
        first.commit()
        feed.publish(111, connection=second)
    assert taken.until(111) == [*range(101, 111), *range(1, 11), 111]


def test_a_transaction_that_stays_open_holds_up_nobody(feed, connect):
    taken = feed.subscribe(connect())
    with feed.bus.connect(autocommit=False) as slow:
        feed.publish(1, connection=slow)
        for n in range(2, 101):
            feed.publish(n)
        assert taken.until(100) == list(range(2, 101))
        slow.commit()
    assert taken.until(1)[-1] == 1
    assert not taken.told


def test_events_that_share_nothing_come_in_the_order_of_commits_where_that_is_promised(
    feed, connect
):
    taken = feed.subscribe(connect())
    for n in range(0, 40, 2):
        with feed.bus.connect(autocommit=False) as slow:
            feed.publish(n + 1, connection=slow)
            feed.publish(n)
            slow.commit()
    feed.publish(40)
    taken.until(40)
    if feed.bus.orders_all_commits:
        assert taken.numbers == list(range(41))
    assert sorted(taken.numbers) == list(range(41))


def test_changes_of_one_row_come_in_the_order_of_commits(feed, name, connect):
    feed.bus.sql(f"CREATE TABLE {name} AS SELECT 0 AS n")
    taken = feed.subscribe(connect())

    def count():
        with feed.bus.connect() as connection:
            for _ in range(25):
                with connection.transaction():
                    (n,) = connection.execute(f"UPDATE {name} SET n = n + 1 RETURNING n").fetchone()
                    feed.publish(n, connection=connection)

    writers = [threading.Thread(target=count) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert taken.until(200) == list(range(1, 201))


def test_what_many_sessions_commit_at_once_comes_whole_at_every_place(bus, connect):
    truth = Truth(bus)
    subscribe(connect(), "subscription { numbered { key } }").complete()
    for place in bus.places:
        subscribe(connect(place), "subscription { numbered { key } }").complete()
    subscribers = [Subscriber(place, truth) for place in bus.places]
    try:
        with truth.growing(keys="abcdefgh", pause=0.001):
            for subscriber in subscribers:
                subscriber.wait_for_more(800)
        for subscriber in subscribers:
            subscriber.wait_for_all()
    finally:
        for subscriber in subscribers:
            subscriber.close()
    committed = truth.committed()
    streams = [stream for subscriber in subscribers for stream in subscriber.streams]
    for subscriber in subscribers:
        assert len(subscriber.streams) == 1
        assert faults(committed, subscriber.streams[0]) == []
        assert not subscriber.notices()
        assert not subscriber.others
    assert contradictions(streams) == []
