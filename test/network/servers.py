"""What runs on hosts of a network: PostgreSQL, Redis, Sentinels and nodes without a database."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from cluster import Cluster, temporary_root, wait_until

REDIS_PORT = 6379
SENTINEL_PORT = 26379
NODE_PORT = 4000
SERVICE = "bus"  # the name by which Sentinels know Redis


class Primary(Cluster):
    """A PostgreSQL server on a host. Its worker serves clients on the front."""

    def __init__(self, host, data=None, clock=None, **settings):
        """:param clock: as Program has it."""
        self.inside = (*host.inside, *skewed(clock))
        self.address = host.front
        defaults = {"listen_address": host.front, "node_name": host.name, "drain_timeout": "100ms"}
        super().__init__(data, postgresql__fsync="off", **(defaults | settings))
        self.host = host

    def __str__(self):
        return f"the primary on {self.host.name}"

    def kill_a_backend(self):
        """PostgreSQL restarts then by itself, with all its shared memory made anew."""
        workers = self.worker_pids()
        with self.connect() as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        # Before that it may take connections as if nothing were.
        for worker in workers:
            wait_until(lambda pid=worker: has_ended(pid), "its worker has ended")

    def crash(self):
        """End all of it at once."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        # Each of them keeps the memory that another server would need.
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        processes = [pid, *map(int, children), *self.worker_pids()]
        os.kill(pid, signal.SIGKILL)
        for process in processes:
            wait_until(lambda pid=process: has_ended(pid), "PostgreSQL and its worker have ended")


def has_ended(pid):
    """Whether a process is no more, or waits for its parent to notice."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def skewed(clock):
    """Words in front of a command whose time of day is not to be right."""
    if clock is None:
        return ()
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    # Time as it is measured from one moment to the next goes on as it should.
    steady = ("FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1")
    return ("env", f"LD_PRELOAD={library}", f"FAKETIME={clock}", *steady)


class Program:
    """A program that runs on a host until stop(), with its output in a file."""

    def __init__(self, host, clock=None):
        """:param clock: what is added to the time of day, such as `+5m`."""
        self.host = host
        self.clock = clock
        self.directory = Path(tempfile.mkdtemp(prefix="fsubs-", dir=temporary_root()))
        self.log_path = self.directory / "log"
        self.process = None

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def start(self, wait=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.host.inside, *skewed(self.clock), *map(str, self.command())],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self):
        def is_ready():
            assert self.process.poll() is None, f"{self} has ended"
            return self.is_ready()

        try:
            wait_until(is_ready, f"{self} is ready")
        except AssertionError as error:
            error.add_note(self.log())
            raise

    def __str__(self):
        return f"{type(self).__name__} on {self.host.name}"

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self.process = None

    def kill(self):
        self.stop(signal.SIGKILL)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def destroy(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory)


def redis_program(*arguments):
    """A command. Debian's package redis-tools has the program by another name, and starts none."""
    path = shutil.which("redis-server") or "redis-check-rdb"
    return ["bash", "-c", 'exec -a redis-server "$@"', "bash", path, *arguments]


