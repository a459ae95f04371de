"""RFC 6455, in the order of the case groups of the Autobahn test suite."""

import contextlib
import struct

import pytest

from cluster import wait_until
from raw_peer import RawPeer
from wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    CUTS,
    HANDSHAKE,
    PING,
    PONG,
    TEXT,
    Wire,
    close,
    frame,
    open_websocket,
    whole,
)

LIMIT = 64 * 1024

HELLO = '{"type":"ping"}'
ANSWER = (TEXT, b'{"type":"pong"}')


def padded(size):
    """A message of so many bytes that is answered like HELLO."""
    return '{"type":"ping"' + " " * (size - len(HELLO)) + "}"


def fragments(*parts, opcode=TEXT, between=b""):
    last = len(parts) - 1
    return between.join(
        frame(CONTINUATION if i else opcode, part, fin=i == last) for i, part in enumerate(parts)
    )


def closed(code):
    """What a connection ends with; 0 is a close frame without a code."""
    return (CLOSE, struct.pack("!H", code) if code else b"")


def check(server, sent, expected, cut):
    """What comes back for `sent`, and whether the connection goes on behind it."""
    with open_websocket(server) as wire:
        wire.send(sent + (b"" if ends(expected) else frame(PING, "the end")), cut)
        received = []
        for _ in expected:
            opcode, data = wire.receive_frame()
            # Reasons are for people.
            received.append((opcode, data[:2] if opcode == CLOSE else data))
        assert received == expected
        if ends(expected):
            assert wire.rest() == b"", "something follows the close frame"
        else:
            assert wire.receive_frame() == (PONG, b"the end")


def ends(expected):
    return bool(expected) and expected[-1][0] == CLOSE


def cases(table):
    """Every case of a table (name, bytes, frames expected), cut in every way."""

    def decorate(function):
        for names, values in (
            ("cut", [pytest.param(cut, id=cut.__name__) for cut in CUTS]),
            ("sent, expected", [pytest.param(*case[1:], id=case[0]) for case in table]),
        ):
            function = pytest.mark.parametrize(names, values)(function)
        return function

    return decorate


@cases(
    [
        ("text", frame(TEXT, HELLO), [ANSWER]),
        ("text of 125", frame(TEXT, padded(125)), [ANSWER]),
        ("text of 126", frame(TEXT, padded(126)), [ANSWER]),
        ("text of 65535", frame(TEXT, padded(65535)), [ANSWER]),
        ("text of 65536", frame(TEXT, padded(65536)), [ANSWER]),
        ("two texts", frame(TEXT, HELLO) * 2, [ANSWER, ANSWER]),
        ("mask of zeros", frame(TEXT, HELLO, mask=b"\0\0\0\0"), [ANSWER]),
        ("empty text", frame(TEXT), [closed(4400)]),
        ("binary", frame(BINARY, HELLO), [closed(4400)]),
        ("empty binary", frame(BINARY), [closed(4400)]),
    ]
)
def test_texts_of_every_length_are_answered_and_binary_is_not_taken(server, sent, expected, cut):
    """Group 1 of the suite."""
    check(server, sent, expected, cut)


@cases(
    [
        ("empty ping", frame(PING), [(PONG, b"")]),
        ("ping", frame(PING, "hello"), [(PONG, b"hello")]),
        ("binary ping", frame(PING, b"\x00\xff\xfe"), [(PONG, b"\x00\xff\xfe")]),
        ("ping of 125", frame(PING, b"x" * 125), [(PONG, b"x" * 125)]),
        ("ping of 126", frame(PING, b"x" * 126), [closed(1002)]),
        ("unsolicited pong", frame(PONG, "hello"), []),
        ("unsolicited pong and ping", frame(PONG) + frame(PING, "a"), [(PONG, b"a")]),
        (
            "ten pings",
            b"".join(frame(PING, str(i)) for i in range(10)),
            [(PONG, str(i).encode()) for i in range(10)],
        ),
    ]
)
def test_every_ping_is_answered_by_its_pong(server, sent, expected, cut):
    """Group 2."""
    check(server, sent, expected, cut)


