"""The PROXY protocol: whose word on the client's address is taken, and what is done with it."""

import contextlib
import socket
import struct
import subprocess

import pytest
from fraiseql_subs.testing._ports import free_port

from certificates import Authority
from client import Client
from cluster import wait_until

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REFUSED = "fraiseql_subs_limited_total"

# Not 127.0.0.1, from which the tests connect for everything else.
PROXY = "127.0.0.2"


def text(address, port=50000, family="TCP4", other="192.0.2.9"):
    return f"PROXY {family} {address} {other} {port} 4000\r\n".encode()


def binary(address, port=50000, more=b"", command=0x21):
    v6 = ":" in address
    packed = socket.inet_pton(socket.AF_INET6 if v6 else socket.AF_INET, address)
    body = packed * 2 + struct.pack("!HH", port, 4000) + more
    return SIGNATURE + struct.pack("!BBH", command, 0x21 if v6 else 0x11, len(body)) + body


LOCAL = SIGNATURE + b"\x20\x00\x00\x00"


@pytest.fixture
def dial():
    """A function that connects from an address of this machine, closed after the test."""
    with contextlib.ExitStack() as sockets:

        def connect(cluster, source=PROXY):
            peer = socket.create_connection(
                ("127.0.0.1", cluster.port), timeout=20, source_address=(source, 0)
            )
            return sockets.enter_context(peer)

        yield connect


@pytest.fixture
def cluster(make_cluster):
    return make_cluster(proxy_protocol_from=f"10.0.0.0/8, {PROXY}")


def is_served(peer, sent):
    try:
        peer.sendall(sent)
        return peer.recv(4096).startswith(b"HTTP/1.1 200 ")
    except ConnectionError:
        return False


def stream_of(peer, header):
    """Open an event stream, which is a row of fraiseql_connections()."""
    peer.sendall(
        header
        + b"GET /graphql?query=subscription%7BorderUpdated%7Bid%7D%7D HTTP/1.1\r\n"
        + b"Host: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
    )
    assert peer.recv(4096).startswith(b"HTTP/1.1 200 ")


def peers_of(cluster):
    return [peer for (peer,) in cluster.sql("SELECT peer FROM fraiseql_connections()")]


def with_field(cluster):
    cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
    cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
    return cluster


@pytest.mark.parametrize(
    ("header", "told"),
    [
        pytest.param(text("192.0.2.1"), "192.0.2.1:50000", id="text, IPv4"),
        pytest.param(
            text("2001:db8::1", family="TCP6", other="::1"), "[2001:db8::1]:50000", id="text, IPv6"
        ),
        pytest.param(binary("192.0.2.1"), "192.0.2.1:50000", id="binary, IPv4"),
        pytest.param(binary("2001:db8::1"), "[2001:db8::1]:50000", id="binary, IPv6"),
        pytest.param(
            binary("192.0.2.1", more=b"\x05\x00\x03abc" * 600), "192.0.2.1:50000", id="with more"
        ),
    ],
)
def test_the_client_is_whom_the_proxy_names(cluster, dial, header, told):
    with_field(cluster)
    stream_of(dial(cluster), header)
    assert peers_of(cluster) == [told]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(LOCAL, id="binary"),
        pytest.param(b"PROXY UNKNOWN\r\n", id="text"),
    ],
)
def test_a_proxy_may_connect_for_itself(cluster, dial, header):
    with_field(cluster)
    peer = dial(cluster)
    stream_of(peer, header)
    assert peers_of(cluster) == [f"{PROXY}:{peer.getsockname()[1]}"]


def test_a_header_may_come_byte_by_byte(cluster, dial):
    for header in (text("192.0.2.1"), binary("192.0.2.1")):
        peer = dial(cluster)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(header)):
            peer.sendall(header[i : i + 1])
        assert is_served(peer, GET)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", id="malformed"),
        pytest.param(b"PROXY " + b"x" * 200, id="endless"),
        pytest.param(SIGNATURE + b"\x21\x11\xff\xff", id="too large"),
    ],
)
def test_a_proxy_without_a_proper_header_is_closed(cluster, dial, header):
    peer = dial(cluster)
    with contextlib.suppress(ConnectionError):
        peer.sendall(header + GET)
        assert peer.recv(4096) == b""
    wait_until(lambda: "for want of a PROXY header" in cluster.log(), "the log tells of it")


