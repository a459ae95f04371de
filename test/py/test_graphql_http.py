"""GraphQL over HTTP: POST and GET /graphql, their media types, status codes and origins."""

import json

import pytest
from websockets.exceptions import InvalidStatus

from client import Client
from http_client import post, request

GRAPHQL_RESPONSE = "application/graphql-response+json"
INVALID = "{ nope }"


def error_of(text):
    return json.loads(text)["errors"][0]


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/html;q=0.1"])
def test_old_clients_read_errors_with_status_200(server, accept):
    status, headers, reply = post(server, INVALID, accept=accept)
    assert status == 200
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert reply["errors"][0]["message"] == 'Cannot query field "nope" on type "Query".'


def test_new_clients_read_errors_with_status_400(server):
    status, headers, reply = post(server, INVALID, accept=GRAPHQL_RESPONSE)
    assert status == 400
    assert headers["content-type"] == f"{GRAPHQL_RESPONSE}; charset=utf-8"
    assert "data" not in reply


def test_a_subscription_without_an_event_stream_is_refused_with_a_hint(server):
    _, _, reply = post(server, "subscription { orderUpdated { id } }")
    assert reply["errors"][0]["extensions"]["code"] == "OPERATION_NOT_SUPPORTED"
    assert "text/event-stream" in reply["errors"][0]["message"]
    assert server.value("SELECT count(*) FROM fraiseql_subscriptions()") == 0


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("{}", "application/json", 400),
        ('{"query": 1}', "application/json", 400),
        ('{"query": "{a}", "variables": 1}', "application/json", 400),
        ('{"query": "{a}"}', "text/plain", 415),
        ('{"query": "{a}"}', "application/json; charset=utf-16", 415),
    ],
)
def test_what_is_not_a_request_is_refused(server, body, content_type, status):
    got, _, text = request(server, "POST", "/graphql", body, content_type=content_type)
    assert got == status
    assert error_of(text)["extensions"]["code"]


def test_no_acceptable_media_type_is_406(server):
    assert request(server, "GET", "/graphql?query=%7Ba%7D", accept="image/png")[0] == 406


def test_other_methods_are_405(server):
    status, headers, _ = request(server, "PUT", "/graphql", "{}", content_type="application/json")
    assert status == 405
    assert "POST" in headers["allow"]


def test_a_body_larger_than_max_message_size_is_413(server):
    body = json.dumps({"query": "{a}", "variables": {"x": "y" * 100_000}})
    status, _, _ = request(server, "POST", "/graphql", body, content_type="application/json")
    assert status == 413


def test_a_body_may_come_in_chunks(server):
    chunks = iter([b'{"query":', b'"{ __typename }"}'])
    status, _, text = request(server, "POST", "/graphql", chunks, content_type="application/json")
    assert (status, json.loads(text)) == (200, {"data": {"__typename": "Query"}})


def test_clients_without_credentials_are_refused_until_they_are_allowed(make_cluster):
    cluster = make_cluster(allow_anonymous="off")
    status, headers, reply = post(cluster, INVALID)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert reply["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_pages_of_any_origin_may_connect_by_default(server):
    status, headers, _ = request(
        server,
        "OPTIONS",
        "/graphql",
        origin="https://a.example",
        access_control_request_method="POST",
        access_control_request_headers="content-type",
    )
    assert status == 200
    assert headers["access-control-allow-origin"] == "https://a.example"
    assert "content-type" in headers["access-control-allow-headers"]
    _, headers, _ = post(server, INVALID, origin="https://a.example")
    assert headers["access-control-allow-origin"] == "https://a.example"
    assert headers["vary"] == "origin"


def test_allowed_origins_keep_other_pages_out(make_cluster):
    cluster = make_cluster(allowed_origins="https://a.example, https://b.example")
    assert post(cluster, INVALID, origin="https://b.example")[0] == 200
    status, headers, _ = post(cluster, INVALID, origin="https://c.example")
    assert status == 403
    assert "access-control-allow-origin" not in headers
    Client(cluster.url, origin="https://a.example").close()
    Client(cluster.url, origin=f"http://127.0.0.1:{cluster.port}").close()
    with pytest.raises(InvalidStatus) as refused:
        Client(cluster.url, origin="https://c.example")
    assert refused.value.response.status_code == 403


def test_health_and_metrics_are_not_for_other_pages(server):
    for path in ("/readyz", "/metrics"):
        assert (
            "access-control-allow-origin"
            not in request(server, "GET", path, origin="https://a.example")[1]
        )


def test_the_playground_is_served_only_where_it_is_switched_on(make_cluster, server):
    assert request(server, "GET", "/", accept="text/html")[0] == 404
    cluster = make_cluster(playground="on")
    status, headers, _ = request(cluster, "GET", "/", accept="text/html")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["content-security-policy"]
