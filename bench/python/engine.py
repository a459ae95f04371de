"""Measure subscriptions without sockets, in one process, and print one JSON object.

Each contender receives the same events. The floor is what is left when a process does nothing but
pass on what it hears: LISTEN, a queue for each subscription, and the bytes of an id in front of a
ready payload. It parses nothing, checks nothing and bounds nothing.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python/src"))

from fraiseql_subs import SubscriptionManager  # noqa: E402

CHANNEL = "fraiseql_subs_floor"  # that of bench/wire.hpp
DATA = """jsonb_build_object('id', '1', 'seq', seq, 'sentAt', '1234567890123',
                             'text', '0123456789', 'team', 'red', 'tenant', 't', 'region', 'r')"""
PUBLISH = {
    "fraiseql_subs": f"SELECT fraiseql_publish('tick', 'tick', {DATA}) FROM {{events}} AS seq",
    "floor": f"SELECT pg_notify('{CHANNEL}', jsonb_build_object('data',"
    f" jsonb_build_object('tick', {DATA}))::text) FROM {{events}} AS seq",
}
QUERY = "subscription {{ {field} {{ seq sentAt id text }} }}"


class Floor(AbstractAsyncContextManager):
    """Looks like a manager, as far as is measured here."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.queues: dict[str, asyncio.Queue[bytes]] = {}

    async def __aenter__(self) -> "Floor":
        self.connection = await AsyncConnection.connect(self.database, autocommit=True)
        await self.connection.execute(f"LISTEN {CHANNEL}")
        self.task = asyncio.create_task(self._forward())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})
        await self.connection.close()

    async def _forward(self) -> None:
        async for notification in self.connection.notifies():
            payload = notification.payload.encode()
            for id, queue in self.queues.items():
                head = b'{"id":"' + id.encode() + b'","type":"next","payload":'
                queue.put_nowait(head + payload + b"}")

    async def create_subscription(self, id: str, *_: object, **__: object) -> None:
        self.queues[id] = asyncio.Queue()

    async def get_next_event(self, id: str, timeout: float = 0) -> bytes | None:
        queue = self.queues[id]
        if timeout == 0:
            return None if queue.empty() else queue.get_nowait()
        return await asyncio.wait_for(queue.get(), timeout)


Contender = SubscriptionManager[None] | Floor


def make(contender: str, database: str, messages: int) -> Contender:
    if contender == "floor":
        return Floor(database)
    return SubscriptionManager(
        conninfo=database,
        sync=False,
        resolvers=False,
        max_queue_messages=messages,
        max_queue_bytes=1 << 30,
    )


async def publish(connection: AsyncConnection[Any], contender: str, first: int, count: int) -> None:
    """Publish in one transaction, and return when it has committed."""
    events = f"generate_series({first}, {first + count - 1})"
    await connection.execute(PUBLISH[contender].format(events=events))


async def subscribe(manager: Contender, count: int, field: str, **claims: Any) -> list[str]:
    ids = [f"{i:012x}" for i in range(count)]
    for i, id in enumerate(ids):
        await manager.create_subscription(id, f"c{i // 100}", QUERY.format(field=field), **claims)
    return ids


def sequence(message: bytes | None) -> int:
    assert message is not None, "an event did not come"
    decoded = json.loads(message)
    assert "errors" not in decoded["payload"], decoded
    (value,) = decoded["payload"]["data"].values()
    return value["seq"]


async def processes(arguments: argparse.Namespace) -> list[int]:
    """This one first, then those that serve it, the backends that carry what it is sent too."""
    connection = await AsyncConnection.connect(arguments.database, autocommit=True)
    async with connection:
        cursor = await connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE query ILIKE 'CALL%exchange%'"
        )
        backends = [row[0] for row in await cursor.fetchall()]
    return [os.getpid(), *arguments.server_pid, *backends]


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def register(arguments: argparse.Namespace) -> dict[str, float]:
    """How long subscribing takes, one after the other; beside it a statement of psycopg."""
    found: dict[str, list[float]] = {"subscription": [], "statement": []}
    connection = await AsyncConnection.connect(arguments.database, autocommit=True)
    async with connection, make("fraiseql_subs", arguments.database, 1000) as manager:
        for i in range(arguments.count):
            started = time.perf_counter()
            await manager.create_subscription(f"s{i}", "c", QUERY.format(field="tick"))
            between = time.perf_counter()
            await connection.execute("SELECT 1")
            found["subscription"].append(between - started)
            found["statement"].append(time.perf_counter() - between)
            if i % 50 == 49:
                for j in range(i - 49, i + 1):
                    await manager.complete_subscription(f"s{j}")
    return {
        f"{name}_{label}_us": value * 1e6
        for name, values in found.items()
        for label, value in (
            ("median", statistics.median(values)),
            ("p99", statistics.quantiles(values, n=100)[98]),
        )
    }


