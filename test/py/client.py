"""A graphql-transport-ws client that keeps every message and knows what each was an answer to."""

import contextlib
import json
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect, unix_connect

SUBPROTOCOL = "graphql-transport-ws"
TIMEOUT = 20.0


@dataclass
class Subscription:
    client: "Client"
    id: str
    messages: list = field(default_factory=list)

    def next(self):
        """The payload of the next event."""
        return self.message("next")["payload"]

    def data(self):
        payload = self.next()
        assert "errors" not in payload, payload["errors"]
        return payload["data"]

    def errors(self):
        """The errors with which the subscription was refused."""
        return self.message("error")["payload"]

    def message(self, expected_type):
        while not self.messages:
            self.client.receive()
        message = self.messages.pop(0)
        assert message["type"] == expected_type, message
        return message

    def complete(self):
        self.client.send({"id": self.id, "type": "complete"})
        self.client.settle()


class Client:
    """One connection. Messages for a subscription wait there, others in `messages`."""

    def __init__(self, url, subprotocols=(SUBPROTOCOL,), path=None, **options):
        """:param path: of the Unix socket to connect to, whatever the URL says."""
        options = {"max_size": None, "compression": None} | options
        options["subprotocols"] = list(subprotocols) or None
        self.socket = (
            connect(url, **options) if path is None else unix_connect(path, url, **options)
        )
        # As fraiseql_connections() names it. A socket that the server has closed cannot be asked,
        # and a Unix socket's own end has no name.
        with contextlib.suppress(OSError, IndexError):
            self.peer = "{}:{}".format(*self.socket.local_address)
        self.messages = []
        self.subscriptions = {}
        self.pings = 0

    def send(self, message):
        """:param message: text or bytes to send as they are, or what to send as JSON."""
        self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def receive(self):
        message = json.loads(self.socket.recv(timeout=TIMEOUT))
        subscription = self.subscriptions.get(message.get("id"))
        (subscription.messages if subscription else self.messages).append(message)

    def wait_for(self, expected_type):
        while True:
            for i, message in enumerate(self.messages):
                if message["type"] == expected_type:
                    return self.messages.pop(i)
            self.receive()

    def init(self, payload=None):
        message = {"type": "connection_init"}
        self.send(message if payload is None else message | {"payload": payload})
        return self.wait_for("connection_ack")

    def start(self, query, variables=None, operation_name=None, id=None):
        """Ask for a subscription without waiting until it stands."""
        payload = {"query": query}
        if variables is not None:
            payload["variables"] = variables
        if operation_name is not None:
            payload["operationName"] = operation_name
        id = id or str(len(self.subscriptions) + 1)
        subscription = self.subscriptions[id] = Subscription(self, id)
        self.send({"id": id, "type": "subscribe", "payload": payload})
        return subscription

    def subscribe(self, query, variables=None, **options):
        subscription = self.start(query, variables, **options)
        self.settle()
        return subscription

    def settle(self):
        """Return when the server has handled everything sent so far: it answers in order."""
        self.pings += 1
        self.send({"type": "ping", "payload": {"number": self.pings}})
        pong = self.wait_for("pong")
        assert pong["payload"] == {"number": self.pings}

    def wait_for_close(self):
        """Read until the server closes; return the code and the reason."""
        try:
            while True:
                self.receive()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, "the server hung up without a close frame"
            return closed.rcvd.code, closed.rcvd.reason

    def close(self):
        self.socket.close()
