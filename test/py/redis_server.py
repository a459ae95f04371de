"""Redis servers and Sentinels of the tests' own, on free ports of this machine."""

import contextlib
import functools
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from fraiseql_subs.testing._ports import free_port

from cluster import wait_until

# Debian's package redis-tools has the server's program, but starts no server as redis-server does.
PROGRAM = shutil.which("redis-server") or "/usr/bin/redis-check-rdb"

# How much higher the port is by which nodes of a cluster talk to each other.
CLUSTER_BUS = 10_000


@functools.cache
def version():
    """Of the program, as a tuple of numbers. Valkey begins with 8."""
    told = subprocess.run(
        ["redis-server", "--version"],
        executable=PROGRAM,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(map(int, re.search(r"v=([\d.]+)", told)[1].split(".")))


class _Program:
    """One process and its directory. Made stopped."""

    name = "redis-server"

    def __init__(self):
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="fsubs-redis-", dir="/tmp"))
        self.process = None

    def arguments(self):
        raise NotImplementedError

    def start(self):
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.name, *map(str, self.arguments())],
                executable=PROGRAM,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self.answers, "Redis answers")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Redis has ended: {self.log()}")
        with contextlib.suppress(OSError, AssertionError):
            return self.call("PING") == "PONG"
        return False

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def stop(self):
        """Stop it as an operator does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None

    def kill(self):
        """End it as a crash does."""
        self.process.kill()
        self.process.wait(timeout=20)
        self.process = None

    def destroy(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.directory)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.destroy()

    password = None

    def connection(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def call(self, *words):
        """Send one command and return its reply: str, int, None, list, or an Exception."""
        with self.connection() as connection:
            reader = connection.makefile("rb")
            if self.password:
                connection.sendall(_command("AUTH", self.password))
                _reply(reader)
            connection.sendall(_command(*words))
            return _reply(reader)


class Redis(_Program):
    """A server.

    :param options: of its configuration, as `name=value`; "_" stands for "-".
    """

    def __init__(self, **options):
        super().__init__()
        if "cluster_enabled" in options:
            self.port = free_port(beside=CLUSTER_BUS)
        self.options = {"save": "", "appendonly": "no"} | options
        self.password = options.get("requirepass")

    def own_slots(self, first, last):
        """Take these of a cluster's slots."""
        assert self.call("CLUSTER", "ADDSLOTS", *range(first, last + 1)) == "OK"

    def arguments(self):
        # In a file, as Redis 6.2 takes no empty value from the command line.
        options = {"port": self.port, "bind": "127.0.0.1 127.0.0.2", "dir": self.directory}
        if version() >= (7,):
            options["enable_debug_command"] = "yes"
        lines = (options | self.options).items()
        config = self.directory / "redis.conf"
        config.write_text(
            "".join(f"{name.replace('_', '-')} {value or repr('')}\n" for name, value in lines)
        )
        yield config

    @property
    def url(self):
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}"


class Sentinel(_Program):
    """One that watches a server under the name "events"."""

    name = "redis-sentinel"

    def __init__(self, primary, quorum=2):
        super().__init__()
        (self.directory / "sentinel.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.directory}\n"
            f"sentinel monitor events 127.0.0.1 {primary.port} {quorum}\n"
            "sentinel down-after-milliseconds events 500\n"
            "sentinel failover-timeout events 3000\n"
        )

    def arguments(self):
        return (self.directory / "sentinel.conf", "--sentinel")


def _command(*words):
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(
        b"$%d\r\n%s\r\n" % (len(part), part) for part in parts
    )


def _reply(reader):
    line = reader.readline()
    if not line.endswith(b"\r\n"):
        raise OSError("the connection was closed")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest.decode()
    if kind == b"-":
        return RuntimeError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        length = int(rest)
        if length < 0:
            return None
        return reader.read(length + 2)[:-2].decode("latin-1")
    if kind == b"*":
        length = int(rest)
        return None if length < 0 else [_reply(reader) for _ in range(length)]
    raise AssertionError(f"no reply of Redis: {line!r}")
