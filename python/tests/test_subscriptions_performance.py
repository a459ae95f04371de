"""Many subscriptions at a time: each gets every event, in order and once. No time is measured;
bench/run python-… does that."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import AsyncConnection

from fraiseql_subs import SubscriptionExecutor, SubscriptionManager

QUERY = "subscription ($team: String) { tick(team: $team) { seq } }"
SUBSCRIPTIONS_PER_CONNECTION = 50


@pytest.fixture
def conninfo(make_cluster: Any) -> str:
    # However long so many messages take on a machine that does other things, too.
    cluster = make_cluster(slow_timeout="10min")
    cluster.sql("SELECT fraiseql_register_types('type Tick { seq: Int! team: String }')")
    cluster.sql("SELECT fraiseql_register_subscription('tick(team: String): Tick', 'tick')")
    return f"host={cluster.directory} user=postgres dbname={cluster.database}"


async def publish(conninfo: str, events: int, transaction: int, teams: int = 1) -> None:
    """Publish events 0, 1 and so on, so many in a transaction, to the teams in turns."""
    connection = await AsyncConnection.connect(conninfo, autocommit=True)
    async with connection:
        for first in range(0, events, transaction):
            await connection.execute(
                "SELECT fraiseql_publish('tick', 'tick', jsonb_build_object("
                "'seq', seq, 'team', (seq %% %s::integer)::text))"
                " FROM generate_series(%s::integer, %s::integer) AS seq",
                (teams, first, min(first + transaction, events) - 1),
            )


def sequence(message: bytes) -> int:
    decoded = json.loads(message)
    assert decoded["type"] == "next", decoded
    assert "errors" not in decoded["payload"], decoded
    found: int = decoded["payload"]["data"]["tick"]["seq"]
    return found


async def subscribe(
    manager: SubscriptionManager[None], count: int, teams: int | None = None
) -> list[str]:
    ids = [f"s{i}" for i in range(count)]
    for i, id in enumerate(ids):
        variables = {} if teams is None else {"team": str(i % teams)}
        connection = f"c{i // SUBSCRIPTIONS_PER_CONNECTION}"
        await manager.create_subscription(id, connection, QUERY, variables=variables)
    return ids


async def receive(manager: SubscriptionManager[None], id: str, count: int) -> list[int]:
    found: list[int] = []
    async for message in manager.events(id):
        found.append(sequence(message))
        if len(found) == count:
            break
    return found


@pytest.mark.parametrize(("subscriptions", "events"), [(100, 500), (1_000, 200)])
async def test_every_subscription_gets_every_event_in_order_and_once(
    conninfo: str, subscriptions: int, events: int
) -> None:
    async with SubscriptionManager[None](conninfo=conninfo) as manager:
        ids = await subscribe(manager, subscriptions)
        receiving = [asyncio.create_task(receive(manager, id, events)) for id in ids]
        await publish(conninfo, events, transaction=20)
        received = await asyncio.gather(*receiving)
        assert received == [list(range(events))] * subscriptions
        assert [await manager.get_next_event(id) for id in ids] == [None] * subscriptions


async def test_a_thousand_subscriptions_get_their_share_alone(conninfo: str) -> None:
    teams, events = 10, 1_000
    async with SubscriptionManager[None](conninfo=conninfo) as manager:
        ids = await subscribe(manager, 1_000, teams)
        receiving = [asyncio.create_task(receive(manager, id, events // teams)) for id in ids]
        await publish(conninfo, events, transaction=100, teams=teams)
        received = await asyncio.gather(*receiving)
        assert received == [list(range(i % teams, events, teams)) for i in range(1_000)]


async def test_subscriptions_that_come_and_go_leave_the_others_their_events(
    conninfo: str,
) -> None:
    events = 300
    async with SubscriptionManager[None](conninfo=conninfo) as manager:
        ids = await subscribe(manager, 100)
        receiving = [asyncio.create_task(receive(manager, id, events)) for id in ids]

        async def come_and_go() -> None:
            for i in range(200):
                await manager.create_subscription(f"short{i}", f"short{i}", QUERY)
                await manager.complete_subscription(f"short{i}")

        await asyncio.gather(come_and_go(), publish(conninfo, events, transaction=1))
        assert await asyncio.gather(*receiving) == [list(range(events))] * 100


def test_a_hundred_threads_read_a_subscription_each(conninfo: str) -> None:
    subscriptions, events = 100, 200
    with SubscriptionExecutor(conninfo=conninfo) as executor:
        for i in range(subscriptions):
            executor.register_subscription(f"c{i % 4}", f"s{i}", QUERY)

        def read(i: int) -> list[int]:
            messages = [executor.next_event(f"s{i}", timeout=60) for _ in range(events)]
            return [sequence(message) for message in messages if message is not None]

        with ThreadPoolExecutor(subscriptions) as threads:
            reading = [threads.submit(read, i) for i in range(subscriptions)]
            asyncio.run(publish(conninfo, events, transaction=10))
            assert [one.result() for one in reading] == [list(range(events))] * subscriptions
