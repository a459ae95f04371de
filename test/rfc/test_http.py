"""HTTP/1.1 (RFC 9110, RFC 9112): what is served, and what a proxy could read differently is not."""

import contextlib
import json
import urllib.parse

import pytest

from cluster import wait_until
from wire import CUTS, HANDSHAKE, Wire

QUERY = b'{"query":"{__typename}"}'
ANSWER = {"data": {"__typename": "Query"}}
TYPE = "Content-Type: application/json\r\n"
LENGTH = f"Content-Length: {len(QUERY)}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"

GET = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
OPTIONS = b"OPTIONS /graphql HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n\r\n"


def post(headers=LENGTH, body=QUERY, line="POST /graphql HTTP/1.1"):
    return f"{line}\r\nHost: x\r\n{TYPE}{headers}\r\n".encode("latin1") + body


def in_chunks(*chunks, **options):
    return post(CHUNKED, chunked(*chunks, **options))


def get(headers="", line="GET /readyz HTTP/1.1", host="Host: x\r\n", body=b""):
    return f"{line}\r\n{host}{headers}\r\n".encode("latin1") + body


def chunked(*chunks, extension=b"", trailer=b""):
    framed = b"".join(b"%x%s\r\n%s\r\n" % (len(c), extension, c) for c in chunks)
    return framed + b"0\r\n" + trailer + b"\r\n"


def is_alive(wire):
    """Whether the connection takes another request, which nothing before can be taken for."""
    wire.send(get(line="GET /metrics HTTP/1.1"))
    reply = wire.reply()
    return reply.status == 200 and b"fraiseql_subs_connections" in reply.body


every_cut = pytest.mark.parametrize("cut", [pytest.param(c, id=c.__name__) for c in CUTS])


def named(*table):
    return [pytest.param(*case[1:], id=case[0]) for case in table]


# What is served.


@every_cut
@pytest.mark.parametrize(
    "request_bytes",
    named(
        ("POST", post()),
        ("in one chunk", in_chunks(QUERY)),
        ("in chunks", in_chunks(*(QUERY[i : i + 1] for i in range(24)))),
        ("Chunked", post("Transfer-Encoding: Chunked\r\n", chunked(QUERY))),
        ("extensions", in_chunks(QUERY, extension=b';a=b;c="d e"')),
        ("trailers", in_chunks(QUERY, trailer=b"A: b\r\nC: d\r\n")),
        ("upper case", post(f"CONTENT-LENGTH: {len(QUERY)}\r\n")),
        ("white space around values", post(f"Content-Length: \t {len(QUERY)} \t\r\n")),
        ("line breaks in front", b"\r\n\r\n" + post()),
        ("absolute target", post(line="POST http://x/graphql HTTP/1.1")),
        ("GET", get(line="GET /graphql?query=%7B__typename%7D HTTP/1.1")),
        (
            "GET of length 0",
            get("Content-Length: 0\r\n", "GET /graphql?query={__typename} HTTP/1.1"),
        ),
        ("line breaks in the URL", get(line="GET /graphql?query={%0D%0A__typename%0A} HTTP/1.1")),
        ("plus in the URL", get(line="GET /graphql?query=%7B+__typename+%7D HTTP/1.1")),
        ("encoded path", get(line="GET /graph%71l?query=%7B__typename%7D HTTP/1.1")),
    ),
)
def test_requests_are_answered_and_the_connection_is_kept(server, request_bytes, cut):
    with Wire(server) as wire:
        wire.send(request_bytes, cut)
        reply = wire.reply()
        assert (reply.status, json.loads(reply.body)) == (200, ANSWER)
        assert "connection" not in reply.headers
        assert is_alive(wire)


def test_a_document_in_the_url_may_have_several_lines(server):
    document = "# a comment\nquery A {\r\n  serverVersion\n}\nquery B { __typename }\n"
    target = urllib.parse.urlencode({"query": document, "operationName": "B"})
    with Wire(server) as wire:
        wire.send(get(line=f"GET /graphql?{target} HTTP/1.1"))
        assert json.loads(wire.reply().body) == ANSWER


@every_cut
@pytest.mark.parametrize("trailer", [b"", b"A: b\r\n"], ids=["", "trailer"])
def test_an_empty_body_in_chunks_is_answered_and_the_connection_is_kept(server, trailer, cut):
    with Wire(server) as wire:
        wire.send(in_chunks(trailer=trailer), cut)
        assert wire.reply().status == 400
        assert is_alive(wire)


