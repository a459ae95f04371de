"""Events for tests of resolvers, without a server."""

import itertools
from datetime import datetime, timezone
from typing import TypeVar

from fraiseql_subs.event import Event

__all__ = ["make_event"]

T = TypeVar("T")

_numbers = itertools.count(1)


def make_event(
    data: T,
    *,
    type: str = "test",
    channel: str = "test",
    old: T | None = None,
    id: str | None = None,
    position: str | None = None,
    commit_time: datetime | None = None,
    correlation_id: str | None = None,
    subgraph: str | None = None,
) -> Event[T]:
    """Return an event as a resolver gets it, so that the resolver can be called like a function:

        event = make_event(OrderRow(id=1, status="paid"), type="UPDATE", channel="orders")
        assert await order_updated(event, OrderVars()) == Order(id=1, paid=True)

    :param data: what the event is about, decoded already: nothing is checked or converted.
    :param old: the row before an `UPDATE`.
    :param id: and `position`: unlike those of all others if they are left out.
    :param commit_time: now if it is left out; with its time zone.
    """
    number = next(_numbers)
    return Event(
        id=f"test-{number}" if id is None else id,
        type=type,
        channel=channel,
        data=data,
        old=old,
        position=f"test:{number}" if position is None else position,
        commit_time=datetime.now(timezone.utc) if commit_time is None else commit_time,
        correlation_id=correlation_id,
        subgraph=subgraph,
    )
