"""The worker without PostgreSQL, as a child process that is fed in memory."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from fraiseql_subs._schema.values import encode_default
from fraiseql_subs.testing._ports import free_port
from fraiseql_subs.testing._postgres import ServerUnavailable, find_pg_config

__all__ = ["PrivateWorker"]

_PROGRAM = "fraiseql-worker"
_STOP_SECONDS = 30.0


def _find_worker(pg_config: str | os.PathLike[str] | None) -> str:
    """Return the program: what FRAISEQL_WORKER names, of PATH, or beside PostgreSQL's programs."""
    named = os.environ.get("FRAISEQL_WORKER", _PROGRAM)
    found = None if pg_config is not None else shutil.which(named)
    if found is None:
        with contextlib.suppress(ServerUnavailable):
            asked = [find_pg_config(pg_config), "--bindir"]
            programs = subprocess.check_output(asked, text=True).strip()
            found = shutil.which(_PROGRAM, path=programs)
    if found is None:
        raise ServerUnavailable(
            f'there is no program "{named}": run `make install-worker` in the sources of '
            "fraiseql_subs, or set FRAISEQL_WORKER to it, or PG_CONFIG to the pg_config of the "
            "PostgreSQL that it was installed for"
        )
    return found


def _option(name: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"--{name.removeprefix('fraiseql_subs.')}={text}"


class PrivateWorker:
    """A running worker with a catalog, and no database.

    It listens on the loopback address alone. It ends with `stop()` or with the process that started
    it, whose end it notices at its standard input, and leaves no file behind.
    """

    def __init__(
        self,
        catalog: Mapping[str, object],
        settings: Mapping[str, object],
        directory_of_files: str | os.PathLike[str],
        pg_config: str | os.PathLike[str] | None,
    ) -> None:
        """Start it.

        :param catalog: as docs/nodes.md has it, JSON-able.
        :param settings: as in postgresql.conf.
        :param directory_of_files: where the files begin that the catalog names.
        :param pg_config: of the PostgreSQL to look beside; None asks PATH first.
        :raises ServerUnavailable: if there is no program, or the catalog cannot be served.
        """
        program = _find_worker(pg_config)
        self.worker_port = free_port()
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        # Nobody waits for a worker that is stuck for longer than for another.
        ours.settimeout(_STOP_SECONDS)
        self._socket = ours
        self._answers = ours.makefile("rb")
        options: dict[str, object] = {
            "bus": "memory",
            "events": "-",
            "exit_at_end": True,
            "listen_address": "127.0.0.1",
            "port": self.worker_port,
            "allow_anonymous": True,
            **settings,
        }
        self._log = os.memfd_create("log")
        with theirs:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [program, *(_option(name, value) for name, value in options.items())],
                cwd=directory_of_files,
                # The environment of the tests is not meant for it.
                env={n: v for n, v in os.environ.items() if not n.startswith("FRAISEQL_SUBS_")},
                stdin=theirs.fileno(),
                stdout=self._log,
                stderr=self._log,
                # A Ctrl-C in the terminal is for the tests, which then stop the server.
                start_new_session=True,
            )
        try:
            self._write({"catalog": _with_key_files(catalog, directory_of_files)})
        except (ValueError, ConnectionError) as error:
            self.stop()
            raise ServerUnavailable(str(error)) from None
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def log_size(self) -> int:
        """How long the worker's log is, in bytes."""
        return os.fstat(self._log).st_size

    def log(self, start: int = 0) -> str:
        """Return the log from byte `start` on."""
        # The worker writes where this file stands, too.
        size = max(self.log_size - start, 0)
        return os.pread(self._log, size, start).decode(errors="replace")

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def publish(self, event: Mapping[str, object]) -> None:
        """Hand it an event; returns when the event is on its way to clients.

        :raises ValueError: if it is none, and says why.
        :raises ConnectionError: if the worker has ended.
        """
        self._write(event)

    def _write(self, line: Mapping[str, object]) -> None:
        """Write a line and wait until it is taken; raises as `publish`."""
        with self._lock:
            try:
                text = json.dumps(line, default=encode_default)
                self._socket.sendall(f'{text}\n{{"sync": null}}\n'.encode())
                error = None
                while "sync" not in (answer := self._answer()):
                    error = answer["error"]
            except BrokenPipeError as lost:
                raise ConnectionError(f"the worker has ended:\n{self.log()}") from lost
        if error is not None:
            raise ValueError(error)

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise ConnectionError(f"the worker has ended:\n{self.log()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        """End it; nothing if that was done."""
        self._answers.close()
        self._socket.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        os.close(self._log)


def _with_key_files(
    catalog: Mapping[str, object], directory: str | os.PathLike[str]
) -> dict[str, object]:
    """Return a catalog with the key files that its issuers name."""
    made = dict(catalog)
    issuers = made.get("issuers")
    if isinstance(issuers, list):
        made["issuers"] = [
            _with_key_file(issuer, directory) for issuer in cast("list[object]", issuers)
        ]
    return made


def _with_key_file(issuer: object, directory: str | os.PathLike[str]) -> object:
    if not isinstance(issuer, dict):
        return issuer
    made = dict(cast("dict[str, object]", issuer))
    path = made.pop("jwks_file", None)
    if not isinstance(path, str):
        return cast("object", issuer)
    made["jwks"] = Path(directory, path).read_text(encoding="utf-8")
    return made