@pytest.mark.parametrize("header", [text("192.0.2.1"), binary("192.0.2.1")])
def test_of_others_it_is_a_malformed_request(cluster, dial, header):
    peer = dial(cluster, "127.0.0.1")
    peer.sendall(header + GET)
    assert peer.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_nobody_is_trusted_by_default(server, dial):
    peer = dial(server)
    peer.sendall(text("192.0.2.1") + GET)
    assert peer.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_the_limits_are_those_of_the_client(make_cluster, dial):
    cluster = make_cluster(
        proxy_protocol_from=PROXY, limit_connections_per_address="2", worker_threads=2
    )
    kept = [dial(cluster) for _ in range(4)]
    for i, peer in enumerate(kept):
        assert is_served(peer, text(f"192.0.2.{i % 2}") + GET)
    assert not is_served(dial(cluster), text("192.0.2.0") + GET)
    assert not is_served(dial(cluster), binary("192.0.2.1") + GET)
    assert cluster.metric(REFUSED) == 2
    assert is_served(dial(cluster), text("192.0.2.2") + GET)
    assert is_served(dial(cluster), LOCAL + GET)
    assert is_served(dial(cluster), LOCAL + GET)
    assert is_served(dial(cluster), LOCAL + GET)
    kept.pop(0).close()
    wait_until(lambda: is_served(dial(cluster), text("192.0.2.0") + GET), "it may connect again")


def test_a_reload_changes_who_is_trusted(cluster, dial):
    assert is_served(dial(cluster), text("192.0.2.1") + GET)
    cluster.set(proxy_protocol_from="")
    wait_until(lambda: is_served(dial(cluster), GET), "the proxy is one of the others")
    cluster.set(proxy_protocol_from="127.0.0.0/31")
    wait_until(lambda: is_served(dial(cluster, "127.0.0.1"), text("192.0.2.1") + GET), "it is in")
    assert is_served(dial(cluster), GET)


def test_a_proxy_that_sends_no_whole_header_is_closed(cluster, dial):
    peer = dial(cluster)
    peer.settimeout(60)
    peer.sendall(text("192.0.2.1")[:-1])
    assert peer.recv(1) == b""


@pytest.fixture
def authority():
    made = Authority()
    yield made
    made.remove()


def test_the_header_comes_before_tls(make_cluster, dial, authority):
    cluster = make_cluster(
        proxy_protocol_from=PROXY, tls=authority.context(), **authority.settings()
    )
    with_field(cluster)
    for header in (text("192.0.2.1"), binary("192.0.2.1")):
        peer = dial(cluster)
        peer.sendall(header)
        with cluster.tls.wrap_socket(peer, server_hostname="127.0.0.1") as wrapped:
            stream_of(wrapped, b"")
            assert peers_of(cluster) == ["192.0.2.1:50000"]
        wait_until(lambda: peers_of(cluster) == [], "it has left")
    assert cluster.get("/livez")[0] == 200


def test_a_proxy_may_come_by_the_unix_socket(make_cluster, tmp_path_factory):
    directory = subprocess.check_output(["mktemp", "-d"], text=True).strip()
    try:
        subprocess.run(["chmod", "777", directory], check=True)
        cluster = make_cluster(proxy_protocol_from="unix", unix_socket=f"{directory}/s")
        with_field(cluster)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(20)
            peer.connect(f"{directory}/s")
            stream_of(peer, text("192.0.2.1"))
            assert peers_of(cluster) == ["192.0.2.1:50000"]
        cluster.stop()
    finally:
        subprocess.run(["rm", "-r", directory], check=True)


HAPROXY = """
defaults
    mode tcp
    timeout connect 20s
    timeout client 20s
    timeout server 20s
listen subscriptions
    bind 127.0.0.1:{front}
    source 127.0.0.2
    server worker 127.0.0.1:{back} {option}
"""


@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_haproxy_names_its_clients(make_cluster, authority, tmp_path, option, tls):
    settings = {"tls": authority.context()} | authority.settings() if tls else {}
    cluster = with_field(make_cluster(proxy_protocol_from=PROXY, **settings))
    front = free_port()
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(front=front, back=cluster.port, option=option))
    proxy = subprocess.Popen(["haproxy", "-db", "-q", "-f", configuration])
    try:
        wait_until(lambda: is_listening(front), "the proxy listens")
        scheme = "wss" if tls else "ws"
        client = Client(f"{scheme}://127.0.0.1:{front}", ssl=cluster.tls)
        client.init()
        subscription = client.subscribe("subscription { orderUpdated { id } }")
        assert peers_of(cluster) == [client.peer]
        cluster.publish("any", "orders", {"id": 7})
        assert subscription.data() == {"orderUpdated": {"id": "7"}}
        client.close()
    finally:
        proxy.terminate()
        proxy.wait()


def is_listening(port):
    with contextlib.suppress(ConnectionError):
        socket.create_connection(("127.0.0.1", port), timeout=20).close()
        return True
    return False
