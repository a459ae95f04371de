"""One server for the tests of the program."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraiseql_subs.testing import WorkerServer

SCHEMA = """
SELECT fraiseql_register_types('type Order { id: ID! status: String! total: Float }');
SELECT fraiseql_register_subscription(
    'orderUpdated(id: ID): Order', 'orders', ARRAY['orderUpdated']);
"""


@pytest.fixture(scope="session")
def subs_server() -> Iterator[WorkerServer]:
    with WorkerServer(SCHEMA) as server:
        yield server


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """Where the package is installed as users install it, but without what it depends on."""
    target = tmp_path_factory.mktemp("installed")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"),
            *("--no-index", "--quiet", "--target", str(target), str(pytestconfig.rootpath)),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return target
