import contextlib
import uuid

import pytest

from client import Client
from cluster import CRASH_SIGNS, SANITIZER_SIGNS, Cluster
from redis_server import Redis

TYPES = """
    type Order { id: ID! status: String! total: Float customer: Customer lines: [Line!] }
    type Customer { name: String! }
    type Line { sku: String! quantity: Int! }
"""


def assert_nothing_crashed(logs, expected=False):
    """Fail with the lines that tell of a crash; where one is expected, of a sanitizer's finding."""
    signs = SANITIZER_SIGNS if expected else SANITIZER_SIGNS + CRASH_SIGNS
    told = [
        line for log in logs for line in log.splitlines() if any(sign in line for sign in signs)
    ]
    assert not told, "the server log tells of a crash:\n" + "\n".join(told)


class LogWatch:
    """The clusters that a test uses, and how much of their logs was written before it."""

    def __init__(self):
        self.starts = {}
        self.owned = []

    def add(self, cluster, owned=False):
        self.starts[cluster] = cluster.log_size()
        if owned:
            self.owned.append(cluster)

    def texts(self):
        return [cluster.log(start) for cluster, start in self.starts.items()]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    watch = getattr(item, "funcargs", {}).get("log_watch")
    if watch is not None and report.failed:
        report.sections.extend(("server log", text) for text in watch.texts())
    return report


@pytest.fixture(autouse=True)
def log_watch(request):
    """Fails the test if a server that it used crashed or lost a process to a signal."""
    watch = LogWatch()
    try:
        yield watch
        for cluster in watch.owned:
            cluster.stop()
        expected = request.node.get_closest_marker("expects_crash") is not None
        assert_nothing_crashed(watch.texts(), expected)
    finally:
        for cluster in watch.owned:
            cluster.destroy()


@contextlib.contextmanager
def serving(**options):
    """A server with the field orderUpdated on the channel orders, which must not have crashed."""
    cluster = Cluster(**options)
    try:
        cluster.start().install()
        cluster.sql("SELECT fraiseql_register_types(%s)", (TYPES,))
        cluster.sql(
            "SELECT fraiseql_register_subscription("
            "'orderUpdated(id: ID, status: String): Order', 'orders')"
        )
        # Messages wait for what was registered before them, and so does this request. Then none of
        # a test's need to.
        status, text = cluster.get("/graphql?query=%7B__typename%7D")
        assert status == 200, text
        yield cluster
        start = cluster.log_size()
        cluster.stop()
        assert_nothing_crashed([cluster.log(start)])
        # Also what came too late for the test that caused it.
        assert_nothing_crashed([cluster.log()], expected=True)
    finally:
        cluster.destroy()


@pytest.fixture(scope="session")
def shared_cluster():
    with serving() as cluster:
        yield cluster


@pytest.fixture
def server(shared_cluster, log_watch):
    """The server that most tests share, with the field orderUpdated on the channel orders."""
    log_watch.add(shared_cluster)
    return shared_cluster


@pytest.fixture
def make_cluster(log_watch):
    """A function that starts a server of the test's own, by default with the extension created."""

    def make(install=True, **settings):
        cluster = Cluster(**settings)
        log_watch.add(cluster, owned=True)
        cluster.start()
        return cluster.install() if install else cluster

    return make


@pytest.fixture
def redis():
    """A Redis server of the test's own."""
    with Redis() as server:
        yield server


@pytest.fixture
def connect():
    """A function that opens a client, initialised unless told otherwise, closed after the test."""
    clients = []

    def open_client(cluster, init=True, **options):
        if cluster.tls is not None:
            options = {"ssl": cluster.tls} | options
        client = Client(cluster.url, **options)
        clients.append(client)
        if init:
            client.init()
        return client

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def name():
    """A GraphQL name that no other test uses."""
    return "t" + uuid.uuid4().hex[:12]
