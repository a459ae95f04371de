"""What systemd does with a service, done by the tests: it need not be there."""

import os
import signal
import socket
import sys

import pytest

from client import Client
from node import QUERY, Writer, event

# Becomes the node with the descriptors 3 and on, as sd_listen_fds(3) wants it.
_PASSING = """
import os, sys
count, names, *command = sys.argv[1:]
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=count, LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


class Manager:
    """The end of NOTIFY_SOCKET that systemd has."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(30)

    def wait_for(self, told):
        while not (message := self.socket.recv(4096).decode()).startswith(told):
            pass
        return message


@pytest.fixture(params=["path", "abstract"])
def manager_and_name(request, tmp_path):
    if request.param == "path":
        name = str(tmp_path / "notify")
        return Manager(name), name
    name = f"fsubs-test-{os.getpid()}-{tmp_path.name}"
    return Manager("\0" + name), "@" + name


def pass_sockets(node, sockets, names):
    """Start the node with these as its descriptors from 3 on."""
    command = [sys.executable, "-c", _PASSING, str(len(sockets)), ":".join(names), *node.command]
    numbers = [passed.fileno() for passed in sockets]
    highest = max(numbers) + 10

    def arrange():
        for i, number in enumerate(numbers):
            os.dup2(number, highest + i)
        for i in range(len(numbers)):
            os.dup2(highest + i, 3 + i)

    node.command = command
    return node.launch(preexec_fn=arrange, pass_fds=[*range(3, 3 + len(numbers))])


def listening(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    made = socket.socket(family)
    made.bind(address)
    made.listen()
    return made


def test_the_manager_hears_of_start_reload_and_stop(make_node, manager_and_name):
    manager, name = manager_and_name
    node = make_node(environment={"NOTIFY_SOCKET": name}).launch()
    manager.wait_for("READY=1")
    node.signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in manager.wait_for("RELOADING=1")
    manager.wait_for("READY=1")
    node.signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")


def test_the_watchdog_is_fed(make_node, manager_and_name):
    manager, name = manager_and_name
    make_node(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000"}).launch()
    for _ in range(3):
        manager.wait_for("WATCHDOG=1")


def test_a_manager_that_is_not_there_is_no_reason_to_fail(make_node, tmp_path):
    make_node(environment={"NOTIFY_SOCKET": str(tmp_path / "nobody")}).start()


def test_sockets_that_are_passed_are_served(make_node, tmp_path):
    with (
        listening(("127.0.0.1", 0)) as port,
        listening(str(tmp_path / "clients")) as clients,
        listening(str(tmp_path / "events")) as events,
    ):
        node = make_node(events=None, shards=2)
        node.port = port.getsockname()[1]
        pass_sockets(node, [port, clients, events], ["http", "local", "events"])
        node.wait_until(node.is_ready, "it is ready")
        by_port = node.client().subscribe(QUERY)
        by_path = Client("ws://localhost", path=str(tmp_path / "clients"))
        by_path.init()
        by_path = by_path.subscribe(QUERY)
        Writer(tmp_path / "events").write(event({"id": 1, "status": "a"}))
        for subscription in (by_port, by_path):
            assert subscription.data() == {"orderUpdated": {"id": "1", "status": "a"}}


def test_sockets_that_are_for_another_process_are_left_alone(make_node):
    make_node(environment={"LISTEN_PID": "1", "LISTEN_FDS": "1"}).start()


def test_a_socket_that_cannot_be_served_keeps_the_node_from_starting(make_node):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        node = make_node()
        pass_sockets(node, [datagrams], ["http"])
        assert node.process.wait(30) == 1
        assert "cannot be used" in node.log()
