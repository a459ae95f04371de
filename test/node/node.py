"""A worker without PostgreSQL, as a child process with a Unix socket for its events."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from fraiseql_subs.testing._ports import free_port

from client import Client

TIMEOUT = 30.0

CATALOG = {
    "types": "type Order { id: ID! status: String! total: Float }",
    "subscriptions": [
        {
            "field": "orderUpdated(id: ID, status: String): Order",
            "channel": "orders",
            "event_types": ["orderUpdated"],
        }
    ],
}
QUERY = "subscription ($id: ID) { orderUpdated(id: $id) { id status } }"


def program():
    """The worker under test: FSUBS_WORKER, or the one beside PostgreSQL's programs."""
    named = os.environ.get("FSUBS_WORKER")
    if named:
        return str(Path(named).resolve())
    programs = subprocess.check_output(
        [os.environ.get("PG_CONFIG", "pg_config"), "--bindir"], text=True
    ).strip()
    return shutil.which("fraiseql-worker", path=programs)


def event(data, channel="orders", type="orderUpdated", **others):
    return {"type": type, "channel": channel, "data": data, **others}


class Writer:
    """Writes lines to a node and reads its answers."""

    def __init__(self, socket_or_path):
        if isinstance(socket_or_path, socket.socket):
            self.socket = socket_or_path
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(str(socket_or_path))
        self.socket.settimeout(TIMEOUT)
        self.answers = self.socket.makefile("rb")

    def write(self, *lines):
        """:param lines: bytes as they are, or what to write as JSON."""
        raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        self.socket.sendall(b"".join(line + b"\n" for line in raw))

    def answer(self):
        return json.loads(self.answers.readline())

    def sync(self):
        """Return when all lines before have been taken, with the errors that they gave."""
        self.write({"sync": True})
        errors = []
        while "sync" not in (answer := self.answer()):
            errors.append(answer)
        return errors

    def close(self):
        self.answers.close()
        self.socket.close()


class Node:
    """:param options: of the command line, `_` for `-`; None leaves a default of the tests out."""

    def __init__(self, directory, catalog=CATALOG, environment=None, arguments=(), **options):
        self.directory = Path(directory)
        self.events = self.directory / "events.sock"
        self.catalog = self.directory / "catalog.json"
        self.log_path = self.directory / "log"
        self.port = free_port()
        if catalog is not None:
            self.write_catalog(catalog)
        given = {
            "bus": "memory",
            "catalog": None if catalog is None else self.catalog,
            "events": self.events,
            "port": self.port,
            "allow_anonymous": "true",
        } | options
        self.port = int(given["port"] or self.port)
        self.command = [program()]
        for name, value in given.items():
            if value is not None:
                self.command.append(f"--{name.replace('_', '-')}={value}")
        self.command += arguments
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FRAISEQL_", "LISTEN_", "NOTIFY_", "WATCHDOG_"))
        } | (environment or {})
        self.process = None
        self.scheme = "http"

    def write_catalog(self, catalog):
        text = catalog if isinstance(catalog, str) else json.dumps(catalog)
        # As a careful editor does: whoever reads sees one or the other.
        new = self.catalog.with_suffix(".new")
        new.write_text(text)
        new.replace(self.catalog)

    def launch(self, **popen):
        popen = {"stdin": subprocess.DEVNULL, "env": self.environment} | popen
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, cwd=self.directory, **popen
            )
        return self

    def start(self, **popen):
        """Start it and return it once it serves."""
        self.launch(**popen)
        self.wait_until(self.is_ready, "it is ready")
        return self

    def is_ready(self):
        return self.get("/readyz")[0] == 200

    def get(self, path):
        """:returns: status and body; (None, why) if nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return None, str(error)

    def wait_until(self, condition, what):
        """The sleep between two looks leaves the cores to the node that is waited for."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert self.process.poll() is None, f"it has ended, before {what}:\n{self.log()}"
            assert time.monotonic() < deadline, f"not before the time-out: {what}\n{self.log()}"
            time.sleep(0.01)

    def wait_for_log(self, text):
        self.wait_until(lambda: text in self.log(), f"the log has: {text}")

    def log(self):
        return self.log_path.read_text()

    def run(self, **popen):
        """Let it run to its end; return its exit code and all that it said."""
        self.launch(**popen)
        code = self.process.wait(TIMEOUT)
        return code, self.log()

    def client(self, payload=None):
        """A connected client, logged in."""
        client = Client(f"ws://127.0.0.1:{self.port}")
        client.init(payload)
        return client

    def writer(self):
        return Writer(self.events)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.process.wait(TIMEOUT)
