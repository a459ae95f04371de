"""graphql-transport-ws and RFC 6455 over real sockets: every message and every close code."""

import json

import pytest
from websockets.frames import Opcode

from cluster import wait_until
from raw_peer import HandshakeRefused, RawPeer

SUBSCRIBE = {
    "id": "1",
    "type": "subscribe",
    "payload": {"query": "subscription { orderUpdated { id } }"},
}


@pytest.fixture
def raw(server):
    """A function that opens a raw peer, closed after the test."""
    peers = []

    def open_peer(cluster=server, **options):
        peers.append(RawPeer(cluster.url, **options))
        return peers[-1]

    yield open_peer
    for peer in peers:
        peer.close()


# Connection ---------------------------------------------------------------------------------------


def test_connection_init_is_acknowledged(server, connect):
    acknowledgement = connect(server, init=False).init({"app": "x"})
    assert acknowledgement["payload"]["connectionId"]


def test_the_subprotocol_is_agreed_on(server, connect):
    client = connect(server, init=False, subprotocols=("other", "graphql-transport-ws"))
    assert client.socket.subprotocol == "graphql-transport-ws"


@pytest.mark.parametrize("offered", [(), ("graphql-ws-x",), ("a", "b")])
def test_any_other_subprotocol_is_closed_with_4406(server, connect, offered):
    client = connect(server, init=False, subprotocols=offered)
    assert client.socket.subprotocol is None
    assert client.wait_for_close() == (4406, "Subprotocol not acceptable")


def test_a_second_connection_init_is_closed_with_4429(server, connect):
    client = connect(server)
    client.send({"type": "connection_init"})
    assert client.wait_for_close() == (4429, "Too many initialisation requests")


def test_no_connection_init_in_time_is_closed_with_4408(make_cluster, connect):
    cluster = make_cluster(init_timeout="100ms")
    client = connect(cluster, init=False)
    assert client.wait_for_close() == (4408, "Connection initialisation timeout")


def test_pings_do_not_extend_the_time_for_connection_init(make_cluster, raw):
    cluster = make_cluster(init_timeout="2s")
    peer = raw(cluster)
    peer.send_text('{"type":"ping"}')
    assert peer.receive_text() == '{"type":"pong"}'
    assert peer.receive_close() == (4408, "Connection initialisation timeout")


def test_without_credentials_it_is_closed_with_4403_unless_anonymous_is_allowed(
    make_cluster, connect
):
    cluster = make_cluster(allow_anonymous="off")
    client = connect(cluster, init=False)
    client.send({"type": "connection_init"})
    assert client.wait_for_close() == (4403, "Forbidden: there is no token")


def test_subscribing_before_the_acknowledgement_is_closed_with_4401(server, connect):
    client = connect(server, init=False)
    client.send(SUBSCRIBE)
    assert client.wait_for_close() == (4401, "Unauthorized")


@pytest.mark.own_sockets
def test_clients_beyond_max_connections_are_turned_away(make_cluster, connect, raw):
    cluster = make_cluster(max_connections=2)
    first, _ = connect(cluster), connect(cluster)
    with pytest.raises(HandshakeRefused, match="503 Service Unavailable"):
        raw(cluster)
    first.close()
    wait_until(lambda: cluster.metric("fraiseql_subs_connections") == 1, "there is room again")
    connect(cluster).settle()


# Messages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {"a": [1, "\u00e9"]}}])
def test_a_ping_is_answered_with_its_payload(server, connect, payload):
    client = connect(server, init=False)
    client.send({"type": "ping"} | payload)
    assert client.wait_for("pong").get("payload") == payload.get("payload")


