"""Who a client is: what it presents itself with, how long that holds, and how it is renewed."""

import datetime
import json
import socket
import time

import pytest

from cluster import Cluster, wait_until
from http_client import EventStream, post, request
from tokens import SECRET, make_token

QUERY = "subscription { o { id } }"
RENEWAL = "mutation ($token: String!) { fraiseqlRenew(token: $token) { expiresAt } }"
SOON = 4  # seconds: long enough to log in on a busy machine


def add_issuer(cluster, name="tests", **options):
    options = {"secret": SECRET, "leeway": "0 s"} | options
    arguments = ", ".join(f"{option} => %s" for option in options)
    cluster.sql(f"SELECT fraiseql_register_issuer(%s, {arguments})", (name, *options.values()))


def add_subscription(cluster):
    cluster.sql("SELECT fraiseql_register_types('type O { id: ID }')")
    cluster.sql("SELECT fraiseql_register_subscription('o: O', 'c')")


@pytest.fixture(scope="module")
def guarded_cluster():
    cluster = Cluster(
        allow_anonymous="off", log_level="debug", postgresql__log_min_messages="debug1"
    )
    try:
        cluster.start().install()
        add_subscription(cluster)
        add_issuer(cluster)
        yield cluster
    finally:
        cluster.stop()
        cluster.destroy()


@pytest.fixture
def guarded(guarded_cluster, log_watch):
    """A server that lets in those alone who have a token of its one issuer."""
    log_watch.add(guarded_cluster)
    return guarded_cluster


@pytest.fixture
def log_in(connect):
    """A function that opens a client with a token."""

    def open_client(cluster, token=None, **claims):
        client = connect(cluster, init=False)
        client.init({"token": token or make_token(**({"sub": "u"} | claims))})
        return client

    return open_client


def outcome(client, payload=None):
    """The acknowledgement's payload, or how the client was closed."""
    client.send({"type": "connection_init"} | ({} if payload is None else {"payload": payload}))
    try:
        return client.wait_for("connection_ack")["payload"]
    except Exception:
        return client.wait_for_close()


def refusals(cluster, reason):
    return cluster.value(
        "SELECT sum(value) FROM fraiseql_metrics()"
        " WHERE name = 'fraiseql_subs_logins_refused_total' AND labels ->> 'reason' = %s",
        (reason,),
    )


@pytest.mark.parametrize(
    "payload",
    [
        {"headers": {"Authorization": "Bearer {}"}},
        {"headers": {"authorization": "bearer {}"}},
        {"Authorization": "Bearer {}"},
        {"authorization": "Bearer {}"},
        {"authToken": "{}"},
        {"authToken": "Bearer {}"},
        {"token": "{}"},
        {"token": "Bearer {}"},
    ],
    ids=json.dumps,
)
def test_a_token_is_taken_from_each_place_of_the_payload(guarded, connect, payload):
    filled = json.loads(json.dumps(payload).replace("{}", make_token(sub="u")))
    client = connect(guarded, init=False)
    assert outcome(client, filled)["connectionId"]


def test_a_token_is_taken_from_the_handshake(guarded, connect):
    headers = {"Authorization": f"Bearer {make_token(sub='u')}"}
    assert "connectionId" in outcome(connect(guarded, init=False, additional_headers=headers))


def test_the_payload_goes_before_the_handshake(guarded, connect):
    headers = {"Authorization": f"Bearer {make_token(sub='u')}"}
    client = connect(guarded, init=False, additional_headers=headers)
    code, reason = outcome(client, {"token": "nonsense"})
    assert code == 4403
    assert reason.startswith("Forbidden: ")


def test_a_token_in_the_url_counts_only_where_that_is_allowed(make_cluster, connect):
    cluster = make_cluster(allow_anonymous="off")
    add_issuer(cluster)
    token = make_token(sub="u")
    path = f"/graphql?query=%7B__typename%7D&access_token={token}"
    assert request(cluster, "GET", path)[0] == 401
    cluster.set(token_in_url="on")
    wait_until(lambda: request(cluster, "GET", path)[0] == 200, "the setting has arrived")
    assert token not in cluster.log()


