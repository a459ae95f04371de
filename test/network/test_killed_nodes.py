"""Nodes that end, stand still and come back."""

import os
import signal

import pytest

from servers import Node, wait_until_cut_off


@pytest.mark.parametrize("nodes", [2, 3])
def test_a_killed_node_takes_nothing_from_the_others(redis_bus, nodes):
    seen, bus = redis_bus(nodes=nodes - 1)
    at_primary, *at_nodes = seen.subscribers
    with seen.truth.growing():
        coming_back = seen.subscribe(bus.nodes[0], comes_back=True, is_exact=False)
        at_nodes[0].wait_for_more()
        seen.subscribers.remove(at_nodes[0])
        bus.nodes[0].kill()
        at_primary.wait_for_more(200)
        bus.nodes[0].start()
        coming_back.wait_for_more(200)
    seen.finish()
    at_nodes[0].close()
    assert len(coming_back.streams) > 1
    assert not any(subscriber.notices() for subscriber in seen.subscribers)


def test_a_node_that_stood_still_catches_up(redis_bus):
    seen, bus = redis_bus(nodes=2)
    at_primary, at_first, at_second = seen.subscribers
    with seen.truth.growing():
        at_first.wait_for_more()
        bus.nodes[0].process.send_signal(signal.SIGSTOP)
        at_second.wait_for_more(300)
        bus.nodes[0].process.send_signal(signal.SIGCONT)
        at_first.wait_for_more(300)
    seen.finish()
    assert not any(subscriber.notices() for subscriber in seen.subscribers)


def test_a_killed_worker_of_the_primary_takes_nothing_from_the_nodes(redis_bus):
    """The ring has what it had not put into the bus yet, for the worker that comes after it."""
    seen, bus = redis_bus(nodes=2)
    at_primary, *at_nodes = seen.subscribers
    seen.subscribers.remove(at_primary)
    with seen.truth.growing():
        at_nodes[0].wait_for_more()
        (worker,) = bus.primary.worker_pids()
        os.kill(worker, signal.SIGKILL)
        at_nodes[0].wait_for_more(300)
    seen.finish()
    at_primary.close()
    assert not any(subscriber.notices() for subscriber in seen.subscribers)


def test_a_node_that_starts_while_redis_is_away_serves_once_it_is_back(redis_bus, network):
    seen, bus = redis_bus(redis={"persistent": True})
    at_primary, at_node = seen.subscribers
    seen.truth.publish("a", 10)
    at_node.wait_for_all()
    bus.redis.kill()
    late = Node(network.add_host("late"), **bus.node.options | {"node_name": "late"})
    late.options["listen_address"] = late.host.front
    try:
        late.start(wait=False)
        wait_until_cut_off(bus.node)
        assert not late.is_ready()
        bus.redis.start()
        late.wait_until_ready()
        seen.subscribe(late)
        seen.truth.publish("a", 10)
        seen.finish()
    finally:
        late.destroy()


def test_a_node_that_comes_late_has_nothing_from_before(redis_bus, add):
    seen, bus = redis_bus()
    at_primary, at_node = seen.subscribers
    with seen.truth.growing():
        at_node.wait_for_more(200)
        options = {name: bus.node.options[name] for name in ("bus", "bus_url")}
        late = seen.subscribe(add(Node, "late", **options), is_exact=False)
        late.wait_for_more(200)
    seen.finish()
    assert not late.notices()
