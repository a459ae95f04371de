"""Sentinels make another Redis the primary while events are published."""

import pytest

from cluster import wait_until
from servers import Redis, Sentinel, sentinel_url


@pytest.fixture
def guarded(add, redis_bus):
    """A function that starts a Redis, its replica, three Sentinels, a server and two nodes."""

    def make(**options):
        first = add(Redis, "redis1")
        second = add(Redis, "redis2", replica_of=first.host)
        wait_until(lambda: second.is_replicating, "the replica follows")
        sentinels = [add(Sentinel, f"sentinel{n}", first.host, quorum=2) for n in (1, 2, 3)]
        wait_until(
            lambda: all(one.knows(sentinels=2, replicas=1) for one in sentinels),
            "the Sentinels know each other and the replica",
        )
        seen, bus = redis_bus(nodes=2, url=sentinel_url(sentinels), **options)
        return seen, bus, first, second

    return make


def wait_for_promotion(redis):
    wait_until(lambda: redis.role == "master", "the replica is made the primary")


def test_a_crash_of_the_primary_redis_loses_nothing(guarded):
    seen, bus, first, second = guarded()
    at_primary, at_first, at_second = seen.subscribers
    with seen.truth.growing():
        at_first.wait_for_more()
        first.kill()
        wait_for_promotion(second)
        at_first.wait_for_more(300)
        # It comes back with nothing, and is made a replica.
        first.start()
        wait_until(lambda: first.role == "slave", "the old primary follows the new one")
        at_second.wait_for_more()
    seen.finish()
    assert not any(subscriber.notices() for subscriber in seen.subscribers)


def test_a_primary_redis_that_is_cut_off_loses_nothing(guarded):
    """It still is one when it is back, for a moment, and has less than the new one."""
    seen, bus, first, second = guarded()
    at_primary, at_first, at_second = seen.subscribers
    with seen.truth.growing():
        at_first.wait_for_more()
        first.host.cut()
        wait_for_promotion(second)
        at_first.wait_for_more(300)
        first.host.mend()
        wait_until(lambda: first.role == "slave", "the old primary follows the new one")
        at_second.wait_for_more()
    seen.finish()
    assert not any(subscriber.notices() for subscriber in seen.subscribers)


def test_what_the_promoted_replica_lacks_is_appended_again(guarded):
    """The replica had been behind: what Redis had accepted and nodes had read is gone."""
    seen, bus, first, second = guarded()
    at_primary, at_first, at_second = seen.subscribers
    with seen.truth.growing():
        at_first.wait_for_more()
        # What the primary sends to its replica is lost; the Sentinels still see both.
        first.host.lose_packets_to(second.host)
        bus.nodes[1].host.cut()
        at_first.wait_for_more(200)
        first.kill()
        wait_for_promotion(second)
        bus.nodes[1].host.mend()
        at_first.wait_for_more(200)
        at_second.wait_for_more(200)
    seen.finish()
    assert not any(subscriber.notices() for subscriber in seen.subscribers)
