"""What code that has taken over the worker can still do of the system: docs/security.md.

The calls are made inside the worker that serves, so that they meet what it meets.
"""

import errno
import os
import platform
import signal
import socket
from pathlib import Path

import pytest

import injected_call
from cluster import wait_until

pytestmark = [
    pytest.mark.release_worker,
    # On a fresh Debian on x86-64 nothing is skipped, whoever runs this: its Yama forbids nobody to
    # trace processes of his own.
    pytest.mark.skipif(
        platform.machine() != "x86_64", reason="calls are made by x86-64's registers and numbers"
    ),
    pytest.mark.skipif(
        not injected_call.may_trace(), reason="kernel.yama.ptrace_scope forbids to trace the worker"
    ),
]

# Numbers of x86-64's calls.
OPEN, SOCKET, CONNECT, MMAP, EXECVE, KILL, FORK = 2, 41, 42, 9, 59, 62, 57
UNLINK, PTRACE, MPROTECT, PROCESS_VM_READV, SENDTO, FCNTL = 87, 101, 10, 310, 44, 72


@pytest.fixture
def own(make_cluster):
    """A server of the test's own, whose worker may be ended."""
    server = make_cluster(sandbox="on")
    server.wait_until_serving()
    return server


def worker_of(server):
    (pid,) = server.worker_pids()
    return pid


def status_of(task):
    lines = (task / "status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_every_thread_of_the_worker_is_confined(own):
    for task in Path(f"/proc/{worker_of(own)}/task").iterdir():
        status = status_of(task)
        assert status["Seccomp"].strip() == "2"
        assert status["NoNewPrivs"].strip() == "1"


@pytest.mark.parametrize(
    ("number", "arguments"),
    [
        pytest.param(EXECVE, (b"/bin/true", 0, 0), id="run a program"),
        pytest.param(FORK, (), id="make a process"),
        pytest.param(OPEN, (b"/tmp/fsubs-written", os.O_WRONLY | os.O_CREAT, 0o600), id="write"),
        pytest.param(UNLINK, (b"postgresql.conf",), id="remove a file"),
        pytest.param(CONNECT, (0, b"", 0), id="connect"),
        pytest.param(SENDTO, (0, b"x", 1, 0x20000000, 0, 0), id="connect by sending"),
        pytest.param(KILL, (1, 0), id="signal a process"),
        pytest.param(FCNTL, (0, 8, 1), id="signal a process by way of a descriptor"),
        pytest.param(PTRACE, (16, 1, 0, 0), id="trace a process"),
        pytest.param(PROCESS_VM_READV, (1, 0, 0, 0, 0, 0), id="read a process's memory"),
    ],
)
def test_what_nobody_but_an_attacker_does_ends_the_worker_and_another_takes_its_place(
    own, number, arguments
):
    pid = worker_of(own)
    with pytest.raises(injected_call.Ended) as ended:
        injected_call.call(pid, number, *arguments)
    assert ended.value.signal == signal.SIGSYS
    wait_until(lambda: own.worker_pids() not in ([], [pid]), "another worker runs")
    own.wait_until_serving()
    assert "was ended by signal 31" in own.log()
    assert "fraiseql_subs.sandbox" in own.log()


def has_landlock(server):
    return "this kernel has no Landlock" not in server.log()


def test_the_data_directory_cannot_be_read(own):
    if not has_landlock(own):
        pytest.skip("the kernel has no Landlock")
    pid = worker_of(own)
    for path in (b"postgresql.conf", b"global/pg_control", bytes(own.data) + b"/PG_VERSION"):
        assert injected_call.call(pid, OPEN, path, os.O_RDONLY) == -errno.EACCES
    assert injected_call.call(pid, OPEN, b"/etc/passwd", os.O_RDONLY) == -errno.EACCES
    assert own.worker_pids() == [pid]


def test_no_socket_can_be_made(own):
    pid = worker_of(own)
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
        assert injected_call.call(pid, SOCKET, family, socket.SOCK_STREAM, 0) == -errno.ENOSYS
    assert own.worker_pids() == [pid]


def test_no_memory_becomes_code(own):
    pid = worker_of(own)
    code = 4  # PROT_EXEC
    private = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS
    assert injected_call.call(pid, MMAP, 0, 4096, code, private, -1, 0) == -errno.ENOSYS
    assert injected_call.call(pid, MPROTECT, 4096, 4096, code) == -errno.ENOSYS


def test_settings_are_read_again_all_the_same(own):
    own.set(introspection="off", allow_anonymous="off")
    query = "/graphql?query={__typename}"
    wait_until(lambda: own.get(query)[0] in (401, 403), "anonymous clients are refused")
    assert "settings stay as they were" not in own.log()


def test_the_log_says_that_it_is_off(make_cluster):
    server = make_cluster(sandbox="off")
    wait_until(lambda: "fraiseql_subs.sandbox is off" in server.log(), "the log says so")
    assert status_of(Path(f"/proc/{worker_of(server)}"))["Seccomp"].strip() == "0"
