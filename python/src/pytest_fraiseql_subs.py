"""The pytest plugin of fraiseql_subs.

It is beside the package, not in it: pytest loads plugins before a coverage tool measures, and the
lines of the package that are run by its import would count as missed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fraiseql_subs.testing import SubscriptionClient, WorkerServer

_LOG_START = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Define the settings of pytest's configuration."""
    parser.addini(
        "subs_schema",
        "SQL files that the server of the fixture subs_server begins with",
        type="paths",
        default=[],
    )
    parser.addini(
        "subs_settings",
        "its settings, as in postgresql.conf: a line `name = value` for each",
        type="linelist",
        default=[],
    )


@pytest.fixture(scope="session")
def subs_server(request: pytest.FixtureRequest) -> Iterator[WorkerServer]:
    """Give a private server with fraiseql_subs, one for all tests of the run.

    `subs_schema` and `subs_settings` of pytest's configuration say what it begins with; a fixture
    of this name in a conftest.py takes its place.
    """
    from fraiseql_subs.testing import WorkerServer

    settings: dict[str, object] = {}
    for line in request.config.getini("subs_settings"):
        name, equals, value = line.partition("=")
        if not equals:
            raise pytest.UsageError(f'subs_settings: "{line}" is not `name = value`')
        settings[name.strip()] = value.strip().strip("'")
    with WorkerServer(*request.config.getini("subs_schema"), settings=settings) as server:
        yield server


@pytest.fixture
def subs_client(subs_server: WorkerServer) -> Iterator[SubscriptionClient]:
    """Give a client of `subs_server`, which connects when the test first subscribes."""
    client = subs_server.client()
    yield client
    client.close()


@pytest.fixture
def subs_publish(subs_server: WorkerServer) -> Callable[..., None]:
    """Give `WorkerServer.publish` of `subs_server`."""
    return subs_server.publish


def _server_of(item: pytest.Item) -> WorkerServer | None:
    arguments: dict[str, Any] = getattr(item, "funcargs", {})
    return arguments.get("subs_server")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Note where the server's log stands when a test begins."""
    server = _server_of(item)
    if server is not None:
        item.stash[_LOG_START] = server.log_size
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what the server wrote to its log meanwhile."""
    report = yield
    server = _server_of(item)
    if server is not None and report.when == "call" and report.failed:
        report.sections.append(("log of subs_server", server.log(item.stash[_LOG_START])))
    return report
