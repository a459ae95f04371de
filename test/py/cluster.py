"""PostgreSQL servers of the tests' own, reachable through a Unix socket in their directory."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[2]

# Before the folder of the extension's library, which has the name of the Python package.
sys.path.insert(0, str(ROOT / "python/src"))

from fraiseql_subs.testing._ports import free_port  # noqa: E402

# What a server log must not contain unless a test crashes something on purpose.
CRASH_SIGNS = ("terminated by signal", "PANIC:", "Assertion")

# What it must never contain: the findings of AddressSanitizer, UBSan and ThreadSanitizer.
SANITIZER_SIGNS = ("Sanitizer", "runtime error:")


def wait_until(predicate, description, timeout=20.0):
    """Return the first true value of predicate(), or fail with the last value.

    The sleep between two looks leaves the cores to those who are waited for.
    """
    deadline = time.monotonic() + timeout
    pause = 0.001
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up waiting until {description}; last value: {value!r}")
        time.sleep(pause)
        pause = min(pause * 2, 0.1)


def give_to_server_user(path):
    """Let those write there as whom servers run: root does not run any."""
    if os.getuid() == 0:
        shutil.chown(path, "postgres", "postgres")


@functools.cache
def temporary_root():
    """Where servers are: in memory, if there is enough: they have many small files."""
    memory = Path("/dev/shm")
    free = shutil.disk_usage(memory).free if memory.is_dir() else 0
    return "/dev/shm" if free >= 4 << 30 else "/tmp"


@functools.cache
def template(pg_config):
    """A data directory as initdb makes it, once for all tests of this process."""
    directory = tempfile.mkdtemp(prefix="fsubs-", dir=temporary_root())
    atexit.register(shutil.rmtree, directory)
    run_script(pg_config, "init", directory)
    return Path(directory) / "data"


def copy_of_template(pg_config):
    def make(data):
        subprocess.run(["cp", "-a", template(pg_config), data], check=True)

    return make


def run_script(pg_config, action, *arguments, inside=()):
    done = subprocess.run(
        [*inside, ROOT / "scripts/cluster", action, *arguments],
        env=os.environ | {"PG_CONFIG": pg_config},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"scripts/cluster {action} failed:\n{done.stdout}")


class Cluster:
    """One server with fraiseql_subs preloaded. Made stopped; destroy() stops and removes it."""

    # Where clients connect instead of to the worker: a function of the cluster that returns a URL.
    front = None
    # Where the worker listens.
    address = "127.0.0.1"
    # Words in front of the command that starts it.
    inside = ()

    def __init__(self, data=None, pg_config=None, tls=None, **settings):
        """
        :param data: a function that makes the data directory at a path, instead of initdb.
        :param pg_config: of the PostgreSQL that it is, if there are several.
        :param tls: the ssl.SSLContext of its clients, if it speaks TLS.
        :param settings: of fraiseql_subs; PostgreSQL's own begin with `postgresql__`.
        """
        self.pg_config = str(pg_config or os.environ.get("PG_CONFIG", "pg_config"))
        self.tls = tls
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="fsubs-", dir=temporary_root()))
        self.log_path = self.directory / "log"
        self.database = "postgres"
        self.host = None
        self.at_the_end = contextlib.ExitStack()
        defaults = {"port": self.port, "allow_anonymous": "on"}
        if "FSUBS_SANDBOX" in os.environ:
            defaults["sandbox"] = os.environ["FSUBS_SANDBOX"]
        try:
            give_to_server_user(self.directory)
            (data or copy_of_template(self.pg_config))(self.directory / "data")
            self._run("adopt", *self._assignments(defaults | settings))
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    @staticmethod
    def _assignments(settings):
        for name, value in settings.items():
            own = not name.startswith("postgresql__")
            qualified = f"fraiseql_subs.{name}" if own else name.removeprefix("postgresql__")
            yield f"{qualified}={value}"

    def _run(self, action, *arguments):
        inside = self.inside if action == "start" else ()
        run_script(self.pg_config, action, self.directory, *arguments, inside=inside)

    def start(self):
        self._run("start")
        return self

    def stop(self, mode="fast"):
        self._run("stop", mode)

    def restart(self):
        self.stop()
        self.start()

    def destroy(self):
        try:
            self.at_the_end.close()
        finally:
            self._run("destroy")

    def install(self):
        """Create the extension and wait until clients can subscribe."""
        self.sql("CREATE EXTENSION fraiseql_subs")
        self.wait_until_serving()
        return self

    def connect(self, **parameters):
        defaults = {"autocommit": True, "dbname": self.database, "user": "postgres"}
        return psycopg.connect(host=str(self.directory), **defaults | parameters)

    @contextlib.contextmanager
    def advisory_lock(self, key):
        """Hold it: what asks for it in SQL waits until this ends."""
        with self.connect() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (key,))
            yield

    def waits_for_advisory_lock(self):
        return self.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'")

    def sql(self, statement, parameters=None):
        """Run a statement in a session of its own and return its rows."""
        with self.connect() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement, parameters=None):
        return self.sql(statement, parameters)[0][0]

    def program(self, name, *arguments, **options):
        """Run a client program of PostgreSQL against this server and return what it printed."""
        return self.run_program(name, *arguments, **options).stdout

    def run_program(self, name, *arguments, check=True, as_server_user=False, **options):
        """Run a program of this PostgreSQL.

        :param as_server_user: for those that work on the data directory.
        :return: the process that has ended, with what it wrote as stdout and stderr.
        """
        command = [self.programs / name, *arguments]
        if as_server_user and os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
            options = {"cwd": "/"} | options
        done = subprocess.run(
            command, env=self.environment, text=True, capture_output=True, **options
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{name} failed:\n{done.stdout}{done.stderr}")
        return done

    @property
    def data(self):
        return self.directory / "data"

    @property
    def programs(self):
        """Where the programs of this PostgreSQL are."""
        directory = subprocess.check_output([self.pg_config, "--bindir"], text=True)
        return Path(directory.strip())

    @property
    def environment(self):
        """Variables by which PostgreSQL's programs find this server."""
        return os.environ | {"PGHOST": str(self.directory), "PGUSER": "postgres"}

    def set(self, **settings):
        """Change settings of fraiseql_subs that need no restart; None is their default."""
        with self.connect() as connection:
            for name, value in settings.items():
                action = "RESET" if value is None else "SET"
                assigned = "" if value is None else f" = '{value}'"
                connection.execute(f"ALTER SYSTEM {action} fraiseql_subs.{name}{assigned}")
            connection.execute("SELECT pg_reload_conf()")

    def publish(self, event_type, channel, data, connection=None):
        statement = "SELECT fraiseql_publish(%s, %s, %s)"
        parameters = (event_type, channel, psycopg.types.json.Jsonb(data))
        if connection is None:
            self.sql(statement, parameters)
        else:
            connection.execute(statement, parameters)

    @property
    def url(self):
        if Cluster.front is not None:
            return Cluster.front(self)
        return f"{'wss' if self.tls else 'ws'}://{self.address}:{self.port}"

    def get(self, path):
        """GET from the worker: status and text; status 0 while it does not listen."""
        url = f"{'https' if self.tls else 'http'}://{self.address}:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10, context=self.tls) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait_until_serving(self):
        try:
            wait_until(lambda: self.get("/readyz")[0] == 200, f"port {self.port} serves clients")
        except AssertionError as error:
            error.add_note(self.log())
            raise

    def metric(self, name, **labels):
        """The sum of a metric over all shards, with those labels."""
        return self.value(
            "SELECT sum(value) FROM fraiseql_metrics() WHERE name = %s AND labels @> %s::jsonb",
            (name, json.dumps(labels)),
        )

    def worker_pids(self):
        """Worker processes of this server; the launcher starts them in the data directory."""
        data = str(self.data)
        pids = []
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                name = (process / "comm").read_text().strip()
                if name == "fraiseql-worker" and os.readlink(process / "cwd") == data:
                    pids.append(int(process.name))
            except OSError:
                continue
        return pids

    def log(self, start=0):
        """The server's log from byte `start` on."""
        if not self.log_path.exists():
            return ""
        with open(self.log_path, "rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")

    def log_size(self):
        return self.log_path.stat().st_size if self.log_path.exists() else 0
