import os
import time

import pytest

from fixtures import log_watch, pytest_runtest_makereport  # noqa: F401
from network import Network
from servers import Node, Primary, Redis
from stream_check import contradictions, faults
from subscriber import Subscriber
from truth import Truth


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, help="of the random troubles; by default another each day")
    parser.addoption("--steps", type=int, default=10, help="how many troubles come or go")


def pytest_report_header(config):
    return f"--seed {seed_of(config)} --steps {config.getoption('steps')}"


def seed_of(config):
    given = config.getoption("seed")
    return int(time.time() // 86400) if given is None else given


def pytest_configure():
    if "FSUBS_OWN_NAMESPACES" not in os.environ:
        pytest.exit("these tests need namespaces of their own: test/network/run starts them", 2)


@pytest.fixture
def seed(request):
    return seed_of(request.config)


@pytest.fixture
def steps(request):
    return request.config.getoption("steps")


@pytest.fixture
def network():
    """Without hosts yet."""
    network = Network()
    yield network
    network.close()


@pytest.fixture
def add(network):
    """A function that makes a host with a program and starts that: add(Redis, "name", …)."""
    made = []

    def make(kind, name, *arguments, **options):
        program = kind(network.add_host(name), *arguments, **options)
        made.append(program)
        return program.start()

    yield make
    for program in reversed(made):
        print(f"== {program}\n{program.log()}")  # shown where the test has failed
        program.destroy()


@pytest.fixture
def add_primary(network, log_watch):  # noqa: F811
    """A function that makes a host with a PostgreSQL server that has the extension."""

    def make(name="primary", **settings):
        cluster = Primary(network.add_host(name), **settings)
        log_watch.add(cluster, owned=True)
        return cluster.start().install()

    return make


class RedisBus:
    """A server, nodes that serve its events, and the Redis in between, each on its own host."""

    def __init__(self, primary, redis, nodes):
        self.primary = primary
        self.redis = redis
        self.nodes = nodes

    @property
    def node(self):
        (node,) = self.nodes
        return node


@pytest.fixture
def redis_bus(add, add_primary, observe):
    """A function that starts a RedisBus and subscribes to all servers: what is seen, and that.

    The subscriber of the primary is the first one, and those of the nodes follow in their order.
    """

    def make(nodes=1, redis=None, server=None, node=None, url=None):
        """
        :param redis: options of Redis.
        :param server: settings of the primary.
        :param node: options of the nodes.
        :param url: of the bus, if it is not that of a Redis of its own.
        """
        store = None if url else add(Redis, "redis", **(redis or {}))
        way = {"bus": "redis", "bus_url": url or store.url}
        primary = add_primary(**(way | (server or {})))
        seen = observe(primary)
        made = [add(Node, f"node{n}", **(way | (node or {}))) for n in range(1, nodes + 1)]
        for one in (primary, *made):
            seen.subscribe(one)
        return seen, RedisBus(primary, store, made)

    return make


class Observed:
    """What was committed on a server, and who subscribed to it."""

    def __init__(self, server):
        self.truth = Truth(server)
        self.subscribers = []

    def subscribe(self, server, **options):
        subscriber = Subscriber(server, self.truth, **options)
        self.subscribers.append(subscriber)
        return subscriber

    def finish(self, keys="abc", **allowed):
        """Publish the last event of each key, wait until everybody has it, and check what all got.

        :param allowed: as `faults` has it.
        """
        for key in keys:
            self.truth.publish(key, 1)
        for subscriber in self.subscribers:
            subscriber.wait_for_all()
        committed = self.truth.committed()
        streams = [stream for one in self.subscribers for stream in one.streams]
        found = contradictions(streams)
        for subscriber in self.subscribers:
            found += [f"{subscriber}: {message}" for message in subscriber.others]
            for stream in subscriber.streams:
                found += [
                    f"{subscriber}: {fault}" for fault in faults(committed, stream, **allowed)
                ]
        assert not found, "\n".join(found[:20])

    def close(self):
        for subscriber in self.subscribers:
            subscriber.close()


@pytest.fixture
def observe():
    """A function that makes a server publish what can be checked."""
    made = []

    def make(server):
        observed = Observed(server)
        made.append(observed)
        return observed

    yield make
    for observed in made:
        observed.close()