def test_a_pong_needs_no_answer(server, connect):
    client = connect(server)
    client.send({"type": "pong", "payload": {"any": 1}})
    client.settle()
    assert client.messages == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Invalid message received"),
        ("{", "Invalid message received"),
        ("null", "Message is expected to be an object, but got null"),
        ("[]", "Message is expected to be an object, but got array"),
        ("{}", "Message is missing the 'type' property"),
        ('{"type":"nope"}', "Invalid message 'type' property \"nope\""),
        ('{"type":"next"}', "Unexpected message of type next received"),
        (
            '{"type":"subscribe","id":""}',
            "\"subscribe\" message requires a non-empty 'id' property",
        ),
        (
            '{"type":"complete"}',
            "\"complete\" message expects the 'id' property to be a string, but got undefined",
        ),
        (
            '{"type":"subscribe","id":"1"}',
            "\"subscribe\" message expects the 'payload' property to be an object,"
            " but got undefined",
        ),
        ("[" * 5000, "Invalid message received"),
    ],
)
def test_an_invalid_message_is_closed_with_4400(server, connect, text, reason):
    client = connect(server)
    client.send(text)
    assert client.wait_for_close() == (4400, reason)


def test_a_close_reason_never_exceeds_the_frame(server, connect):
    client = connect(server)
    client.send({"type": "\u20ac" * 100})
    code, reason = client.wait_for_close()
    assert code == 4400
    assert reason.startswith("Invalid message 'type' property \"\u20ac")
    assert len(reason.encode()) <= 123


def test_a_binary_message_is_closed_with_4400(server, connect):
    client = connect(server)
    client.send(b'{"type":"ping"}')
    assert client.wait_for_close() == (4400, "Invalid message received")


def test_an_id_in_use_is_closed_with_4409(server, connect):
    client = connect(server)
    client.send(SUBSCRIBE)
    client.send(SUBSCRIBE)
    assert client.wait_for_close() == (4409, "Subscriber for 1 already exists")


def test_an_id_may_be_used_again_after_complete(server, connect):
    client = connect(server)
    first = client.subscribe("subscription { orderUpdated { id } }", id="a")
    first.complete()
    second = client.subscribe("subscription { orderUpdated { status } }", id="a")
    server.publish("orderUpdated", "orders", {"id": 1, "status": "x"})
    assert second.data() == {"orderUpdated": {"status": "x"}}


def test_nothing_follows_a_complete(server, connect):
    client = connect(server)
    subscription = client.subscribe("subscription { orderUpdated { id } }")
    subscription.complete()
    server.publish("orderUpdated", "orders", {"id": 1, "status": "x"})
    client.settle()
    assert subscription.messages == []


def test_completing_an_unknown_id_is_ignored(server, connect):
    client = connect(server)
    client.send({"id": "gone", "type": "complete"})
    client.settle()


def test_many_subscriptions_of_one_connection_get_their_own_messages(server, connect):
    client = connect(server)
    subscriptions = {
        i: client.start(f'subscription {{ orderUpdated(id: "{i}") {{ id }} }}') for i in range(50)
    }
    client.settle()
    for i in range(50):
        server.publish("orderUpdated", "orders", {"id": str(i), "status": "x"})
    for i, subscription in subscriptions.items():
        assert subscription.data() == {"orderUpdated": {"id": str(i)}}
        assert subscription.messages == []


def test_subscriptions_beyond_the_limit_are_refused_one_by_one(make_cluster, connect):
    cluster = make_cluster(max_subscriptions_per_connection=2)
    cluster.sql("SELECT fraiseql_register_subscription('n: Int', 'numbers')")
    client = connect(cluster)
    first, second, third = (client.start("subscription { n }") for _ in range(3))
    (error,) = third.errors()
    assert error["extensions"]["code"] == "SUBSCRIPTION_LIMIT"
    assert "2 subscriptions" in error["message"]
    first.complete()
    client.subscribe("subscription { n }")
    client.settle()
    assert cluster.value("SELECT count(*) FROM fraiseql_subscriptions()") == 2
    assert second.messages == []


# Frames -------------------------------------------------------------------------------------------


