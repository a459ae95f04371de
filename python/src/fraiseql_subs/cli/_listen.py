"""`fraiseql-subs listen`."""

import asyncio
import json
import logging
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timezone
from statistics import median
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fraiseql_subs._engine import identity_of
from fraiseql_subs.cli._command import CommandError, command, connect, globals_of
from fraiseql_subs.errors import SessionClosed, SubscriptionRefused
from fraiseql_subs.manager import SubscriptionManager

__all__ = ["listen"]

_START_SECONDS = 10.0
_PROTOCOL = "graphql-transport-ws"
_RATE_SECONDS = 10.0
_REMEMBERED_LATENCIES = 1_000
_SHOWN_EVENTS = 15


class _Event:
    """A result, and when it came by this machine's clock."""

    def __init__(self, payload: dict[str, Any], clock_ahead: float) -> None:
        """Take a result as it arrives.

        :param clock_ahead: by how many seconds the database's clock is ahead of this one.
        """
        self.received = time.time()
        self.data: Any = payload.get("data")
        self.errors: list[dict[str, Any]] = payload.get("errors") or []
        extensions: dict[str, Any] = payload.get("extensions") or {}
        self.position: str | None = extensions.get("position")
        self.committed_at: str | None = extensions.get("committedAt")
        self.latency: float | None = None
        if self.committed_at is not None:
            committed = datetime.fromisoformat(self.committed_at.replace("Z", "+00:00"))
            self.latency = self.received + clock_ahead - committed.timestamp()

    def as_json(self) -> str:
        """Return it as a line for programs."""
        found: dict[str, Any] = {"data": self.data}
        if self.errors:
            found["errors"] = self.errors
        found["position"] = self.position
        found["committedAt"] = self.committed_at
        if self.latency is not None:
            found["latencyMs"] = round(self.latency * 1_000, 3)
        return json.dumps(found, ensure_ascii=False)

    def as_text(self) -> str:
        """Return it as a line for people."""
        clock = datetime.fromtimestamp(self.received).strftime("%H:%M:%S.%f")[:-3]
        latency = "" if self.latency is None else f"{self.latency * 1_000:7.1f} ms"
        data = json.dumps(self.data, ensure_ascii=False)
        errors = "".join(f"  {error.get('message')}" for error in self.errors)
        return f"{clock} {latency:>10}  {data}{errors}"


class _Output(Protocol):
    """Where events go."""

    def show(self, event: _Event) -> None:
        """Take one."""


class _JsonLines:
    def show(self, event: _Event) -> None:
        print(event.as_json(), flush=True)


class _Lines:
    def show(self, event: _Event) -> None:
        print(event.as_text(), flush=True)


