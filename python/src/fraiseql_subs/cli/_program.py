"""The program: its commands, and the options that stand before them."""

from typing import Annotated

import typer

from fraiseql_subs.cli._command import Globals
from fraiseql_subs.cli._init import init
from fraiseql_subs.cli._listen import listen
from fraiseql_subs.cli._publish import publish
from fraiseql_subs.cli._resolvers import resolvers
from fraiseql_subs.cli._status import status
from fraiseql_subs.cli._sync import sync

__all__ = ["program"]

program = typer.Typer(
    name="fraiseql-subs",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@program.callback()
def options(
    context: typer.Context,
    dsn: Annotated[
        str | None,
        typer.Option(
            envvar="FRAISEQL_DSN",
            help="The database, as libpq takes it: `postgresql://…` or"
            " `dbname=shop …`. Without it PGHOST, PGDATABASE and so on say where it is, or"
            " the manager that a command is given.",
            show_default=False,
        ),
    ] = None,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
) -> None:
    """GraphQL subscriptions out of PostgreSQL.

    Exit codes: 0 done, 1 the answer is no (drift, no worker), 2 it could not be done, 130 Ctrl-C.
    """
    context.obj = Globals(dsn, traceback)


program.command()(publish)
program.command()(listen)
program.command()(status)
program.command()(sync)
program.add_typer(resolvers, name="resolvers")
program.command()(init)
