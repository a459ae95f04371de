"""A PostgreSQL server of its own in a temporary directory, as a child process."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from fraiseql_subs.testing._ports import free_port

__all__ = ["PrivatePostgres", "ServerUnavailable", "find_pg_config"]

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0

# Makes the data, starts the server when a line comes, and stops it at the next. It removes the
# directory whenever it ends: also when the pipe does, because the process that wanted the server is
# gone, however it went.
_SUPERVISOR = """
directory=$1 programs=$2
trap 'cd / && rm -rf -- "$directory"' EXIT
trap '' PIPE
"$programs/initdb" -D "$directory/data" -U postgres -A scram-sha-256 \\
  --pwfile="$directory/password" -E UTF8 --locale=C.UTF-8 --no-sync \\
  </dev/null >"$directory/log" 2>&1
echo "$?" 2>/dev/null
read -r word
[ "$word" = start ] || exit
"$programs/postgres" -D "$directory/data" </dev/null >"$directory/log" 2>&1 &
server=$!
echo "$server" 2>/dev/null
read -r _
kill -INT "$server" 2>/dev/null
wait "$server"
"""


class ServerUnavailable(RuntimeError):
    """No server could be started; the message says what is missing or what PostgreSQL said."""


def find_pg_config(given: str | os.PathLike[str] | None) -> str:
    """Return the program to ask where PostgreSQL is; None asks PG_CONFIG and PATH."""
    wanted = os.fspath(given) if given is not None else os.environ.get("PG_CONFIG", "pg_config")
    found = shutil.which(wanted)
    if found is None:
        raise ServerUnavailable(
            f'there is no program "{wanted}": install PostgreSQL 15 or later with its development '
            "files, or set PG_CONFIG to the pg_config of the one to use"
        )
    return found


class _Installation:
    """Where one PostgreSQL is, and whether all that is needed is part of it."""

    def __init__(self, pg_config: str) -> None:
        self._pg_config = pg_config
        self.programs = Path(self._ask("--bindir"))
        version = self._ask("--version")
        for name in ("initdb", "postgres"):
            if not (self.programs / name).exists():
                raise ServerUnavailable(
                    f"{version} has no server: there is no {self.programs / name}; install its "
                    "server package, or set PG_CONFIG to the pg_config of another PostgreSQL"
                )
        control = Path(self._ask("--sharedir")) / "extension" / "fraiseql_subs.control"
        if not control.exists():
            raise ServerUnavailable(
                f"{version} has no extension fraiseql_subs: there is no {control}; run "
                f"`make install PG_CONFIG={pg_config}` in its sources"
            )

    def _ask(self, option: str) -> str:
        return subprocess.check_output([self._pg_config, option], text=True).strip()


def _server_user() -> pwd.struct_passwd | None:
    """Return as whom servers run: None for the caller, as PostgreSQL refuses root alone."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerUnavailable(
        "PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run "
        "it as: run the tests as another user"
    )


def _quoted(value: object) -> str:
    text = ("on" if value else "off") if isinstance(value, bool) else str(value)
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


