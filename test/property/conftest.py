import time

import pytest

from fixtures import connect, log_watch, make_cluster, pytest_runtest_makereport  # noqa: F401


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, help="of the random writes; by default another each day")
    parser.addoption("--steps", type=int, default=2000, help="how many random writes")


def pytest_report_header(config):
    return f"--seed {seed_of(config)} --steps {config.getoption('steps')}"


def seed_of(config):
    given = config.getoption("seed")
    return int(time.time() // 86400) if given is None else given


@pytest.fixture
def seed(request):
    return seed_of(request.config)


@pytest.fixture
def steps(request):
    return request.config.getoption("steps")
