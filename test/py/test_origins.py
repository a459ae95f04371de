"""Which web pages may talk to the worker, and what they are told (`allowed_origins`).

A page that was loaded from evil.example may have that name lead to the worker afterwards (DNS
rebinding): its requests then have evil.example for their Host, and browsers take it for the
worker's own page.
"""

import http.client

import psycopg
import pytest

from cluster import Cluster, wait_until
from fixtures import assert_nothing_crashed
from http_client import EventStream, post, request

QUERY = "/graphql?query=%7B__typename%7D"
STREAM = "/graphql?query=subscription%7BorderUpdated%7Bid%7D%7D"
FORBIDDEN = 403
OPEN = 101


@pytest.fixture(scope="module")
def listing_cluster():
    cluster = Cluster(allowed_origins="https://app.example.com, https://*.dev.example:8443")
    try:
        cluster.start().install()
        cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
        cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
        yield cluster
        cluster.stop()
        assert_nothing_crashed([cluster.log()])
    finally:
        cluster.destroy()


@pytest.fixture
def listing(listing_cluster, log_watch):
    """A server that allows some pages."""
    log_watch.add(listing_cluster)
    return listing_cluster


def websocket(cluster, **headers):
    """The status of a handshake."""
    headers |= {"sec_websocket_version": "13", "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=="}
    return request(cluster, "GET", "/", upgrade="websocket", connection="Upgrade", **headers)[0]


def statuses(cluster, **headers):
    """What a WebSocket, a POST and a GET get."""
    return (
        websocket(cluster, **headers),
        post(cluster, "{ __typename }", **headers)[0],
        request(cluster, "GET", QUERY, **headers)[0],
    )


REFUSED = (FORBIDDEN, FORBIDDEN, FORBIDDEN)
SERVED = (OPEN, 200, 200)


@pytest.mark.parametrize("host", ["evil.example:4000", "evil.example", "localhost.evil.example"])
def test_a_page_by_a_name_that_is_made_to_lead_here_is_refused(listing, host):
    assert statuses(listing, host=host, origin=f"http://{host}") == REFUSED
    assert statuses(listing, host=host, origin=f"https://{host}") == REFUSED


@pytest.mark.parametrize("path", [QUERY, STREAM])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_such_a_page_reads_nothing_without_an_origin_either(listing, method, path):
    for accept in ("*/*", "text/event-stream"):
        status, headers, _ = request(listing, method, path, host="evil.example:4000", accept=accept)
        assert status == FORBIDDEN
        assert headers["vary"] == "origin"


@pytest.mark.parametrize(
    "host", ["127.0.0.1:4000", "[::1]:4000", "localhost:4000", "app.localhost", "app.example.com"]
)
def test_the_workers_own_page_is_served_by_addresses_and_names_that_are_known(listing, host):
    assert statuses(listing, host=host, origin=f"http://{host}") == SERVED
    assert statuses(listing, host=host) == SERVED
    stream = EventStream(listing, "subscription%7BorderUpdated%7Bid%7D%7D", method="GET", host=host)
    assert stream.reply.status == 200
    stream.close()


def test_clients_that_are_no_pages_use_any_name_but_to_read(listing):
    assert statuses(listing, host="db.internal:4000") == (OPEN, 200, FORBIDDEN)
    refusal = request(listing, "GET", QUERY, host="db.internal:4000")[2]
    assert "fraiseql_subs.allowed_origins" in refusal
    for path in ("/readyz", "/healthz", "/livez", "/metrics"):
        assert request(listing, "GET", path, host="db.internal:4000")[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_embeds_is_refused(listing, site):
    assert request(listing, "GET", QUERY, sec_fetch_site=site)[0] == FORBIDDEN


@pytest.mark.parametrize(
    "origin", ["https://app.example.com", "https://a.dev.example:8443", "HTTPS://APP.example.com"]
)
def test_pages_that_are_listed_are_served_by_any_name(listing, origin):
    for host in ("127.0.0.1", "db.internal:4000"):
        assert statuses(listing, host=host, origin=origin) == SERVED


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.",
        "https://app.example.com.evil.example",
        "https://evil.example@app.example.com",
        "https://a.dev.example",
        "https://dev.example:8443",
        "https://evil.example/.dev.example:8443",
        "capacitor://127.0.0.1",
        "*",
    ],
)
def test_pages_that_are_not_listed_are_refused(listing, origin):
    assert statuses(listing, host="127.0.0.1", origin=origin) == REFUSED


