"""`fraiseql-subs sync`."""

import asyncio
from typing import Annotated, Any

import psycopg
import typer

from fraiseql_subs.cli._command import NEGATIVE, command, globals_of
from fraiseql_subs.cli._target import HELP, load_manager
from fraiseql_subs.manager import SubscriptionManager
from fraiseql_subs.sync import Drift
from fraiseql_subs.sync import sync as apply

__all__ = ["sync"]


async def _sync(manager: SubscriptionManager[Any], dsn: str, check: bool) -> Drift:
    async with await psycopg.AsyncConnection.connect(
        dsn, autocommit=True, application_name="fraiseql-subs"
    ) as connection:
        return await apply(
            connection, manager.registries, application=manager.application, check=check
        )


@command(role="fraiseql_registrar")
def sync(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="MODULE:MANAGER", help=HELP)],
    check: Annotated[
        bool, typer.Option("--check", help="Only look; exit with 1 if there is a difference.")
    ] = False,
) -> None:
    """Bring what is decorated to the database, in one transaction, and show what differed.

    For CI: fraiseql-subs sync --check app:manager
    """
    manager = load_manager(target)
    drift = asyncio.run(_sync(manager, globals_of(context).dsn or manager.conninfo, check))
    if not drift:
        typer.echo("the database has what the code says")
        return
    typer.echo(str(drift))
    if check:
        typer.echo("run `fraiseql-subs sync` to bring the database up to date", err=True)
        raise typer.Exit(NEGATIVE)
