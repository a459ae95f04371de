"""From a commit through a resolver to subscribers."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tokens import SECRET, make_token

from fraiseql_subs.context import CallInfo, Context
from fraiseql_subs.errors import SubscriptionError
from fraiseql_subs.event import SKIP, Event
from fraiseql_subs.registry import Registry

from .conftest import Client, Run, register

Row = dict[str, Any]


def publish(cluster: Any, channel: str, *events: Row) -> None:
    """Publish events in one transaction."""
    with cluster.connect(autocommit=False) as connection:
        for event in events:
            cluster.publish("orderUpdated", channel, event, connection)


async def test_a_commit_reaches_the_client_as_what_the_resolver_made_of_it(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Event[Row], variables: Row) -> Row:
        assert event.type == "orderUpdated"
        return {"id": event.data["id"], "status": "seen", "customer": {"name": variables["id"]}}

    register(server, field)
    await run(server)
    subscription = await (await client(server)).subscribe(
        f"subscription ($which: ID) {{ {field}(id: $which) {{ id status customer {{ name }} }} }}",
        {"which": "7"},
    )
    publish(server, field, {"id": 7})
    assert await subscription.data() == {"id": "7", "status": "seen", "customer": {"name": "7"}}


async def test_a_plan_is_resolved_once_for_a_hundred_subscribers(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    seen: list[int] = []

    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        seen.append(event["id"])
        return event

    register(server, field)
    await run(server)
    clients = [await client(server) for _ in range(10)]
    query = f"subscription {{ {field} {{ id }} }}"
    subscriptions = [await one.subscribe(query) for one in clients for _ in range(10)]
    for number in range(3):
        publish(server, field, {"id": number})
    for subscription in subscriptions:
        assert [(await subscription.data())["id"] for _ in range(3)] == ["0", "1", "2"]
    assert seen == [0, 1, 2]


async def test_other_arguments_are_resolved_for_themselves(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    seen: list[Any] = []

    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        seen.append(variables)
        return event

    register(server, field)
    await run(server)
    one = await client(server)
    everything = await one.subscribe(f"subscription {{ {field} {{ id }} }}")
    by_id = await one.subscribe(f'subscription {{ {field}(id: "1") {{ id }} }}')
    publish(server, field, {"id": 1})
    for subscription in (everything, by_id):
        assert await subscription.data() == {"id": "1"}
    assert sorted(seen, key=str) == [{"id": "1"}, {}]


async def test_results_keep_the_order_of_events_whichever_is_done_first(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    second_is_done = asyncio.Event()

    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        if event["id"] == 1:
            await second_is_done.wait()
        else:
            second_is_done.set()
        return event

    register(server, field)
    await run(server)
    subscription = await (await client(server)).subscribe(f"subscription {{ {field} {{ id }} }}")
    publish(server, field, {"id": 1}, {"id": 2})
    assert [(await subscription.data())["id"] for _ in range(2)] == ["1", "2"]


async def test_a_skipped_event_is_dropped(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    def resolve(event: Row, variables: Row) -> Any:
        return SKIP if event["id"] == 1 else event

    register(server, field)
    await run(server)
    subscription = await (await client(server)).subscribe(f"subscription {{ {field} {{ id }} }}")
    publish(server, field, {"id": 1}, {"id": 2})
    assert await subscription.data() == {"id": "2"}


async def test_a_public_error_is_told_and_any_other_is_masked(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        if event["id"] == 1:
            raise SubscriptionError("sold out", code="SOLD_OUT", extensions={"left": 0})
        raise KeyError("secret")

    register(server, field)
    await run(server)
    subscription = await (await client(server)).subscribe(f"subscription {{ {field} {{ id }} }}")
    publish(server, field, {"id": 1}, {"id": 2})
    told, masked = await subscription.payload(), await subscription.payload()
    assert told["data"] == masked["data"] == {field: None}
    (error,) = told["errors"]
    assert (error["message"], error["path"]) == ("sold out", [field])
    assert error["extensions"] == {"code": "SOLD_OUT", "left": 0}
    (error,) = masked["errors"]
    assert error["message"] == "Unexpected error."
    assert "secret" not in str(masked)
    assert len(str(error["extensions"])) > 32, "the correlation id is told"


async def test_a_call_that_takes_too_long_fails(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    ended = asyncio.Event()

    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return event

    register(server, field, timeout="100 ms")
    await run(server)
    subscription = await (await client(server)).subscribe(f"subscription {{ {field} {{ id }} }}")
    publish(server, field, {"id": 1})
    payload = await subscription.payload()
    assert payload["data"] == {field: None}
    assert payload["errors"][0]["extensions"]["code"] == "RESOLVER_TIMEOUT"
    await asyncio.wait_for(ended.wait(), 20)


async def test_a_call_that_no_process_takes_fails(server: Any, client: Client, field: str) -> None:
    register(server, field, timeout="100 ms")
    subscription = await (await client(server)).subscribe(f"subscription {{ {field} {{ id }} }}")
    publish(server, field, {"id": 1})
    payload = await subscription.payload()
    assert payload["data"] == {field: None}
    assert payload["errors"]


@pytest.mark.parametrize("on_error", ["skip", "complete"])
async def test_the_field_says_what_a_failed_call_means(
    server: Any, run: Run, registry: Registry, client: Client, field: str, on_error: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Row:
        if event["id"] == 1:
            raise SubscriptionError("no more")
        return event

    register(server, field, on_error=on_error)
    await run(server)
    subscription = await (await client(server)).subscribe(f"subscription {{ {field} {{ id }} }}")
    publish(server, field, {"id": 1}, {"id": 2})
    if on_error == "skip":
        assert await subscription.data() == {"id": "2"}
        return
    messages = [await subscription.message()]
    if messages[0]["type"] == "next":
        messages.append(await subscription.message())
    assert "no more" in str(messages)
    assert messages[-1]["type"] in ("complete", "error")


async def test_what_cannot_be_encoded_fails_alone(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row) -> Any:
        return {1: object(), 2: {"id": "2", "total": "no number"}, 3: 5}.get(event["id"], event)

    register(server, field)
    await run(server)
    subscription = await (await client(server)).subscribe(
        f"subscription {{ {field} {{ id total }} }}"
    )
    publish(server, field, *[{"id": number} for number in range(1, 5)])
    first, second, third = [await subscription.payload() for _ in range(3)]
    assert first["data"] == third["data"] == {field: None}
    assert second["data"] == {field: {"id": "2", "total": None}}
    assert first["errors"] and second["errors"] and third["errors"]
    assert await subscription.data() == {"id": "4", "total": None}


async def hold(server: Any, field: str, client: Client, count: int) -> Any:
    """Have that many events wait for a process; return their subscription."""
    subscription = await (await client(server)).subscribe(f"subscription {{ {field} {{ id }} }}")
    publish(server, field, *[{"id": number} for number in range(count)])
    return subscription


async def test_calls_that_came_together_load_with_one_query(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    queries: list[list[int]] = []

    async def statuses(keys: list[int], ctx: Context[None]) -> Sequence[str | Exception]:
        queries.append(keys)
        async with ctx.connection() as connection:
            cursor = await connection.execute(
                "SELECT n, 'status ' || n FROM unnest(%s::int[]) AS n", (keys,)
            )
            found = dict(await cursor.fetchall())
        return [found.get(key, KeyError(key)) for key in keys]

    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    async def resolve(event: Row, variables: Row, ctx: Context[None]) -> Row:
        return {"id": event["id"], "status": await ctx.loader(statuses).load(event["id"])}

    register(server, field)
    subscription = await (await client(server)).subscribe(
        f"subscription {{ {field} {{ id status }} }}"
    )
    publish(server, field, *[{"id": number} for number in range(20)])
    await run(server)
    for number in range(20):
        assert await subscription.data() == {"id": str(number), "status": f"status {number}"}
    assert sum(queries, []) == list(range(20))
    assert len(queries) <= 2


async def test_events_that_came_together_are_a_batch(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    sizes: list[int] = []

    @registry.batch(field, max_size=8)
    async def resolve(events: Sequence[Event[Row]], variables: Row) -> list[Any]:
        sizes.append(len(events))
        return [SKIP if event.data["id"] == 3 else event.data for event in events]

    register(server, field)
    subscription = await hold(server, field, client, 20)
    await run(server)
    for number in range(20):
        if number != 3:
            assert await subscription.data() == {"id": str(number)}
    assert sum(sizes) == 20
    assert max(sizes) == 8


class AppContext:
    def __init__(self) -> None:
        self.entered = 0

    @contextlib.asynccontextmanager
    async def __call__(self, info: CallInfo) -> AsyncIterator[str]:
        self.entered += 1
        yield f"app of {info.field}"


async def test_the_applications_context_is_there(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="")
    def resolve(event: Row, variables: Row, ctx: Context[str]) -> Row:
        in_thread = threading.current_thread() is not threading.main_thread()
        return {"id": event["id"], "status": f"{ctx.app} {in_thread}"}

    register(server, field)
    app = AppContext()
    await run(server, context_factory=app)
    subscription = await (await client(server)).subscribe(
        f"subscription {{ {field} {{ status }} }}"
    )
    publish(server, field, {"id": 1})
    assert await subscription.data() == {"status": f"app of {field} True"}
    assert app.entered == 1


async def test_an_audience_has_its_identity_and_sees_what_its_policies_show(
    server: Any, run: Run, registry: Registry, client: Client, field: str
) -> None:
    server.sql("SELECT fraiseql_register_issuer('tests', secret => %s)", (SECRET,))
    server.sql(f"CREATE ROLE {field}")
    server.sql(f"CREATE TABLE {field} (owner text, note text)")
    server.sql(f"ALTER TABLE {field} ENABLE ROW LEVEL SECURITY")
    server.sql(f"GRANT SELECT ON {field} TO {field}")
    server.sql(
        f"CREATE POLICY own ON {field} USING (owner = "
        "nullif(current_setting('request.jwt.claims', true), '')::json->>'sub')"
    )
    server.sql(f"INSERT INTO {field} VALUES ('ann', 'of ann'), ('bob', 'of bob')")
    calls: list[str] = []
    connections: list[tuple[Any, ...]] = []

    @registry.subscription(f"{field}(id: ID): Order", channel=field, types="", per="audience")
    async def resolve(event: Row, variables: Row, ctx: Context[None]) -> Row:
        calls.append(ctx.claims["sub"])
        async with ctx.connection() as connection:
            cursor = await connection.execute(f"SELECT string_agg(note, ',') FROM {field}")  # noqa: S608
            (notes,) = await cursor.fetchone() or ()
            cursor = await connection.execute("SELECT current_user, pg_backend_pid()")
            connections.append(await cursor.fetchone() or ())
        return {"id": event["id"], "status": f"{ctx.role} {notes}"}

    register(server, field, per="audience")
    runner = await run(server)
    subscriptions = {
        name: await (await client(server, make_token(sub=name, role=field))).subscribe(
            f"subscription {{ {field} {{ status }} }}"
        )
        for name in ("ann", "bob")
    }
    publish(server, field, {"id": 1})
    for name, subscription in subscriptions.items():
        assert await subscription.data() == {"status": f"{field} of {name}"}
    assert sorted(calls) == ["ann", "bob"]
    assert {user for user, _ in connections} == {field}
    assert runner.metrics.values == 2


async def test_a_connection_lent_to_an_audience_comes_back_as_it_was(
    server: Any, field: str
) -> None:
    from psycopg_pool import AsyncConnectionPool

    from .conftest import conninfo

    server.sql(f"CREATE ROLE {field}")
    identity = (
        "SELECT current_user, coalesce(current_setting('request.jwt.claims', true), ''), "
        "pg_backend_pid()"
    )
    async with AsyncConnectionPool(conninfo(server), min_size=1, max_size=1, open=False) as pool:
        info = CallInfo(field, claims={"sub": "ann"}, role=field)
        ctx = Context(None, info=info, pool=pool)
        async with ctx.connection() as connection:
            lent = await (await connection.execute(identity)).fetchone()
        with pytest.raises(ZeroDivisionError):
            async with ctx.connection() as connection:
                raise ZeroDivisionError
        async with Context(None, info=CallInfo(field), pool=pool).connection() as connection:
            after = await (await connection.execute(identity)).fetchone()
    assert lent is not None and after is not None
    assert lent[:2] == (field, '{"sub": "ann"}')
    assert after[:2] == ("postgres", "")
    assert lent[2] == after[2], "it is the same backend"