def test_a_message_may_come_in_fragments_with_control_frames_between(raw):
    peer = raw().init()
    message = '{"type":"ping","payload":{"text":"\u20ac\U0001f600"}}'.encode()
    peer.send(Opcode.TEXT, message[:10], fin=False)
    peer.send(Opcode.PING, b"first")
    assert peer.receive_frame() == (Opcode.PONG, b"first")
    for i in range(10, len(message) - 1):
        peer.send(Opcode.CONT, message[i : i + 1], fin=False)
    peer.send(Opcode.PING, b"second")
    peer.send(Opcode.PONG, b"unasked")
    assert peer.receive_frame() == (Opcode.PONG, b"second")
    peer.send(Opcode.CONT, message[-1:])
    assert json.loads(peer.receive_text())["payload"] == {"text": "\u20ac\U0001f600"}


def test_a_frame_may_come_byte_by_byte(raw):
    peer = raw().init()
    sent = bytes([0x81, 0x80 | 15, 0, 0, 0, 0]) + b'{"type":"ping"}'
    for i in range(len(sent)):
        peer.send_bytes(sent[i : i + 1])
    assert peer.receive_text() == '{"type":"pong"}'


def test_many_messages_in_one_segment_are_answered_in_order(raw):
    peer = raw().init()
    texts = [b'{"type":"ping","payload":{"i":%d}}' % i for i in range(200)]
    peer.send_bytes(b"".join(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text for text in texts))
    answers = [json.loads(peer.receive_text())["payload"]["i"] for _ in range(200)]
    assert answers == list(range(200))


def test_a_message_at_the_size_limit_is_accepted_and_one_above_is_closed_with_1009(
    make_cluster, raw
):
    cluster = make_cluster(max_message_size=4096)
    peer = raw(cluster).init()
    frame = '{"type":"ping","payload":{"x":"%s"}}'
    fitting = frame % ("y" * (4096 - len(frame) + 2))
    assert len(fitting) == 4096
    peer.send_text(fitting)
    assert json.loads(peer.receive_text())["type"] == "pong"
    peer.send_text(fitting + " ")
    assert peer.receive_close()[0] == 1009


@pytest.mark.own_sockets
def test_fragments_together_above_the_size_limit_are_closed_with_1009(make_cluster, raw):
    cluster = make_cluster(max_message_size=4096)
    peer = raw(cluster).init()
    peer.send(Opcode.TEXT, b"{", fin=False)
    for _ in range(5):
        peer.send(Opcode.CONT, b" " * 1000, fin=False)
    assert peer.receive_close()[0] == 1009


@pytest.mark.parametrize("data", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82"])
def test_invalid_utf8_is_closed_with_1007(raw, data):
    peer = raw().init()
    peer.send(Opcode.TEXT, b'{"type":"ping","payload":{"x":"' + data + b'"}}')
    assert peer.receive_close()[0] == 1007


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x81\x02{}", id="not masked"),
        pytest.param(bytes([0xC1, 0x80, 0, 0, 0, 0]), id="reserved bit"),
        pytest.param(bytes([0x83, 0x80, 0, 0, 0, 0]), id="reserved opcode"),
        pytest.param(bytes([0x09, 0x80, 0, 0, 0, 0]), id="fragmented control frame"),
        pytest.param(bytes([0x89, 0xFE, 0, 126, 0, 0, 0, 0]) + b"x" * 126, id="long control frame"),
        pytest.param(bytes([0x80, 0x80, 0, 0, 0, 0]), id="continuation of nothing"),
    ],
)
def test_a_frame_against_the_rules_ends_the_connection_only(raw, server, connect, data):
    bystander = connect(server)
    peer = raw().init()
    peer.send_bytes(data)
    peer.wait_for_end()
    bystander.settle()


def test_a_close_from_the_client_is_answered(raw):
    peer = raw().init()
    peer.send(Opcode.CLOSE, (1000).to_bytes(2, "big") + b"bye")
    assert peer.receive_close()[0] == 1000
    peer.wait_for_end()