@cases(
    [
        (f"{name} with reserved bits {rsv}", frame(opcode, HELLO, rsv=rsv), [closed(1002)])
        for name, opcode in (("text", TEXT), ("binary", BINARY), ("ping", PING), ("close", CLOSE))
        for rsv in range(1, 8)
    ]
    + [("behind a good one", frame(TEXT, HELLO) + frame(TEXT, "", rsv=4), [ANSWER, closed(1002)])]
)
def test_reserved_bits_fail(server, sent, expected, cut):
    """Group 3."""
    check(server, sent, expected, cut)


@cases(
    [
        (f"opcode {opcode}, {len(data)} bytes", frame(opcode, data), [closed(1002)])
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
        for data in (b"", b"x")
    ]
)
def test_reserved_opcodes_fail(server, sent, expected, cut):
    """Group 4."""
    check(server, sent, expected, cut)


@cases(
    [
        ("fragmented ping", fragments("a", "b", opcode=PING), [closed(1002)]),
        ("fragmented pong", fragments("a", "b", opcode=PONG), [closed(1002)]),
        ("fragmented close", frame(CLOSE, b"\x03\xe8", fin=False), [closed(1002)]),
        ("two fragments", fragments(HELLO[:4], HELLO[4:]), [ANSWER]),
        ("a fragment a byte", fragments(*HELLO), [ANSWER]),
        ("empty fragments", fragments("", HELLO, "", ""), [ANSWER]),
        (
            "a ping between fragments",
            fragments(HELLO[:4], HELLO[4:], between=frame(PING, "x")),
            [(PONG, b"x"), ANSWER],
        ),
        (
            "a ping between all of many fragments",
            fragments(*HELLO, between=frame(PING, "x")),
            [(PONG, b"x")] * (len(HELLO) - 1) + [ANSWER],
        ),
        (
            "a pong between fragments",
            fragments(HELLO[:4], HELLO[4:], between=frame(PONG, "x")),
            [ANSWER],
        ),
        (
            "a close between fragments",
            frame(TEXT, "a", fin=False) + close(1000),
            [closed(1000)],
        ),
        ("continuation of nothing", frame(CONTINUATION, "a"), [closed(1002)]),
        ("unfinished continuation", frame(CONTINUATION, "a", fin=False), [closed(1002)]),
        (
            "continuation behind a whole message",
            frame(TEXT, HELLO) + frame(CONTINUATION, "a"),
            [ANSWER, closed(1002)],
        ),
        (
            "text inside fragments",
            frame(TEXT, "a", fin=False) + frame(TEXT, "b"),
            [closed(1002)],
        ),
        (
            "binary inside fragments",
            frame(TEXT, "a", fin=False) + frame(BINARY, "b", fin=False),
            [closed(1002)],
        ),
        ("binary in fragments", fragments("a", "b", opcode=BINARY), [closed(4400)]),
    ]
)
def test_fragments_make_one_message_and_control_frames_have_none(server, sent, expected, cut):
    """Group 5."""
    check(server, sent, expected, cut)


CHARACTERS = '{"type":"ping","payload":{"a":"κό€𝄞"}}'.encode()

NOT_UTF8 = {
    "a lone continuation byte": b"\x80",
    "FF": b"\xff",
    "an overlong slash": b"\xc0\xaf",
    "overlong of three": b"\xe0\x9f\xbf",
    "overlong of four": b"\xf0\x8f\xbf\xbf",
    "a surrogate": b"\xed\xa0\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "an unfinished character": b"\xe2\x82",
}


@cases(
    [
        ("characters", frame(TEXT, CHARACTERS), [(TEXT, CHARACTERS.replace(b"ping", b"pong"))]),
        (
            "characters cut by fragments",
            fragments(*(bytes([byte]) for byte in CHARACTERS)),
            [(TEXT, CHARACTERS.replace(b"ping", b"pong"))],
        ),
    ]
)
def test_texts_in_utf8_are_taken(server, sent, expected, cut):
    """Group 6."""
    check(server, sent, expected, cut)


