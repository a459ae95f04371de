import contextlib
import uuid

import pytest

from buses import BUSES
from client import Client
from feed import TYPES, Feed
from fixtures import assert_nothing_crashed


@pytest.fixture(scope="module", params=BUSES)
def bus(request):
    """One of each kind for the module, with its settings SETTINGS."""
    bus = BUSES[request.param](getattr(request.module, "SETTINGS", {}))
    try:
        bus.register_types(TYPES)
        yield bus
        assert_nothing_crashed(bus.logs(), getattr(request.module, "ENDS_PROCESSES", False))
    finally:
        bus.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    bus = getattr(item, "funcargs", {}).get("bus")
    if bus is not None and report.failed:
        report.sections.extend(("log", text[-8000:]) for text in bus.logs())
    return report


@pytest.fixture
def connect(bus):
    """A function that opens a client at a place, closed after the test."""
    with contextlib.ExitStack() as clients:

        def open_client(place=None, payload=None, **options):
            client = Client((place or bus.place).url, ping_interval=None, **options)
            clients.callback(client.close)
            client.init(payload)
            return client

        yield open_client


@pytest.fixture
def name():
    """A GraphQL name that no other test uses."""
    return "t" + uuid.uuid4().hex[:12]


@pytest.fixture
def feed(bus, name):
    return Feed(bus, name)
