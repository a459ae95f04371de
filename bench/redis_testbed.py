"""A Redis server for a testbed, and nodes that read from it."""

import shutil
import subprocess
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager

from testbed import PROGRAMS, ROOT, BenchmarkError, free_port, wait_until

NODE = ROOT / "build/release/fraiseql-worker"

# Debian's package redis-tools has the server's program, but starts no server as redis-server does.
SERVER = shutil.which("redis-server") or shutil.which("redis-check-rdb")


class RedisTestbed:
    """A Redis, from entering to leaving the context.

    :param core: that it runs on; default: the load generator's
    """

    def __init__(self, testbed, core=None):
        if not SERVER:
            raise BenchmarkError("redis-server is missing; install redis-tools")
        self.testbed = testbed
        self.core = testbed.load_core if core is None else core

    def __enter__(self):
        self.port = free_port()
        with self.open_log("redis") as log:
            self.process = subprocess.Popen(
                [
                    *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1"),
                    *("--save", "", "--appendonly", "no", "--dir", self.testbed.directory),
                ],
                executable=SERVER,
                stdin=subprocess.DEVNULL,
                stdout=log,
            )
        self.testbed.move(self.pid, self.core)
        wait_until(10, "Redis", lambda: "Ready to accept" in self.log("redis"))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def open_log(self, name):
        return (self.testbed.directory / f"{name}.log").open("w")

    def log(self, name):
        return (self.testbed.directory / f"{name}.log").read_text()

    @contextmanager
    def publishing(self):
        """The testbed's server publishes to Redis meanwhile."""
        self.set_bus("redis")
        try:
            yield
        finally:
            self.set_bus("memory")

    def set_bus(self, bus):
        """Restart the testbed's server with that bus."""
        self.testbed.query(
            f"ALTER SYSTEM SET fraiseql_subs.bus = '{bus}'",
            f"ALTER SYSTEM SET fraiseql_subs.bus_url = '{self.url if bus == 'redis' else ''}'",
        )
        self.testbed.restart()

    @contextmanager
    def nodes(self, count):
        """So many nodes on the core of the server under test. Gives their ports and process ids."""
        with ExitStack() as stack:
            found = [stack.enter_context(self._node(f"node-{i}")) for i in range(count)]
            for port, _, name in found:
                wait_until(20, f"{name}: {self.log(name)}", lambda port=port: is_ready(port))
            yield [port for port, _, _ in found], [pid for _, pid, _ in found]

    @contextmanager
    def _node(self, name):
        port = free_port()
        options = {
            "bus": "redis",
            "bus-url": self.url,
            "database": "postgres",
            "port": port,
            "node-name": name,
            "allow-anonymous": "true",
            "socket": self.testbed.directory / f"{name}.sock",
        }
        arguments = [part for key, value in options.items() for part in (f"--{key}", str(value))]
        with self.open_log(name) as log:
            process = subprocess.Popen(
                ["taskset", "-c", str(self.testbed.server_core), NODE, *arguments],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            yield port, process.pid, name
        finally:
            process.terminate()
            process.wait()

    def bus(self, *arguments):
        """Run bench/redis_bus.cpp on the core of the server under test; return its report."""
        return self.testbed.on_server_core(
            *(PROGRAMS / "redis_bus", "--port", str(self.port), "--redis-pid", str(self.pid)),
            *arguments,
        )


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