@cases(
    [(name, frame(TEXT, b'"a' + data), [closed(1007)]) for name, data in NOT_UTF8.items()]
    + [
        (f"{name}, in fragments", fragments(b'"a', data[:1], data[1:]), [closed(1007)])
        for name, data in NOT_UTF8.items()
    ]
    + [("in the first fragment", frame(TEXT, b"\xff", fin=False), [closed(1007)])]
)
def test_what_is_not_utf8_fails(server, sent, expected, cut):
    """Group 6."""
    check(server, sent, expected, cut)


@cases(
    [
        ("empty", frame(CLOSE), [closed(0)]),
        ("one byte", frame(CLOSE, b"\x03"), [closed(1002)]),
        ("a code", close(1000), [closed(1000)]),
        ("a reason", close(1000, b"going"), [closed(1000)]),
        ("a reason of 123 bytes", close(1000, b"x" * 123), [closed(1000)]),
        ("a reason of 124 bytes", close(1000, b"x" * 124), [closed(1002)]),
        ("a reason in characters", close(1000, "κό€𝄞".encode()), [closed(1000)]),
        ("two closes", close(1000) + close(1001), [closed(1000)]),
        ("a ping before it", frame(PING, "x") + close(1000), [(PONG, b"x"), closed(1000)]),
        ("a ping behind it", close(1000) + frame(PING, "x"), [closed(1000)]),
        ("a text behind it", close(1000) + frame(TEXT, HELLO), [closed(1000)]),
        ("a text before it", frame(TEXT, HELLO) + close(1000), [ANSWER, closed(1000)]),
        ("an invalid frame behind it", close(1000) + b"\xff\xff\xff", [closed(1000)]),
    ]
    + [
        (f"a reason that is {name}", close(1000, b"a" + data), [closed(1007)])
        for name, data in NOT_UTF8.items()
    ]
    + [
        (f"code {code}", close(code), [closed(code)])
        for code in (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999)
    ]
    + [
        (f"code {code}, which must not be sent", close(code), [closed(1002)])
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ]
)
def test_a_close_is_answered_by_its_code_and_ends_all(server, sent, expected, cut):
    """Group 7."""
    with open_websocket(server) as wire:
        # It may have been closed before all of it is there.
        for piece in cut(sent):
            wire.send_while_it_may(piece)
        for frame_expected in expected:
            opcode, data = wire.receive_frame()
            assert (opcode, data[:2] if opcode == CLOSE else data) == frame_expected
        assert wire.rest() == b"", "something follows the close frame"


@cases(
    [
        ("not masked", frame(TEXT, HELLO, mask=None), [closed(1002)]),
        ("ping not masked", frame(PING, mask=None), [closed(1002)]),
        ("close not masked", frame(CLOSE, mask=None), [closed(1002)]),
        (
            "second fragment not masked",
            frame(TEXT, "a", fin=False) + frame(CONTINUATION, "b", mask=None),
            [closed(1002)],
        ),
        ("length in 2 bytes without need", frame(TEXT, HELLO, size=2), [closed(1002)]),
        ("length in 8 bytes without need", frame(TEXT, HELLO, size=8), [closed(1002)]),
        ("length in 8 bytes for 126", frame(TEXT, padded(126), size=8), [closed(1002)]),
    ]
)
def test_frames_that_clients_must_not_send_fail(server, sent, expected, cut):
    check(server, sent, expected, cut)