class _View:
    """A live view: rates and latencies above the events that came last."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._count = 0
        self._with_errors = 0
        self._times: deque[float] = deque()
        self._latencies: deque[float] = deque(maxlen=_REMEMBERED_LATENCIES)
        self._events: deque[_Event] = deque(maxlen=_SHOWN_EVENTS)

    def show(self, event: _Event) -> None:
        self._count += 1
        self._with_errors += bool(event.errors)
        self._times.append(time.monotonic())
        if event.latency is not None:
            self._latencies.append(event.latency * 1_000)
        self._events.append(event)

    def render(self) -> Group:
        """Return what is on the screen now; another thread may be adding to it."""
        now = time.monotonic()
        while self._times and self._times[0] < now - _RATE_SECONDS:
            self._times.popleft()
        rate = len(self._times) / max(1.0, min(_RATE_SECONDS, now - self._started))
        summary = Table(box=None, pad_edge=False)
        for title in ("events", "per second", "with errors", "median", "99 %", "largest"):
            summary.add_column(title, justify="right", min_width=10)
        ordered = sorted(self._latencies)
        latencies = (
            (median(ordered), ordered[int(0.99 * (len(ordered) - 1))], ordered[-1])
            if ordered
            else ()
        )
        summary.add_row(
            f"{self._count:,}",
            f"{rate:,.1f}",
            f"{self._with_errors:,}",
            *(f"{latency:,.1f} ms" for latency in latencies),
        )
        lines = [
            Text(event.as_text(), style="red" if event.errors else "", no_wrap=True)
            for event in list(self._events)
        ]
        for line in lines:
            line.overflow = "ellipsis"
        return Group(summary, Text(), *lines)


def _object(text: str | None, option: str) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(f"{option} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise CommandError(f"{option} is no JSON object, as '{{\"id\": 7}}' is")
    return found  # pyright: ignore[reportUnknownVariableType]


def _clock_ahead(context: typer.Context) -> float:
    """Return by how many seconds the database's clock is ahead of this machine's."""
    with connect(context) as connection:
        before = time.time()
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        after = time.time()
    assert row is not None
    there: datetime = row[0]
    return there.astimezone(timezone.utc).timestamp() - (before + after) / 2


async def _listen(
    dsn: str,
    clock_ahead: float,
    operation: Mapping[str, Any],
    claims: Mapping[str, object] | None,
    output: _Output,
    count: int | None,
) -> None:
    manager: SubscriptionManager[None] = SubscriptionManager(conninfo=dsn, timeout=_START_SECONDS)
    await manager.start(sync=False, resolvers=False)
    try:
        socket = manager.open_socket(
            subprotocol=_PROTOCOL, peer="fraiseql-subs listen", headers={}, claims=claims
        )
        socket.send_text('{"type":"connection_init"}')
        shown = 0
        while count is None or shown < count:
            for frame in await socket.receive():
                message = json.loads(frame)
                if message["type"] == "connection_ack":
                    subscribe = {"id": "1", "type": "subscribe", "payload": operation}
                    socket.send_text(json.dumps(subscribe))
                elif message["type"] == "next":
                    output.show(_Event(message["payload"], clock_ahead))
                    shown += 1
                    if shown == count:
                        break
                elif message["type"] == "error":
                    raise SubscriptionRefused(message["payload"])
                elif message["type"] == "complete":
                    return
    except SessionClosed as closed:
        text = f"the worker closed the connection: {closed}"
        if closed.code == 4403:
            text += "; say who listens by --user, --tenant or --claims"
        raise CommandError(text) from None
    finally:
        await manager.stop()


@command(role="fraiseql_host")
def listen(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="A GraphQL document with one subscription.")],
    variables: Annotated[
        str | None, typer.Option(metavar="JSON", help="Its variables, an object.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="The claim sub of who listens.")] = None,
    tenant: Annotated[str | None, typer.Option(help="The claim tenant_id of who listens.")] = None,
    claims: Annotated[
        str | None, typer.Option(metavar="JSON", help="Further claims, an object.")
    ] = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for each event.")
    ] = False,
    count: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End after so many events.")
    ] = None,
) -> None:
    """Subscribe, and show events as they come, with the time from commit to here.

    Without --user, --tenant and --claims, one without a token listens. Ctrl-C ends it. It goes on
    over restarts of the database.

    Example: `fraiseql-subs listen --user 7 'subscription { orderUpdated { id status } }'`
    """
    operation: dict[str, Any] = {"query": query, "extensions": {"timing": True}}
    given = _object(variables, "--variables")
    if given is not None:
        operation["variables"] = given
    identity = identity_of(user, tenant, _object(claims, "--claims"))
    view: AbstractContextManager[object] = nullcontext()
    output: _Output
    if json_output:
        output = _JsonLines()
    elif sys.stdout.isatty():
        output = screen = _View()
        view = Live(get_renderable=screen.render, console=Console(), refresh_per_second=8)
    else:
        output = _Lines()
    # It asks the database first, which a manager would wait for.
    clock_ahead = _clock_ahead(context)
    # Lines about links that are made again would fall into the view.
    logging.getLogger("fraiseql_subs").addHandler(logging.NullHandler())
    dsn = globals_of(context).dsn or ""
    with view:
        asyncio.run(_listen(dsn, clock_ahead, operation, identity, output, count))
