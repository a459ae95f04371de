"""The servers that benchmarks run against, each on its core, and the load generator."""

import json
import os
import resource
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "build/release/bench"
PYTHON = ROOT / "build/bench-venv/bin/python"
PROGRAM_NAMES = (
    *("load", "floor_server", "handshakes", "lws_server", "log_ins", "tokens", "redis_bus"),
)

SETUP = """
CREATE EXTENSION fraiseql_subs;
SELECT fraiseql_register_types(
    'type Tick { id: ID!, seq: Int!, sentAt: String, text: String,
                 team: String, tenant: String, region: String }');
SELECT fraiseql_register_subscription('tick(id: ID, team: String): Tick', 'tick');
CREATE TABLE bench_tick (seq bigint);
"""

FLOOR_EACH = "floor, each"
FLOOR_JOINED = "floor, joined"
OURS = "fraiseql_subs"
SERVERS = (FLOOR_EACH, FLOOR_JOINED, OURS)


class BenchmarkError(Exception):
    """Why there is no result, as text for the user."""


def wait_until(seconds, description, predicate):
    deadline = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"gave up waiting for {description}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def possible_connections(wanted):
    """Fewer if this process may not open so many files."""
    spare = 300
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - spare)


def parent_of(pid):
    """None if there is no such process any more."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(status.rpartition(")")[2].split()[1])


class Testbed:
    """A private PostgreSQL server with fraiseql_subs, from entering to leaving the context.

    Everything is reachable through the loopback address and a Unix socket alone.
    """

    def __init__(self, location, progress):
        for program in PROGRAM_NAMES:
            if not (PROGRAMS / program).exists():
                raise BenchmarkError(
                    f"{PROGRAMS / program} is missing; run make -f worker/worker.mk bench"
                )
        if not shutil.which("taskset"):
            raise BenchmarkError("taskset is missing; install util-linux")
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise BenchmarkError("the server and its clients need a core each, and there is one")
        self.server_core, self.load_core = cores[0], cores[1]
        self.location = location
        self.progress = progress
        self.port = free_port()
        self.tls = False

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="fraiseql_subs-bench.", dir=self.location))
        self.progress(f"starting a private server in {self.directory}")
        try:
            self._cluster(
                "init", f"fraiseql_subs.port={self.port}", "fraiseql_subs.allow_anonymous=on"
            )
            self._cluster("start")
            self.query(SETUP)
            self._await_worker()
        except BaseException:
            self._cluster("destroy")
            raise
        return self

    def __exit__(self, *_):
        self._cluster("destroy")

    def restart(self, shards=1, tls=False):
        """Memory that a process has once used for clients it does not show again for new ones."""
        self.tls = tls
        self.query(
            f"ALTER SYSTEM SET fraiseql_subs.worker_threads = {shards}",
            f"ALTER SYSTEM SET fraiseql_subs.ssl = {tls}",
        )
        if tls:
            for setting, file in zip(("cert", "key"), self.certificate(), strict=True):
                self.query(f"ALTER SYSTEM SET fraiseql_subs.ssl_{setting}_file = '{file}'")
        self._cluster("stop")
        self._cluster("start")
        self._await_worker()

    def certificate(self):
        """The files of a certificate by RSA, as most servers have, and of its key."""
        certificate, key = self.directory / "server.crt", self.directory / "server.key"
        if not certificate.exists():
            self._run(
                [
                    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc"),
                    *("-keyout", key, "-out", certificate, "-subj", "/CN=localhost"),
                ]
            )
            key.chmod(0o600)
            # The server's user owns the directory.
            os.chown(key, self.directory.stat().st_uid, -1)
        return certificate, key

    def query(self, *statements):
        """Run each in a transaction of its own, all in one session; return what they print."""
        command = ["psql", "--no-psqlrc", "-h", self.directory, "-U", "postgres", "-d", "postgres"]
        for statement in statements:
            command += ["-c", statement]
        return self._run([*command, "-qAt", "-v", "ON_ERROR_STOP=1"]).strip()

    def load(self, server, **options):
        """Run the load generator against one of SERVERS and return its report.

        :param options: of the load generator; true ones are given without a value
        """
        with self._serving(server) as (port, pid):
            if server != OURS:
                options["floor"] = True
            elif self.tls:
                options["tls"] = True
            return self.load_at([port], [pid], **options)

    def load_at(self, ports, pids, **options):
        """Run the load generator against servers that share its connections; return its report.

        :param pids: of the processes whose CPU time and memory are added up
        """
        arguments = []
        for name, value in options.items():
            arguments.append(f"--{name.replace('_', '-')}")
            if value is not True:
                arguments.append(str(value))
        report = self._run(
            [
                *self._on(self.load_core),
                PROGRAMS / "load",
                "--json",
                *("--port", *map(str, ports)),
                *("--server-pid", *map(str, pids)),
                *("--database", self.conninfo()),
                *arguments,
            ]
        )
        return json.loads(report)

    def handshakes(self, port, pid, *arguments):
        """Have WebSockets opened on the load generator's core; return the report."""
        return self._connecting("handshakes", port, pid, *arguments)

    def log_ins(self, *arguments):
        """Have clients log in on the load generator's core; return the report."""
        return self._connecting("log_ins", self.port, self.worker, *arguments)

    def _connecting(self, program, port, pid, *arguments):
        report = self._run(
            [
                *(*self._on(self.load_core), PROGRAMS / program),
                *("--port", str(port), "--server-pid", str(pid), *arguments),
            ]
        )
        return json.loads(report)

    def tokens(self, algorithm, claims, count):
        """Have tokens made that the server accepts; return their file.

        :param claims: of the tokens, where each % becomes the token's number
        """
        issuer = f"bench {algorithm}"
        key, tokens = self.directory / "key", self.directory / f"tokens-{algorithm}-{count}"
        claims = claims | {"iss": issuer, "exp": 4_000_000_000}
        self._run(
            [
                *(PROGRAMS / "tokens", "--algorithm", algorithm, "--count", str(count)),
                *("--claims", json.dumps(claims), "--key", key, "--tokens", tokens),
            ]
        )
        kind = "secret" if algorithm.startswith("HS") else "public_key"
        self.query(
            "SELECT fraiseql_register_issuer("
            f"'{issuer}', '{issuer}', {kind} => '{key.read_text()}')"
        )
        known = f"SELECT FROM fraiseql_issuers() WHERE name = '{issuer}' AND keys = 1"
        wait_until(
            10, "the worker to know the key", lambda: self.query(f"SELECT EXISTS ({known})") == "t"
        )
        return tokens

    @contextmanager
    def libwebsockets(self, tls):
        """A server by libwebsockets, listening. Gives its port and process id."""
        options = []
        if tls:
            for name, file in zip(("certificate", "key"), self.certificate(), strict=True):
                options += [f"--{name}", str(file)]
        with self._listening("lws_server", *options) as server:
            yield server

    def transactions_per_second(self, script, clients, seconds):
        """Run a script of pgbench, which has the load generator's core."""
        file = self.directory / "pgbench.sql"
        file.write_text(script)
        report = self._run(
            [
                *self._on(self.load_core),
                *("pgbench", "-n", "-M", "prepared", "-f", file),
                *("-h", self.directory, "-U", "postgres"),
                *("-c", str(clients), "-T", str(max(1, round(seconds)))),
                "postgres",
            ]
        )
        rate = next(line for line in report.splitlines() if line.startswith("tps = "))
        return float(rate.split()[2])

    @contextmanager
    def session(self):
        """A session on the load generator's core.

        Gives a function that has it run statements, waits for so many lines, and returns the last.
        """
        command = ["psql", "--no-psqlrc", "-h", self.directory, "-U", "postgres", "-d", "postgres"]
        with subprocess.Popen(
            [*self._on(self.load_core), *command, "-qAt", "-v", "ON_ERROR_STOP=1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as psql:

            def run(statements, answers=1):
                psql.stdin.write(statements)
                psql.stdin.flush()
                lines = [psql.stdout.readline() for _ in range(answers)]
                if not lines[-1]:
                    raise BenchmarkError("psql has ended")
                return lines[-1].strip()

            yield run

    @contextmanager
    def publishing(self, script, rate, seconds):
        """One session of pgbench on the load generator's core runs a script at a rate meanwhile.

        Gives a list that has the milliseconds of each transaction afterwards.
        """
        file = self.directory / "publishing.sql"
        file.write_text(script)
        logs = self.directory / "publishing"
        pgbench = subprocess.Popen(
            [
                *self._on(self.load_core),
                *("pgbench", "-n", "-M", "prepared", "-f", file, "-h", self.directory),
                *("-U", "postgres", "-R", str(rate), "-T", str(seconds)),
                *("-l", f"--log-prefix={logs}", "postgres"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        log = Path(f"{logs}.{pgbench.pid}")
        delays = []
        try:
            wait_until(10, "pgbench", log.exists)
            yield delays
            if pgbench.poll() is not None:
                raise BenchmarkError(f"what was measured took longer than {seconds} s")
            pgbench.wait()
            # Client, transaction, microseconds, script, time, microseconds, behind its schedule.
            lines = (line.split() for line in log.read_text().splitlines())
            delays += [(int(parts[2]) - int(parts[6])) / 1000 for parts in lines]
        finally:
            pgbench.terminate()
            pgbench.wait()
            log.unlink(missing_ok=True)

    def to_server_core(self):
        """A statement that moves its session to the core of the server under test."""
        return f"COPY (SELECT 1) TO PROGRAM 'taskset -p -c {self.server_core} $PPID >&2'"

    def conninfo(self):
        return f"host={self.directory} user=postgres dbname=postgres"

    @contextmanager
    def floor(self, send):
        """The floor, listening. Gives its port and process id."""
        with self._listening(
            "floor_server", "--database", self.conninfo(), "--send", send
        ) as server:
            yield server

    @contextmanager
    def python(self, program, *arguments):
        """A program of bench/python that listens. Gives its port and process id."""
        with self._listening(
            *self._python(program), *arguments, "--database", self.conninfo()
        ) as listening:
            yield listening

    def engine(self, mode, *arguments, **options):
        """Run bench/python/engine.py on the load generator's core; return its report."""
        for name, value in options.items():
            values = value if isinstance(value, list) else [value]
            arguments += (f"--{name.replace('_', '-')}", *map(str, values))
        command = [*self._python("engine.py"), mode, "--database", self.conninfo(), *arguments]
        return json.loads(self._run([*self._on(self.load_core), *command]))

    @staticmethod
    def _python(program):
        if not PYTHON.exists():
            raise BenchmarkError(
                f"{PYTHON} is missing; run scripts/python-environment build/bench-venv"
                " bench/python/requirements.txt"
            )
        return [PYTHON, ROOT / "bench/python" / program]

    def link_backends(self):
        """The processes that carry hosted sessions, moved to the core of the server under test."""
        pids = self.query(
            "SELECT pid FROM pg_stat_activity WHERE query ILIKE 'CALL%exchange%'"
        ).split()
        for pid in pids:
            self.move(pid, self.server_core)
        return [int(pid) for pid in pids]

    @contextmanager
    def _listening(self, program, *arguments):
        port = free_port()
        server = subprocess.Popen(
            [*self._on(self.server_core), PROGRAMS / program, *arguments, "--port", str(port)],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        try:
            if server.stdout.readline() != "listening\n":
                raise BenchmarkError(f"{program} did not start")
            yield port, server.pid
        finally:
            server.terminate()
            server.wait()
            server.stdout.close()

    @contextmanager
    def _serving(self, server):
        if server == OURS:
            yield self.port, self.worker
        else:
            with self.floor("each" if server == FLOOR_EACH else "joined") as floor:
                yield floor

    def _await_worker(self):
        wait_until(20, f"the worker; see {self.directory}/log", self._is_serving)
        postmaster = int((self.directory / "data/postmaster.pid").read_text().split()[0])
        self.worker = next(
            pid
            for pid in (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
            if (launcher := parent_of(pid)) and parent_of(launcher) == postmaster
        )
        self.move(self.worker, self.server_core)

    def _is_serving(self):
        url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/readyz"
        context = ssl._create_unverified_context() if self.tls else None
        try:
            with urllib.request.urlopen(url, timeout=5, context=context):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _cluster(self, action, *arguments):
        self._run(
            [
                *self._on(self.load_core),
                ROOT / "scripts/cluster",
                action,
                self.directory,
                *arguments,
            ]
        )

    def move(self, pid, core):
        """Have all threads of a process run on that core."""
        self._run(["taskset", "-a", "-p", "-c", str(core), str(pid)])

    def on_server_core(self, *command):
        """Run a program that prints JSON on the core of the server under test; return that."""
        return json.loads(self._run([*self._on(self.server_core), *command]))

    @staticmethod
    def _on(core):
        return ["taskset", "-c", str(core)]

    @staticmethod
    def _run(command):
        # To files: the server, which stays, would hold a pipe open.
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, timeout=600
                )
            except subprocess.TimeoutExpired as error:
                raise BenchmarkError(str(error)) from error
            output.seek(0)
            errors.seek(0)
            if done.returncode != 0:
                text = errors.read().strip() or output.read().strip()
                raise BenchmarkError(f"{' '.join(map(str, command))} failed:\n{text}")
            return output.read()
