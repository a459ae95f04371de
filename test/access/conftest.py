import time

import pytest

from fixtures import connect, log_watch, make_cluster, pytest_runtest_makereport  # noqa: F401


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, help="of what is generated; by default another each day")
    parser.addoption("--events", type=int, default=1_000_000, help="how many two tenants share")


def seed_of(config):
    given = config.getoption("seed")
    return int(time.time() // 86400) if given is None else given


def pytest_report_header(config):
    return f"--seed {seed_of(config)} --events {config.getoption('events')}"


@pytest.fixture
def seed(request):
    return seed_of(request.config)


@pytest.fixture
def events(request):
    return request.config.getoption("events")
