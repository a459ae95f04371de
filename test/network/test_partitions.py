"""Links that carry nothing for a while."""

from servers import wait_until_cut_off


def test_a_node_that_was_cut_off_catches_up(redis_bus):
    seen, bus = redis_bus(nodes=2)
    at_primary, at_first, at_second = seen.subscribers
    with seen.truth.growing():
        at_first.wait_for_more()
        bus.nodes[0].host.cut()
        at_second.wait_for_more(300)
        bus.nodes[0].host.mend()
        at_first.wait_for_more(300)
    seen.finish()
    assert not at_first.notices()


def test_a_node_that_was_cut_off_until_its_connection_broke_catches_up(redis_bus):
    seen, bus = redis_bus()
    at_primary, at_node = seen.subscribers
    with seen.truth.growing():
        at_node.wait_for_more()
        bus.node.host.cut()
        wait_until_cut_off(bus.node)
        bus.node.host.mend()
        at_node.wait_for_more(300)
    seen.finish()
    assert not at_node.notices()


def test_a_primary_that_is_cut_off_serves_its_own_clients_and_the_others_catch_up(redis_bus):
    seen, bus = redis_bus(nodes=2)
    at_primary, at_first, at_second = seen.subscribers
    with seen.truth.growing():
        at_first.wait_for_more()
        bus.primary.host.cut()
        at_primary.wait_for_more(500)
        wait_until_cut_off(bus.primary)
        at_primary.wait_for_more(100)
        bus.primary.host.mend()
        at_first.wait_for_more(500)
    seen.finish()
    assert not at_first.notices()
    assert not at_second.notices()


def test_what_the_ring_has_no_more_when_redis_is_back_is_told_with_its_count(redis_bus):
    seen, bus = redis_bus(nodes=2, server={"ring_size": "1MB"})
    at_primary, at_first, at_second = seen.subscribers
    seen.truth.publish("a", 10)
    at_first.wait_for_all()
    bus.redis.host.cut()
    # Three times what the ring holds. The primary's own subscriber loses nothing.
    for _ in range(30):
        seen.truth.publish("a", 100, per_transaction=20, padding=1000)
        at_primary.wait_for_all()
    bus.redis.host.mend()
    seen.finish()
    assert not at_primary.notices()
    assert at_first.notices()
    assert at_second.notices()


def test_what_redis_has_no_more_when_a_node_is_back_is_told_with_its_count(redis_bus):
    seen, bus = redis_bus(nodes=2, server={"bus_max_length": 1000})
    at_primary, at_first, at_second = seen.subscribers
    seen.truth.publish("a", 10)
    at_first.wait_for_all()
    bus.nodes[0].host.cut()
    for _ in range(30):
        seen.truth.publish("a", 100, per_transaction=20)
        at_second.wait_for_all()
    bus.nodes[0].host.mend()
    seen.finish()
    assert at_first.notices()
    assert not at_second.notices()


def test_a_node_whose_questions_are_lost_catches_up(redis_bus):
    seen, bus = redis_bus()
    at_primary, at_node = seen.subscribers
    with seen.truth.growing():
        at_node.wait_for_more()
        bus.node.host.lose_packets_to(bus.redis.host)
        wait_until_cut_off(bus.node)
        bus.node.host.reach(bus.redis.host)
        at_node.wait_for_more(300)
    seen.finish()
    assert not at_node.notices()


def test_answers_to_the_primary_that_are_lost_make_no_event_come_twice(redis_bus):
    """Redis has what the primary does not know to be there, and is sent it again."""
    seen, bus = redis_bus()
    at_primary, at_node = seen.subscribers
    with seen.truth.growing():
        at_node.wait_for_more()
        bus.redis.host.lose_packets_to(bus.primary.host)
        wait_until_cut_off(bus.primary)
        bus.redis.host.reach(bus.primary.host)
        at_node.wait_for_more(300)
    seen.finish()
    assert not at_node.notices()


def test_five_nodes_with_different_troubles_end_with_the_same_events(redis_bus):
    seen, bus = redis_bus(nodes=5)
    with seen.truth.growing():
        for subscriber in seen.subscribers:
            subscriber.wait_for_more()
        first, second, third, fourth, fifth = bus.nodes
        first.host.cut()
        second.host.slow_down("256kbit")
        third.host.lose_packets_to(bus.redis.host)
        bus.redis.host.lose_packets_to(fourth.host)
        seen.subscribers[5].wait_for_more(300)
        for node in bus.nodes:
            node.host.mend()
        third.host.reach(bus.redis.host)
        bus.redis.host.reach(fourth.host)
        for subscriber in seen.subscribers:
            subscriber.wait_for_more()
    seen.finish()
    assert not any(subscriber.notices() for subscriber in seen.subscribers)
