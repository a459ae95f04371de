"""What the port answers to plain HTTP."""

import http.client
import re


def test_healthz_is_200_only_while_events_can_flow(make_cluster):
    cluster = make_cluster(install=False)
    cluster.sql("CREATE EXTENSION fraiseql_subs")
    cluster.wait_until_serving()
    assert cluster.get("/healthz")[0] == 200
    cluster.stop()
    assert cluster.get("/healthz")[0] == 0


def test_metrics_are_prometheus_text_and_equal_what_sql_shows(server, connect):
    client = connect(server)
    client.subscribe("subscription { orderUpdated { id } }")
    status, text = server.get("/metrics")
    assert status == 200
    name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
    line = re.compile(rf'# (HELP|TYPE) {name} .*|{name}(\{{[a-z]+="[^"]*"\}})? [0-9.e+-]+')
    assert [row for row in text.splitlines() if row and not line.fullmatch(row)] == []
    assert re.search(r'^fraiseql_subs_subscriptions\{shard="0"\} 1$', text, re.MULTILINE)
    shown = {name for (name,) in server.sql("SELECT DISTINCT name FROM fraiseql_metrics()")}
    served = set(re.findall(rf"^# TYPE ({name}) ", text, re.MULTILINE))
    assert served <= shown


def test_other_paths_are_404(server):
    assert server.get("/")[0] == 404
    assert server.get("/metrics/x")[0] == 404


def test_a_connection_may_ask_more_than_once(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _ in range(3):
        connection.request("GET", "/healthz")
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 200
    connection.close()


def test_health_and_metrics_are_answered_to_get_alone(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/healthz", body=b"x")
    assert connection.getresponse().status == 405
    connection.close()
