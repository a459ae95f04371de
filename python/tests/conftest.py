"""Servers of the tests' own, as those of the repository's other tests."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "test" / "py"))

from fixtures import (  # noqa: E402, F401
    connect,
    log_watch,
    make_cluster,
    name,
    pytest_runtest_makereport,
    server,
    shared_cluster,
)

from servers import conninfo_of  # noqa: E402

# The package's own plugin, whether it is installed or not, and pytest's for tests of it.
pytest_plugins = ["pytest_fraiseql_subs", "pytester"]


@pytest.fixture
def conninfo(server):  # noqa: F811
    """That of the server that most tests share, with the field orderUpdated on orders."""
    return conninfo_of(server)
