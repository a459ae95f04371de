"""`fraiseql-subs status`."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fraiseql_subs.cli._command import NEGATIVE, CommandError, command, connect

__all__ = ["status"]

# An executor that has not been heard of for so long stands still, as docs/operations.md has it.
_STILL_SECONDS = 5.0

_DATABASE = """
SELECT current_database(), current_setting('server_version'),
    (SELECT extversion FROM pg_extension WHERE extname = 'fraiseql_subs'),
    current_setting('fraiseql_subs.database', true),
    current_setting('fraiseql_subs.listen_address', true),
    current_setting('fraiseql_subs.port', true),
    pg_is_in_recovery()
"""


@dataclass(frozen=True)
class _Status:
    """What is told, as JSON by these names; times in seconds, sizes in bytes."""

    database: str
    postgresql: str
    extension: str
    worker: bool
    ready: bool
    address: str
    connections: int
    subscriptions: int
    memory_bytes: int
    events_read: int
    events_lost: int
    events_matched: int
    messages_sent: int
    ring_capacity_bytes: int
    ring_unread_bytes: int
    oldest_heartbeat_seconds: float | None
    problems: list[str]


class _Metrics:
    """Rows of fraiseql_metrics(), of all shards together."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._values: dict[str, list[float]] = {}
        for name, value in rows:
            self._values.setdefault(name.removeprefix("fraiseql_subs_"), []).append(value)

    def sum(self, name: str) -> int:
        return int(sum(self._values.get(name, ())))

    def max(self, *names: str) -> float | None:
        return max((value for name in names for value in self._values.get(name, ())), default=None)


def _look(connection: psycopg.Connection[tuple[Any, ...]]) -> _Status:
    row = connection.execute(_DATABASE).fetchone()
    assert row is not None
    database, postgresql, extension, served, address, port, is_standby = row
    if extension is None:
        raise CommandError(
            f'database "{database}" has no extension fraiseql_subs: CREATE EXTENSION fraiseql_subs'
            " in it, or name the database that has it by --dsn"
        )
    metrics = _Metrics(connection.execute("SELECT name, value FROM fraiseql_metrics()"))
    worker = metrics.sum("worker_up") > 0
    ready = metrics.sum("ready") > 0
    heartbeat = metrics.max("shard_heartbeat_age_seconds", "control_heartbeat_age_seconds")
    problems: list[str] = []
    if served is None:
        problems.append("the library is not loaded: shared_preload_libraries, and a restart")
    elif served != database:
        problems.append(f'"{served}" is served, not this database: fraiseql_subs.database')
    if is_standby:
        problems.append("the server is a standby, and the primary delivers events")
    if not worker:
        problems.append("the worker does not answer: the server's log says why")
    elif not ready:
        problems.append("the worker cannot serve clients yet: the server's log says why")
    elif heartbeat is not None and heartbeat > _STILL_SECONDS:
        problems.append(f"a thread of the worker has stood still for {heartbeat:.0f} s")
    if metrics.sum("events_lost_total"):
        problems.append("events were lost: see the server's log, and fraiseql_subs.ring_size")
    return _Status(
        database=database,
        postgresql=postgresql,
        extension=extension,
        worker=worker,
        ready=ready,
        address=f"{address}:{port}",
        connections=metrics.sum("connections"),
        subscriptions=metrics.sum("subscriptions"),
        memory_bytes=metrics.sum("memory_bytes"),
        events_read=metrics.sum("events_read_total"),
        events_lost=metrics.sum("events_lost_total"),
        events_matched=metrics.sum("events_matched_total"),
        messages_sent=metrics.sum("messages_sent_total"),
        ring_capacity_bytes=metrics.sum("ring_capacity_bytes"),
        ring_unread_bytes=int(metrics.max("ring_unread_bytes") or 0),
        oldest_heartbeat_seconds=heartbeat,
        problems=problems,
    )


def _table(found: _Status) -> Table:
    worker = "[green]serves clients[/]" if found.ready else "[yellow]is not ready[/]"
    rows = {
        "database": f"{escape(found.database)}, PostgreSQL {found.postgresql}",
        "extension": found.extension,
        "worker": f"{worker} at {escape(found.address)}"
        if found.worker
        else "[red]is not there[/]",
        "clients": f"{found.connections:,} with {found.subscriptions:,} subscriptions",
        "events": f"{found.events_read:,} read, {found.events_matched:,} of them wanted, "
        f"{found.events_lost:,} lost",
        "messages": f"{found.messages_sent:,} sent",
        "ring": f"{found.ring_unread_bytes:,} of {found.ring_capacity_bytes:,} bytes unread",
        "memory": f"{found.memory_bytes:,} bytes for subscriptions",
    }
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    for problem in found.problems:
        table.add_row("[red]problem[/]", escape(problem))
    return table


@command(role="fraiseql_monitor")
def status(
    context: typer.Context,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how the database and its worker are.

    Exits with 1 if the worker is not there or cannot serve clients.
    """
    with connect(context) as connection:
        found = _look(connection)
    if json_output:
        typer.echo(json.dumps(asdict(found)))
    else:
        Console().print(_table(found))
    if not found.ready:
        raise typer.Exit(NEGATIVE)
