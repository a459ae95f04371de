"""`fraiseql-subs sync`."""

import asyncio
import warnings
from typing import TYPE_CHECKING, Annotated, Any

import psycopg
import typer

from fraiseql_subs.cli._command import NEGATIVE, command, globals_of
from fraiseql_subs.cli._target import HELP, load_manager
from fraiseql_subs.manager import SubscriptionManager

if TYPE_CHECKING:
    from fraiseql_subs.sync import Drift

__all__ = ["sync"]


async def _sync(manager: SubscriptionManager[Any], dsn: str | None, check: bool) -> "Drift":
    from fraiseql_subs.sync import DriftWarning
    from fraiseql_subs.sync import sync as apply

    conninfo, options = await manager.connection_parameters() if dsn is None else (dsn, {})
    async with await psycopg.AsyncConnection.connect(conninfo, **options) as connection:
        with warnings.catch_warnings():
            # The drift has them as well.
            warnings.simplefilter("ignore", DriftWarning)
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

    For CI: `fraiseql-subs sync --check app:manager`
    """
    manager = load_manager(target)
    drift = asyncio.run(_sync(manager, globals_of(context).dsn, check))
    typer.echo(str(drift) if drift or drift.warnings else "the database has what the code says")
    if drift and check:
        typer.echo("run `fraiseql-subs sync` to bring the database up to date", err=True)
        raise typer.Exit(NEGATIVE)