@cases(
    [
        ("one byte too many", frame(TEXT, padded(LIMIT + 1)), [closed(1009)]),
        ("2^40", frame(TEXT, "x", length=1 << 40), [closed(1009)]),
        ("2^63", frame(TEXT, "x", length=1 << 63), [closed(1009)]),
        ("2^64 - 1", frame(BINARY, "x", length=(1 << 64) - 1), [closed(1009)]),
        (
            "in fragments",
            frame(TEXT, "x" * 40000, fin=False) + frame(CONTINUATION, "x" * 40000),
            [closed(1009)],
        ),
        (
            "unfinished and binary",
            frame(BINARY, b"x" * 40000, fin=False) + frame(CONTINUATION, b"x" * 40000, fin=False),
            [closed(1009)],
        ),
        (
            "a fragment whose length overflows what is there",
            frame(BINARY, "xx", fin=False) + frame(CONTINUATION, "x" * 99, length=(1 << 64) - 2),
            [closed(1009)],
        ),
    ]
)
def test_a_message_that_is_too_large_fails_as_soon_as_it_is_known(server, sent, expected, cut):
    check(server, sent, expected, cut)


def test_a_client_that_goes_on_sending_still_reads_why_it_was_closed(server):
    with open_websocket(server) as wire:
        wire.send(frame(TEXT, "x", length=1 << 40))
        for _ in range(100):
            wire.send(b"x" * 65536)
        opcode, data = wire.receive_frame()
        assert (opcode, data[:2]) == closed(1009)


def test_many_empty_fragments_are_a_message(server):
    check(server, fragments(*[""] * 20000, HELLO), [ANSWER], whole)


def test_pings_of_a_client_that_does_not_read_take_no_memory(make_cluster):
    outbox_size = 256 * 1024
    cluster = make_cluster(outbox_size="256kB")
    peer = RawPeer(cluster.url, receive_buffer=4096).init()
    pings = frame(PING, b"x" * 125) * 1000
    rounds = 0
    while cluster.metric("fraiseql_subs_slow_consumers_total") == 0:
        with contextlib.suppress(ConnectionError):
            peer.send_bytes(pings)
        for (queued,) in cluster.sql("SELECT queued_bytes FROM fraiseql_connections()"):
            # There is always room for a close frame.
            assert queued <= outbox_size + 1024
        rounds += 1
        assert rounds < 1000, "it was not cut off"
    wait_until(lambda: cluster.metric("fraiseql_subs_connections") == 0, "it is gone")
    peer.close()


# The handshake.


def handshake(**headers):
    """The handshake with some headers otherwise; None leaves one out."""
    wanted = {
        "Host": "x",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in wanted.items() if value is not None)
    return f"GET /graphql HTTP/1.1\r\n{lines}\r\n".encode()


@pytest.mark.parametrize("cut", CUTS)
def test_the_accept_key_is_that_of_the_standard(server, cut):
    with Wire(server) as wire:
        wire.send(HANDSHAKE, cut)
        assert "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in wire.read_head()


@pytest.mark.parametrize("cut", CUTS)
def test_frames_may_come_together_with_the_handshake(server, cut):
    with Wire(server) as wire:
        wire.send(HANDSHAKE + frame(TEXT, HELLO) + frame(PING, "x"), cut)
        assert wire.read_head().startswith("HTTP/1.1 101 ")
        assert sorted([wire.receive_frame(), wire.receive_frame()]) == sorted(
            [ANSWER, (PONG, b"x")]
        )