class Redis(Program):
    """A Redis server on the bus."""

    def __init__(self, host, persistent=False, replica_of=None, **settings):
        """
        :param persistent: whether it has what was written after a restart.
        :param replica_of: the host of its primary.
        :param settings: of Redis, with `_` for `-`.
        """
        super().__init__(host)
        self.configuration = self.directory / "redis.conf"
        lines = {
            "port": REDIS_PORT,
            "protected-mode": "no",
            "save": '""',
            "appendonly": "yes" if persistent else "no",
            "appendfsync": "always",
            # Replicas are told apart from crashed ones soon.
            "repl-ping-replica-period": 1,
            "repl-timeout": 5,
            "repl-diskless-sync-delay": 0,
            "replica-announce-ip": host.bus,
        }
        if replica_of is not None:
            lines["replicaof"] = f"{replica_of.bus} {REDIS_PORT}"
        lines |= {name.replace("_", "-"): value for name, value in settings.items()}
        self.configuration.write_text("".join(f"{n} {v}\n" for n, v in lines.items()))

    def command(self):
        return redis_program(self.configuration)

    def ask(self, *arguments):
        """What redis-cli prints; empty if it is away."""
        address = ("-h", self.host.front, "-p", str(REDIS_PORT))
        done = subprocess.run(
            ["redis-cli", *address, *arguments], capture_output=True, text=True, timeout=10
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def is_ready(self):
        return self.ask("PING") == "PONG"

    @property
    def role(self):
        return self.ask("ROLE").partition("\n")[0]

    @property
    def is_replicating(self):
        return "\nconnected\n" in self.ask("ROLE")

    @property
    def url(self):
        return f"redis://{self.host.bus}:{REDIS_PORT}/0"


class Sentinel(Program):
    """A Redis Sentinel on the bus."""

    def __init__(self, host, primary, quorum):
        """:param primary: the host of the Redis that it watches."""
        super().__init__(host)
        self.configuration = self.directory / "sentinel.conf"
        lines = [
            f"port {SENTINEL_PORT}",
            "protected-mode no",
            f"sentinel announce-ip {host.bus}",
            f"sentinel monitor {SERVICE} {primary.bus} {REDIS_PORT} {quorum}",
            f"sentinel down-after-milliseconds {SERVICE} 1000",
            f"sentinel failover-timeout {SERVICE} 3000",
        ]
        self.configuration.write_text("\n".join(lines) + "\n")

    def command(self):
        return redis_program(self.configuration, "--sentinel")

    def ask(self, *arguments):
        address = ("-h", self.host.front, "-p", str(SENTINEL_PORT))
        done = subprocess.run(
            ["redis-cli", *address, *arguments], capture_output=True, text=True, timeout=10
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def is_ready(self):
        # They look around every ten seconds otherwise.
        return (
            self.ask("SENTINEL", "DEBUG", *(["info-period", "500", "publish-period", "500"]))
            == "OK"
        )

    def knows(self, sentinels, replicas):
        """Whether it has heard of so many other Sentinels and replicas."""
        words = self.ask("SENTINEL", "MASTER", SERVICE).split("\n")
        told = dict(zip(words[::2], words[1::2], strict=False))
        return (
            told.get("num-other-sentinels") == str(sentinels)
            and told.get("num-slaves") == str(replicas)
            and told.get("flags") == "master"
        )


def sentinel_url(sentinels):
    hosts = ",".join(f"{sentinel.host.bus}:{SENTINEL_PORT}" for sentinel in sentinels)
    return f"redis+sentinel://{hosts}/{SERVICE}"


class Node(Program):
    """A node without a database, that serves clients on the front."""

    def __init__(self, host, clock=None, **options):
        """:param options: of the worker, with `_` for `-`."""
        super().__init__(host, clock)
        self.options = {
            "listen_address": host.front,
            "port": NODE_PORT,
            "allow_anonymous": "on",
            "node_name": host.name,
            "drain_timeout": 100,
        } | options

    def command(self):
        words = [Path(programs()) / "fraiseql-worker"]
        for name, value in self.options.items():
            words.append(f"--{name.replace('_', '-')}={value}")
        return words

    @property
    def url(self):
        return f"ws://{self.host.front}:{self.options['port']}"

    def get(self, path):
        """GET from it: status and text; status 0 while it does not listen."""
        url = f"http://{self.host.front}:{self.options['port']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def is_ready(self):
        return self.get("/readyz")[0] == 200


def wait_until_cut_off(server):
    """Until a worker has noticed that its bus is away."""
    wait_until(lambda: not works_with_bus(server), f"{server} notices that its bus is away")


def works_with_bus(server):
    told = re.search(
        r"^fraiseql_subs_bus_connected (\S+)$", server.get("/metrics")[1], re.MULTILINE
    )
    return told is not None and float(told.group(1)) == 1


def programs():
    """Where the programs of PostgreSQL are, and the worker with them."""
    pg_config = os.environ.get("PG_CONFIG", "pg_config")
    return subprocess.check_output([pg_config, "--bindir"], text=True).strip()