@every_cut
@pytest.mark.parametrize(
    "requests",
    [
        pytest.param([GET] * 3, id="GET GET GET"),
        pytest.param([post()] * 2, id="POST POST"),
        pytest.param([GET, post()], id="GET POST"),
        pytest.param([OPTIONS, post()], id="OPTIONS POST"),
        pytest.param([post(), GET, OPTIONS, post(), GET], id="a mixture"),
        pytest.param([in_chunks(QUERY), post()], id="chunks POST"),
        pytest.param([post()] * 100, id="many"),
        pytest.param([post() + b"\r\n", post()], id="a line break behind a body"),
    ],
)
def test_pipelined_requests_are_answered_in_order(server, requests, cut):
    bodies = {b"G": b"ok\n", b"P": b'{"data":{"__typename":"Query"}}', b"O": b""}
    with Wire(server) as wire:
        wire.send(b"".join(requests), cut)
        for request in requests:
            reply = wire.reply()
            assert (reply.status, reply.body) == (200, bodies[request[:1]])
        assert is_alive(wire)


def test_requests_ahead_of_an_end_are_answered(server):
    with Wire(server) as wire:
        wire.send(GET + post())
        wire.end()
        assert wire.reply().body == b"ok\n"
        assert json.loads(wire.reply().body) == ANSWER
        assert wire.rest() == b""


def test_more_requests_than_a_client_reads_replies_to_wait(server):
    with Wire(server) as wire:
        wire.socket.settimeout(2)
        requests = memoryview(GET * 1_000_000)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < len(requests):
                sent += wire.socket.send(requests[sent : sent + 100 * len(GET)])
        assert sent < len(requests)
        wire.socket.settimeout(30)
        # Others are served, and those that were sent are answered.
        assert server.get("/readyz")[0] == 200
        for _ in range(sent // len(GET)):
            assert wire.reply().body == b"ok\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        get(line="HEAD /readyz HTTP/1.1"),
        get(line="HEAD /graphql?query=%7B__typename%7D HTTP/1.1"),
        get(line="HEAD /metrics HTTP/1.1"),
        get(line="HEAD /nowhere HTTP/1.1"),
    ],
)
def test_a_head_has_the_headers_of_a_get_and_no_body(server, request_bytes):
    with Wire(server) as wire:
        wire.send(request_bytes)
        head = wire.reply(to="HEAD")
        assert int(head.headers["content-length"]) > 0
        wire.send(request_bytes.replace(b"HEAD", b"GET"))
        assert wire.reply().status == head.status
        assert is_alive(wire)


def test_a_head_of_an_event_stream_has_no_body(server):
    target = urllib.parse.quote("subscription { orderUpdated { id } }")
    with Wire(server) as wire:
        line = f"HEAD /graphql?query={target} HTTP/1.1"
        wire.send(get("Accept: text/event-stream\r\n", line))
        reply = wire.reply(to="HEAD")
        assert reply.status == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert wire.rest() == b""


@pytest.mark.parametrize(
    ("request_bytes", "connection"),
    [
        (get("Connection: close\r\n"), "close"),
        (get("Connection: foo, Close\r\n"), "close"),
        (get(line="GET /readyz HTTP/1.0"), "close"),
        (get(line="GET /readyz HTTP/1.0", host=""), "close"),
        (post(line="POST /graphql HTTP/1.0"), "close"),
    ],
)
def test_the_connection_ends_when_the_client_says_so(server, request_bytes, connection):
    with Wire(server) as wire:
        wire.send(request_bytes + GET)
        reply = wire.reply()
        assert reply.status == 200
        assert reply.headers["connection"] == connection
        assert wire.rest() == b""


def test_who_expects_100_is_told_to_go_on(server):
    head, body = post(f"Expect: 100-continue\r\nContent-Length: {len(QUERY)}\r\n").split(b"{", 1)
    with Wire(server) as wire:
        wire.send(head)
        assert wire.reply().status == 100
        wire.send(b"{" + body)
        assert json.loads(wire.reply().body) == ANSWER
        assert is_alive(wire)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Expect: 100-continue\r\nContent-Length: 1000000000\r\n", 413),
        ("Expect: a-miracle\r\nContent-Length: 24\r\n", 417),
    ],
)
def test_who_expects_in_vain_is_told_before_it_sends(server, headers, status):
    with Wire(server) as wire:
        wire.send(post(headers, b""))
        assert wire.reply().status == status
        assert wire.rest() == b""


