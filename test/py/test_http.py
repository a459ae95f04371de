"""What the port answers to plain HTTP."""

import http.client
import re

import pytest

from cluster import wait_until


@pytest.mark.parametrize("path", ["/readyz", "/healthz"])
def test_the_worker_is_ready_only_while_events_can_flow(make_cluster, path):
    cluster = make_cluster(install=False)
    wait_until(lambda: cluster.get(path)[0] == 503, "the worker says it is not ready")
    wait_until(lambda: cluster.get(path)[1].startswith("no catalog"), "it says why")
    cluster.sql("CREATE EXTENSION fraiseql_subs")
    wait_until(lambda: cluster.get(path) == (200, "ok\n"), "the worker is ready")
    cluster.stop()
    assert cluster.get(path)[0] == 0


def test_the_worker_is_alive_though_it_has_no_catalog(make_cluster):
    cluster = make_cluster(install=False)
    wait_until(lambda: cluster.get("/readyz")[0] == 503, "the worker says it is not ready")
    assert cluster.get("/livez") == (200, "ok\n")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/metrics"])
def test_head_is_answered_as_get_without_the_body(server, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("HEAD", path)
    reply = connection.getresponse()
    assert (reply.status, reply.read()) == (200, b"")
    connection.request("GET", path)
    assert connection.getresponse().status == 200
    connection.close()


def test_metrics_are_prometheus_text_and_equal_what_sql_shows(server, connect):
    client = connect(server)
    client.subscribe("subscription { orderUpdated { id } }")
    status, text = server.get("/metrics")
    assert status == 200
    name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
    labels = r'[a-z]+="[^"]*"(,[a-z]+="[^"]*")*'
    line = re.compile(rf"# (HELP|TYPE) {name} .*|{name}(\{{{labels}\}})? [0-9.e+-]+")
    assert [row for row in text.splitlines() if row and not line.fullmatch(row)] == []
    assert re.search(r'^fraiseql_subs_subscriptions\{shard="0"\} 1$', text, re.MULTILINE)
    shown = {name for (name,) in server.sql("SELECT DISTINCT name FROM fraiseql_metrics()")}
    served = set(re.findall(rf"^({name})[ {{]", text, re.MULTILINE))
    assert served and served <= shown


def test_other_paths_are_404(server):
    assert server.get("/")[0] == 404
    assert server.get("/metrics/x")[0] == 404


def test_a_connection_may_ask_more_than_once(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _ in range(3):
        connection.request("GET", "/readyz")
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
    connection.close()


def test_health_and_metrics_are_answered_to_get_alone(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/readyz", body=b"x")
    assert connection.getresponse().status == 405
    connection.close()