def test_two_origins_are_no_request(listing):
    connection = http.client.HTTPConnection("127.0.0.1", listing.port, timeout=20)
    connection.putrequest("GET", QUERY)
    connection.putheader("Origin", "https://app.example.com")
    connection.putheader("Origin", "http://evil.example")
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def preflight(cluster, origin, asked="content-type"):
    status, headers, _ = request(
        cluster,
        "OPTIONS",
        "/graphql",
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers=asked,
    )
    cors = {name: value for name, value in headers.items() if name.startswith("access-control-")}
    return status, cors, headers["vary"]


def test_a_page_may_send_the_headers_that_it_asks_for(listing):
    asked = (
        "content-type,apollographql-client-name,apollo-require-preflight,sentry-trace,baggage,"
        "traceparent,tracestate,last-event-id"
    )
    status, cors, vary = preflight(listing, "https://app.example.com", asked)
    assert status == 200
    assert cors == {
        "access-control-allow-origin": "https://app.example.com",
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": asked.replace(",", ", "),
        "access-control-max-age": "600",
    }
    assert {"origin", "access-control-request-headers"} <= set(vary.split(", "))


def test_what_a_page_asks_for_is_not_repeated_if_it_is_no_name(listing):
    _, cors, _ = preflight(listing, "https://app.example.com", "x, <script>")
    assert "access-control-allow-headers" not in cors


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://evil.example:4000"])
def test_a_page_that_is_not_allowed_may_send_nothing(listing, origin):
    status, cors, _ = preflight(listing, origin)
    assert (status, cors) == (FORBIDDEN, {})


def test_caches_are_told_that_the_reply_depends_on_the_page(listing):
    for headers in ({}, {"origin": "https://app.example.com"}, {"origin": "https://evil.example"}):
        assert post(listing, "{ __typename }", **headers)[1]["vary"] == "origin"


def test_a_star_allows_pages_of_every_name(server):
    for origin in ("http://evil.example:4000", "null"):
        assert statuses(server, host="evil.example:4000", origin=origin) == SERVED
    assert statuses(server, host="evil.example:4000") == SERVED


def test_an_empty_list_allows_the_workers_own_page_alone(make_cluster):
    cluster = make_cluster(allowed_origins="")
    assert statuses(cluster, host="127.0.0.1:4000", origin="http://127.0.0.1:4000") == SERVED
    assert statuses(cluster, host="127.0.0.1:4000", origin="http://localhost:4000") == REFUSED
    assert statuses(cluster, host="db.internal", origin="http://db.internal") == REFUSED


def test_an_origin_that_no_page_has_is_refused_by_name_with_a_remedy(server):
    with pytest.raises(psycopg.errors.InvalidParameterValue) as refused:
        server.set(allowed_origins="https://a.example, https://b.example/")
    assert refused.value.diag.message_detail == '"https://b.example/" goes on behind the host.'
    assert "slash" in refused.value.diag.message_hint


def test_a_wrong_list_at_the_start_of_the_server_allows_no_page_of_another_host(make_cluster):
    cluster = make_cluster(allowed_origins="https://app.example.com/")
    assert '"https://app.example.com/" goes on behind the host' in cluster.log()
    assert statuses(cluster, host="127.0.0.1", origin="https://app.example.com") == REFUSED
    assert statuses(cluster, host="127.0.0.1") == SERVED
    cluster.set(allowed_origins="https://app.example.com")
    wait_until(
        lambda: statuses(cluster, host="127.0.0.1", origin="https://app.example.com") == SERVED,
        "the list that was mended is in force",
    )