class PrivatePostgres:
    """A running server with fraiseql_subs preloaded, which nobody else can log in to.

    It listens on the loopback address alone and asks for a password made for it. It ends, and its
    directory goes, with `stop()` or with the process that started it.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        database: str,
        pg_config: str | os.PathLike[str] | None,
    ) -> None:
        """Make a data directory and start the server.

        :param settings: as in postgresql.conf.
        :param database: the one that is served; it is made unless it is `postgres`.
        :param pg_config: of the PostgreSQL to use; None asks PG_CONFIG and PATH.
        :raises ServerUnavailable: if something is missing, or the server does not start.
        """
        self._installation = _Installation(find_pg_config(pg_config))
        self._user = _server_user()
        self._settings = dict(settings)
        self.database = database
        self.password = secrets.token_hex(16)
        self.directory = Path(tempfile.mkdtemp(prefix="fraiseql-subs-"))
        self._supervisor: subprocess.Popen[str] | None = None
        self.pid = 0
        self.port = 0
        self.worker_port = 0
        try:
            self._supervisor = self._supervise()
            self._start(self._supervisor)
        except BaseException:
            self.stop()
            raise

    @property
    def log_path(self) -> Path:
        """The server's log, which is gone after `stop()`."""
        return self.directory / "log"

    @property
    def log_size(self) -> int:
        """How long the server's log is, in bytes."""
        return self.log_path.stat().st_size

    def log(self, start: int = 0) -> str:
        """Return the server's log from byte `start` on; empty if there is none."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(start)
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    @property
    def dsn(self) -> str:
        """URL of the served database, with its superuser's name and password."""
        return self.dsn_of(self.database)

    def dsn_of(self, database: str) -> str:
        """Return the URL of a database of this server."""
        name = urllib.parse.quote(database, safe="")
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{name}"

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state != "Z"

    def stop(self) -> None:
        """End the server, and remove its directory; nothing if that was done."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            assert supervisor.stdin is not None and supervisor.stdout is not None
            with contextlib.suppress(BrokenPipeError), supervisor.stdin as commands:
                commands.write("stop\n")
            try:
                supervisor.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                if self.pid == 0:
                    supervisor.kill()
                else:
                    # The supervisor has not reaped it yet, so the id is still the server's.
                    os.kill(self.pid, signal.SIGQUIT)
                supervisor.wait(_STOP_SECONDS)
            supervisor.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _supervise(self) -> "subprocess.Popen[str]":
        """Start what makes the data and then keeps the server."""
        password_file = self.directory / "password"
        password_file.write_text(self.password)
        if self._user is not None:
            for path in (self.directory, password_file):
                shutil.chown(path, self._user.pw_uid, self._user.pw_gid)
        programs = str(self._installation.programs)
        return subprocess.Popen(
            ["/bin/sh", "-c", _SUPERVISOR, "fraiseql-subs-server", str(self.directory), programs],
            cwd="/",
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=None if self._user is None else self._user.pw_uid,
            group=None if self._user is None else self._user.pw_gid,
            extra_groups=None if self._user is None else [],
            # A Ctrl-C in the terminal is for the tests, which then stop the server.
            start_new_session=True,
        )

    def _configure(self) -> None:
        self.port = free_port()
        self.worker_port = free_port()
        settings: dict[str, object] = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "shared_preload_libraries": "fraiseql_subs",
            # Its data need not survive the machine.
            "fsync": False,
            "fraiseql_subs.database": self.database,
            "fraiseql_subs.listen_address": "127.0.0.1",
            "fraiseql_subs.port": self.worker_port,
            "fraiseql_subs.allow_anonymous": True,
            **self._settings,
        }
        lines = "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())
        # Behind what initdb wrote; the last line of a name counts.
        with (self.directory / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write(lines)

    def _start(self, supervisor: "subprocess.Popen[str]") -> None:
        assert supervisor.stdin is not None and supervisor.stdout is not None
        if supervisor.stdout.readline() != "0\n":
            raise ServerUnavailable(f"initdb failed in {self.directory}:\n{self.log()}")
        (self.directory / "password").unlink()
        self._configure()
        supervisor.stdin.write("start\n")
        supervisor.stdin.flush()
        self.pid = int(supervisor.stdout.readline())
        with self._wait_to_connect() as connection:
            if self.database != "postgres":
                name = sql.Identifier(self.database)
                connection.execute(sql.SQL("CREATE DATABASE {}").format(name))

    def _wait_to_connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                # If another program took the port, it may never answer.
                return psycopg.connect(self.dsn_of("postgres"), autocommit=True, connect_timeout=2)
            except psycopg.OperationalError as error:
                if not self.is_running or time.monotonic() > deadline:
                    raise ServerUnavailable(
                        f"PostgreSQL did not start: {error}\nThe end of its log:\n{self.log()}"
                    ) from None
            time.sleep(0.02)