def test_h2c_is_ignored(server):
    upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    with Wire(server) as wire:
        wire.send(get(upgrade))
        assert wire.reply().status == 200
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
        wire.send(preface + b"\0\0\x18\0\0\0\0\0\1" + QUERY)
        reply = wire.reply()
        assert (reply.status, reply.headers["connection"]) == (505, "close")
        assert wire.rest() == b""
    assert server.get("/readyz")[0] == 200


# What is not. Every one of these is answered, and the connection ends in good order: nothing behind
# it is taken for a request.


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLING = f"Content-Length: {len(SMUGGLED)}\r\n"
# As long as the chunk that ends a body.
SHORT = "Content-Length: 5\r\n"


@every_cut
@pytest.mark.parametrize(
    "request_bytes",
    named(
        ("length and chunks", post(SHORT + CHUNKED, chunked())),
        ("chunks and length", post(CHUNKED + SHORT, chunked())),
        ("two lengths", post("Content-Length: 24\r\nContent-Length: 5\r\n")),
        ("two equal lengths", post("Content-Length: 24\r\nContent-Length: 24\r\n")),
        *(
            (f"length {value!r}", post(f"Content-Length: {value}\r\n"))
            for value in (
                "+24",
                "-24",
                "0x18",
                "24, 24",
                "24,24",
                "24,",
                "2 4",
                "24a",
                "a",
                "",
                "\xb2",
                "99999999999999999999",
                "18446744073709551640",
                "1e1",
                "24.0",
                "24;a",
            )
        ),
        *(
            (f"encoding {value!r}", post(f"Transfer-Encoding: {value}\r\n", chunked(QUERY)))
            for value in (
                "xchunked",
                "identity",
                "gzip",
                "chunked, gzip",
                "gzip, chunked",
                "chunked, chunked",
                "",
                "chunked,",
                '"chunked"',
                "chunked;a=b",
                "\x0bchunked",
            )
        ),
        ("two encodings", post(CHUNKED * 2, chunked(QUERY))),
        (
            "encoding and identity",
            post(CHUNKED + "Transfer-Encoding: identity\r\n", chunked(QUERY)),
        ),
        (
            "encoding with a space before the colon",
            post(CHUNKED.replace(":", " :") + SHORT, chunked()),
        ),
        ("encoding on a continued line", post(CHUNKED.replace(": ", ":\r\n ") + SHORT, chunked())),
        ("encoding behind a bare LF", post("A: b\n" + CHUNKED + SHORT, chunked())),
        ("encoding behind a bare CR", post("A: b\r" + CHUNKED + SHORT, chunked())),
        ("encoding in HTTP/1.0", post(CHUNKED, chunked(QUERY), "POST /graphql HTTP/1.0")),
        ("GET with a length", get(SMUGGLING, body=SMUGGLED)),
        ("GET with chunks", get(CHUNKED, body=chunked(SMUGGLED))),
        ("HEAD with a length", get(SMUGGLING, "HEAD /readyz HTTP/1.1", body=SMUGGLED)),
        ("OPTIONS with a length", get(SMUGGLING, "OPTIONS /graphql HTTP/1.1", body=SMUGGLED)),
        ("no Host", get(host="")),
        ("two Hosts", get(host="Host: a\r\nHost: b\r\n")),
        ("two equal Hosts", get(host="Host: a\r\nHost: a\r\n")),
        *(
            (f"Host {value!r}", get(host=f"Host: {value}\r\n"))
            for value in ("a b", "a,b", "a/b", "http://a", "a@b", "a\\b", "a?b", "a#b")
        ),
        ("Host with a space before the colon", get(host="Host : x\r\n")),
        ("Host on a continued line", get(host="Host:\r\n x\r\n")),
        ("a continued line", get("A: b\r\n c\r\n")),
        ("a continued line by a tab", get("A: b\r\n\tc\r\n")),
        ("a continued first line", b"GET /readyz HTTP/1.1\r\n Host: x\r\n\r\n"),
        ("two Origins", get("Origin: http://a\r\nOrigin: http://b\r\n")),
        ("two Content-Types", post("Content-Type: text/plain\r\nContent-Length: 24\r\n")),
        ("lines ended by LF", b"GET /readyz HTTP/1.1\nHost: x\n\n"),
        ("one line ended by LF", get("A: b\nC: d\r\n")),
        ("the head ended by LF", b"GET /readyz HTTP/1.1\r\nHost: x\r\n\n"),
        ("a bare CR in a value", get("A: b\rc\r\n")),
        ("NUL in a value", get("A: b\0c\r\n")),
        ("NUL in a name", get("A\0: b\r\n")),
        ("a control character in a value", get("A: b\x01c\r\n")),
        ("a name of nothing", get(": b\r\n")),
        ("no colon", get("A\r\n")),
        ("a space in a name", get("A b: c\r\n")),
        ("a name in Latin-1", get("\xe4: b\r\n")),
        ("a space in the target", get(line="GET /heal thz HTTP/1.1")),
        ("two spaces behind the method", get(line="GET  /readyz HTTP/1.1")),
        ("two spaces behind the target", get(line="GET /readyz  HTTP/1.1")),
        ("a tab for a space", get(line="GET\t/readyz HTTP/1.1")),
        ("a space behind the version", get(line="GET /readyz HTTP/1.1 ")),
        ("a space before the method", get(line=" GET /readyz HTTP/1.1")),
        ("NUL in the target", get(line="GET /readyz\0 HTTP/1.1")),
        ("no version", b"GET /readyz\r\nHost: x\r\n\r\n"),
        ("http/1.1", get(line="GET /readyz http/1.1")),
        ("HTTP/1.", get(line="GET /readyz HTTP/1.")),
        ("HTTP/1.10", get(line="GET /readyz HTTP/1.10")),
        ("a target that is no path", get(line="GET healthz HTTP/1.1")),
        ("a target of another scheme", get(line="GET ftp://x/readyz HTTP/1.1")),
        ("a target with a fragment", get(line="GET /readyz#a HTTP/1.1")),
        ("an encoding of nothing", get(line="GET /readyz%zz HTTP/1.1")),
        ("an encoding cut short", get(line="GET /graphql?query=%7 HTTP/1.1")),
        ("a chunk size with a sign", post(CHUNKED, chunked(QUERY).replace(b"18", b"+18"))),
        ("a chunk size with 0x", post(CHUNKED, chunked(QUERY).replace(b"18", b"0x18"))),
        ("a chunk size of 17 digits", post(CHUNKED, b"10000000000000018\r\n" + QUERY)),
        ("a chunk without a size", post(CHUNKED, chunked(QUERY).replace(b"18", b""))),
        ("a chunk longer than its size", post(CHUNKED, chunked(QUERY).replace(b"18", b"17"))),
        ("chunks ended by LF", post(CHUNKED, b"18\n" + QUERY + b"\n0\n\n\r\n\r\n")),
        ("binary", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    ),
)
def test_what_could_be_read_differently_is_400(server, request_bytes, cut):
    with Wire(server) as wire:
        # It may be refused before all of it is there.
        for piece in cut(request_bytes + SMUGGLED):
            wire.send_while_it_may(piece)
        reply = wire.reply(to="HEAD" if request_bytes.startswith(b"HEAD") else "GET")
        assert reply.status == 400
        assert reply.headers["connection"] == "close"
        assert wire.rest() == b"", "something is answered behind it"


@every_cut
@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(post("", b""), 411, id="POST without a length"),
        pytest.param(post("Content-Length: 1000000000\r\n", b"x"), 413, id="length too large"),
        pytest.param(post("Content-Length: 65537\r\n", b"x" * 65537), 413, id="body too large"),
        pytest.param(
            post(CHUNKED, chunked(b"x" * 40000, b"x" * 40000)),
            413,
            id="chunks too large",
        ),
        pytest.param(
            post(CHUNKED, b"FFFFFFFFFFFFFFFF\r\nx"),
            413,
            id="chunk too large",
        ),
        pytest.param(get(line="GET /" + "x" * 20000 + " HTTP/1.1"), 414, id="URL too long"),
        pytest.param(b"GET /" + b"x" * 20000, 414, id="URL too long, unfinished"),
        pytest.param(get("A: " + "x" * 20000 + "\r\n"), 431, id="header too large"),
        pytest.param(get("A: bcdefg\r\n" * 2000), 431, id="too many headers"),
        pytest.param(get("x" * 20000 + ": a\r\n"), 431, id="name too long"),
        pytest.param(
            post(CHUNKED, b"18;" + b"a" * 20000 + b"\r\n" + QUERY),
            400,
            id="chunk extension too long",
        ),
        pytest.param(
            in_chunks(QUERY, trailer=b"A: b\r\n" * 5000),
            400,
            id="trailers too long",
        ),
        pytest.param(get(line="BREW /pot HTTP/1.1"), 501, id="unknown method"),
        pytest.param(get(line="get /readyz HTTP/1.1"), 501, id="method in lower case"),
        pytest.param(get(line="CONNECT x:1 HTTP/1.1"), 501, id="CONNECT"),
        pytest.param(get(line="GET /readyz HTTP/1.2"), 505, id="HTTP/1.2"),
        pytest.param(get(line="GET /readyz HTTP/2.0"), 505, id="HTTP/2.0"),
        pytest.param(get(line="GET /readyz HTTP/0.9"), 505, id="HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 505, id="HTTP/2"),
    ],
)
def test_what_is_not_served_is_refused_by_its_status(server, request_bytes, status, cut):
    with Wire(server) as wire:
        for piece in cut(request_bytes):
            wire.send_while_it_may(piece)
        reply = wire.reply()
        assert reply.status == status
        assert reply.headers["connection"] == "close"
        assert wire.rest() == b""


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_405_and_their_bodies_are_read(server, method):
    with Wire(server) as wire:
        wire.send(post(line=f"{method} /graphql HTTP/1.1"))
        assert wire.reply().status == 405
        assert is_alive(wire)


