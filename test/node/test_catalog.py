import signal

import pytest
from node import CATALOG, QUERY, event
from tokens import SECRET, make_token

WIDER = {
    "types": ["type Order { id: ID! status: String! }", "type Note { text: String }"],
    "subscriptions": [*CATALOG["subscriptions"], {"field": "noted: Note", "channel": "notes"}],
}


def test_a_catalog_that_is_written_is_served_to_who_subscribes_behind_it(node):
    client = node.client()
    writer = node.writer()
    writer.write({"catalog": WIDER})
    assert writer.sync() == []
    noted = client.subscribe("subscription { noted { text } }")
    writer.write(event({"text": "a"}, channel="notes"))
    assert noted.data() == {"noted": {"text": "a"}}


def test_a_catalog_without_a_field_ends_its_subscriptions(node):
    subscription = node.client().subscribe(QUERY)
    node.writer().write({"catalog": {"types": "type A { b: Int }", "subscriptions": []}})
    assert subscription.errors()


def test_a_catalog_that_cannot_be_served_leaves_the_one_before(node):
    subscription = node.client().subscribe(QUERY)
    writer = node.writer()
    broken = {**WIDER, "types": "type Order { id: Nothing }"}
    writer.write({"catalog": broken}, event({"id": 1, "status": "a"}))
    (error,) = writer.sync()
    assert error["error"].startswith("the catalog stays as it was: ")
    assert subscription.data() == {"orderUpdated": {"id": "1", "status": "a"}}


def test_the_file_is_read_again_at_sighup(node):
    client = node.client()
    node.write_catalog(WIDER)
    node.signal(signal.SIGHUP)
    node.wait_until(
        lambda: "noted" in str(node.get("/graphql?query={subscriptions{name}}")), "it serves that"
    )
    noted = client.subscribe("subscription { noted { text } }")
    node.writer().write(event({"text": "a"}, channel="notes"))
    assert noted.data() == {"noted": {"text": "a"}}


def test_a_file_that_is_broken_at_sighup_leaves_the_catalog_before(node):
    subscription = node.client().subscribe(QUERY)
    node.write_catalog("{")
    node.signal(signal.SIGHUP)
    node.wait_for_log("the catalog stays as it was")
    node.writer().write(event({"id": 1, "status": "a"}))
    assert subscription.data() == {"orderUpdated": {"id": "1", "status": "a"}}


def test_a_node_without_a_catalog_is_not_ready_until_one_is_written(make_node):
    node = make_node(catalog=None).launch()
    node.wait_until(lambda: node.get("/readyz")[0] == 503, "it says that it is not ready")
    assert node.get("/readyz")[1] == "no catalog: it is not read yet\n"
    assert node.get("/livez")[0] == 200
    node.writer().write({"catalog": CATALOG})
    node.wait_until(node.is_ready, "it is ready")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"types": 1}, '"types" is no text'),
        ({"subscription": []}, 'has no member "subscription"'),
        ({"subscriptions": [{"field": "a: Order"}]}, '"channel" is missing'),
        ({"subscriptions": [{"field": "a:", "channel": "b"}]}, '"field": '),
        ({"subscriptions": [{"field": "a: Nobody", "channel": "b"}]}, "Nobody"),
        (
            {"subscriptions": [{"field": "a: Order", "channel": "b", "chanel": "c"}]},
            'has no member "chanel"',
        ),
        ({"issuers": [{"name": "a", "secret": "short"}]}, "shorter than 32 bytes"),
        ({"issuers": [{"name": "a", "jwks_file": "nowhere"}]}, "No such file"),
        ({"resolvers": [{"field": "orderUpdated"}]}, "cannot call"),
    ],
)
def test_a_catalog_that_cannot_be_served_keeps_a_node_from_starting(make_node, change, problem):
    code, said = make_node(catalog=CATALOG | change).run()
    assert code == 1
    assert problem in said


def test_tokens_are_checked_by_the_issuers_of_the_catalog(make_node):
    field = CATALOG["subscriptions"][0] | {"row_filter": {"owner": "$.sub"}}
    catalog = CATALOG | {
        "subscriptions": [field],
        "issuers": [{"name": "tests", "secret": SECRET}],
    }
    node = make_node(catalog=catalog, allow_anonymous="false").start()
    subscription = node.client({"authToken": make_token(sub="u1")}).subscribe(QUERY)
    node.writer().write(
        event({"id": 1, "status": "a", "owner": "u2"}),
        event({"id": 2, "status": "b", "owner": "u1"}),
    )
    assert subscription.data() == {"orderUpdated": {"id": "2", "status": "b"}}

    from client import Client

    for payload in (None, {"authToken": make_token("another secret of 32 bytes and more", sub="u1")}):
        stranger = Client(f"ws://127.0.0.1:{node.port}")
        stranger.send({"type": "connection_init"} | ({} if payload is None else {"payload": payload}))
        assert stranger.wait_for_close()[0] == 4403