def test_the_acknowledgement_tells_the_connection_and_its_end(guarded, connect):
    exp = int(time.time()) + 1000
    client = connect(guarded, init=False)
    payload = outcome(client, {"token": make_token(sub="u", exp=exp, expires_in=None)})
    end = datetime.datetime.fromtimestamp(exp, datetime.UTC)
    assert payload["expiresAt"] == end.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    assert (int(payload["connectionId"]),) in guarded.sql("SELECT id FROM fraiseql_connections()")


def test_the_end_of_an_anonymous_client_is_null(server, connect):
    payload = outcome(connect(server, init=False))
    assert payload["expiresAt"] is None
    assert payload["connectionId"].isdigit()


def test_leeway_is_part_of_the_end(make_cluster, connect):
    cluster = make_cluster(allow_anonymous="off")
    add_issuer(cluster, leeway="10 minutes")
    payload = outcome(connect(cluster, init=False), {"token": make_token(expires_in=-60)})
    end = datetime.datetime.fromisoformat(payload["expiresAt"])
    assert end > datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize(
    ("payload", "reason", "counted"),
    [
        (None, "Forbidden: there is no token", "no_token"),
        ({"token": ""}, "Forbidden: there is no token", "no_token"),
        (
            {"authorization": "Basic dTpw"},
            "Forbidden: the scheme of the credentials is not Bearer",
            "malformed",
        ),
        ({"token": 7}, 'Forbidden: "token" is no string but number', "malformed"),
        ({"token": make_token(expires_in=-10)}, None, "token"),
        ({"token": make_token(secret="another secret, of 32 bytes too")}, None, "token"),
    ],
    ids=["nothing", "empty", "basic", "number", "expired", "unsigned"],
)
def test_a_refused_client_is_told_why(guarded, connect, payload, reason, counted):
    before = refusals(guarded, counted)
    code, told = outcome(connect(guarded, init=False), payload)
    assert code == 4403
    assert told.startswith("Forbidden: ")
    assert reason in (None, told)
    wait_until(lambda: refusals(guarded, counted) == before + 1, "the refusal is counted")


def test_a_bad_token_is_refused_also_where_anonymous_clients_are_let_in(make_cluster, connect):
    cluster = make_cluster()
    add_issuer(cluster)
    assert outcome(connect(cluster, init=False))["expiresAt"] is None
    assert outcome(connect(cluster, init=False), {"token": "nonsense"})[0] == 4403


def test_an_issuer_registered_before_the_client_came_is_known(make_cluster, connect):
    cluster = make_cluster(allow_anonymous="off")
    for number in range(10):
        add_issuer(cluster, f"i{number}", issuer=f"https://{number}.example")
        token = make_token(iss=f"https://{number}.example")
        assert "connectionId" in outcome(connect(cluster, init=False), {"token": token})
        add_issuer(cluster, f"h{number}", issuer=f"https://h{number}.example")
        token = make_token(iss=f"https://h{number}.example")
        assert post(cluster, "{ __typename }", authorization=f"Bearer {token}")[0] == 200


def test_the_older_protocol_has_the_same_credentials(guarded, connect):
    client = connect(guarded, init=False, subprotocols=("graphql-ws",))
    assert "connectionId" in outcome(client, {"authToken": make_token(sub="u")})
    client = connect(guarded, init=False, subprotocols=("graphql-ws",))
    client.send({"type": "connection_init", "payload": {"authToken": "nonsense"}})
    message = client.wait_for("connection_error")["payload"]["message"]
    assert message.startswith("Forbidden: ")
    assert client.wait_for_close() == (4403, message)


