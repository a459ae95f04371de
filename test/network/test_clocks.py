"""Hosts that do not agree about the time of day."""

import pytest


@pytest.mark.parametrize("clock", ["-1d", "+1d"])
def test_a_node_whose_clock_is_wrong_gets_everything(redis_bus, clock):
    seen, bus = redis_bus(node={"clock": clock})
    (at_primary, at_node) = seen.subscribers
    with seen.truth.growing():
        at_node.wait_for_more(300)
    seen.finish()
    assert not at_node.notices()


@pytest.mark.parametrize("clock", ["-1d", "+1d"])
def test_a_primary_whose_clock_is_wrong_loses_nothing(redis_bus, clock):
    seen, bus = redis_bus(server={"clock": clock, "bus_max_age": "1h"})
    (at_primary, at_node) = seen.subscribers
    with seen.truth.growing():
        at_node.wait_for_more(100)
        bus.node.host.cut()
        at_primary.wait_for_more(200)
        bus.node.host.mend()
        at_node.wait_for_more(200)
    seen.finish()
    assert not at_node.notices()


@pytest.mark.parametrize("clock", ["-1d", "+1d"])
def test_a_redis_whose_clock_is_not_that_of_the_others_loses_nothing(redis_bus, clock):
    seen, bus = redis_bus(server={"clock": clock}, node={"clock": clock})
    (at_primary, at_node) = seen.subscribers
    with seen.truth.growing():
        at_node.wait_for_more(300)
    seen.finish()
    assert not at_node.notices()