def test_a_websocket_may_follow_requests_on_its_connection(server):
    with Wire(server) as wire:
        wire.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" + HANDSHAKE + frame(TEXT, HELLO))
        assert wire.reply().status == 200
        assert wire.read_head().startswith("HTTP/1.1 101 ")
        assert wire.receive_frame() == ANSWER


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(handshake(Sec_WebSocket_Version=None), 426, id="no version"),
        pytest.param(handshake(Sec_WebSocket_Version="8"), 426, id="version 8"),
        pytest.param(handshake(Sec_WebSocket_Version="12"), 426, id="version 12"),
        pytest.param(handshake(Sec_WebSocket_Version="013"), 426, id="version 013"),
        pytest.param(handshake(Sec_WebSocket_Version="13, 13"), 426, id="version 13, 13"),
        pytest.param(handshake(Sec_WebSocket_Key=None), 400, id="no key"),
        pytest.param(handshake(Sec_WebSocket_Key=""), 400, id="empty key"),
        pytest.param(handshake(Sec_WebSocket_Key="abc"), 400, id="key of 3 bytes"),
        pytest.param(handshake(Sec_WebSocket_Key="YWJj"), 400, id="key of 3 bytes in base64"),
        pytest.param(handshake(Sec_WebSocket_Key="A" * 24), 400, id="key of 18 bytes"),
        pytest.param(handshake(Sec_WebSocket_Key="A" * 23 + "="), 400, id="key of 17 bytes"),
        pytest.param(handshake(Sec_WebSocket_Key="!" * 22 + "=="), 400, id="key not in base64"),
        pytest.param(handshake(Host=None), 400, id="no Host"),
        pytest.param(handshake().replace(b"GET", b"POST"), 411, id="POST without a length"),
        pytest.param(handshake(Content_Length="0").replace(b"GET", b"POST"), 400, id="POST"),
        pytest.param(handshake().replace(b"HTTP/1.1", b"HTTP/1.0"), 400, id="HTTP/1.0"),
        pytest.param(handshake(Content_Length="3") + b"abc", 400, id="with a body"),
    ],
)
def test_a_handshake_that_is_wrong_is_refused(server, request_bytes, status):
    with Wire(server) as wire:
        wire.send(request_bytes)
        reply = wire.reply()
        assert reply.status == status
        assert reply.headers["connection"] == "close"
        if status == 426:
            assert reply.headers["sec-websocket-version"] == "13"
        assert wire.rest() == b""


OURS = "graphql-transport-ws"
OLDER = "graphql-ws"


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        (OURS, OURS),
        (OLDER, OLDER),
        (f"{OURS}, {OLDER}", OURS),
        (f"{OLDER}, {OURS}", OURS),
        (f"{OLDER},{OURS}", OURS),
        (f"a, b,{OURS} ,c", OURS),
        (", ".join(["x" * 100] * 50 + [OURS]), OURS),
        (f"foo\r\nSec-WebSocket-Protocol: {OURS}", OURS),
    ],
)
def test_the_best_subprotocol_is_chosen_wherever_it_stands(server, offered, agreed):
    with Wire(server) as wire:
        wire.send(handshake(Sec_WebSocket_Protocol=offered))
        head = wire.read_head().lower()
        assert head.startswith("http/1.1 101 ")
        assert f"sec-websocket-protocol: {agreed}\r\n" in head + "\r\n"


@pytest.mark.parametrize(
    "offered",
    [None, "", ",", "http", "a" * 64, "a" * 1000, OURS.upper(), OURS + "x", ", ".join("abc" * 99)],
)
def test_without_a_subprotocol_of_ours_the_connection_is_closed_with_4406(server, offered):
    with Wire(server) as wire:
        wire.send(handshake(Sec_WebSocket_Protocol=offered))
        head = wire.read_head().lower()
        assert head.startswith("http/1.1 101 ")
        assert "sec-websocket-protocol" not in head
        opcode, data = wire.receive_frame()
        assert (opcode, data[:2]) == closed(4406)


def test_no_extension_is_agreed_on(server):
    with Wire(server) as wire:
        wire.send(handshake(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits"))
        head = wire.read_head().lower()
        assert head.startswith("http/1.1 101 ")
        assert "sec-websocket-extensions" not in head


@pytest.mark.parametrize(
    "headers", [{"Connection": "keep-alive"}, {"Upgrade": "foo"}, {"Upgrade": None}]
)
def test_what_is_no_offer_of_a_websocket_is_a_plain_request(server, headers):
    with Wire(server) as wire:
        wire.send(handshake(**headers).replace(b"/graphql", b"/readyz"))
        assert wire.reply().status == 200


def test_a_client_that_does_not_answer_a_close_frame_is_cut_off(server):
    with open_websocket(server) as wire:
        wire.send(frame(BINARY, "x"))
        opcode, data = wire.receive_frame()
        assert (opcode, data[:2]) == closed(4400)
        # It neither answers nor hangs up.
        assert wire.rest() == b""
