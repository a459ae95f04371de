"""The few statements that the README begins with."""

import json
import os
import subprocess

from cluster import ROOT, wait_until


def test_a_published_event_arrives_as_the_client_selected_it(make_cluster, connect):
    cluster = make_cluster()
    cluster.program("psql", "-v", "ON_ERROR_STOP=1", "postgres", input=without_extension())
    client = connect(cluster)
    orders = client.subscribe("subscription { orderUpdated { id status total } }")
    cluster.program("psql", "-v", "ON_ERROR_STOP=1", "-f", ROOT / "demo/publish.sql", "postgres")
    assert orders.data() == {"orderUpdated": {"id": "1", "status": "paid", "total": 42.5}}


def without_extension():
    setup = (ROOT / "demo/setup.sql").read_text()
    statement = "CREATE EXTENSION fraiseql_subs;"
    assert statement in setup
    return setup.replace(statement, "")


def run_subscriber(cluster, *arguments):
    return subprocess.Popen(
        [ROOT / "demo/subscribe.py", "--url", cluster.url, "--timeout", "60", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def test_the_demo_subscriber_prints_events_until_it_has_enough(server):
    with run_subscriber(
        server, "--json", "--events", "2", "subscription { orderUpdated { status } }"
    ) as subscriber:
        assert json.loads(subscriber.stdout.readline())["kind"] == "subscribed"
        for status in "packed", "sent":
            server.publish("orderUpdated", "orders", {"id": 1, "status": status})
        lines = [json.loads(line) for line in subscriber.stdout]
    assert [line["payload"]["data"]["orderUpdated"]["status"] for line in lines] == [
        "packed",
        "sent",
    ]
    assert subscriber.returncode == 0


def test_the_demo_subscriber_fails_with_the_servers_errors(server):
    with run_subscriber(server, "subscription { nothing }") as subscriber:
        assert "Cannot query field" in subscriber.stderr.read()
    assert subscriber.returncode == 1


def test_a_missing_preload_line_is_told_when_the_extension_is_created(make_cluster):
    cluster = make_cluster(install=False, postgresql__shared_preload_libraries="")
    warning = warning_of(cluster, "CREATE EXTENSION fraiseql_subs")
    assert "shared_preload_libraries = 'fraiseql_subs'" in warning
    assert "postgresql.conf" in warning


def test_other_databases_are_told_which_one_is_served(make_cluster):
    cluster = make_cluster(install=False)
    cluster.sql("CREATE DATABASE other")
    cluster.database = "other"
    warning = warning_of(cluster, "CREATE EXTENSION fraiseql_subs")
    assert "fraiseql_subs.database" in warning
    assert '"postgres"' in warning


def warning_of(cluster, statement):
    texts = []
    with cluster.connect() as connection:
        connection.add_notice_handler(
            lambda notice: texts.extend(
                (notice.message_primary, notice.message_detail, notice.message_hint)
            )
        )
        connection.execute(statement)
    return "\n".join(filter(None, texts))


def test_the_worker_serves_as_soon_as_the_extension_is_created(make_cluster):
    cluster = make_cluster(install=False)
    wait_until(lambda: cluster.get("/readyz")[0] == 503, "the worker says it is not ready")
    cluster.install()
