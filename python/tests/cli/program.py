"""The program `fraiseql-subs`, run in this process or in one of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from typer.testing import CliRunner, Result

from fraiseql_subs.cli._program import program

__all__ = ["COMMAND", "Result", "environment_of", "run", "start"]

# No setting of the shell that runs the tests says which database is meant.
_UNSET = ("FRAISEQL_DSN", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD")


def run(*arguments: str, env: Mapping[str, str] | None = None, input: str | None = None) -> Result:
    """Run a command; standard output and error are apart."""
    environment = {name: None for name in _UNSET} | {"COLUMNS": "200"} | dict(env or {})
    return CliRunner().invoke(program, arguments, env=environment, input=input)


def environment_of(installed: Path) -> dict[str, str]:
    """Variables with which Python finds an installed package; what is run there is not measured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return kept | {"PYTHONPATH": str(installed), "MYPYPATH": str(installed)}


COMMAND = (sys.executable, "-m", "fraiseql_subs.cli")


def start(
    *arguments: str, env: Mapping[str, str] | None = None, directory: str | None = None
) -> "subprocess.Popen[str]":
    """Start a command as a process, with pipes."""
    inherited = {name: value for name, value in os.environ.items() if name not in _UNSET}
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env=inherited | {"PYTHONUNBUFFERED": "1"} | dict(env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=directory,
    )