def test_a_query_by_http_needs_a_token(guarded):
    status, headers, reply = post(guarded, "{ __typename }")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert reply["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    status, headers, reply = post(guarded, "{ __typename }", authorization="Bearer nonsense")
    assert (status, headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert reply["errors"][0]["message"].startswith("Unauthenticated: ")
    status, headers, _ = post(guarded, "{ __typename }", authorization="Basic dTpw")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    token = make_token(sub="u")
    status, _, reply = post(guarded, "{ __typename }", authorization=f"Bearer {token}")
    assert (status, reply) == (200, {"data": {"__typename": "Query"}})


def test_two_authorizations_are_no_request(guarded):
    with socket.create_connection(("127.0.0.1", guarded.port)) as peer:
        peer.sendall(
            b"GET /graphql?query=%7Ba%7D HTTP/1.1\r\nhost: localhost\r\n"
            b"authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n"
        )
        assert peer.recv(100).startswith(b"HTTP/1.1 400 ")


def test_an_event_stream_needs_a_token_and_ends_with_it(guarded):
    assert EventStream(guarded, QUERY).reply.status == 401
    token = make_token(sub="u", expires_in=SOON)
    stream = EventStream(guarded, QUERY, authorization=f"Bearer {token}")
    assert stream.reply.status == 200
    # The end without `complete`.
    assert stream.event() is None
    stream.close()


def test_a_page_may_send_authorization(guarded):
    status, headers, _ = request(
        guarded,
        "OPTIONS",
        "/graphql",
        origin="https://a.example",
        access_control_request_method="POST",
        access_control_request_headers="authorization,content-type",
    )
    assert status == 200
    assert headers["access-control-allow-headers"] == "authorization, content-type"


def test_a_client_is_told_ahead_and_closed_when_its_token_expires(guarded, log_in):
    exp = int(time.time()) + SOON
    client = log_in(guarded, make_token(sub="u", exp=exp, expires_in=None))
    notice = client.wait_for("ping")["payload"]
    assert 0 <= notice["expiresIn"] <= SOON
    assert client.wait_for_close() == (4403, "Token expired")
    assert time.time() >= exp


def test_without_a_notice_the_end_is_the_same(make_cluster, log_in):
    cluster = make_cluster(allow_anonymous="off", expiry_notice="0")
    add_issuer(cluster)
    client = log_in(cluster, expires_in=SOON)
    assert client.wait_for_close() == (4403, "Token expired")
    assert not [message for message in client.messages if message["type"] == "ping"]


def renew_by_ping(client, token):
    client.send({"type": "ping", "payload": {"authorization": f"Bearer {token}"}})
    return client.wait_for("pong")["payload"]


def renew_by_mutation(client, token):
    reply = client.start(RENEWAL, {"token": token}).next()
    if "errors" in reply:
        assert reply["data"] is None
        assert reply["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        return {"error": reply["errors"][0]["message"]}
    return reply["data"]["fraiseqlRenew"]


@pytest.mark.parametrize("renew", [renew_by_ping, renew_by_mutation])
def test_a_renewed_client_outlives_its_first_token(guarded, log_in, renew):
    exp = int(time.time()) + SOON
    client = log_in(guarded, make_token(sub="u", exp=exp, expires_in=None))
    subscription = client.subscribe(QUERY)
    later = exp + 1000
    answer = renew(client, make_token(sub="u", exp=later, expires_in=None))
    end = datetime.datetime.fromisoformat(answer["expiresAt"])
    assert end.timestamp() == later
    witness = log_in(guarded, make_token(sub="v", exp=exp, expires_in=None))
    assert witness.wait_for_close() == (4403, "Token expired")
    client.settle()
    guarded.publish("t", "c", {"id": 1})
    assert subscription.data() == {"o": {"id": "1"}}


@pytest.mark.parametrize("renew", [renew_by_ping, renew_by_mutation])
@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "v", "tenant_id": "t"},
        {"sub": "u", "tenant_id": "other"},
        {"sub": "u"},
        {"tenant_id": "t"},
        {"sub": "u", "tenant_id": "t", "expires_in": -10},
    ],
    ids=str,
)
def test_a_refused_renewal_leaves_the_client_as_it_was(guarded, log_in, renew, claims):
    client = log_in(guarded, sub="u", tenant_id="t")
    subscription = client.subscribe(QUERY)
    assert "error" in renew(client, make_token(**claims))
    guarded.publish("t", "c", {"id": 2})
    assert subscription.data() == {"o": {"id": "2"}}


