"""A worker's part of resolver_exchange, without a database."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from typing import Any

import psycopg

PATIENCE_SECONDS = 20.0


class FakeLink:
    """One link; keeps the answers by the numbers of their calls."""

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = list(fields)
        self.answers: dict[int, dict[str, Any]] = {}
        self.credits: list[int] = []
        self.sent_credits: list[int] = []
        self.sent_while_waiting: set[int] = set()
        self.exchanges_waiting = 0
        self.closed = False
        self._queue: asyncio.Queue[list[dict[str, Any]] | Exception] = asyncio.Queue()
        self._changed = asyncio.Condition()

    async def exchange(
        self, results: Sequence[str], credits: int, wait_ms: int
    ) -> list[dict[str, Any]]:
        self.credits.append(credits)
        await self._take(results)
        self.exchanges_waiting += 1
        await self._tell()
        try:
            if wait_ms == 0:
                given = self._queue.get_nowait()
            else:
                given = await asyncio.wait_for(self._queue.get(), wait_ms / 1000)
        except (asyncio.QueueEmpty, asyncio.TimeoutError):
            return []
        finally:
            self.exchanges_waiting -= 1
        if isinstance(given, Exception):
            raise given
        return given

    async def send(self, results: Sequence[str], credits: int) -> None:
        self.credits.append(credits)
        self.sent_credits.append(credits)
        if self.exchanges_waiting:
            self.sent_while_waiting |= {json.loads(result)["call"] for result in results}
        await self._take(results)
        if credits == 0:
            self.give()

    async def close(self) -> None:
        self.closed = True
        await self._tell()

    def give(self, *records: dict[str, Any]) -> None:
        self._queue.put_nowait(list(records))

    def break_off(self, error: Exception | None = None) -> None:
        """End it as the server's end of a connection does."""
        self._queue.put_nowait(error or psycopg.OperationalError("the link has ended"))

    async def until(self, predicate: Any) -> None:
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(predicate), PATIENCE_SECONDS)

    async def _take(self, results: Sequence[str]) -> None:
        for result in results:
            answer = json.loads(result)
            number = answer.pop("call")
            assert number not in self.answers, "answered twice"
            self.answers[number] = answer
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class FakeWorker:
    """Accepts links, and makes calls over the newest."""

    def __init__(self) -> None:
        self.links: list[FakeLink] = []
        self.faults: list[Exception] = []
        self._numbers = itertools.count(1)
        self._opened = asyncio.Condition()

    async def connect(self, fields: Sequence[str]) -> FakeLink:
        if self.faults:
            raise self.faults.pop(0)
        link = FakeLink(fields)
        self.links.append(link)
        async with self._opened:
            self._opened.notify_all()
        return link

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    async def until_links(self, count: int) -> None:
        async with self._opened:
            await asyncio.wait_for(
                self._opened.wait_for(lambda: len(self.links) >= count), PATIENCE_SECONDS
            )

    def record(
        self,
        field: str,
        data: Any = None,
        *,
        plan: str = "p",
        variables: dict[str, Any] | None = None,
        timeout_ms: int = 60_000,
        event: dict[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """A call as the worker writes it; `claims` and `role` are those of an audience."""
        number = next(self._numbers)
        envelope = {
            "id": f"e{number}",
            "type": "orderUpdated",
            "channel": "orders",
            "data": {"id": number} if data is None else data,
            "old": None,
            "position": str(number),
            "commit_time": "2026-01-02T03:04:05.678901Z",
            "correlation_id": None,
            "subgraph": None,
        }
        return {
            "call": number,
            "field": field,
            "plan": plan,
            "timeout_ms": timeout_ms,
            "event": envelope | (event or {}),
            "variables": variables or {},
            **more,
        }

    async def ask(self, *records: dict[str, Any]) -> list[dict[str, Any]]:
        """Make calls at one time, and return their answers in the order of the calls."""
        link = self.link
        link.give(*records)
        return await self.answers(*records)

    async def answers(self, *records: dict[str, Any]) -> list[dict[str, Any]]:
        link = self.link
        numbers = [record["call"] for record in records]
        await link.until(lambda: all(number in link.answers for number in numbers))
        return [link.answers[number] for number in numbers]
