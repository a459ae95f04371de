"""The worker's side door (docs/side-door.md), with a stand-in for the executor."""

import contextlib
import json
import socket
import struct

import pytest

from cluster import wait_until

SNAPSHOT = {
    "extension_version": "0.1.0",
    "server_version": "15.0",
    "types": "type Order { id: ID! }",
    "columns": {},
}


def snapshot_of(*fields):
    return SNAPSHOT | {
        "subscriptions": [
            {"name": name, "field": f"{name}: Order", "channel": name, "event_types": None}
            for name in fields
        ]
    }


class Executor:
    """Answers as the test says, however late."""

    def __init__(self, cluster, op="executor"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(cluster.data / "pg_stat_tmp/fraiseql_subs.sock"))
        self.send({"op": op})

    def send(self, message):
        frame = json.dumps(message).encode()
        self.socket.sendall(struct.pack("<I", len(frame)) + frame)

    def receive(self, size):
        received = self.socket.recv(size, socket.MSG_WAITALL)
        assert len(received) == size, "the worker has closed the connection"
        return received

    def next_message(self, op):
        (length,) = struct.unpack("<I", self.receive(4))
        message = json.loads(self.receive(length))
        assert message["op"] == op
        return message

    def next_request(self):
        return self.next_message("snapshot")["request"]

    def give(self, *fields, **request):
        self.send({"op": "snapshot", "snapshot": snapshot_of(*fields)} | request)


@pytest.fixture
def cluster(make_cluster):
    # PostgreSQL's launcher of logical replication and ours have them: there is no other executor.
    return make_cluster(install=False, postgresql__max_worker_processes=2)


@pytest.fixture
def executor(cluster):
    def is_let_in():
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return Executor(cluster)

    executor = wait_until(is_let_in, "the worker takes connections")
    with contextlib.closing(executor.socket):
        yield executor


def test_a_snapshot_that_was_sent_unasked_is_no_answer(cluster, executor, connect):
    """It may have been read before the change for which the worker asks."""

    def wait_for_loads(count):
        wait_until(
            lambda: cluster.metric("fraiseql_subs_catalog_loads_total") == count,
            f"{count} catalogs are built",
        )

    def register(name):
        cluster.sql("SELECT fraiseql_register_subscription(%s, %s)", (f"{name}: Order", name))

    # The worker asks at its start, and for what is committed from then on.
    request = executor.next_request()
    with cluster.connect(autocommit=False) as connection:
        connection.execute("CREATE EXTENSION fraiseql_subs")
        connection.execute("SELECT fraiseql_register_types('type Order { id: ID! }')")
    executor.give(request=request)
    executor.give(request=executor.next_request())
    wait_for_loads(2)
    client = connect(cluster)

    register("first")
    request = executor.next_request()
    executor.give("first")
    wait_for_loads(3)
    register("second")
    executor.give("first", request=request)
    second = client.start("subscription { second { id } }")
    executor.give("first", "second", request=executor.next_request())
    client.settle()
    cluster.publish("any", "second", {"id": 7})
    assert second.data() == {"second": {"id": "7"}}
