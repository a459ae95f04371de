"""What the commands share: the database, and errors of one line."""

import functools
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec

import psycopg
import typer

from fraiseql_subs.errors import SubscriptionError, SubscriptionRefused

__all__ = [
    "INTERRUPTED",
    "NEGATIVE",
    "TROUBLE",
    "CommandError",
    "Globals",
    "command",
    "connect",
    "describe",
    "globals_of",
]

# As diff has them: the question was answered, but by no; or it could not be.
NEGATIVE = 1
TROUBLE = 2
# By convention 128 and the number of the signal.
INTERRUPTED = 130

P = ParamSpec("P")


class CommandError(Exception):
    """A command cannot do its work; the text says why and what to do next."""


@dataclass(frozen=True)
class Globals:
    """The options that stand before the command."""

    dsn: str | None
    """The database as libpq takes it; None leaves it to a manager, or to PG* variables."""

    traceback: bool
    """Whether errors show where they came from."""


def globals_of(context: typer.Context) -> Globals:
    """Return the options that stand before the command."""
    found: Globals = context.find_root().obj
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())


def describe(error: BaseException, role: str | None = None) -> str:
    """Return an error as one line that says what to do next, where that is known.

    :param role: the role of `fraiseql_create_roles()` that may do what was tried.
    """
    if isinstance(error, SubscriptionRefused):
        return "refused: " + "; ".join(
            _one_line(str(found.get("message"))) for found in error.errors
        )
    if isinstance(error, psycopg.Error) and error.diag.message_primary is not None:
        parts = [error.diag.message_primary, error.diag.message_detail, error.diag.message_hint]
        text = "; ".join(_one_line(part) for part in parts if part)
        if isinstance(error, psycopg.errors.InsufficientPrivilege) and role is not None:
            text += f"; GRANT {role} TO the role that connects (fraiseql_create_roles() makes it)"
        if isinstance(error, psycopg.errors.UndefinedFunction | psycopg.errors.InvalidSchemaName):
            text += "; is the extension in this database, in this version? CREATE EXTENSION"
            text += " fraiseql_subs, or ALTER EXTENSION fraiseql_subs UPDATE"
        return text
    if isinstance(error, psycopg.OperationalError):
        return (
            f"cannot reach PostgreSQL: {_one_line(str(error))}; say where it is by --dsn, by"
            " FRAISEQL_DSN or by PGHOST, PGPORT, PGDATABASE, PGUSER"
        )
    if isinstance(error, CommandError | SubscriptionError | psycopg.Error | ValueError):
        return _one_line(str(error))
    return f"{type(error).__name__}: {_one_line(str(error))}"


def command(role: str | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Make a function a command: its errors become a line and an exit code.

    :param role: the role of `fraiseql_create_roles()` that may do what it does.
    """

    def decorate(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def run(*arguments: P.args, **options: P.kwargs) -> None:
            try:
                function(*arguments, **options)
            except typer.Exit:
                raise
            except KeyboardInterrupt:
                raise typer.Exit(INTERRUPTED) from None
            except BrokenPipeError:
                # Who read the output has seen enough. Python would complain once more at exit.
                sys.stdout = None
                raise typer.Exit(TROUBLE) from None
            except Exception as error:
                context: Any = options["context"]
                if globals_of(context).traceback:
                    traceback.print_exc()
                typer.echo(f"fraiseql-subs: {describe(error, role)}", err=True)
                raise typer.Exit(TROUBLE) from None

        return run

    return decorate


@contextmanager
def connect(context: typer.Context) -> Generator[psycopg.Connection[tuple[Any, ...]]]:
    """Connect to the database."""
    dsn = globals_of(context).dsn or ""
    with psycopg.connect(dsn, autocommit=True, application_name="fraiseql-subs") as connection:
        yield connection
