"""A host of sessions: hands clients' messages to the worker through SQL, as a server does that has
accepted their sockets itself. docs/hosted-sessions.md has the records.
"""

import json
import struct
import time
from dataclasses import dataclass

OPEN, TEXT, CLOSE, RESUME, HEARD, BINARY, TOO_BIG = range(1, 8)
MESSAGE, EVENT, ENDED, CLOSED, PING, STARTED = range(1, 7)


@dataclass(frozen=True)
class Frame:
    kind: int
    session: int
    position: int
    id: str
    payload: bytes

    @property
    def json(self):
        return json.loads(self.payload)

    @property
    def code(self):
        return struct.unpack_from("<H", self.payload)[0]

    @property
    def reason(self):
        return self.payload[2:].decode()


def command(kind, session, payload=b""):
    return struct.pack("<IBI", 5 + len(payload), kind, session) + payload


def text(session, message):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return command(TEXT, session, body)


def open_session(session, subprotocol="graphql-transport-ws", peer="192.0.2.1:5678", **others):
    opening = {"subprotocol": subprotocol, "peer": peer, "headers": {}, "path": "/graphql"}
    return command(OPEN, session, json.dumps(opening | others).encode())


def subscribe(session, id, query):
    return text(session, {"type": "subscribe", "id": id, "payload": {"query": query}})


def resume(session, position, id, query):
    message = {"type": "subscribe", "id": id, "payload": {"query": query}}
    return command(RESUME, session, struct.pack("<Q", position) + json.dumps(message).encode())


def close(session, code=1000, reason=""):
    return command(CLOSE, session, struct.pack("<H", code) + reason.encode())


def frames_of(data):
    at = 0
    while at < len(data):
        length, kind, session, position, id_length = struct.unpack_from("<IBIQH", data, at)
        start = at + 19
        end = at + 4 + length
        yield Frame(
            kind,
            session,
            position,
            data[start : start + id_length].decode(),
            bytes(data[start + id_length : end]),
        )
        at = end


class Host:
    """One link. Keeps frames that nobody waited for, pings apart: they come when they come."""

    def __init__(self, cluster, **parameters):
        self.connection = cluster.connect(**parameters)
        self.link = None
        self.frames = []
        self.pings = []
        self.exchange(wait_ms=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    @property
    def epoch(self):
        return self.link.split(":")[1]

    @property
    def pid(self):
        return self.connection.info.backend_pid

    def exchange(self, *commands, wait_ms=20_000):
        """Hand in commands and return new frames, which wait for take() as well."""
        self.link, data = self.connection.execute(
            "CALL fraiseql_subs.session_exchange(%s, %s, %s, NULL)",
            (self.link, b"".join(commands), wait_ms),
        ).fetchone()
        came = list(frames_of(data))
        new = [frame for frame in came if frame.kind != PING]
        self.frames += new
        self.pings += [frame for frame in came if frame.kind == PING]
        return new

    def take(self, session=None, kind=None):
        """The next frame, of a session or of a kind if these are given."""
        deadline = time.monotonic() + 20
        kept = self.pings if kind == PING else self.frames
        while True:
            for frame in kept:
                if session in (None, frame.session) and kind in (None, frame.kind):
                    kept.remove(frame)
                    return frame
            if time.monotonic() > deadline:
                raise AssertionError(f"no such frame; there are {self.frames}")
            self.exchange()

    def begin(self, session, **options):
        """Open a session that is acknowledged."""
        self.exchange(open_session(session, **options), text(session, {"type": "connection_init"}))
        acknowledged = self.take(session)
        assert acknowledged.json["type"] == "connection_ack", acknowledged
        return acknowledged

    def start(self, session, id, query):
        """Subscribe, and return the position from which events count."""
        self.exchange(subscribe(session, id, query))
        started = self.take(session)
        assert (started.kind, started.id) == (STARTED, id), started
        return started.position
