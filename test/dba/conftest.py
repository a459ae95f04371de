import pytest

from cluster import Cluster
from copies import copied
from fixtures import connect, log_watch, pytest_runtest_makereport  # noqa: F401
from watched import Listener

# Nobody needs these servers after the machine has crashed, and no client wants to be waited for.
DEFAULTS = {"postgresql__fsync": "off", "drain_timeout": "100ms"}


@pytest.fixture(scope="session")
def fresh():
    """Data of a server that has never run, to copy: initdb takes most of a server's making."""
    cluster = Cluster()
    yield copied(cluster)
    cluster.destroy()


@pytest.fixture
def make_server(log_watch, fresh):  # noqa: F811
    """A function that makes a server of the test's own, as Cluster does, and starts it."""

    def make(start=True, data=fresh, pg_config=None, **settings):
        if pg_config is not None and data is fresh:
            data = None
        cluster = Cluster(data, pg_config, **(DEFAULTS | settings))
        log_watch.add(cluster, owned=True)
        return cluster.start() if start else cluster

    return make


@pytest.fixture(scope="module")
def make_shared_server(fresh):
    """The same for servers that the tests of a file share."""
    made = []

    def make(**settings):
        cluster = Cluster(fresh, **(DEFAULTS | settings))
        made.append(cluster)
        return cluster.start()

    yield make
    for cluster in made:
        cluster.destroy()


@pytest.fixture
def listen(connect):  # noqa: F811
    """A function that lets a client listen to the changes of a server's watched tables."""
    return lambda cluster: Listener(cluster, connect(cluster))