def test_a_refused_renewal_moves_no_end(guarded, log_in):
    client = log_in(guarded, sub="u", expires_in=SOON)
    assert "error" in renew_by_ping(client, make_token(sub="v"))
    assert client.wait_for_close() == (4403, "Token expired")


def test_an_anonymous_client_has_nothing_to_renew(server, connect):
    client = connect(server)
    assert "error" in renew_by_ping(client, make_token())
    assert "error" in renew_by_mutation(client, make_token())
    client.settle()


def test_there_is_nothing_to_renew_by_http(server):
    _, _, reply = post(server, RENEWAL, {"token": "t"})
    assert reply["errors"][0]["extensions"]["code"] == "OPERATION_NOT_SUPPORTED"
    stream = EventStream(server, RENEWAL, {"token": "t"})
    assert stream.next()["errors"][0]["extensions"]["code"] == "OPERATION_NOT_SUPPORTED"
    assert stream.event() == ("complete", None)
    stream.close()


def test_the_mutation_is_no_part_of_the_subgraph(server):
    _, _, reply = post(server, "{ __schema { mutationType { name } } _service { sdl } }")
    assert reply["data"]["__schema"]["mutationType"] == {"name": "Mutation"}
    assert "raiseqlRenew" not in reply["data"]["_service"]["sdl"]


def test_turning_anonymous_clients_off_leaves_those_with_a_token(make_cluster, connect, log_in):
    cluster = make_cluster()
    add_subscription(cluster)
    add_issuer(cluster)
    anonymous = connect(cluster)
    known = log_in(cluster)
    stream = EventStream(cluster, QUERY)
    cluster.set(allow_anonymous="off")
    assert anonymous.wait_for_close() == (4403, "Forbidden")
    assert stream.event() is None
    known.settle()
    stream.close()


def test_anonymous_claims_that_make_nobody_end_anonymous_clients_alone(
    make_cluster, connect, log_in
):
    cluster = make_cluster()
    add_subscription(cluster)
    add_issuer(cluster)
    anonymous = connect(cluster)
    known = log_in(cluster)
    stream = EventStream(cluster, QUERY)
    cluster.set(anonymous_claims='{"sub": true}')
    assert anonymous.wait_for_close() == (4403, "Forbidden")
    assert stream.event() is None
    known.settle()
    assert outcome(connect(cluster, init=False)) == (4403, "Forbidden: there is no token")
    stream.close()


def test_clients_of_an_issuer_that_is_unregistered_are_closed(make_cluster, log_in):
    cluster = make_cluster(allow_anonymous="off")
    add_issuer(cluster, "a", issuer="https://a.example")
    add_issuer(cluster, "b", issuer="https://b.example")
    of_a = log_in(cluster, iss="https://a.example")
    of_b = log_in(cluster, iss="https://b.example")
    cluster.sql("SELECT fraiseql_unregister_issuer('a')")
    assert of_a.wait_for_close() == (4403, "Forbidden")
    of_b.settle()


def test_tokens_stand_in_no_log(guarded, connect):
    token = make_token(secret="another secret, of 32 bytes too", sub="somebody")
    assert outcome(connect(guarded, init=False), {"token": token})[0] == 4403
    post(guarded, "{ __typename }", authorization=f"Bearer {token}")
    wait_until(lambda: "reason=token" in guarded.log(), "the refusal is logged")
    for part in token.split("."):
        assert part not in guarded.log()
