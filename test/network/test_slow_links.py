"""Links that carry less than is published, for a while or for good."""


def test_a_node_behind_a_slow_link_gets_everything_and_delays_nobody(redis_bus):
    seen, bus = redis_bus(nodes=2)
    at_primary, at_first, at_second = seen.subscribers
    bus.nodes[0].host.slow_down("256kbit")
    seen.truth.publish("a", 300, per_transaction=10, padding=500)
    at_second.wait_for_all()
    assert at_first.count() < 300
    seen.finish()
    assert not at_first.notices()


def test_what_redis_throws_away_before_a_slow_link_has_carried_it_is_told(redis_bus):
    seen, bus = redis_bus(nodes=2, server={"bus_max_length": 1000})
    at_primary, at_first, at_second = seen.subscribers
    seen.truth.publish("a", 10)
    at_first.wait_for_all()
    bus.nodes[0].host.slow_down("512kbit")
    for _ in range(30):
        seen.truth.publish("a", 100, per_transaction=20, padding=500)
        at_second.wait_for_all()
    seen.finish()
    assert at_first.notices()
    assert not at_second.notices()


def test_a_slow_link_of_the_primary_slows_no_commit_down_and_loses_nothing(redis_bus):
    seen, bus = redis_bus(nodes=2)
    at_primary, at_first, at_second = seen.subscribers
    bus.primary.host.slow_down("256kbit")
    seen.truth.publish("a", 300, per_transaction=10, padding=500)
    at_primary.wait_for_all()
    assert at_first.count() < 300
    seen.finish()
    assert not at_first.notices()
