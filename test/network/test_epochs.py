"""The server on which events are published ends and comes back: its ring is another one."""

import pytest

from cluster import wait_until


def published_over(seen, bus, interruption):
    """Let the server be interrupted while events are published; nodes stay."""
    at_primary, *at_nodes = seen.subscribers
    # Its clients lose their connections.
    seen.subscribers.remove(at_primary)
    with seen.truth.growing():
        for subscriber in at_nodes:
            subscriber.wait_for_more()
        interruption()
        for subscriber in at_nodes:
            subscriber.wait_for_more(200, timeout=60)
    seen.finish(may_be_uncounted=True)
    at_primary.close()
    return at_nodes


@pytest.mark.expects_crash
def test_a_crash_restart_loses_nothing_that_is_not_told(redis_bus):
    seen, bus = redis_bus(nodes=2)
    published_over(seen, bus, bus.primary.kill_a_backend)


def test_a_clean_restart_loses_nothing(redis_bus):
    seen, bus = redis_bus(nodes=2, server={"drain_timeout": "10s"})
    at_nodes = published_over(seen, bus, bus.primary.restart)
    assert not any(subscriber.notices() for subscriber in at_nodes)


@pytest.mark.expects_crash
def test_a_crash_of_the_whole_server_loses_nothing_that_is_not_told(redis_bus):
    seen, bus = redis_bus(nodes=2)

    def crash():
        bus.primary.crash()
        bus.primary.start()

    published_over(seen, bus, crash)


@pytest.mark.expects_crash
def test_a_node_that_was_cut_off_during_a_crash_restart_is_told_what_it_lacks(redis_bus):
    seen, bus = redis_bus(nodes=2)
    at_first = seen.subscribers[1]

    def crash():
        bus.nodes[0].host.cut()
        seen.subscribers[1].wait_for_more(200)
        bus.primary.kill_a_backend()
        seen.subscribers[1].wait_for_more(200, timeout=60)
        bus.nodes[0].host.mend()

    published_over(seen, bus, crash)
    assert at_first.streams[0].is_whole


@pytest.mark.expects_crash
def test_a_crash_restart_while_redis_is_away_is_told(redis_bus):
    """What was published before it is nowhere any more."""
    seen, bus = redis_bus(nodes=2, redis={"persistent": True})
    at_primary, *at_nodes = seen.subscribers
    seen.truth.publish("a", 10)
    at_nodes[0].wait_for_all()
    seen.subscribers.remove(at_primary)
    bus.redis.kill()
    seen.truth.publish("a", 50)
    bus.primary.kill_a_backend()
    wait_until(seen.truth.is_up, "the server takes connections again")
    bus.redis.start()
    seen.finish(may_be_uncounted=True)
    at_primary.close()
    assert all(subscriber.notices() for subscriber in at_nodes)
