"""What type checkers must accept of fraiseql_subs.testing; never run."""

from collections.abc import Callable
from typing import Any

from fraiseql_subs import Event, SubscriptionRefused
from fraiseql_subs.testing import (
    ErrorsInResult,
    OperationRefused,
    SubscriptionClient,
    WorkerServer,
    make_event,
)


def events_keep_the_type_of_their_data() -> Event[dict[str, int]]:
    return make_event({"id": 1}, type="UPDATE", old={"id": 2})


def a_server_is_a_context(settings: dict[str, int]) -> tuple[str, dict[str, str]]:
    with WorkerServer("schema.sql", settings=settings) as server:
        rows: list[Any] = server.execute("SELECT %s", [1])
        server.publish("a", "b", rows, correlation_id=None)
        return server.dsn, server.environment


async def a_subscription_is_one_as_well(client: SubscriptionClient) -> Any:
    async with client, client.subscribe("subscription { a }", {"id": 1}) as s:
        await s.assert_silent()
        result: dict[str, Any] = await s.next_result(timeout=1)
        several: list[Any] = await s.collect(2)
        return result, several, [data async for data in s]


def errors_are_told_apart(error: OperationRefused | ErrorsInResult) -> list[dict[str, Any]]:
    refused: SubscriptionRefused | None = error if isinstance(error, OperationRefused) else None
    return error.errors if refused is None else refused.errors


def publish_is_a_function(subs_publish: Callable[..., None], server: WorkerServer) -> None:
    publish: Callable[[str, str, object], None] = server.publish
    publish("a", "b", 1)
    subs_publish("a", "b", 1, subgraph="c")
