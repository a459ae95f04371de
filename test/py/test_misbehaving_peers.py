"""Clients that fall silent, do not read, or hang up: they are cut off and nobody else notices."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from websockets.frames import Opcode

from cluster import wait_until
from http_client import EventStream
from raw_peer import RawPeer


def register_text(cluster):
    cluster.sql("SELECT fraiseql_register_types('type Text { text: String! }')")
    cluster.sql("SELECT fraiseql_register_subscription('text: Text', 'text')")


def subscribe(peer):
    peer.send_text(
        '{"id":"1","type":"subscribe","payload":{"query":"subscription { text { text } }"}}'
    )
    peer.send_text('{"type":"ping"}')
    assert peer.receive_text() == '{"type":"pong"}'


def test_a_silent_peer_is_pinged_and_then_cut_off(make_cluster):
    # Long enough for it to be initialised first.
    cluster = make_cluster(keepalive_interval="1s")
    peer = RawPeer(cluster.url).init()
    assert peer.receive_frame()[0] is Opcode.PING
    peer.wait_for_end()
    assert cluster.metric("fraiseql_subs_keepalive_timeouts_total") == 1
    wait_until(lambda: cluster.metric("fraiseql_subs_connections") == 0, "the connection is gone")


def test_a_peer_that_answers_pings_stays(make_cluster):
    cluster = make_cluster(keepalive_interval="1s")
    peer = RawPeer(cluster.url).init()
    for _ in range(3):
        opcode, data = peer.receive_frame()
        assert opcode is Opcode.PING
        peer.send(Opcode.PONG, data)
    peer.close()


def test_a_client_that_does_not_read_is_cut_off_and_others_get_everything(make_cluster, connect):
    cluster = make_cluster(outbox_size="256kB", slow_timeout="3s")
    register_text(cluster)
    slow = RawPeer(cluster.url, receive_buffer=4096).init()
    subscribe(slow)
    quick = connect(cluster).subscribe("subscription { text { text } }")
    published = 0

    def is_cut_off():
        return cluster.metric("fraiseql_subs_slow_consumers_total") == 1

    def read_on():
        wait_until(is_cut_off, "the slow one is cut off", timeout=60)
        return slow.receive_close()

    # It reads as soon as it is cut off: the close frame does not wait for it for ever.
    with ThreadPoolExecutor() as pool:
        closed = pool.submit(read_on)
        # More than the sockets' own buffers and the outbox hold together.
        while not is_cut_off():
            cluster.publish("text", "text", {"text": "x" * 100_000})
            assert len(quick.data()["text"]["text"]) == 100_000
            published += 1
            assert published < 1000, "nobody was cut off"
        code, _ = closed.result()
    assert code == 4413


def test_slow_consumers_that_never_read_are_gone_after_a_while(make_cluster):
    cluster = make_cluster(outbox_size="64kB", slow_timeout="300ms")
    register_text(cluster)
    slow = RawPeer(cluster.url, receive_buffer=4096).init()
    subscribe(slow)

    def is_gone():
        cluster.publish("text", "text", {"text": "x" * 50_000})
        return cluster.metric("fraiseql_subs_connections") == 0

    wait_until(is_gone, "the peer that never reads is cut off", timeout=60)
    port = slow.socket.getsockname()[1]
    # What was left for it does not stay in the kernel either.
    wait_until(lambda: not sockets_to(port, cluster), "its socket is gone", timeout=60)
    slow.close()


def sockets_to(port, server):
    """The server's ends of TCP connections with that port of the other end."""
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    ends = (f":{server.port:04X}", f":{port:04X}")
    return [row for row in table if row[1].endswith(ends[0]) and row[2].endswith(ends[1])]


def test_a_client_that_pauses_gets_everything_when_it_reads_again(make_cluster, connect):
    cluster = make_cluster(outbox_size="64kB", slow_timeout="10min", keepalive_interval="0")
    register_text(cluster)
    peer = RawPeer(cluster.url, receive_buffer=4096).init()
    subscribe(peer)
    quick = connect(cluster).subscribe("subscription { text { text } }")
    published = 0
    while cluster.metric("fraiseql_subs_fallen_behind_total") == 0 or published < 40:
        cluster.publish("text", "text", {"text": f"{published} " + "x" * 100_000})
        assert quick.data()["text"]["text"].startswith(f"{published} ")
        published += 1
    for number in range(published):
        message = json.loads(peer.receive_text())
        assert message["payload"]["data"]["text"]["text"].startswith(f"{number} ")
    assert cluster.metric("fraiseql_subs_slow_consumers_total") == 0
    peer.close()


def fall_behind(cluster, quick):
    """Publish until the client that does not read is behind; `quick` reads. Returns how many."""
    published = 0
    while cluster.metric("fraiseql_subs_fallen_behind_total") == 0:
        cluster.publish("text", "text", {"text": f"{published} " + "x" * 100_000})
        assert quick.data()["text"]["text"].startswith(f"{published} ")
        published += 1
        assert published < 1000, "nobody fell behind"
    return published


def let_pings_pass(cluster, awake):
    """Turn keep-alive on until a client that answers has got several pings."""
    cluster.set(keepalive_interval="2s")
    for _ in range(3):
        opcode, data = awake.receive_frame()
        assert opcode is Opcode.PING
        awake.send(Opcode.PONG, data)
    cluster.set(keepalive_interval="0")


