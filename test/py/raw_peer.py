"""A WebSocket client that sends exactly the frames it is told to and answers nothing by itself."""

import contextlib
import socket
import struct
from collections import deque

from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

TIMEOUT = 20.0


class HandshakeRefused(Exception):
    """The server's answer to the handshake, which is not the one that was hoped for."""


class RawPeer:
    def __init__(self, url, subprotocol="graphql-transport-ws", receive_buffer=None):
        uri = parse_uri(url)
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((uri.host, uri.port))
        self.handshake = ClientProtocol(uri, subprotocols=[Subprotocol(subprotocol)])
        self.handshake.send_request(self.handshake.connect())
        self.socket.sendall(b"".join(self.handshake.data_to_send()))
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self._read()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            self.socket.close()
            raise HandshakeRefused(head.decode())
        self.frames = deque()

    def _read(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the server closed the connection")
        return data

    def send(self, opcode, data=b"", fin=True):
        frame = Frame(opcode, data if isinstance(data, bytes) else data.encode(), fin=fin)
        self.socket.sendall(frame.serialize(mask=True))

    def send_text(self, text):
        self.send(Opcode.TEXT, text)

    def send_bytes(self, data):
        self.socket.sendall(data)

    def receive_frame(self):
        """The next frame: opcode and data. The server sends neither fragments nor masked frames."""
        while True:
            if len(self.buffer) >= 2:
                first, second = self.buffer[:2]
                assert first & 0x80, "a fragment"
                assert not second & 0x80, "a masked frame"
                length, offset = second & 0x7F, 2
                if length == 126 and len(self.buffer) >= 4:
                    (length,), offset = struct.unpack_from("!H", self.buffer, 2), 4
                elif length == 127 and len(self.buffer) >= 10:
                    (length,), offset = struct.unpack_from("!Q", self.buffer, 2), 10
                elif length >= 126:
                    length = None
                if length is not None and len(self.buffer) >= offset + length:
                    data = self.buffer[offset : offset + length]
                    self.buffer = self.buffer[offset + length :]
                    return Opcode(first & 0x0F), data
            self.buffer += self._read()

    def receive_text(self):
        """The next text; pings come whenever the peer has been silent for long."""
        opcode, data = self.receive_frame()
        while opcode is Opcode.PING:
            opcode, data = self.receive_frame()
        assert opcode is Opcode.TEXT, (opcode, data)
        return data.decode()

    def receive_close(self):
        """Read up to the close frame; return its code and reason."""
        while True:
            opcode, data = self.receive_frame()
            if opcode is Opcode.CLOSE:
                close = Close.parse(data)
                return close.code, close.reason

    def wait_for_end(self):
        """Read until the server ends the connection."""
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                self._read()

    def init(self):
        self.send_text('{"type":"connection_init"}')
        opcode, data = self.receive_frame()
        while opcode is Opcode.PING:  # they may come before anything else
            self.send(Opcode.PONG, data)
            opcode, data = self.receive_frame()
        assert data.startswith(b'{"type":"connection_ack",')
        return self

    def close(self):
        self.socket.close()
