"""What clients send is data: no credential where none is asked for, no SQL, and no markup."""

import json
import uuid

import pytest

PAYLOADS = [
    "'; DROP TABLE fraiseql_subs.subscription; --",
    "$$; DROP SCHEMA fraiseql_subs CASCADE; $$",
    "<script>alert(1)</script>",
    "$(touch /tmp/never)",
    "%s%n%x",
    "\u0000\u202e\ufeff",
    '"}}],"type":"next"',
]


def test_a_cookie_says_nothing_of_who_a_client_is(make_cluster, connect):
    cluster = make_cluster(allow_anonymous="off")
    client = connect(
        cluster,
        init=False,
        additional_headers={"Cookie": "session=1; authorization=Bearer x; token=x"},
    )
    client.send({"type": "connection_init"})
    assert client.wait_for_close() == (4403, "Forbidden: there is no token")


@pytest.fixture
def field(server, name):
    server.sql(f"SELECT fraiseql_register_types('type {name}Note {{ id: ID! text: String }}')")
    server.sql(
        f"SELECT fraiseql_register_subscription('{name}(text: String): {name}Note', '{name}')"
    )
    return name


@pytest.mark.parametrize("text", PAYLOADS)
def test_hostile_texts_are_values_and_ids_like_others(server, connect, field, text):
    before = server.sql("SELECT name FROM fraiseql_subs.subscription ORDER BY name")
    client = connect(server, init=False)
    client.init({"note": text, "headers": {text or "x": text}})
    number = uuid.uuid4().hex
    subscription = client.subscribe(
        f"subscription ($text: String) {{ {field}(text: $text) {{ id text }} }}",
        {"text": text},
        id=number + text,
    )
    published = text.replace("\u0000", "")
    server.publish("written", field, {"id": number, "text": published})
    server.publish("written", field, {"id": "other", "text": "other"})
    if published == text:
        assert subscription.data() == {field: {"id": number, "text": text}}
    else:
        client.settle()
        assert subscription.messages == []
    assert server.sql("SELECT name FROM fraiseql_subs.subscription ORDER BY name") == before


@pytest.mark.parametrize("text", PAYLOADS)
def test_errors_repeat_them_as_json_strings(server, connect, text):
    client = connect(server)
    (error,) = client.subscribe(f"subscription {{ {json.dumps(text)} }}").errors()
    assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    status, _ = server.get("/readyz")
    assert status == 200