def test_pings_are_not_held_against_a_client_that_has_much_to_read(make_cluster, connect):
    # Off until the client is behind: its pings would come between what it reads.
    cluster = make_cluster(outbox_size="64kB", slow_timeout="10min", keepalive_interval="0")
    register_text(cluster)
    peer = RawPeer(cluster.url, receive_buffer=4096).init()
    subscribe(peer)
    awake = RawPeer(cluster.url).init()
    published = fall_behind(cluster, connect(cluster).subscribe("subscription { text { text } }"))
    let_pings_pass(cluster, awake)
    texts = 0
    while texts < published:
        opcode, data = peer.receive_frame()
        if opcode is Opcode.PING:
            continue
        assert opcode is Opcode.TEXT, data
        message = json.loads(data)
        assert message["payload"]["data"]["text"]["text"].startswith(f"{texts} ")
        texts += 1
    assert cluster.metric("fraiseql_subs_keepalive_timeouts_total") == 0
    assert cluster.metric("fraiseql_subs_slow_consumers_total") == 0
    peer.close()
    awake.close()


def test_an_event_stream_that_has_much_to_read_is_not_cut_off_by_a_comment(make_cluster, connect):
    cluster = make_cluster(outbox_size="64kB", slow_timeout="10min", keepalive_interval="0")
    register_text(cluster)
    stream = EventStream(cluster, "subscription { text { text } }")
    awake = RawPeer(cluster.url).init()
    published = fall_behind(cluster, connect(cluster).subscribe("subscription { text { text } }"))
    let_pings_pass(cluster, awake)
    for number in range(published):
        assert stream.next()["data"]["text"]["text"].startswith(f"{number} ")
    assert cluster.metric("fraiseql_subs_slow_consumers_total") == 0
    stream.close()
    awake.close()


def test_what_the_ring_lost_while_a_client_paused_is_told_to_it_alone(make_cluster, connect):
    cluster = make_cluster(
        ring_size="1MB", outbox_size="64kB", slow_timeout="10min", keepalive_interval="0"
    )
    register_text(cluster)
    peer = RawPeer(cluster.url, receive_buffer=4096).init()
    subscribe(peer)
    quick = connect(cluster).subscribe("subscription { text { text } }")
    published = 100
    for number in range(published):
        cluster.publish("text", "text", {"text": f"{number} " + "x" * 100_000})
        assert quick.data()["text"]["text"].startswith(f"{number} ")
    received, lost = [], 0
    while len(received) + lost < published:
        payload = json.loads(peer.receive_text())["payload"]
        if "errors" in payload:
            assert payload["errors"][0]["extensions"]["code"] == "EVENTS_LOST"
            lost += payload["errors"][0]["extensions"]["count"]
        else:
            received.append(int(payload["data"]["text"]["text"].split()[0]))
    assert lost > 0
    assert received == sorted(set(received))
    assert received[-1] == published - 1
    peer.close()


@pytest.mark.parametrize("filler", ["id", "value", "document"])
def test_a_client_that_wants_too_much_memory_is_refused_and_keeps_what_it_has(
    make_cluster, connect, filler
):
    cluster = make_cluster(max_connection_memory="200kB")
    cluster.sql("SELECT fraiseql_register_types('type Text { text: String }')")
    cluster.sql("SELECT fraiseql_register_subscription('text(where: TextFilter): Text', 'text')")
    greedy = connect(cluster)
    first = greedy.subscribe("subscription { text { text } }", id="first")
    long = "x" * 30_000
    refused = []
    while not refused:
        id = f"{len(greedy.subscriptions)}"
        assert len(greedy.subscriptions) < 10
        if filler == "id":
            asked = greedy.subscribe("subscription { text { text } }", id=id + long)
        elif filler == "value":
            query = "subscription ($v: String) { text(where: { text: { ne: $v } }) { text } }"
            asked = greedy.subscribe(query, {"v": id + long}, id=id)
        else:
            asked = greedy.subscribe("subscription { text { text } } #" + id + long[2000:], id=id)
        refused = asked.messages
    (error,) = asked.errors()
    assert error["extensions"]["code"] == "MEMORY_LIMIT"
    assert "fraiseql_subs.max_connection_memory" in error["message"]
    assert cluster.metric("fraiseql_subs_memory_bytes") <= 200 * 1024
    bystander = connect(cluster).subscribe("subscription { text { text } }")
    cluster.publish("text", "text", {"text": "hello"})
    assert bystander.data() == first.data() == {"text": {"text": "hello"}}
    # What ends makes room.
    for subscription in list(greedy.subscriptions.values()):
        subscription.complete()
    assert greedy.subscribe("subscription { text { text } }", id="a" + long).messages == []


def test_a_peer_that_hangs_up_takes_its_subscriptions_along(make_cluster):
    cluster = make_cluster()
    register_text(cluster)
    peers = [RawPeer(cluster.url).init() for _ in range(20)]
    for peer in peers:
        subscribe(peer)
    assert cluster.metric("fraiseql_subs_subscriptions") == 20
    for peer in peers:
        peer.close()
    wait_until(lambda: cluster.metric("fraiseql_subs_connections") == 0, "connections are gone")
    for name in ("subscriptions", "plans"):
        wait_until(lambda name=name: cluster.metric(f"fraiseql_subs_{name}") == 0, f"no {name}")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10000 + b"\r\n",
        b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_nonsense_instead_of_a_handshake_harms_nobody(server, connect, request_bytes):
    import socket

    bystander = connect(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as peer:
        try:
            peer.sendall(request_bytes)
            while peer.recv(65536):
                pass
        except ConnectionError:
            pass
    bystander.settle()
