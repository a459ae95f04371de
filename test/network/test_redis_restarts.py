"""Redis ends and comes back, with what it had or without."""

import signal

import pytest


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_redis_that_has_kept_everything_loses_nothing(redis_bus, how):
    seen, bus = redis_bus(nodes=2, redis={"persistent": True})
    restart_while_published(seen, bus, how)
    assert not any(subscriber.notices() for subscriber in seen.subscribers)


def test_redis_that_has_kept_nothing_gets_it_again_and_nobody_else_does(redis_bus):
    seen, bus = redis_bus(nodes=2)
    restart_while_published(seen, bus, signal.SIGKILL)
    assert not any(subscriber.notices() for subscriber in seen.subscribers)


def restart_while_published(seen, bus, how):
    at_primary, at_first, at_second = seen.subscribers
    with seen.truth.growing():
        at_first.wait_for_more()
        bus.redis.stop(how)
        at_primary.wait_for_more(300)
        bus.redis.start()
        at_first.wait_for_more(300)
        at_second.wait_for_more()
    seen.finish()


def test_a_node_that_was_cut_off_gets_what_redis_has_forgotten_and_the_ring_has(redis_bus):
    seen, bus = redis_bus(nodes=2)
    at_primary, at_first, at_second = seen.subscribers
    with seen.truth.growing():
        at_first.wait_for_more()
        bus.nodes[0].host.cut()
        at_second.wait_for_more(200)
        bus.redis.kill()
        at_primary.wait_for_more(100)
        bus.redis.start()
        at_second.wait_for_more(200)
        bus.nodes[0].host.mend()
        at_first.wait_for_more(300)
    seen.finish()
    assert not any(subscriber.notices() for subscriber in seen.subscribers)


def test_what_neither_redis_nor_the_ring_has_is_told_with_its_count(redis_bus):
    seen, bus = redis_bus(nodes=2, server={"ring_size": "1MB"})
    at_primary, at_first, at_second = seen.subscribers
    seen.truth.publish("a", 10)
    at_first.wait_for_all()
    bus.nodes[0].host.cut()
    for _ in range(30):
        seen.truth.publish("a", 100, per_transaction=20, padding=1000)
        at_second.wait_for_all()
    bus.redis.kill()
    bus.redis.start()
    bus.nodes[0].host.mend()
    seen.finish()
    assert at_first.notices()
    assert not at_primary.notices()
    assert not at_second.notices()


def test_a_flushed_redis_is_filled_again(redis_bus):
    seen, bus = redis_bus(nodes=2)
    at_primary, at_first, at_second = seen.subscribers
    with seen.truth.growing():
        at_first.wait_for_more()
        bus.redis.ask("FLUSHALL")
        at_first.wait_for_more(300)
    seen.finish()
    assert not any(subscriber.notices() for subscriber in seen.subscribers)
