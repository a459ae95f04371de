"""One server for the tests of what helps testing."""

from collections.abc import Iterator

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
