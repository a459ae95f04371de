"""examples/resolver-loader, as its README describes it."""

import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tokens import SECRET, make_token

from .conftest import Client

EXAMPLE = Path(__file__).resolve().parents[4] / "examples/resolver-loader"


@pytest.fixture
def example(make_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ModuleType]:
    """A server with the example's schema, and its module, which finds the server."""
    cluster = make_cluster()
    cluster.program("psql", "-v", "ON_ERROR_STOP=1", "-f", EXAMPLE / "schema.sql")
    cluster.sql("SELECT fraiseql_register_issuer('tests', secret => %s)", (SECRET,))
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGDATABASE", cluster.database)
    spec = importlib.util.spec_from_file_location("resolver_loader_app", EXAMPLE / "app.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Annotations are looked up there.
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return cluster, module


async def test_the_example_does_what_its_readme_says(
    example: tuple[Any, ModuleType], client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    cluster, app = example
    caplog.set_level(logging.INFO)
    async with app.manager:
        ann = await client(cluster, make_token(sub="ann", role="customer"))
        orders = await ann.subscribe(
            "subscription { orderChanged { id status total customer { name } } }"
        )
        balances = await ann.subscribe("subscription { balanceChanged { customer total } }")
        labels = await ann.subscribe("subscription { orderLabel }")
        cluster.sql("INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob')")
        cluster.sql(
            "INSERT INTO orders SELECT n, 1 + n % 2, 'open', n * 10"
            " FROM generate_series(1, 20) AS n"
        )
        for number in range(1, 21):
            assert await orders.data() == {
                "id": number,
                "status": "open",
                "total": f"{number * 10}",
                "customer": {"name": ("Ann", "Bob")[number % 2]},
            }
            assert await balances.data() == {
                "customer": 1 + number % 2,
                "total": ("1100", "1000")[number % 2],
            }
            assert await labels.data() == f"#{number:06} open"
        lookups = [record for record in caplog.records if "looking up" in record.message]
        assert len(lookups) < 20

        cluster.sql("INSERT INTO orders VALUES (21, 1, 'draft', 1), (22, 3, 'open', 1)")
        payload = await orders.payload()
        assert payload["data"] == {"orderChanged": None}
        assert payload["errors"][0]["message"] == "The customer is gone."
        assert payload["errors"][0]["extensions"]["code"] == "NO_CUSTOMER"

        notes = await ann.subscribe("subscription { myNotes }")
        cluster.sql(
            "INSERT INTO notes (order_id, author, text)"
            " VALUES (1, 'ann', 'mine'), (1, 'bob', 'his')"
        )
        cluster.sql("UPDATE orders SET status = 'paid' WHERE id = 1")
        assert await notes.data() == ["mine"]
