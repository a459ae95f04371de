"""Ports that servers of tests get."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fraiseql_subs.testing import _ports

SOURCES = Path(_ports.__file__).parents[2]

OTHER_PROCESS = """
import sys
from fraiseql_subs.testing import _ports
_ports._PORTS = range({0.start}, {0.stop})
print(*[_ports.free_port() for _ in range({1})], flush=True)
sys.stdin.read()
"""


def test_a_port_is_given_to_one_process_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = range(31_000, 31_400)
    monkeypatch.setattr(_ports, "_PORTS", ports)
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS.format(ports, 100)],
        env=os.environ | {"PYTHONPATH": str(SOURCES)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        theirs = set(map(int, process.stdout.readline().split()))
        ours = {_ports.free_port() for _ in range(100)}
        process.communicate("")
    assert len(ours) == len(theirs) == 100
    assert not ours & theirs


def test_a_port_beside_is_the_callers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ports, "_PORTS", range(31_400, 31_800))
    ports = [_ports.free_port(beside=200) for _ in range(50)]
    ports += [port + 200 for port in ports] + [_ports.free_port() for _ in range(100)]
    assert len(set(ports)) == 200


def test_a_port_on_which_somebody_listens_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(_ports, "_PORTS", range(port, port + 10))
        assert _ports.free_port() != port