@pytest.mark.parametrize(
    "headers", ["Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n"]
)
def test_a_client_that_goes_on_sending_still_reads_why_it_was_refused(server, headers):
    with Wire(server) as wire:
        wire.send(post(headers, b"F0000000\r\n"))
        for _ in range(100):
            wire.send(b"x" * 65536)
        assert wire.reply().status == 413


# Others.


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /readyz HTTP/1.1\r\nHost: x\r\n", id="half a head"),
        pytest.param(HANDSHAKE[:-2], id="half a handshake"),
        pytest.param(post("Content-Length: 24\r\n", b"{"), id="half a body"),
        pytest.param(GET + post("Content-Length: 24\r\n", b"{"), id="half a body behind a GET"),
    ],
)
def test_unfinished_requests_do_not_keep_others_out(server, connect, beginning):
    wires = []
    try:
        for _ in range(200):
            wires.append(Wire(server))
            wires[-1].send(beginning)
        connect(server).settle()
        assert server.get("/readyz")[0] == 200
    finally:
        for wire in wires:
            wire.socket.close()


def test_silent_connections_make_room_when_there_are_no_descriptors(make_cluster, connect):
    # The worker allows itself descriptors for its clients and some more.
    cluster = make_cluster(max_connections=1)
    wires = []
    try:
        for _ in range(600):
            wires.append(Wire(cluster))
        connect(cluster).settle()
    finally:
        for wire in wires:
            wire.socket.close()
    assert "cannot accept a client" in cluster.log()