async def ready(arguments: argparse.Namespace) -> dict[str, float]:
    """What taking a message costs that has come already."""
    rounds = []
    async with (
        make(arguments.contender, arguments.database, 100_000) as manager,
        await AsyncConnection.connect(arguments.database, autocommit=True) as connection,
    ):
        (id,) = await subscribe(manager, 1, "tick")
        for number in range(5):
            first = number * arguments.count
            await publish(connection, arguments.contender, first, arguments.count)
            messages = [await manager.get_next_event(id, timeout=30)]
            await settled(manager, id, arguments.count - 1)
            gc.collect()
            started = time.perf_counter()
            for _ in range(arguments.count - 1):
                messages.append(await manager.get_next_event(id))
            rounds.append((time.perf_counter() - started) / (arguments.count - 1))
            assert [sequence(one) for one in messages] == list(
                range(first, first + arguments.count)
            )
    return {"next_event_us": min(rounds) * 1e6}


async def settled(manager: Contender, id: str, count: int) -> None:
    """Return when so many messages wait."""
    while waiting(manager, id) < count:
        await asyncio.sleep(0.01)


def waiting(manager: Contender, id: str) -> int:
    if isinstance(manager, Floor):
        return manager.queues[id].qsize()
    return len(manager._engine.subscriptions[id].stream.queue)


async def fan(arguments: argparse.Namespace) -> dict[str, float]:
    """Every subscription receives every event; all is checked."""
    per_transaction = 100
    async with make(arguments.contender, arguments.database, 1_000_000) as manager:
        claims = json.loads(arguments.claims)
        ids = await subscribe(manager, arguments.subscriptions, arguments.field, **claims)
        pids = await processes(arguments)
        before = [cpu_seconds(pid) for pid in pids]
        started = time.perf_counter()

        async def receive(id: str) -> list[bytes]:
            messages: list[bytes] = []
            while len(messages) < arguments.count:
                message = await manager.get_next_event(id, timeout=60)
                assert message is not None, "an event did not come"
                messages.append(message)
            return messages

        receiving = [asyncio.create_task(receive(id)) for id in ids]
        connection = await AsyncConnection.connect(arguments.database, autocommit=True)
        async with connection:
            for first in range(0, arguments.count, per_transaction):
                events = f"generate_series({first}, {first + per_transaction - 1})"
                await connection.execute(PUBLISH[arguments.contender].format(events=events))
        received = await asyncio.gather(*receiving)
        elapsed = time.perf_counter() - started
        used = [cpu_seconds(pid) - at for pid, at in zip(pids, before, strict=True)]
        for messages in received:
            assert [sequence(one) for one in messages] == list(range(arguments.count))
    messages = arguments.count * arguments.subscriptions
    return {
        "messages_per_second": messages / elapsed,
        "process_us_per_message": used[0] / messages * 1e6,
        "server_us_per_message": sum(used[1:]) / messages * 1e6,
        "us_per_message": sum(used) / messages * 1e6,
    }


async def many(arguments: argparse.Namespace) -> dict[str, float]:
    """How long one event takes to all of them, and what they take."""
    async with (
        make(arguments.contender, arguments.database, 1000) as manager,
        await AsyncConnection.connect(arguments.database, autocommit=True) as connection,
    ):
        pids = await processes(arguments)
        gc.collect()
        before = [resident_bytes(pid) for pid in pids]
        ids = await subscribe(manager, arguments.subscriptions, "tick")
        gc.collect()
        grown = [resident_bytes(pid) - at for pid, at in zip(pids, before, strict=True)]
        times = []
        for number in range(arguments.count):
            receiving = [asyncio.create_task(manager.get_next_event(id, timeout=60)) for id in ids]
            # All of them wait.
            await asyncio.sleep(0.5)
            started = time.perf_counter()
            await publish(connection, arguments.contender, number, 1)
            received = await asyncio.gather(*receiving)
            times.append(time.perf_counter() - started)
            assert {sequence(one) for one in received} == {number}
    count = arguments.subscriptions
    return {
        "all_served_ms": statistics.median(times) * 1e3,
        "process_bytes": grown[0] / count,
        "server_bytes": sum(grown[1:]) / count,
    }


MODES: dict[str, Callable[[argparse.Namespace], Awaitable[dict[str, float]]]] = {
    mode.__name__: mode for mode in (register, ready, fan, many)
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--database", required=True, help="libpq connection string")
    parser.add_argument("--contender", choices=PUBLISH, default="fraiseql_subs")
    parser.add_argument("--subscriptions", type=int, default=100)
    parser.add_argument("--count", type=int, default=1000, help="of events, or what is repeated")
    parser.add_argument("--field", default="tick")
    parser.add_argument("--claims", default="{}", help="of create_subscription, as JSON")
    parser.add_argument(
        "--server-pid", type=int, nargs="*", default=[], help="other processes to measure"
    )
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(MODES[arguments.mode](arguments))))


if __name__ == "__main__":
    main()
