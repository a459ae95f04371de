"""Events as resolvers see them, and how a resolver drops one."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

__all__ = ["SKIP", "Event", "Skip"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Event(Generic[T_co]):
    """A committed event: its data, decoded to ``T``, and its envelope.

    Of a change to a watched table, `data` is the row after the change, or the row that was
    deleted; `type` is ``INSERT``, ``UPDATE`` or ``DELETE``. Of a published event `data` is what
    was published. ``Event[T | None]`` also takes ``TRUNCATE``, which has no row.
    """

    id: str
    """What names the event for ever; the same for everybody who receives it."""

    type: str
    """The event type it was published with."""

    channel: str
    """The channel it was published on."""

    data: T_co
    """What the event is about."""

    old: T_co | None
    """The row before an ``UPDATE`` of a watched table, else None."""

    position: str
    """Where it stands in the stream of its server: opaque, not to be compared."""

    commit_time: datetime
    """When its transaction committed, by the clock of the database, in UTC."""

    correlation_id: str | None = None
    """What the publisher passed on, to find the event in logs."""

    subgraph: str | None = None
    """The federated subgraph that it belongs to."""


class Skip(enum.Enum):
    """The type of `SKIP`, for annotations: ``-> Order | Skip``."""

    SKIP = "SKIP"

    def __repr__(self) -> str:
        """Return its name."""
        return "SKIP"

    def __bool__(self) -> bool:
        """Return False: a test for a result does not take it for one."""
        return False


SKIP: Final = Skip.SKIP
"""What a resolver returns to drop the event: no subscriber of the plan receives anything."""
