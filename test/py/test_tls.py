"""TLS: what is served over it, who is refused, and certificates that change under way."""

import asyncio
import contextlib
import http.client
import shutil
import socket
import ssl
import subprocess

import pytest
from fraiseql_subs.testing import SubscriptionClient

from certificates import Authority
from cluster import give_to_server_user, wait_until
from http_client import EventStream, post, request

CURL = ("curl", "--silent", "--show-error", "--max-time", "20")
SUBSCRIPTION = "subscription { orderUpdated { id } }"


@pytest.fixture(scope="module")
def authority():
    made = Authority()
    yield made
    made.remove()


@pytest.fixture
def make_server(make_cluster, authority):
    """A function that starts a server with a certificate of the authority and one field."""

    def make(**settings):
        given = {"tls": authority.context()} | authority.settings() | settings
        cluster = make_cluster(**given)
        cluster.sql("SELECT fraiseql_register_types('type Order { id: ID! }')")
        cluster.sql("SELECT fraiseql_register_subscription('orderUpdated: Order', 'orders')")
        return cluster

    return make


def handshake(cluster, context):
    """Connect; return the connection by which the server is known to take the client."""
    plain = socket.create_connection(("127.0.0.1", cluster.port), timeout=20)
    wrapped = context.wrap_socket(plain, server_hostname="127.0.0.1")
    # A server of TLS 1.3 refuses a client's certificate when the client has finished already.
    wrapped.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    reply = b""
    while not reply.endswith(b"ok\n"):
        more = wrapped.recv(4096)
        if not more:
            raise ConnectionError("closed by the server")
        reply += more
    return wrapped


def serial_of(cluster, context):
    with handshake(cluster, context) as connection:
        return connection.getpeercert()["serialNumber"]


def serial_in(certificate):
    arguments = ["openssl", "x509", "-in", certificate, "-noout", "-serial"]
    return subprocess.check_output(arguments, text=True).strip().removeprefix("serial=")


def test_every_transport_is_served(make_server, connect):
    cluster = make_server(worker_threads=2)
    socket_subscription = connect(cluster).subscribe(SUBSCRIPTION)
    stream = EventStream(cluster, SUBSCRIPTION)
    assert post(cluster, "{ __typename }")[2] == {"data": {"__typename": "Query"}}
    cluster.publish("any", "orders", {"id": 1})
    assert socket_subscription.data() == {"orderUpdated": {"id": "1"}}
    assert stream.next()["data"] == {"orderUpdated": {"id": "1"}}
    stream.close()
    wait_until(lambda: "by TLS" in cluster.log(), "the log says so")


