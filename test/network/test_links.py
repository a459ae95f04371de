"""That the hosts of the other tests are cut off when these say so."""

import subprocess

import pytest

from cluster import wait_until
from servers import REDIS_PORT, Redis


@pytest.fixture
def two(add):
    return add(Redis, "one").host, add(Redis, "two").host


def reaches(host, other):
    """Whether a program on a host gets an answer from another one over the bus."""
    command = ["redis-cli", "-h", other.bus, "-p", str(REDIS_PORT), "PING"]
    try:
        done = subprocess.run([*host.inside, *command], capture_output=True, text=True, timeout=0.5)
    except subprocess.TimeoutExpired:
        return False
    return done.stdout == "PONG\n"


def test_hosts_reach_each_other_by_the_bus(two):
    one, other = two
    wait_until(lambda: reaches(one, other), "the first reaches the second")
    wait_until(lambda: reaches(other, one), "the second reaches the first")


def test_a_cut_link_carries_nothing_until_it_is_mended(two):
    one, other = two
    one.cut()
    assert not reaches(one, other)
    assert not reaches(other, one)
    one.mend()
    wait_until(lambda: reaches(one, other), "the link carries again")


def test_a_host_that_is_cut_off_is_still_reached_by_the_front(add):
    redis = add(Redis, "one")
    redis.host.cut()
    assert redis.is_ready()


def test_what_is_lost_one_way_arrives_the_other(add):
    one, other = add(Redis, "one"), add(Redis, "two")
    wait_until(lambda: reaches(one.host, other.host), "both ways carry")
    one.host.lose_packets_to(other.host)
    assert not reaches(one.host, other.host)
    command = [*one.host.inside, "ss", "--tcp", "--all", "--numeric"]

    def has_asked():
        assert not reaches(other.host, one.host)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return "SYN-RECV" in done.stdout

    wait_until(has_asked, "the other one's request to connect has come")
    one.host.reach(other.host)
    wait_until(lambda: reaches(one.host, other.host), "both ways carry again")


def test_a_slow_link_holds_back_what_is_too_much_for_it(add):
    one, other = add(Redis, "one"), add(Redis, "two")
    other.ask("SET", "large", "x" * 100_000)
    one.host.slow_down("1mbit")
    command = ["redis-cli", "-h", other.host.bus, "GET", "large"]
    done = subprocess.run([*one.host.inside, *command], capture_output=True, text=True, check=True)
    assert len(done.stdout) > 100_000
    assert one.host.held_back() > 0
