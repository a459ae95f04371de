"""Events of LISTEN for the subscriptions of one process, as applications without more do it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import psycopg

Event = TypeVar("Event")

CHANNEL = "fraiseql_subs_floor"  # that of bench/wire.hpp


class Broadcast(Generic[Event]):
    def __init__(self, database: str, convert: Callable[[dict], Event]):
        self.database = database
        self.convert = convert
        self.queues: set[asyncio.Queue[Event]] = set()

    @asynccontextmanager
    async def running(self):
        """Listens from entering to leaving."""
        async with await psycopg.AsyncConnection.connect(
            self.database, autocommit=True
        ) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            async with asyncio.TaskGroup() as tasks:
                forwarding = tasks.create_task(self._forward(connection))
                yield
                forwarding.cancel()

    async def _forward(self, connection: psycopg.AsyncConnection):
        async for notification in connection.notifies():
            # Its key, a space, and the payload of the message that the floor sends.
            payload = notification.payload.partition(" ")[2]
            event = self.convert(json.loads(payload)["data"]["tick"])
            for queue in self.queues:
                queue.put_nowait(event)

    async def events(self) -> AsyncGenerator[Event, None]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self.queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.queues.discard(queue)
