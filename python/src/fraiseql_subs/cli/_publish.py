"""`fraiseql-subs publish`."""

import json
import sys
from typing import Annotated

import typer

from fraiseql_subs.cli._command import CommandError, command, connect

__all__ = ["publish"]


# No row if this database is served.
_SERVED = """
SELECT setting, current_database() FROM pg_settings
WHERE name = 'fraiseql_subs.database' AND setting <> current_database()
"""


def _read(given: str) -> str:
    """Return the text, or that of standard input for "-", if it is JSON."""
    text = sys.stdin.read() if given == "-" else given
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CommandError(
            f"the data is not JSON: {error.msg} ({place}); a text needs its double quotes:"
            """ '"text"'"""
        ) from None
    return text


@command(role="fraiseql_publisher")
def publish(
    context: typer.Context,
    type: Annotated[str, typer.Argument(help="The event's type, such as orderUpdated.")],
    channel: Annotated[str, typer.Argument(help="The channel that subscriptions listen to.")],
    data: Annotated[
        str, typer.Argument(metavar="JSON|-", help="The event's data; - reads standard input.")
    ],
    correlation_id: Annotated[
        str | None, typer.Option(help="Something to find the event by in logs.")
    ] = None,
    subgraph: Annotated[
        str | None, typer.Option(help="The federated subgraph that the event belongs to.")
    ] = None,
) -> None:
    """Publish an event.

    Example: `fraiseql-subs publish orderUpdated orders '{"id": 7, "status": "paid"}'`
    """
    text = _read(data)
    with connect(context) as connection:
        connection.execute(
            "SELECT fraiseql_publish(%s, %s, %s::text, %s, %s)",
            (type, channel, text, correlation_id, subgraph),
        )
        row = connection.execute(_SERVED).fetchone()
    if row is not None:
        typer.echo(
            f'fraiseql-subs: warning: nobody receives it: "{row[0]}" is served, not "{row[1]}"',
            err=True,
        )