def test_curl_is_served_by_either_version(make_server, authority):
    cluster = make_server()
    for version in ("1.2", "1.3"):
        # An exit code of 0 also says that the end was announced.
        done = subprocess.run(
            [
                *(*CURL, "--cacert", authority.certificate, "--tlsv" + version),
                *("--tls-max", version, f"https://127.0.0.1:{cluster.port}/readyz"),
            ],
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_large_messages_pass_both_ways(make_server, connect):
    cluster = make_server()
    subscription = connect(cluster).subscribe(SUBSCRIPTION)
    text = "x" * 300_000
    cluster.publish("any", "orders", {"id": text})
    assert subscription.data() == {"orderUpdated": {"id": text}}
    padded = "{ __typename }" + " " * 30_000
    assert post(cluster, padded)[2] == {"data": {"__typename": "Query"}}


def test_a_client_that_reads_late_loses_nothing(make_server, connect):
    cluster = make_server(outbox_size="16kB")
    client = connect(cluster)
    subscription = client.subscribe(SUBSCRIPTION)
    cluster.sql(
        "SELECT fraiseql_publish('any', 'orders', json_build_object('id', i, 'x', "
        "repeat('x', 1000))) FROM generate_series(1, 20000) i"
    )
    assert [subscription.data()["orderUpdated"]["id"] for _ in range(20000)] == [
        str(i) for i in range(1, 20001)
    ]


def test_the_client_of_the_testing_tools_speaks_tls(make_server, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    cluster = make_server()

    async def receive():
        client = SubscriptionClient(f"wss://127.0.0.1:{cluster.port}/graphql")
        async with client, client.subscribe(SUBSCRIPTION) as subscription:
            cluster.publish("any", "orders", {"id": "7"})
            return await subscription.next()

    assert asyncio.run(receive()) == {"orderUpdated": {"id": "7"}}


def test_plain_http_is_told_that_the_port_speaks_tls(make_server):
    cluster = make_server()
    connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=20)
    connection.request("GET", "/readyz")
    reply = connection.getresponse()
    assert reply.status == 400
    assert b"speaks TLS" in reply.read()
    connection.close()


def test_older_versions_are_refused(make_server, authority):
    cluster = make_server()
    old = authority.context()
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        handshake(cluster, old)
    wait_until(
        lambda: cluster.metric("fraiseql_subs_tls_handshakes_failed_total") == 1, "it is counted"
    )
    middle = authority.context()
    middle.maximum_version = ssl.TLSVersion.TLSv1_2
    assert handshake(cluster, middle).version() == "TLSv1.2"
    cluster.set(ssl_min_protocol_version="TLSv1.3")

    def is_refused():
        with contextlib.suppress(ssl.SSLError):
            handshake(cluster, middle).close()
            return False
        return True

    wait_until(is_refused, "the settings are in force")
    assert handshake(cluster, authority.context()).version() == "TLSv1.3"


def test_ciphers_below_tls_1_3_are_those_of_the_setting(make_server, authority):
    cluster = make_server(ssl_ciphers="ECDHE-ECDSA-AES256-GCM-SHA384")
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert handshake(cluster, context).cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError):
        handshake(cluster, context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_by_any_thread(make_server, authority, version):
    cluster = make_server(worker_threads=3)
    context = authority.context()
    context.minimum_version = context.maximum_version = version
    with handshake(cluster, context) as first:
        session = first.session
    for _ in range(12):
        plain = socket.create_connection(("127.0.0.1", cluster.port), timeout=20)
        with context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as connection:
            assert connection.session_reused


def make_server_with_gate(make_server, authority):
    """A server that wants certificates of clients, and whose clients here have one."""
    own = authority.context(*authority.issue("client"))
    return make_server(ssl_ca_file=authority.certificate, tls=own)


def test_clients_need_a_certificate_where_an_authority_is_set(make_server, authority):
    cluster = make_server_with_gate(make_server, authority)
    stranger = Authority()
    try:
        forged = authority.context(*stranger.issue("client"))
        for context in (authority.context(), forged):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                handshake(cluster, context)
    finally:
        stranger.remove()
    assert handshake(cluster, cluster.tls)


def test_a_session_is_not_resumed_past_a_change_of_the_authority(make_server, authority):
    cluster = make_server_with_gate(make_server, authority)
    with handshake(cluster, cluster.tls) as first:
        session = first.session
    other = Authority()
    try:
        cluster.set(ssl_ca_file=other.certificate)

        def is_refused():
            plain = socket.create_connection(("127.0.0.1", cluster.port), timeout=20)
            try:
                with cluster.tls.wrap_socket(
                    plain, server_hostname="127.0.0.1", session=session
                ) as connection:
                    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                    return connection.recv(4096) == b""
            except (ssl.SSLError, ConnectionError):
                return True

        wait_until(is_refused, "the other authority is in force")
    finally:
        other.remove()


def test_a_certificate_is_exchanged_without_dropping_a_connection(make_server, authority, connect):
    settings = authority.settings("rotated")
    cluster = make_server(**settings)
    subscription = connect(cluster).subscribe(SUBSCRIPTION)
    before = serial_of(cluster, cluster.tls)
    # As tools do that renew certificates: other files take the place of these.
    certificate, key = authority.issue("renewed")
    shutil.move(key, settings["ssl_key_file"])
    shutil.move(certificate, settings["ssl_cert_file"])
    assert serial_of(cluster, cluster.tls) == before, "until it is told"
    cluster.sql("SELECT pg_reload_conf()")
    renewed = serial_in(settings["ssl_cert_file"])
    wait_until(lambda: serial_of(cluster, cluster.tls) == renewed, "the certificate is in force")
    cluster.publish("any", "orders", {"id": 1})
    assert subscription.data() == {"orderUpdated": {"id": "1"}}


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        pytest.param(
            lambda certificate, _: certificate.write_text("no certificate"),
            "fraiseql_subs.ssl_cert_file cannot be used: it has no certificate in PEM",
            id="garbage",
        ),
        pytest.param(
            lambda certificate, _: certificate.unlink(), "No such file or directory", id="missing"
        ),
        pytest.param(
            lambda _, key: key.chmod(0o644), "others may read or change it", id="readable"
        ),
    ],
)
def test_a_certificate_that_cannot_be_used_leaves_the_old_in_force(
    make_server, authority, break_it, told
):
    settings = authority.settings("broken")
    cluster = make_server(**settings)
    before = serial_of(cluster, cluster.tls)
    start = cluster.log_size()
    break_it(settings["ssl_cert_file"], settings["ssl_key_file"])
    cluster.sql("SELECT pg_reload_conf()")
    wait_until(lambda: "TLS stays as it was" in cluster.log(start), "the log tells of it")
    assert told in cluster.log(start)
    assert serial_of(cluster, cluster.tls) == before


