"""Bytes exactly as a test wants them, cut as it wants them."""

import contextlib
import socket
import struct
from dataclasses import dataclass

TIMEOUT = 30.0

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0

HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def frame(opcode, data=b"", fin=True, rsv=0, mask=b"\x12\x34\x56\x78", size=None, length=None):
    """One frame of a client. `mask` None: not masked; `size`: bytes of the extended length."""
    data = data.encode() if isinstance(data, str) else data
    length = len(data) if length is None else length
    if size is None:
        size = 0 if length < 126 else 2 if length < 65536 else 8
    bit = 0 if mask is None else 0x80
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if size == 0:
        head += bytes([bit | length])
    elif size == 2:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    if mask is None:
        return head + data
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


def close(code, reason=b""):
    return frame(CLOSE, struct.pack("!H", code) + reason)


def whole(data):
    return [data]


def bytewise(data):
    """Single bytes; the middle of what is long in one piece."""
    if len(data) <= 400:
        return [data[i : i + 1] for i in range(len(data))]
    return [*bytewise(data[:200]), data[200:-200], *bytewise(data[-200:])]


def odd(data):
    """Pieces of 1, 2, 3 … bytes, which end where no frame does."""
    pieces, at = [], 0
    while at < len(data):
        size = len(pieces) + 1 if len(pieces) < 100 else len(data)
        pieces.append(data[at : at + size])
        at += size
    return pieces


CUTS = [whole, bytewise, odd]


class Wire:
    """A connection to a server, by TLS if it speaks that."""

    def __init__(self, cluster):
        self.socket = socket.create_connection(("127.0.0.1", cluster.port), timeout=TIMEOUT)
        # Every piece shall be a segment of its own.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if cluster.tls is not None:
            self.socket = cluster.tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, cut=whole):
        for piece in cut(data):
            self.socket.sendall(piece)

    def end(self):
        """Send no more, in TLS without a word: whole requests say by themselves that they are."""
        socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def send_while_it_may(self, data):
        """Send to a server that may have hung up already."""
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return data

    def take(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise EOFError(f"the server closed the connection behind {self.buffer!r}")
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def rest(self):
        """Everything up to the end of the connection, which must be orderly: no reset."""
        while self.more():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                raise EOFError(f"the server closed the connection behind {self.buffer!r}")
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head.decode("latin1")

    def reply(self, to="GET"):
        """The next HTTP reply."""
        lines = self.read_head().split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            assert name.lower() not in headers, line
            headers[name.lower()] = value.strip()
        body = b""
        if to != "HEAD" and int(status) >= 200 and "content-length" in headers:
            body = self.take(int(headers["content-length"]))
        return Reply(int(status), headers, body)

    def receive_frame(self):
        """The next frame of the server: opcode and data."""
        first, second = self.take(2)
        assert first & 0xF0 == 0x80, "one frame, no extensions"
        assert not second & 0x80, "a server does not mask"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.take(8))
        return first & 0x0F, self.take(length)


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes


def open_websocket(cluster, handshake=HANDSHAKE):
    wire = Wire(cluster)
    wire.send(handshake)
    head = wire.read_head()
    assert head.startswith("HTTP/1.1 101 "), head
    return wire
