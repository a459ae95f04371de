"""Nodes without a database: the worker's program, started by the test."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from fraiseql_subs.testing._ports import free_port

from cluster import SANITIZER_SIGNS, Cluster


class Node:
    """One that serves clients from a bus. Made stopped; it takes the place of a cluster where only
    its clients count.

    :param options: of the program, by their settings' names.
    """

    tls = None
    address = "127.0.0.1"

    def __init__(self, **options):
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="fsubs-node-", dir="/tmp"))
        self.log_path = self.directory / "log"
        self.options = {
            "port": self.port,
            "allow_anonymous": "true",
            "socket": self.directory / "door",
        } | options
        self.process = None

    def start(self):
        config = self.directory / "node.conf"
        config.write_text("".join(f'{name} = "{value}"\n' for name, value in self.options.items()))
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [program(), "--config", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    get = Cluster.get
    wait_until_serving = Cluster.wait_until_serving

    def log(self, start=0):
        return self.log_path.read_text(errors="replace")[start:]

    def bus_metric(self, name):
        _, text = self.get("/metrics")
        for line in text.splitlines():
            if line.startswith(f"fraiseql_subs_bus_{name} "):
                return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=20)
        self.process = None

    def destroy(self):
        """End it, and fail if a sanitizer has found something in it."""
        if self.process is not None:
            self.kill()
        log = self.log()
        shutil.rmtree(self.directory)
        found = [line for line in log.splitlines() if any(sign in line for sign in SANITIZER_SIGNS)]
        assert not found, "the node's log tells of a fault:\n" + log


def program():
    directory = subprocess.check_output(["pg_config", "--bindir"], text=True).strip()
    return Path(directory) / "fraiseql-worker"
