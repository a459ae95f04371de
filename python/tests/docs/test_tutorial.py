"""What the tutorial says happens."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from .conftest import EXAMPLES, ROOT, Hosted, run_sql

TUTORIAL = EXAMPLES / "tutorial"


def as_make_demo_leaves_it(cluster: Any) -> None:
    setup = (ROOT / "demo/setup.sql").read_text()
    setup = setup.replace("CREATE EXTENSION fraiseql_subs;", "")
    cluster.program("psql", "-v", "ON_ERROR_STOP=1", cluster.database, input=setup)


def query() -> str:
    """The document that the page sends."""
    for line in (TUTORIAL / "page.html").read_text().splitlines():
        if line.startswith("const query = "):
            return line.split("'")[1]
    raise AssertionError("the page has no query")


def test_the_page_s_subscription_shows_what_is_committed(
    database: Callable[..., Any],
    load: Callable[[str], ModuleType],
    serve: Callable[..., Any],
    connect: Callable[..., Any],
) -> None:
    cluster = database(TUTORIAL / "schema.sql")
    as_make_demo_leaves_it(cluster)
    client = connect(Hosted(serve(load("tutorial/app.py").app)))
    orders = client.subscribe(query())
    cluster.sql("BEGIN; INSERT INTO orders (customer_id, item) VALUES (1, 'milk'); ROLLBACK")
    run_sql(cluster, TUTORIAL / "change.sql")
    shown = [orders.data()["orderChanged"] for _ in range(3)]
    assert [(one["customer"], one["item"], one["status"], one["operation"]) for one in shown] == [
        ("Ada", "tea", "open", "INSERT"),
        ("Grace", "coffee", "open", "INSERT"),
        ("Ada", "tea", "paid", "UPDATE"),
    ]


def test_the_page_s_socket_outlives_a_restart_of_the_database(
    database: Callable[..., Any],
    load: Callable[[str], ModuleType],
    serve: Callable[..., Any],
    connect: Callable[..., Any],
) -> None:
    cluster = database(TUTORIAL / "schema.sql")
    client = connect(Hosted(serve(load("tutorial/app.py").app)))
    orders = client.subscribe(query())
    cluster.restart()
    cluster.wait_until_serving()
    # Answered by the worker, so the session is there again.
    client.settle()
    run_sql(cluster, TUTORIAL / "change.sql")
    items = []
    while len(items) < 3:
        payload = orders.next()
        if payload["data"]["orderChanged"] is None:
            # What may have been lost while there was no database is told.
            assert payload["errors"][0]["extensions"]["code"] == "EVENTS_LOST"
        else:
            items.append(payload["data"]["orderChanged"]["item"])
    assert items == ["tea", "coffee", "tea"]
