"""Clients that connect by a Unix socket."""

import socket
import stat
import subprocess
from pathlib import Path

import pytest
from websockets.sync.client import unix_connect

from certificates import Authority
from client import SUBPROTOCOL
from cluster import wait_until

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def path(tmp_path_factory):
    """Where a socket may be: as short as the system wants it, and open to the server."""
    directory = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    directory.chmod(0o777)
    yield directory / "graphql.sock"
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()


def dial(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(20)
    peer.connect(str(path))
    return peer


def is_served(path):
    try:
        with dial(path) as peer:
            peer.sendall(GET)
            return peer.recv(4096).startswith(b"HTTP/1.1 200 ")
    except (ConnectionError, FileNotFoundError):
        return False


def test_clients_subscribe_by_the_socket(make_cluster, path):
    cluster = make_cluster(unix_socket=path, worker_threads=2)
    cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
    cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
    clients = [
        unix_connect(str(path), uri="ws://localhost/", subprotocols=[SUBPROTOCOL]) for _ in range(4)
    ]
    for client in clients:
        client.send('{"type":"connection_init"}')
        assert client.recv(timeout=20).startswith('{"type":"connection_ack"')
        client.send(
            '{"id":"1","type":"subscribe","payload":{"query":"subscription{orderUpdated{id}}"}}'
        )
    wait_until(
        lambda: cluster.value("SELECT count(*) FROM fraiseql_subscriptions()") == 4,
        "all have subscribed",
    )
    rows = cluster.sql("SELECT peer, shard FROM fraiseql_connections() ORDER BY shard")
    assert rows == [("unix:", 0), ("unix:", 0), ("unix:", 1), ("unix:", 1)]
    cluster.publish("any", "orders", {"id": 7})
    for client in clients:
        assert '"id":"7"' in client.recv(timeout=20).replace(" ", "")
        client.close()


def test_who_may_enter_its_directory_may_connect(make_cluster, path):
    make_cluster(install=False, unix_socket=path)
    wait_until(lambda: is_served(path), "the socket is served")
    assert stat.S_IMODE(path.stat().st_mode) == 0o777


def test_addresses_are_not_limited_there(make_cluster, path):
    make_cluster(
        install=False,
        unix_socket=path,
        max_connections_per_address=1,
        max_unfinished_per_address=1,
    )
    wait_until(lambda: is_served(path), "the socket is served")
    peers = [dial(path) for _ in range(5)]
    for peer in peers:
        peer.sendall(GET)
        assert peer.recv(4096).startswith(b"HTTP/1.1 200 ")
        peer.close()


def test_there_is_no_tls_on_it(make_cluster, path):
    authority = Authority()
    try:
        make_cluster(tls=authority.context(), unix_socket=path, **authority.settings())
        assert is_served(path)
    finally:
        authority.remove()


def test_the_file_goes_with_the_server(make_cluster, path):
    cluster = make_cluster(install=False, unix_socket=path)
    wait_until(lambda: is_served(path), "the socket is served")
    cluster.stop()
    assert not path.exists()


def test_what_a_crash_left_is_replaced(make_cluster, path):
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    path.chmod(0o777)
    cluster = make_cluster(install=False, unix_socket=path)
    wait_until(lambda: is_served(path), "the socket is served")
    cluster.stop("immediate")
    cluster.start()
    wait_until(lambda: is_served(path), "the socket is served again")


@pytest.mark.parametrize("kind", ["socket in use", "file"])
def test_what_is_anothers_is_left_alone(make_cluster, path, kind):
    with socket.socket(socket.AF_UNIX) as other:
        if kind == "file":
            path.write_text("precious")
        else:
            other.bind(str(path))
            path.chmod(0o777)
            other.listen()
        cluster = make_cluster(install=False, unix_socket=path)
        told = f'could not listen on "{path}": Address already in use'
        wait_until(lambda: told in cluster.log(), "the log tells of it")
        cluster.stop()
        assert path.exists()