def test_a_server_waits_for_its_certificate_in_the_data_directory(make_cluster, authority):
    cluster = make_cluster(install=False, tls=authority.context(), ssl="on")
    told = (
        'could not serve by TLS: fraiseql_subs.ssl_cert_file, file "server.crt": No such file or'
        " directory"
    )
    wait_until(lambda: told in cluster.log(), "the log tells what is missing")
    for path, name in zip(authority.issue("late"), ("server.crt", "server.key"), strict=True):
        shutil.copy(path, cluster.data / name)
        (cluster.data / name).chmod(0o600)
        give_to_server_user(cluster.data / name)
    cluster.install()
    assert handshake(cluster, cluster.tls)


def test_a_key_behind_a_passphrase_is_refused(make_cluster, authority):
    settings = authority.settings("locked", key_options=("-passout", "pass:secret"))
    cluster = make_cluster(install=False, tls=authority.context(), **settings)
    wait_until(lambda: "protected by a passphrase" in cluster.log(), "the log tells of it")
    assert cluster.get("/livez")[0] == 0


def test_who_never_finishes_a_handshake_is_counted_as_unfinished(make_server):
    cluster = make_server(max_unfinished_per_address=2)
    silent = []
    for beginning in (b"", b"\x16\x03\x01\x02"):
        peer = socket.create_connection(("127.0.0.1", cluster.port), timeout=20)
        peer.sendall(beginning)
        silent.append(peer)
    wait_until(lambda: cluster.get("/livez")[0] == 0, "the limit is reached")
    silent.pop().close()
    wait_until(lambda: cluster.get("/livez")[0] == 200, "the address may connect again")
    silent.pop().close()


def test_who_never_finishes_a_handshake_is_closed(make_server):
    cluster = make_server()
    peer = socket.create_connection(("127.0.0.1", cluster.port), timeout=60)
    peer.sendall(b"\x16\x03\x01\x02")
    assert peer.recv(1) == b""
    peer.close()


def test_a_flood_of_handshakes_keeps_no_event_waiting(make_server, connect, authority):
    cluster = make_server(max_unfinished_per_address=0)
    subscription = connect(cluster).subscribe(SUBSCRIPTION)
    context = authority.context()
    opening = []
    for _ in range(200):
        plain = socket.create_connection(("127.0.0.1", cluster.port), timeout=20)
        wrapped = context.wrap_socket(
            plain, server_hostname="127.0.0.1", do_handshake_on_connect=False
        )
        wrapped.setblocking(False)
        with contextlib.suppress(ssl.SSLWantReadError):
            wrapped.do_handshake()
        opening.append(wrapped)
    for i in range(10):
        cluster.publish("any", "orders", {"id": i})
        assert subscription.data() == {"orderUpdated": {"id": str(i)}}
    for wrapped in opening:
        wrapped.setblocking(True)
        wrapped.do_handshake()
        wrapped.close()


def test_the_playground_connects_by_the_scheme_of_its_page(make_server):
    cluster = make_server(playground="on")
    status, _, page = request(cluster, "GET", "/", accept="text/html")
    assert status == 200
    assert "location.protocol === 'https:' ? 'wss:' : 'ws:'" in page


@pytest.mark.parametrize(
    ("settings", "told", "not_told"),
    [
        pytest.param(
            {"allow_anonymous": "on"}, ["without TLS", "with allow_anonymous"], [], id="open"
        ),
        pytest.param(
            {"allow_anonymous": "off"}, ["without TLS"], ["with allow_anonymous"], id="readable"
        ),
        pytest.param(
            {"listen_address": "127.0.0.2"},
            [],
            ["without TLS", "with allow_anonymous"],
            id="loopback",
        ),
    ],
)
def test_a_server_that_others_reach_says_what_it_leaves_open(
    make_cluster, settings, told, not_told
):
    cluster = make_cluster(install=False, **({"listen_address": "0.0.0.0"} | settings))
    # The last that is said.
    wait_until(lambda: "with 1 shard" in cluster.log(), "the worker listens")
    log = cluster.log()
    assert [line for line in told if line not in log] == []
    assert [line for line in not_told if line in log] == []


def test_a_reload_that_opens_the_server_is_told_of_once(make_cluster):
    cluster = make_cluster(allow_anonymous="off", listen_address="0.0.0.0")
    assert "with allow_anonymous" not in cluster.log()
    cluster.set(allow_anonymous="on")
    wait_until(lambda: "with allow_anonymous" in cluster.log(), "it is told of")
    cluster.set(playground="on")
    wait_until(
        lambda: request(cluster, "GET", "/", accept="text/html")[0] == 200,
        "another reload is in force",
    )
    assert cluster.log().count("with allow_anonymous") == 1