def test_event_streams_do_not_keep_others_out(server, connect):
    bystander = connect(server)
    target = urllib.parse.quote("subscription { orderUpdated { id } }")
    line = f"GET /graphql?query={target} HTTP/1.1"
    wires = []
    try:
        for _ in range(100):
            wires.append(Wire(server))
            wires[-1].send(get("Accept: text/event-stream\r\n", line))
            assert wires[-1].reply().status == 200
        bystander.settle()
        assert server.get("/readyz")[0] == 200
    finally:
        for wire in wires:
            wire.socket.close()
    wait_until(
        lambda: server.metric("fraiseql_subs_connections") == 1,
        "the streams are noticed to be gone",
    )


@pytest.mark.parametrize(
    ("beginning", "status"),
    [
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"\r\n", None, id="a line break"),
        pytest.param(b"GET /readyz HTTP/1.1\r\nHost", 408, id="half a head"),
        pytest.param(HANDSHAKE[:-2], 408, id="half a handshake"),
        pytest.param(post("Content-Length: 24\r\n", b"{"), 408, id="half a body"),
        pytest.param(post(CHUNKED, b"18\r\n{"), 408, id="half a chunk"),
    ],
)
def test_who_does_not_finish_a_request_is_cut_off(server, beginning, status):
    with Wire(server) as wire:
        wire.send(beginning)
        if status is not None:
            assert wire.reply().status == status
        assert wire.rest() == b""


def test_a_head_that_comes_in_drips_is_cut_off(server):
    with Wire(server) as wire:
        wire.send(b"GET /readyz HTTP/1.1\r\n")
        wire.socket.settimeout(0.2)
        while True:
            wire.send_while_it_may(b"A: b\r\n")
            with contextlib.suppress(TimeoutError):
                if wire.more():
                    break
        wire.socket.settimeout(30)
        assert wire.reply().status == 408


def test_a_kept_connection_that_asks_nothing_is_closed(server):
    with Wire(server) as wire:
        wire.socket.settimeout(60)
        wire.send(GET)
        assert wire.reply().status == 200
        assert wire.rest() == b""
