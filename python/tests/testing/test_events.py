"""Events for tests of resolvers."""

from datetime import datetime, timezone

from fraiseql_subs import Event
from fraiseql_subs.testing import make_event


def test_an_event_needs_its_data_alone() -> None:
    before = datetime.now(timezone.utc)
    first, second = make_event({"id": 1}), make_event({"id": 1})
    assert first.data == {"id": 1}
    assert first.old is None and first.correlation_id is None and first.subgraph is None
    assert before <= first.commit_time <= datetime.now(timezone.utc)
    assert first.id != second.id and first.position != second.position


def test_an_event_has_what_it_is_given() -> None:
    time = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert make_event(
        2,
        type="UPDATE",
        channel="orders",
        old=1,
        id="e7",
        position="p7",
        commit_time=time,
        correlation_id="c",
        subgraph="s",
    ) == Event("e7", "UPDATE", "orders", 2, 1, "p7", time, "c", "s")
