"""A node delivers what is committed in a database with the SQL file: all of it, in order, once."""

import threading

import pytest

from client import Client
from nodes import ANY, ids, lost, metric

BY_ID = "subscription ($id: ID) { orderUpdated(id: $id) { id status } }"


def test_a_committed_event_reaches_who_subscribed(served, node):
    subscription = node.client().subscribe(ANY)
    served.publish(1, "paid")
    payload = subscription.next()
    assert payload["data"] == {"orderUpdated": {"id": "1", "status": "paid"}}
    assert payload["extensions"]["position"]


def test_a_node_runs_in_its_sandbox(served, node):
    assert "sandbox is off" not in node.log()
    status = (f"/proc/{node.process.pid}/status", "Seccomp:\t2")
    with open(status[0]) as text:
        assert status[1] in text.read()


def test_arguments_filter(served, node):
    seven = node.client().subscribe(BY_ID, {"id": "7"})
    served.publish(range(1, 11))
    assert ids(seven, 1) == [7]


def test_what_is_rolled_back_reaches_nobody(served, node):
    subscription = node.client().subscribe(ANY)
    with served.connect(autocommit=False) as connection:
        served.publish(1, connection=connection)
        connection.rollback()
        served.publish(2, connection=connection)
        connection.commit()
    assert ids(subscription, 1) == [2]


def test_an_event_has_one_position_on_all_nodes(served, make_node):
    subscriptions = [make_node().start().client().subscribe(ANY) for _ in range(2)]
    served.publish(range(1, 21))
    positions = [
        [subscription.next()["extensions"]["position"] for _ in range(20)]
        for subscription in subscriptions
    ]
    assert positions[0] == positions[1]
    assert len(set(positions[0])) == 20


def test_a_long_transaction_holds_up_nobody_else(served, node):
    subscription = node.client().subscribe(ANY)
    with served.connect(autocommit=False) as slow:
        served.publish(1, connection=slow)
        served.publish(2)
        assert ids(subscription, 1) == [2]
        slow.commit()
    assert ids(subscription, 1) == [1]


def test_events_of_a_transaction_stay_together_and_in_order(served, node):
    subscription = node.client().subscribe(ANY)
    served.publish(range(1, 5001))
    assert ids(subscription, 5000) == list(range(1, 5001))


def test_large_events_arrive(served, node):
    subscription = node.client().subscribe(ANY)
    for id in range(1, 21):
        served.publish(id, "x" * 100_000)
    for id in range(1, 21):
        assert subscription.data() == {"orderUpdated": {"id": str(id), "status": "x" * 100_000}}


def test_an_event_too_large_for_the_node_is_counted_as_lost(served, make_node):
    node = make_node(ring_size=str(1 << 20)).start()
    subscription = node.client().subscribe(ANY)
    served.publish(1, "x" * 600_000)
    served.publish(2)
    assert lost(subscription) == 1
    assert ids(subscription, 1) == [2]


def test_a_node_takes_no_more_than_its_ring_has_room_for(served, make_node):
    node = make_node(ring_size=str(1 << 20), worker_threads="2").start()
    node.client().subscribe(ANY)
    served.publish(range(1, 4001), "x" * 2000)
    node.wait_until(
        lambda: metric(node, "fraiseql_subs_events_read_total") == 2 * 4000, "all is read"
    )
    assert metric(node, "fraiseql_subs_events_lost_total") == 0


def test_a_registration_takes_effect_at_its_place_among_the_events(served, node):
    before = node.client().subscribe(ANY)
    with served.connect(autocommit=False) as connection:
        served.publish(1, connection=connection)
        connection.execute(
            "SELECT fraiseql_register_subscription('orderSeen(id: ID): Order', 'orders')"
        )
        served.publish(2, connection=connection)
    assert ids(before, 2) == [1, 2]
    after = node.client().subscribe("subscription { orderSeen { id } }")
    served.publish(3)
    assert after.data() == {"orderSeen": {"id": "3"}}


def test_who_is_subscribed_is_told_when_a_field_is_gone(served, node):
    served.sql("SELECT fraiseql_register_subscription('orderSeen(id: ID): Order', 'orders')")
    subscription = node.client().subscribe(ANY)
    served.sql("SELECT fraiseql_unregister_subscription('orderUpdated')")
    assert "orderUpdated" in subscription.errors()[0]["message"]


def test_a_field_with_a_resolver_is_refused(served, node):
    """Nodes can call none, and the event's own data is not what clients are meant to see."""
    served.sql("SELECT fraiseql_register_subscription('orderSeen(id: ID): Order', 'orders')")
    served.sql("SELECT fraiseql_register_resolver('orderSeen')")
    node.wait_for_log('cannot be served: subscription "orderSeen": it has a resolver')
    errors = node.client().subscribe("subscription { orderSeen { id } }").errors()
    assert "orderSeen" in errors[0]["message"]


def test_types_of_watched_columns_count(served, node):
    served.sql("CREATE TABLE thing (id uuid PRIMARY KEY, name text)")
    served.sql("SELECT fraiseql_watch('thing')")
    served.sql("SELECT fraiseql_register_types('type Thing { id: ID! name: String }')")
    served.sql(
        "SELECT fraiseql_register_types('type ThingChange { operation: String! row: Thing }')"
    )
    served.sql(
        "SELECT fraiseql_register_subscription('thingChanged(id: ID): ThingChange', 'thing')"
    )
    id = "0a0a0a0a-0000-0000-0000-00000000000b"
    query = "subscription ($id: ID) { thingChanged(id: $id) { operation row { id name } } }"
    subscription = None

    def subscribe():
        nonlocal subscription
        subscription = node.client().subscribe(query, {"id": id.upper()})
        return not subscription.messages

    node.wait_until(subscribe, "the field is served")
    served.sql("INSERT INTO thing VALUES (%s, 'a')", (id,))
    assert subscription.data() == {
        "thingChanged": {"operation": "INSERT", "row": {"id": id, "name": "a"}}
    }


@pytest.mark.parametrize("nodes", [1, 2])
def test_writers_at_once_lose_nothing(served, make_node, nodes):
    writers, each = 4, 300
    subscriptions = [make_node().start().client().subscribe(ANY) for _ in range(nodes)]

    def write(writer):
        with served.connect() as connection:
            for number in range(each):
                served.publish(writer * each + number, connection=connection)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for subscription in subscriptions:
        seen = ids(subscription, writers * each)
        assert sorted(seen) == list(range(writers * each))
        for writer in range(writers):
            own = [id for id in seen if id // each == writer]
            assert own == sorted(own)


def test_a_client_of_a_node_is_told_what_it_may_not_subscribe(served, make_node):
    node = make_node(allow_anonymous="false").start()
    client = Client(f"ws://127.0.0.1:{node.port}")
    client.send({"type": "connection_init"})
    assert client.wait_for_close()[0] == 4403
